package bench

import (
	"context"
	"database/sql"
	"slices"
	"testing"

	"github.com/sidelite/sidelite/bindings/go"
)

// sqlDriver is a driver of database/sql and its names of databases.
type sqlDriver struct {
	name string
	file func(path string) string
}

// All write a log, and sync as little as a log needs.
var sqlDrivers = []sqlDriver{
	{"mattn", func(path string) string { return path + "?_journal_mode=WAL&_synchronous=NORMAL&_stmt_cache_size=16" }},
	{"modernc", func(path string) string {
		return path + "?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(5000)"
	}},
	{"sidelite", func(path string) string { return path + "?_journal_mode=WAL&_synchronous=NORMAL" }},
}

// registered is under which name a driver is known to database/sql.
var registered = map[string]string{"mattn": "sqlite3", "modernc": "sqlite", "sidelite": "sidelite"}

// sqlStore is a database that is used through database/sql.
type sqlStore struct {
	db *sql.DB
	// takesMany: an Exec may have many rows for its argument.
	takesMany bool
}

func openSQL(b testing.TB, driver sqlDriver, path string, connections int) *sqlStore {
	b.Helper()
	name := path
	if path != memory {
		name = driver.file(path)
	}
	db, err := sql.Open(registered[driver.name], name)
	check(b, err)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	b.Cleanup(func() { check(b, db.Close()) })
	return &sqlStore{db, driver.name == "sidelite"}
}

func (s *sqlStore) exec(b testing.TB, query string) {
	b.Helper()
	_, err := s.db.Exec(query)
	check(b, err)
}

// insertAll is W1: many rows by one task in one transaction, as database/sql is used for it.
func (s *sqlStore) insertAll(b testing.TB, from, count int) {
	if s.takesMany {
		s.insertBatches(b, from, count)
		return
	}
	tx, err := s.db.Begin()
	check(b, err)
	statement, err := tx.Prepare(insertRow)
	check(b, err)
	for i := from; i < from+count; i++ {
		row := rowOf(i)
		_, err := statement.Exec(row.id, row.name, row.score, row.payload)
		check(b, err)
	}
	check(b, statement.Close())
	check(b, tx.Commit())
}

func (s *sqlStore) insertBatches(b testing.TB, from, count int) {
	tx, err := s.db.Begin()
	check(b, err)
	for start := from; start < from+count; start += batchRows {
		rows := sidelite.Many(slices.Collect(rowsFrom(start, min(batchRows, from+count-start))))
		_, err := tx.Exec(insertRow, rows)
		check(b, err)
	}
	check(b, tx.Commit())
}

// insertMany is W2: the same with many tasks at once. database/sql lets one at a time into a transaction.
func (s *sqlStore) insertMany(b testing.TB, from, count int) {
	tx, err := s.db.Begin()
	check(b, err)
	statement, err := tx.Prepare(insertRow)
	check(b, err)
	concurrently(inFlight, count, func(_, i int) {
		row := rowOf(from + i)
		_, err := statement.Exec(row.id, row.name, row.score, row.payload)
		check(b, err)
	})
	check(b, statement.Close())
	check(b, tx.Commit())
}

// insertEach is W6: each row its own transaction.
func (s *sqlStore) insertEach(b testing.TB, from, count int) {
	statement, err := s.db.Prepare(insertRow)
	check(b, err)
	for i := from; i < from+count; i++ {
		row := rowOf(i)
		_, err := statement.Exec(row.id, row.name, row.score, row.payload)
		check(b, err)
	}
	check(b, statement.Close())
}

// reader makes point reads. Which connection makes one is up to database/sql.
func (s *sqlStore) reader(b testing.TB) (read func(task, id int) string, done func()) {
	statement, err := s.db.Prepare(selectName)
	check(b, err)
	read = func(_, id int) string {
		var name string
		check(b, statement.QueryRow(id).Scan(&name))
		return name
	}
	return read, func() { check(b, statement.Close()) }
}

// readAll is W5: all rows, as values of Go.
func (s *sqlStore) readAll(b testing.TB, rows []row) []row {
	found, err := s.db.QueryContext(context.Background(), selectAll)
	check(b, err)
	for found.Next() {
		var r row
		check(b, found.Scan(&r.id, &r.name, &r.score, &r.payload))
		rows = append(rows, r)
	}
	check(b, found.Err())
	return rows
}
