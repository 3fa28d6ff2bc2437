package sidelite

import (
	"context"
	"database/sql"
	"runtime"
)

// refusal is the error of a request that was not taken.
func (l *link) refusal(status Status, lane int64) error {
	switch {
	case status == ErrBadHandle && (lane == 0 || l.isGone()):
		status = ErrClosed
	case status == ErrBadHandle:
		err := newStatus(ErrAborted, "the transaction is over, as an error or SQL has ended it; or the call is")
		err.cause = sql.ErrTxDone
		return err
	}
	return newStatus(status, "")
}

// failure is the error of a request that has ended with one.
func (l *link) failure(ctx context.Context, e *event, b *block) error {
	if Status(e.code) == ErrPanicked {
		l.isPoisoned.Store(true)
	}
	err := errorOf(e, b)
	if thrown := l.thrown.take(e.code); thrown != nil {
		err.Code, err.ExtendedCode, err.Status, err.cause = ErrError, ErrNoExtended(ErrError), 0, thrown
	}
	return err.withContext(ctx)
}

func (l *link) isGone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.isClosing
}

// A lane is where requests go: a connection, a transaction on it, or the call of a function inside of a statement. All
// have the same methods.
type lane struct {
	conn *Conn // not collected as long as somebody waits on a lane of its
	id   int64
	tx   *Tx // that the lane is of, if it is of one
}

// begin gives a request to fill, unless the lane takes none.
func (l *lane) begin() (*request, error) {
	if l.tx != nil {
		if err := l.tx.check(); err != nil {
			return nil, err
		}
	}
	r := newRequest()
	r.stop = l.stop()
	return r, nil
}

// stop is what ends all requests of the lane; nil for what never does.
func (l *lane) stop() <-chan struct{} {
	if l.tx == nil {
		return nil
	}
	return l.tx.stop
}

// command runs a kind that has arguments.
func (l *lane) command(ctx context.Context, kind uint32, arguments ...any) (*block, event, error) {
	r, err := l.begin()
	if err != nil {
		return nil, event{}, err
	}
	defer r.release()
	record := r.packet.add(kind, l.id)
	if err := r.packet.arguments(record, arguments); err != nil {
		return nil, event{}, err
	}
	return l.finish(ctx, r)
}

// statement runs a kind that has SQL.
func (l *lane) statement(
	ctx context.Context, kind, flags, rows uint32, sql string, arguments []any,
) (*block, event, error) {
	r, err := l.begin()
	if err != nil {
		return nil, event{}, err
	}
	defer r.release()
	record := r.packet.add(kind, l.id)
	record.flags, record.chunkRows = flags, rows
	r.packet.setSQL(record, sql)
	if err := r.packet.arguments(record, arguments); err != nil {
		return nil, event{}, err
	}
	return l.finish(ctx, r)
}

func (l *lane) finish(ctx context.Context, r *request) (*block, event, error) {
	err := r.run(ctx, l.conn.link, l.id)
	runtime.KeepAlive(l.conn)
	return r.block, r.end, err
}

// Result is what a statement has done.
type Result struct {
	// Changes are rows that it inserted, updated or deleted itself: without triggers and foreign keys.
	Changes int64
	// LastInsertRowID is the rowid of the last row that was inserted on this connection.
	LastInsertRowID int64
}

// Exec runs one statement to its end, and is done when what it wrote is committed, if no transaction is open. Rows that
// it has are dropped. Arguments: see Value.
func (l *lane) Exec(ctx context.Context, sql string, arguments ...any) (Result, error) {
	_, end, err := l.statement(ctx, kindExecute, 0, 0, sql, arguments)
	return resultOf(&end, err)
}

func resultOf(end *event, err error) (Result, error) {
	if err != nil {
		return Result{}, err
	}
	return Result{end.changes, end.lastRowID}, nil
}

// Script runs all the statements of a text in order, without arguments, up to the first error. What ran before it
// stays, unless the text itself has a transaction.
func (l *lane) Script(ctx context.Context, sql string) error {
	_, _, err := l.statement(ctx, kindScript, 0, 0, sql, nil)
	return err
}

// QueryRow gives the first row of a query, and a Row whose Err is sql.ErrNoRows if there is none. A query that only
// reads goes no further than that row; one that writes runs to its end.
func (l *lane) QueryRow(ctx context.Context, query string, arguments ...any) Row {
	b, _, err := l.statement(ctx, kindFetch, 0, 1, query, arguments)
	if err == nil && b.nrows == 0 {
		err = sql.ErrNoRows
	}
	return Row{block: b, err: err}
}

// QueryAll gives all rows of a statement, in one hop. What is written by one that has rows, as INSERT ... RETURNING, is
// committed when they are there, if no transaction is open.
func (l *lane) QueryAll(ctx context.Context, sql string, arguments ...any) ([]Row, error) {
	b, _, err := l.statement(ctx, kindFetch, 0, 0, sql, arguments)
	if err != nil {
		return nil, err
	}
	return rowsOf(b), nil
}
