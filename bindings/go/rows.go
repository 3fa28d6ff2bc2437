package sidelite

import (
	"context"
	"errors"
	"iter"
	"runtime"
)

// Query gives the rows of a statement one after another, as they come. The statement begins when the loop does, anew
// for each loop, and has ended when the loop has, also if that is left early.
//
//	for row, err := range db.Query(ctx, "SELECT name FROM city WHERE country = ?", "NO") {
//		if err != nil { return err }
//		fmt.Println(row.Text(0))
//	}
//
// Rows are provisional: an error may still follow, with which the loop ends.
func (l *lane) Query(ctx context.Context, sql string, arguments ...any) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		rows, err := l.Stream(ctx, sql, arguments...)
		if err != nil {
			yield(Row{err: err}, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			if !yield(rows.Row(), nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(Row{err: err}, err)
		}
	}
}

// Rows are those of a statement, read one by one by one goroutine. A few hundred are on their way at any time; beyond
// that the statement waits until they are read, and other requests of the connection run meanwhile.
//
// They are to be closed, or read to their end. Those that nobody holds any more are closed by the garbage collector.
type Rows struct {
	conn   *Conn
	ctx    context.Context
	stream *stream
	guard  *rowsGuard
	chunk  *block
	index  int
	err    error
}

// rowsGuard goes when nobody holds the rows any more.
type rowsGuard struct{ stream *stream }

func (g *rowsGuard) abandon() { g.stream.abandon() }

// Stream begins a statement whose rows are read as they are wanted. The context is for all of the reading.
func (l *lane) Stream(ctx context.Context, sql string, arguments ...any) (*Rows, error) {
	return l.stream(ctx, kindStream, sql, arguments)
}

func (l *lane) stream(ctx context.Context, kind uint32, sql string, arguments []any) (*Rows, error) {
	r, err := l.begin()
	if err != nil {
		return nil, err
	}
	defer r.release()
	record := r.packet.add(kind, l.id)
	if kind == kindStream {
		r.packet.setSQL(record, sql)
	}
	if err := r.packet.arguments(record, arguments); err != nil {
		return nil, err
	}
	s, err := l.conn.link.openStream(ctx, &r.packet, l.id)
	if err != nil {
		return nil, err
	}
	s.stop = l.stop()
	rows := &Rows{conn: l.conn, ctx: ctx, stream: s, guard: &rowsGuard{s}}
	runtime.SetFinalizer(rows.guard, (*rowsGuard).abandon)
	return rows, nil
}

// Next goes to the next row, and waits for it. False at the end, of which Err tells the reason.
func (r *Rows) Next() bool {
	r.index++
	if r.chunk != nil && r.index < int(r.chunk.nrows) {
		return true
	}
	if r.err != nil {
		return false
	}
	r.chunk, r.err = r.stream.next(r.ctx)
	r.index = 0
	if r.chunk == nil && r.err == nil {
		r.err = errEnd
	}
	runtime.KeepAlive(r.conn)
	return r.chunk != nil
}

// errEnd is the good end of rows.
var errEnd = errors.New("sidelite: there are no more rows")

// Row is where Next has gone.
func (r *Rows) Row() Row {
	if r.chunk == nil {
		return Row{err: errEnd}
	}
	return Row{block: r.chunk, index: r.index}
}

// Scan is Row().Scan.
func (r *Rows) Scan(destinations ...any) error { return r.Row().Scan(destinations...) }

// Err is why there are no more rows; nil at a good end.
func (r *Rows) Err() error {
	if r.err == errEnd {
		return nil
	}
	return r.err
}

// Columns are the names of the columns. It waits for the statement to begin.
func (r *Rows) Columns() ([]string, error) {
	head, err := r.stream.columns(r.ctx)
	runtime.KeepAlive(r.conn)
	if head == nil {
		return nil, err
	}
	return Row{block: head}.Columns(), nil
}

// Close ends the statement if it has not ended, and returns when it has, so that its locks are gone. It may be called
// more than once.
func (r *Rows) Close() error {
	runtime.SetFinalizer(r.guard, nil)
	r.stream.close()
	r.chunk = nil
	if r.err == nil {
		r.err = errEnd
	}
	runtime.KeepAlive(r.conn)
	return nil
}
