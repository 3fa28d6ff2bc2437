package bench

import (
	"context"
	"testing"

	"github.com/sidelite/sidelite/bindings/go"
)

// senders send what is one task's work with other drivers, so that there is always some that SQLite need not wait for.
const senders = 2

// nativeStore is a database that is used through sidelite's own interface.
type nativeStore struct {
	connections []*sidelite.Conn
}

// The driver opens with SQLite's own defaults; so does this, to be compared with it.
func openNative(b testing.TB, path string, connections int) *nativeStore {
	b.Helper()
	options := &sidelite.Options{Plain: true}
	if path != memory {
		options.JournalMode, options.Synchronous = "WAL", "NORMAL"
	}
	s := &nativeStore{}
	for range connections {
		conn, err := sidelite.Open(context.Background(), path, options)
		check(b, err)
		b.Cleanup(func() { check(b, conn.Close()) })
		s.connections = append(s.connections, conn)
	}
	return s
}

func (s *nativeStore) exec(b testing.TB, query string) {
	b.Helper()
	_, err := s.connections[0].Exec(context.Background(), query)
	check(b, err)
}

// insertAll sends batches of rows. Two tasks do that in turn, so that one writes its values while SQLite inserts those of
// the other.
func (s *nativeStore) insertAll(b testing.TB, from, count int) {
	check(b, s.connections[0].Tx(context.Background(), sidelite.Immediate, func(tx *sidelite.Tx) error {
		concurrently(senders, (count+batchRows-1)/batchRows, func(_, i int) {
			start := i * batchRows
			rows := rowsFrom(from+start, min(batchRows, count-start))
			_, err := tx.ExecMany(context.Background(), insertRow, rows)
			check(b, err)
		})
		return nil
	}))
}

// insertMany has the statements of 64 rows in flight: two tasks send 32 requests together each time.
func (s *nativeStore) insertMany(b testing.TB, from, count int) {
	const size = inFlight / senders
	check(b, s.connections[0].Tx(context.Background(), sidelite.Immediate, func(tx *sidelite.Tx) error {
		concurrently(senders, (count+size-1)/size, func(_, i int) {
			start := i * size
			statements := make([]sidelite.Statement, min(size, count-start))
			for j := range statements {
				row := rowOf(from + start + j)
				statements[j] = sidelite.Statement{
					SQL: insertRow, Arguments: []any{row.id, row.name, row.score, row.payload},
				}
			}
			_, err := tx.Batch(context.Background(), statements...)
			check(b, err)
		})
		return nil
	}))
}

func (s *nativeStore) insertEach(b testing.TB, from, count int) {
	for i := from; i < from+count; i++ {
		row := rowOf(i)
		_, err := s.connections[0].Exec(context.Background(), insertRow, row.id, row.name, row.score, row.payload)
		check(b, err)
	}
}

// reader makes point reads. Each task has a connection, which it shares with others.
func (s *nativeStore) reader(b testing.TB) (read func(task, id int) string, done func()) {
	read = func(task, id int) string {
		var name string
		check(b, s.connections[task%len(s.connections)].QueryRow(context.Background(), selectName, id).Scan(&name))
		return name
	}
	return read, func() {}
}

func (s *nativeStore) readAll(b testing.TB, rows []row) []row {
	for found, err := range s.connections[0].Query(context.Background(), selectAll) {
		check(b, err)
		var r row
		check(b, found.Scan(&r.id, &r.name, &r.score, &r.payload))
		rows = append(rows, r)
	}
	return rows
}
