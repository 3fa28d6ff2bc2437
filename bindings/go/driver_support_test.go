package sidelite_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/sidelite/sidelite/bindings/go"
)

const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

// manyRows is a table of so many rows that nobody reads them at once.
const manyRows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT i FROM n"

// openDB opens a file of its own through database/sql; `parameters` go behind its name.
func openDB(t testing.TB, parameters string) *sql.DB {
	t.Helper()
	return openFile(t, filepath.Join(t.TempDir(), "test.db"), parameters)
}

func openFile(t testing.TB, path, parameters string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sidelite", path+parameters)
	ok(t, err)
	t.Cleanup(func() { ok(t, db.Close()) })
	return db
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func execute(t testing.TB, db interface {
	Exec(string, ...any) (sql.Result, error)
}, query string, arguments ...any) sql.Result {
	t.Helper()
	result, err := db.Exec(query, arguments...)
	ok(t, err)
	return result
}

// one is the only cell of a query's only row.
func one[T any](t testing.TB, db interface {
	QueryRow(string, ...any) *sql.Row
}, query string, arguments ...any) (value T) {
	t.Helper()
	ok(t, db.QueryRow(query, arguments...).Scan(&value))
	return value
}

func same[T comparable](t testing.TB, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

// wantCode wants an error of SQLite's.
func wantCode(t testing.TB, err error, code sidelite.ErrNo) {
	t.Helper()
	var failure sidelite.Error
	if !errors.As(err, &failure) || failure.Code != code {
		t.Errorf("got %v, want code %d", err, code)
	}
}

// soon is a context that ends while a statement runs.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// settles waits until no more goroutines run than before: some take a moment to end.
func settles(t testing.TB, before int) {
	t.Helper()
	for range 500 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	stacks := make([]byte, 1<<20)
	t.Errorf("%d goroutines instead of %d:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
}
