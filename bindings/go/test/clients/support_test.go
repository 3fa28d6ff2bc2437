// Package clients runs programs that were written for another driver of SQLite on this one.
package clients

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/mattn/go-sqlite3"
	"github.com/sidelite/sidelite/bindings/go"
)

const (
	ours   = "sidelite"
	theirs = "sqlite3"
)

// transcript is what one driver answered, line by line.
type transcript struct {
	lines []string
}

func (s *transcript) note(format string, arguments ...any) {
	s.lines = append(s.lines, fmt.Sprintf(format, arguments...))
}

// compare runs the same program with both drivers, each on a file of its own, and wants the same answers. The
// parameters go behind the file's name.
func compare(t *testing.T, parameters string, program func(t *testing.T, db *sql.DB, notes *transcript)) {
	t.Helper()
	answers := map[string][]string{}
	for _, driver := range []string{theirs, ours} {
		db, err := sql.Open(driver, filepath.Join(t.TempDir(), "compare.db")+parameters)
		if err != nil {
			t.Fatalf("%s: %v", driver, err)
		}
		notes := &transcript{}
		program(t, db, notes)
		if err := db.Close(); err != nil {
			t.Errorf("%s: close: %v", driver, err)
		}
		answers[driver] = notes.lines
	}
	if len(answers[theirs]) == 0 {
		t.Fatal("the program noted nothing")
	}
	reportDifferences(t, answers[theirs], answers[ours])
}

func reportDifferences(t *testing.T, theirs, ours []string) {
	t.Helper()
	for number := range max(len(theirs), len(ours)) {
		if left, right := lineAt(theirs, number), lineAt(ours, number); left != right {
			t.Errorf("line %d\n  mattn    %s\n  sidelite %s", number, left, right)
		}
	}
}

func lineAt(lines []string, number int) string {
	if number < len(lines) {
		return lines[number]
	}
	return "(nothing)"
}

// failure is all that a program can see of an error of SQLite's, whichever driver's it is.
type failure struct {
	code, extended, system int
	text                   string
}

func failureOf(err error) (failure, bool) {
	var left sqlite3.Error
	if errors.As(err, &left) {
		return failure{int(left.Code), int(left.ExtendedCode), int(left.SystemErrno), left.Error()}, true
	}
	var right sidelite.Error
	if errors.As(err, &right) {
		return failure{int(right.Code), int(right.ExtendedCode), int(right.SystemErrno), right.Error()}, true
	}
	return failure{}, false
}

func describe(err error) string {
	if err == nil {
		return "no error"
	}
	if found, ok := failureOf(err); ok {
		return fmt.Sprintf("%d/%d/%d %s", found.code, found.extended, found.system, found.text)
	}
	return err.Error()
}

// show names a value's type too, and tells nil bytes from empty ones.
func show(value any) string {
	if bytes, ok := value.([]byte); ok {
		return fmt.Sprintf("[]byte nil=%t %x", bytes == nil, bytes)
	}
	return fmt.Sprintf("%T %v", value, value)
}

// noteRows runs a query and notes its columns, all that is known of them, and its rows.
func noteRows(notes *transcript, db interface {
	Query(string, ...any) (*sql.Rows, error)
}, query string, arguments ...any) {
	rows, err := db.Query(query, arguments...)
	if err != nil {
		notes.note("query: %s", describe(err))
		return
	}
	defer rows.Close()
	noteColumns(notes, rows)
	names, _ := rows.Columns()
	for rows.Next() {
		cells := make([]any, len(names))
		for i := range cells {
			cells[i] = new(any)
		}
		if err := rows.Scan(cells...); err != nil {
			notes.note("scan: %v", err)
			return
		}
		shown := make([]string, len(cells))
		for i, cell := range cells {
			shown[i] = show(*cell.(*any))
		}
		notes.note("%s", strings.Join(shown, " | "))
	}
	notes.note("rows: %s", describe(rows.Err()))
}

func noteColumns(notes *transcript, rows *sql.Rows) {
	types, err := rows.ColumnTypes()
	if err != nil {
		notes.note("columns: %s", describe(err))
		return
	}
	for _, column := range types {
		nullable, known := column.Nullable()
		notes.note("column %s %q %s nullable=%t,%t", column.Name(), column.DatabaseTypeName(), column.ScanType(),
			nullable, known)
	}
}

func noteExec(notes *transcript, db interface {
	Exec(string, ...any) (sql.Result, error)
}, query string, arguments ...any) {
	result, err := db.Exec(query, arguments...)
	if err != nil {
		notes.note("exec: %s", describe(err))
		return
	}
	changes, changesErr := result.RowsAffected()
	id, idErr := result.LastInsertId()
	notes.note("exec: %d changes, id %d, %v, %v", changes, id, changesErr, idErr)
}

// noteEnd notes whether a statement succeeded. What it has changed is not compared: after one that is no INSERT, UPDATE
// or DELETE mattn/go-sqlite3 tells what the last one of these had changed.
func noteEnd(notes *transcript, db *sql.DB, query string) {
	_, err := db.Exec(query)
	notes.note("exec: %s", describe(err))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
