package sidelite_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/sidelite/sidelite/bindings/go"
)

var bg = context.Background()

// numbers has a row for each number without end; series ends.
const numbers = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"

func series(count int) string {
	numbers := "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i FROM n"
	return fmt.Sprintf(numbers, count)
}

// native opens a database in memory, of which nothing may be left out at the end.
func native(t testing.TB) *sidelite.Conn {
	t.Helper()
	db := nativeFile(t, ":memory:", nil)
	t.Cleanup(func() {
		// Of those that were cancelled before they began the end is told in its place.
		until(t, "nothing is out", func() bool {
			counters, err := db.Statistics()
			return err != nil || counters.Outstanding == 0
		})
	})
	return db
}

func nativeFile(t testing.TB, path string, options *sidelite.Options) *sidelite.Conn {
	t.Helper()
	db, err := sidelite.Open(bg, path, options)
	ok(t, err)
	t.Cleanup(func() { ok(t, db.Close()) })
	return db
}

func scratchFile(t testing.TB) string { return filepath.Join(t.TempDir(), "test.db") }

// executor is what all lanes have.
type executor interface {
	Exec(ctx context.Context, sql string, arguments ...any) (sidelite.Result, error)
	QueryRow(ctx context.Context, sql string, arguments ...any) sidelite.Row
	QueryAll(ctx context.Context, sql string, arguments ...any) ([]sidelite.Row, error)
}

func run(t testing.TB, db executor, sql string, arguments ...any) sidelite.Result {
	t.Helper()
	result, err := db.Exec(bg, sql, arguments...)
	ok(t, err)
	return result
}

// cellOf is the only cell of a query's first row.
func cellOf[T any](t testing.TB, db executor, sql string, arguments ...any) (value T) {
	t.Helper()
	ok(t, db.QueryRow(bg, sql, arguments...).Scan(&value))
	return value
}

// column is the first column of a query.
func column[T any](t testing.TB, db executor, sql string, arguments ...any) []T {
	t.Helper()
	rows, err := db.QueryAll(bg, sql, arguments...)
	ok(t, err)
	values := make([]T, len(rows))
	for i, row := range rows {
		ok(t, row.Scan(&values[i]))
	}
	return values
}

func equal(t testing.TB, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, want %#v", got, want)
	}
}

// failed is the error as sidelite's own, which it must be.
func failed(t testing.TB, err error) sidelite.Error {
	t.Helper()
	var failure sidelite.Error
	if !errors.As(err, &failure) {
		t.Fatalf("got %v (%T), want a sidelite.Error", err, err)
	}
	return failure
}

// until waits for what comes sooner or later.
func until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for begin := time.Now(); !condition(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > time.Minute {
			t.Fatalf("it does not come: %s", what)
		}
	}
}

// random tells its seed, which SEED sets.
func random(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		ok(t, err)
	}
	t.Logf("SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func entries(t testing.TB, folder string) int {
	t.Helper()
	found, err := os.ReadDir("/proc/self/" + folder)
	ok(t, err)
	return len(found)
}
