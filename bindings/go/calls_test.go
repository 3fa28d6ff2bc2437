package sidelite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sidelite/sidelite/bindings/go"
)

func Test_every_call_gives_what_it_says(t *testing.T) {
	db := native(t)
	ok(t, db.Script(bg, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT); CREATE INDEX i ON t(b)"))
	equal(t, run(t, db, "INSERT INTO t VALUES (7, 'x'), (8, 'y')"), sidelite.Result{Changes: 2, LastInsertRowID: 8})
	equal(t, run(t, db, "SELECT * FROM t"), sidelite.Result{Changes: 0, LastInsertRowID: 8})
	row := db.QueryRow(bg, "SELECT a, b FROM t ORDER BY a")
	ok(t, row.Err())
	equal(t, row.Columns(), []string{"a", "b"})
	equal(t, row.Values(), []any{int64(7), "x"})
	wantError(t, db.QueryRow(bg, "SELECT a FROM t WHERE a = 0").Err(), sql.ErrNoRows)
	wantError(t, db.QueryRow(bg, "SELECT a FROM t WHERE a = 0").Scan(new(int)), sql.ErrNoRows)
	rows, err := db.QueryAll(bg, "INSERT INTO t VALUES (9, 'z') RETURNING a, b")
	ok(t, err)
	same(t, len(rows), 1)
	equal(t, rows[0].Values(), []any{int64(9), "z"})
	var seen []string
	for row, err := range db.Query(bg, "SELECT b FROM t ORDER BY a DESC") {
		ok(t, err)
		seen = append(seen, row.Text(0))
	}
	equal(t, seen, []string{"z", "y", "x"})
}

func Test_query_of_one_row_goes_no_further(t *testing.T) {
	db := native(t)
	same(t, cellOf[int](t, db, numbers), 1)
	run(t, db, "CREATE TABLE t(x)")
	same(t, cellOf[int](t, db, "INSERT INTO t "+series(100)+" RETURNING x"), 1)
	same(t, cellOf[int](t, db, "SELECT count(*) FROM t"), 100)
}

func Test_columns_of_any_name(t *testing.T) {
	row := native(t).QueryRow(bg, `SELECT 1 AS "", 2 AS a, 3 AS a, 4 AS "é"`)
	equal(t, row.Columns(), []string{"", "a", "a", "é"})
	same(t, row.Len(), 4)
}

func Test_operations_of_many_goroutines(t *testing.T) {
	db := native(t)
	run(t, db, "CREATE TABLE t(x)")
	var group sync.WaitGroup
	for i := range 64 {
		group.Add(1)
		go func() {
			defer group.Done()
			for k := range 50 {
				if _, err := db.Exec(bg, "INSERT INTO t VALUES (?)", i*50+k); err != nil {
					t.Error(err)
				}
				if got := db.QueryRow(bg, "SELECT ?", i).Int64(0); got != int64(i) {
					t.Errorf("got %d of another, not %d", got, i)
				}
			}
		}()
	}
	group.Wait()
	equal(t, db.QueryRow(bg, "SELECT count(*), count(DISTINCT x), sum(x) FROM t").Values(),
		[]any{int64(3200), int64(3200), int64(3200 * 3199 / 2)})
}

func Test_batch_is_one_transaction(t *testing.T) {
	db := native(t)
	outcomes, err := db.Batch(bg,
		sidelite.Statement{SQL: "CREATE TABLE t(x UNIQUE)"},
		sidelite.Statement{SQL: "INSERT INTO t VALUES (?), (?)", Arguments: []any{1, 2}},
		sidelite.Statement{SQL: "INSERT INTO t VALUES (?)", Rows: slices.Values([][]any{{3}, {4}, {5}})},
		sidelite.Statement{SQL: "SELECT sum(x) AS s FROM t"})
	ok(t, err)
	same(t, len(outcomes), 4)
	same(t, outcomes[1].Changes, 2)
	same(t, outcomes[2].Changes, 3)
	same(t, outcomes[3].Rows[0].Int64(0), 15)
}

func Test_batch_tells_of_the_failure_and_not_of_the_aborted(t *testing.T) {
	db := native(t)
	run(t, db, "CREATE TABLE t(x UNIQUE)")
	insert := func(x any) sidelite.Statement {
		return sidelite.Statement{SQL: "INSERT INTO t VALUES (?)", Arguments: []any{x}}
	}
	_, err := db.Batch(bg, insert(1), insert(2), insert(1), insert(3))
	var which *sidelite.BatchError
	if !errors.As(err, &which) || which.Index != 2 {
		t.Errorf("got %v", err)
	}
	wantError(t, err, sidelite.ErrConstraintUnique)
	same(t, cellOf[int](t, db, "SELECT count(*) FROM t"), 0)
	_, err = db.Batch(bg, insert(1), insert(struct{}{}))
	if !errors.As(err, &which) || which.Index != 1 {
		t.Errorf("got %v", err)
	}
	_, err = db.Batch(bg, sidelite.Statement{SQL: "BEGIN"})
	wantError(t, err, sidelite.ErrRefused)
	outcomes, err := db.Batch(bg)
	ok(t, err)
	same(t, len(outcomes), 0)
	same(t, cellOf[int](t, db, "SELECT count(*) FROM t"), 0)
}

func Test_many_rows_or_none(t *testing.T) {
	db := native(t)
	run(t, db, "CREATE TABLE t(x UNIQUE, y)")
	result, err := db.ExecMany(bg, "INSERT INTO t VALUES (?, ?)", func(yield func([]any) bool) {
		row := make([]any, 2)
		for i := range 10_000 {
			row[0], row[1] = i, fmt.Sprint("text ", i)
			if !yield(row) {
				return
			}
		}
	})
	ok(t, err)
	same(t, result.Changes, 10_000)
	same(t, cellOf[string](t, db, "SELECT y FROM t WHERE x = 9999"), "text 9999")
	_, err = db.ExecMany(bg, "INSERT INTO t VALUES (?, ?)", slices.Values([][]any{{-1, 0}, {5, 0}}))
	wantError(t, err, sidelite.ErrConstraint)
	_, err = db.ExecMany(bg, "INSERT INTO t VALUES (?, ?)", slices.Values([][]any{{-1, 0}, {5}}))
	if err == nil || !strings.Contains(err.Error(), "row 2 has 1 values") {
		t.Errorf("got %v", err)
	}
	result, err = db.ExecMany(bg, "INSERT INTO t VALUES (?, ?)", slices.Values([][]any{}))
	ok(t, err)
	same(t, result.Changes, 0)
	same(t, cellOf[int](t, db, "SELECT count(*) FROM t"), 10_000)
}

func Test_errors_are_values(t *testing.T) {
	db := native(t)
	run(t, db, "CREATE TABLE t(x UNIQUE)")
	run(t, db, "INSERT INTO t VALUES (1)")
	_, err := db.Exec(bg, "INSERT INTO t VALUES (1)")
	failure := failed(t, err)
	same(t, failure.Code, sidelite.ErrConstraint)
	same(t, failure.ExtendedCode, sidelite.ErrConstraintUnique)
	same(t, failure.Status, 0)
	same(t, failure.Error(), "UNIQUE constraint failed: t.x")
	for _, code := range []error{sidelite.ErrConstraint, sidelite.ErrConstraintUnique} {
		wantError(t, err, code)
	}
	for _, code := range []error{sidelite.ErrConstraintCheck, sidelite.ErrBusy, sidelite.ErrClosed} {
		same(t, errors.Is(err, code), false)
	}
	_, err = db.Exec(bg, "SELECT 1 FRM t")
	same(t, failed(t, err).Offset, 13)
	_, err = db.Exec(bg, "SELECT 1; SELECT 2")
	wantError(t, err, sidelite.ErrRefused)
	_, err = db.Exec(bg, "SELECT ?", 1, 2)
	wantError(t, err, sidelite.ErrRange)
	_, err = db.Exec(bg, "SELECT 1 \x00")
	wantError(t, err, sidelite.ErrBadText)
	_, err = db.Exec(bg, "")
	ok(t, err)
}

func Test_what_is_wrong_is_told_before_anything_is_sent(t *testing.T) {
	db := native(t)
	before, err := db.Statistics()
	ok(t, err)
	for _, arguments := range [][]any{
		{struct{}{}}, {make(chan int)}, {[]int{1}}, {uint64(1 << 63)}, {func() {}}, {map[string]int{}}, {complex(1, 1)},
		{sql.Named("a", 1), 2}, {1, sql.Named("a", 2)}, {sql.Named("a\x00", 1)},
	} {
		_, err := db.Exec(bg, "SELECT ?, ?", arguments...)
		if err == nil {
			t.Errorf("%v is taken", arguments)
		}
		if rows, err := db.Stream(bg, "SELECT ?, ?", arguments...); err == nil {
			t.Errorf("%v is taken", arguments)
			rows.Close()
		}
	}
	after, err := db.Statistics()
	ok(t, err)
	same(t, after.Submitted, before.Submitted)
}

func Test_facts(t *testing.T) {
	db := nativeFile(t, scratchFile(t), &sidelite.Options{JournalMode: "wal", Synchronous: "normal"})
	run(t, db, "CREATE TABLE t(a INTEGER PRIMARY KEY, b VARCHAR(10))")
	d, err := db.Describe(bg, "SELECT a, b AS c, 1 FROM t WHERE a = :id", sql.Named("id", 5))
	ok(t, err)
	equal(t, d, sidelite.Description{
		ReadOnly: true, SQL: "SELECT a, b AS c, 1 FROM t WHERE a = 5",
		Columns: []sidelite.Column{
			{Name: "a", Type: "INTEGER", Schema: "main", Table: "t", Origin: "a"},
			{Name: "c", Type: "VARCHAR(10)", Schema: "main", Table: "t", Origin: "b"},
			{Name: "1"},
		},
		Parameters: []string{":id"},
	})
	facts, err := db.Status(bg, false)
	ok(t, err)
	equal(t, facts["autocommit"].Value, int64(1))
	if name := facts["filename"].Value.(string); !strings.HasSuffix(name, "test.db") {
		t.Errorf("got %q", name)
	}
	old, err := db.SetLimit(bg, sidelite.LimitVariableNumber, 2)
	ok(t, err)
	same(t, old, 32766)
	now, err := db.Limit(bg, sidelite.LimitVariableNumber)
	ok(t, err)
	same(t, now, 2)
	_, err = db.Exec(bg, "SELECT ?, ?, ?", 1, 2, 3)
	wantError(t, err, sidelite.ErrError)
	frames, copied, err := db.Checkpoint(bg, sidelite.CheckpointTruncate, "")
	ok(t, err)
	same(t, frames, copied)
	ok(t, db.SetAutoCheckpoint(bg, 0))
	ok(t, db.SetLastInsertRowID(bg, 77))
	same(t, cellOf[int](t, db, "SELECT last_insert_rowid()"), 77)
	defensive, err := db.Config(bg, 1010)
	ok(t, err)
	same(t, defensive, 1)
	now, err = db.SetConfig(bg, 1010, 0)
	ok(t, err)
	same(t, now, 0)
	wantError(t, db.LoadExtension(bg, "nothing", ""), sidelite.ErrError)
	if sidelite.Version() == "" || !strings.HasPrefix(sidelite.SQLiteVersion(), "3.") {
		t.Error("no versions")
	}
}

func Test_open_takes_options(t *testing.T) {
	path := scratchFile(t)
	db := nativeFile(t, path, &sidelite.Options{
		JournalMode: "WAL", Synchronous: "OFF", Pragmas: []string{"cache_size=-1234", "temp_store=MEMORY"},
		StatementCache: -1, BusyTimeout: 1500 * time.Microsecond,
		Rules: []sidelite.Rule{{Decision: sidelite.Deny, Action: sidelite.ActionAttach}},
	})
	same(t, cellOf[string](t, db, "PRAGMA journal_mode"), "wal")
	same(t, cellOf[int](t, db, "PRAGMA synchronous"), 0)
	same(t, cellOf[int](t, db, "PRAGMA cache_size"), -1234)
	same(t, cellOf[int](t, db, "PRAGMA foreign_keys"), 1)
	_, err := db.Exec(bg, "ATTACH ':memory:' AS other")
	wantError(t, err, sidelite.ErrAuth)
	plain := nativeFile(t, path, &sidelite.Options{Plain: true, ReadOnly: true})
	same(t, cellOf[int](t, plain, "PRAGMA foreign_keys"), 0)
	_, err = plain.Exec(bg, "CREATE TABLE t(x)")
	wantError(t, err, sidelite.ErrReadonly)
	untrusted := nativeFile(t, path, &sidelite.Options{Untrusted: true})
	_, err = untrusted.Exec(bg, "ATTACH ':memory:' AS other")
	if err == nil {
		t.Error("it attaches")
	}
	uri := nativeFile(t, "file:shared?mode=memory", &sidelite.Options{URI: true, SharedCache: true})
	run(t, uri, "CREATE TABLE t(x)")
	same(t, cellOf[int](t, nativeFile(t, "file:shared?mode=memory", &sidelite.Options{URI: true, SharedCache: true}),
		"SELECT count(*) FROM t"), 0)
}

func Test_open_that_fails_tells_why(t *testing.T) {
	for path, options := range map[string]*sidelite.Options{
		"/nowhere/at/all.db": nil,
		t.TempDir():          nil,
		scratchFile(t):       {NoCreate: true},
		scratchFile(t) + "r": {ReadOnly: true},
	} {
		db, err := sidelite.Open(bg, path, options)
		if db != nil {
			t.Errorf("%s is open", path)
		}
		wantError(t, err, sidelite.ErrCantOpen)
	}
	_, err := sidelite.Open(bg, ":memory:", &sidelite.Options{Pragmas: []string{"nonsense nonsense"}})
	wantError(t, err, sidelite.ErrError)
	ended, cancel := context.WithCancel(bg)
	cancel()
	_, err = sidelite.Open(ended, ":memory:", nil)
	wantError(t, err, context.Canceled)
}

func Test_open_with_options_that_can_never_be_right_is_refused(t *testing.T) {
	for _, options := range []*sidelite.Options{
		{JournalMode: "NONE"}, {Synchronous: "2"}, {Isolation: 77}, {Rules: []sidelite.Rule{{Decision: 9}}},
	} {
		_, err := sidelite.Open(bg, ":memory:", options)
		wantError(t, err, sidelite.ErrRefused)
	}
	for _, options := range []*sidelite.Options{{VFS: "a\x00b"}, {Pragmas: []string{"a\x00b"}}} {
		_, err := sidelite.Open(bg, ":memory:", options)
		wantError(t, err, sidelite.ErrBadText)
	}
	_, err := sidelite.Open(bg, "a\x00b", nil)
	wantError(t, err, sidelite.ErrBadText)
	_, err = sidelite.Open(bg, ":memory:", &sidelite.Options{VFS: "no such"})
	if err == nil {
		t.Error("a VFS that is not there")
	}
}

func Test_full_is_an_error(t *testing.T) {
	db := nativeFile(t, ":memory:", &sidelite.Options{MaxRequests: 2})
	ctx, cancel := context.WithCancel(bg)
	ends := make(chan error, 2)
	for range 2 {
		go func() { ends <- db.QueryRow(ctx, endless).Err() }()
	}
	areOut := func(count int) func() bool {
		return func() bool {
			counters, err := db.Statistics()
			ok(t, err)
			return counters.Outstanding == count
		}
	}
	until(t, "two are out", areOut(2))
	_, err := db.Exec(bg, "SELECT 1")
	wantError(t, err, sidelite.ErrQueueFull)
	cancel()
	wantError(t, <-ends, context.Canceled)
	wantError(t, <-ends, context.Canceled)
	// Nobody waits for the end of one that never ran, which comes in its place.
	until(t, "none is out", areOut(0))
	run(t, db, "SELECT 1")
}

func Test_a_result_may_be_too_big(t *testing.T) {
	db := nativeFile(t, ":memory:", &sidelite.Options{MaxResultBytes: 100_000})
	_, err := db.QueryAll(bg, series(100_000))
	wantError(t, err, sidelite.ErrTooLarge)
	count := 0
	for _, err := range db.Query(bg, series(100_000)) {
		ok(t, err)
		count++
	}
	same(t, count, 100_000)
}

func Test_results_of_every_size(t *testing.T) {
	db := native(t)
	for _, size := range []int{0, 1, 7, 8, 9, 1000, 32 << 10, 64<<10 - 1, 1 << 20, 10 << 20} {
		got := cellOf[[]byte](t, db, "SELECT zeroblob(?)", size)
		same(t, len(got), size)
		text := strings.Repeat("é", size)
		same(t, cellOf[string](t, db, "SELECT ?", text), text)
	}
}

func Test_interrupt_ends_what_is_running(t *testing.T) {
	db := native(t)
	running := make(chan error)
	go func() { running <- db.QueryRow(bg, endless).Err() }()
	for {
		db.Interrupt()
		select {
		case err := <-running:
			wantError(t, err, sidelite.ErrInterrupt)
			same(t, failed(t, err).Status, 0)
			return
		case <-time.After(time.Millisecond):
		}
	}
}
