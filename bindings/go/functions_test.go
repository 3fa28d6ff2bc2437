package sidelite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sidelite/sidelite/bindings/go"
)

type options = sidelite.FunctionOptions

// scalar registers a function, which must succeed.
func scalar(t testing.TB, db *sidelite.Conn, name string, o options, f sidelite.Function) {
	t.Helper()
	ok(t, db.CreateFunction(bg, name, o, f))
}

func constant(value any) sidelite.Function {
	return func(*sidelite.Call, sidelite.Row) (any, error) { return value, nil }
}

func Test_host_function_is_answered_at_once(t *testing.T) {
	db := native(t)
	scalar(t, db, "twice", options{Arguments: 1}, func(_ *sidelite.Call, a sidelite.Row) (any, error) {
		return a.Int64(0) * 2, nil
	})
	same(t, cellOf[int](t, db, "SELECT twice(21)"), 42)
	equal(t, column[int](t, db, "SELECT twice(i) FROM ("+series(3)+")"), []int{2, 4, 6})
}

func Test_host_function_is_answered_later(t *testing.T) {
	db := native(t)
	scalar(t, db, "later", options{Arguments: 1}, func(_ *sidelite.Call, a sidelite.Row) (any, error) {
		time.Sleep(5 * time.Millisecond)
		return a.Int64(0) + 1, nil
	})
	var group sync.WaitGroup
	for i := range 3 {
		group.Add(1)
		go func() {
			defer group.Done()
			same(t, db.QueryRow(bg, "SELECT later(?)", i).Int64(0), int64(i+1))
		}()
	}
	group.Wait()
}

func Test_host_function_takes_and_gives_every_value(t *testing.T) {
	db := native(t)
	scalar(t, db, "f", options{Arguments: -1}, func(_ *sidelite.Call, a sidelite.Row) (any, error) {
		if a.Len() == 0 {
			return "none", nil
		}
		return a.Value(0), nil
	})
	for _, value := range []any{nil, int64(1), int64(1 << 62), 0.5, "text é\x00", []byte{1, 2}, ""} {
		equal(t, db.QueryRow(bg, "SELECT f(?, 1)", value).Value(0), value)
	}
	same(t, cellOf[string](t, db, "SELECT f()"), "none")
	scalar(t, db, "day", options{}, constant(time.Unix(0, 0).UTC()))
	same(t, cellOf[string](t, db, "SELECT day()"), "1970-01-01 00:00:00+00:00")
}

func Test_host_function_whose_value_cannot_be_fails(t *testing.T) {
	db := native(t)
	for _, value := range []any{struct{}{}, []int{1}, uint64(1 << 63), "\xff", make(chan int)} {
		scalar(t, db, "f", options{}, constant(value))
		if err := db.QueryRow(bg, "SELECT f()").Err(); err == nil {
			t.Errorf("%v is a value", value)
		}
	}
}

// own is an error of the program's.
type own struct{ text string }

func (e *own) Error() string { return e.text }

func Test_host_function_fails_with_the_very_error_that_it_returned(t *testing.T) {
	db, why := native(t), &own{"why \xff"}
	scalar(t, db, "fails", options{}, func(*sidelite.Call, sidelite.Row) (any, error) { return nil, why })
	for _, call := range []func() error{
		func() error { return db.QueryRow(bg, "SELECT fails()").Err() },
		func() error {
			_, err := db.Batch(bg, sidelite.Statement{SQL: "SELECT 1"}, sidelite.Statement{SQL: "SELECT fails()"})
			return err
		},
		func() error {
			rows, err := db.Stream(bg, "SELECT fails()")
			ok(t, err)
			defer rows.Close()
			for rows.Next() {
			}
			return rows.Err()
		},
		func() error {
			return db.Tx(bg, sidelite.Immediate, func(tx *sidelite.Tx) error { return tx.QueryRow(bg, "SELECT fails()").Err() })
		},
	} {
		err := call()
		var thrown *own
		if !errors.As(err, &thrown) || thrown != why || !strings.Contains(err.Error(), "why \uFFFD") {
			t.Errorf("got %v", err)
		}
		wantCode(t, err, sidelite.ErrError)
	}
}

func Test_host_function_that_panics_ends_its_statement_alone(t *testing.T) {
	db := native(t)
	before := runtime.NumGoroutine()
	scalar(t, db, "panics", options{Arguments: 1}, func(_ *sidelite.Call, a sidelite.Row) (any, error) {
		switch a.Int64(0) {
		case 0:
			panic("why")
		case 1:
			panic(&own{"own"})
		case 2:
			return a.Int64(7), nil
		}
		runtime.Goexit()
		return nil, nil
	})
	for i := range 4 {
		err := db.QueryRow(bg, "SELECT panics(?)", i).Err()
		var panicked *sidelite.PanicError
		if !errors.As(err, &panicked) || !strings.Contains(string(panicked.Stack), "functions_test.go") {
			t.Errorf("%d: got %v", i, err)
		}
		var thrown *own
		same(t, errors.As(err, &thrown), i == 1)
	}
	ok(t, db.CreateAggregate(bg, "panics", options{Arguments: 2}, func() sidelite.Aggregate { panic("start") }))
	var panicked *sidelite.PanicError
	same(t, errors.As(db.QueryRow(bg, "SELECT panics(1, 2)").Err(), &panicked), true)
	same(t, cellOf[int](t, db, "SELECT 5"), 5)
	settles(t, before)
}

func Test_host_function_queries_its_own_connection(t *testing.T) {
	db := native(t)
	run(t, db, "CREATE TABLE t(x)")
	scalar(t, db, "tick", options{}, func(call *sidelite.Call, _ sidelite.Row) (any, error) {
		if _, err := call.Exec(bg, "INSERT INTO t VALUES (1)"); err != nil {
			return nil, err
		}
		return call.QueryRow(bg, "SELECT count(*) FROM t").Int64(0), nil
	})
	same(t, cellOf[int](t, db, "SELECT tick()"), 1)
	same(t, cellOf[int](t, db, "SELECT tick()"), 2)
	scalar(t, db, "down", options{Arguments: 1}, func(call *sidelite.Call, a sidelite.Row) (any, error) {
		if a.Int64(0) == 0 {
			return 0, nil
		}
		row := call.QueryRow(bg, "SELECT down(?)", a.Int64(0)-1)
		if row.Err() != nil {
			return nil, row.Err()
		}
		return row.Int64(0) + 1, nil
	})
	same(t, cellOf[int](t, db, "SELECT down(9)"), 9)
	wantError(t, db.QueryRow(bg, "SELECT down(50)").Err(), sidelite.ErrRefused)
	scalar(t, db, "rows", options{}, func(call *sidelite.Call, _ sidelite.Row) (any, error) {
		sum := int64(0)
		for row, err := range call.Query(bg, series(5000)) {
			if err != nil {
				return nil, err
			}
			sum += row.Int64(0)
		}
		return sum, nil
	})
	same(t, cellOf[int](t, db, "SELECT rows()"), 5000*5001/2)
	var kept *sidelite.Call
	scalar(t, db, "keep", options{}, func(call *sidelite.Call, _ sidelite.Row) (any, error) {
		kept = call
		return nil, nil
	})
	ok(t, db.QueryRow(bg, "SELECT keep()").Err())
	wantError(t, kept.QueryRow(bg, "SELECT 1").Err(), sql.ErrTxDone)
}

func Test_contract_12_cancel_reaches_a_call_that_waits(t *testing.T) {
	db := native(t)
	release := make(chan struct{})
	defer close(release)
	never := func(*sidelite.Call, sidelite.Row) (any, error) { <-release; return nil, nil }
	scalar(t, db, "never", options{}, never)
	wantError(t, db.QueryRow(soon(t), "SELECT never()").Err(), context.DeadlineExceeded)
	scalar(t, db, "never", options{Timeout: 10 * time.Millisecond}, never)
	wantError(t, db.QueryRow(bg, "SELECT never()").Err(), sidelite.ErrTimeout)
}

func Test_close_reaches_a_call_that_waits(t *testing.T) {
	db := native(t)
	called, release := make(chan struct{}), make(chan struct{})
	scalar(t, db, "never", options{}, func(*sidelite.Call, sidelite.Row) (any, error) {
		close(called)
		<-release
		return nil, nil
	})
	waiting := make(chan error)
	go func() { waiting <- db.QueryRow(bg, "SELECT never()").Err() }()
	<-called
	ok(t, db.Close())
	wantError(t, <-waiting, sidelite.ErrCancelled)
	close(release)
}

func Test_functions_are_told_apart_by_name_and_number_of_arguments(t *testing.T) {
	db := native(t)
	scalar(t, db, "f", options{Arguments: 1}, constant("one"))
	scalar(t, db, "f", options{Arguments: 2}, constant("two"))
	scalar(t, db, "F", options{Arguments: -1}, constant("any"))
	equal(t, db.QueryRow(bg, "SELECT f(1), F(1, 2), f(1, 2, 3)").Values(), []any{"one", "two", "any"})
	scalar(t, db, "f", options{Arguments: 1}, constant("replaced"))
	same(t, cellOf[string](t, db, "SELECT f(1)"), "replaced")
	for _, arguments := range []int{1, 2, -1} {
		ok(t, db.RemoveFunction(bg, "f", arguments))
	}
	wantError(t, db.QueryRow(bg, "SELECT f(1)").Err(), sidelite.ErrError)
	wantError(t, db.CreateFunction(bg, "f", options{Arguments: 100_000}, constant(1)), sidelite.ErrRefused)
	wantError(t, db.CreateFunction(bg, "f\x00", options{}, constant(1)), sidelite.ErrBadText)
}

func Test_a_function_in_use_is_not_replaced(t *testing.T) {
	db := native(t)
	scalar(t, db, "f", options{}, constant("old"))
	rows, err := db.Stream(bg, "SELECT f() FROM ("+series(10_000)+")")
	ok(t, err)
	same(t, rows.Next(), true)
	wantError(t, db.CreateFunction(bg, "f", options{}, constant("new")), sidelite.ErrBusy)
	same(t, rows.Next(), true)
	same(t, rows.Row().Text(0), "old")
	ok(t, rows.Close())
	scalar(t, db, "f", options{}, constant("new"))
	same(t, cellOf[string](t, db, "SELECT f()"), "new")
}

func Test_flags_of_functions(t *testing.T) {
	db := native(t)
	scalar(t, db, "pure", options{Arguments: 1, Deterministic: true, Innocuous: true}, constant(1))
	scalar(t, db, "impure", options{Arguments: 1, Innocuous: true}, constant(1))
	run(t, db, "CREATE TABLE t(x)")
	run(t, db, "CREATE INDEX i ON t(pure(x))")
	_, err := db.Exec(bg, "CREATE INDEX j ON t(impure(x))")
	wantError(t, err, sidelite.ErrError)
	scalar(t, db, "impure", options{Arguments: 1}, constant(1))
	run(t, db, "CREATE VIEW v AS SELECT impure(1) AS x")
	wantError(t, db.QueryRow(bg, "SELECT * FROM v").Err(), sidelite.ErrError)
	scalar(t, db, "impure", options{Arguments: 1, Innocuous: true}, constant(1))
	same(t, cellOf[int](t, db, "SELECT * FROM v"), 1)
}

// total adds up, and can move over a window. It fails at 13.
type total struct {
	sum int64
}

var errThirteen = errors.New("thirteen")

func (s *total) Step(_ *sidelite.Call, a sidelite.Row) error {
	if a.Int64(0) == 13 {
		return errThirteen
	}
	s.sum += a.Int64(0)
	return nil
}

func (s *total) Inverse(_ *sidelite.Call, a sidelite.Row) error {
	s.sum -= a.Int64(0)
	return nil
}

func (s *total) Value(call *sidelite.Call) (any, error) {
	if call.QueryRow(bg, "SELECT 1").Int64(0) != 1 {
		return nil, errors.New("it cannot ask")
	}
	if s.sum == 99 {
		return nil, errThirteen
	}
	return s.sum, nil
}

func Test_host_aggregate_gets_many_rows_at_a_time(t *testing.T) {
	db := native(t)
	ok(t, db.CreateAggregate(bg, "total_of", options{Arguments: 1}, func() sidelite.Aggregate { return &total{} }))
	same(t, cellOf[int](t, db, "SELECT total_of(i + 20) FROM ("+series(2000)+")"), 2001000+40000)
	equal(t, column[int](t, db, "SELECT total_of(i + 20) FROM ("+series(9)+") GROUP BY i % 3"), []int{78, 72, 75})
	same(t, cellOf[int](t, db, "SELECT total_of(1) WHERE 0"), 0)
	// Groups that end without a value leave nothing behind.
	for range 3 {
		wantError(t, db.QueryRow(bg, "SELECT total_of(i) FROM ("+series(100)+")").Err(), errThirteen)
		wantError(t, db.QueryRow(bg, "SELECT total_of(99)").Err(), errThirteen)
	}
	same(t, cellOf[int](t, db, "SELECT total_of(5)"), 5)
}

func Test_host_window_moves(t *testing.T) {
	db := native(t)
	ok(t, db.CreateWindow(bg, "moving", options{Arguments: 1}, func() sidelite.WindowAggregate { return &total{} }))
	equal(t, column[int](t, db, "SELECT moving(i) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM ("+
		series(5)+")"), []int{1, 3, 5, 7, 9})
	same(t, cellOf[int](t, db, "SELECT moving(i) FROM ("+series(5)+")"), 15)
	moving := "SELECT sum(x) FROM (SELECT moving(i) OVER (ORDER BY i) AS x FROM (" + series(20) + "))"
	wantError(t, db.QueryRow(bg, moving).Err(), errThirteen)
}

func Test_host_collation_sorts(t *testing.T) {
	db := native(t)
	ok(t, db.CreateCollation(bg, "backwards", func(a, b string) int { return strings.Compare(b, a) }))
	ok(t, db.Script(bg, "CREATE TABLE t(x TEXT); INSERT INTO t VALUES ('a'), ('c'), ('b')"))
	equal(t, column[string](t, db, "SELECT x FROM t ORDER BY x COLLATE backwards"), []string{"c", "b", "a"})
	ok(t, db.CreateCollation(bg, "bad", func(a, b string) int { panic("why") }))
	var panicked *sidelite.PanicError
	same(t, errors.As(db.QueryRow(bg, "SELECT x FROM t ORDER BY x COLLATE bad").Err(), &panicked), true)
	ok(t, db.RemoveCollation(bg, "backwards"))
	if db.QueryRow(bg, "SELECT x FROM t ORDER BY x COLLATE backwards").Err() == nil {
		t.Error("it is still there")
	}
}

func Test_functions_of_two_connections(t *testing.T) {
	one, other := native(t), native(t)
	scalar(t, one, "who", options{}, constant("first"))
	scalar(t, other, "who", options{}, constant("second"))
	same(t, cellOf[string](t, one, "SELECT who()"), "first")
	same(t, cellOf[string](t, other, "SELECT who()"), "second")
}

func Test_a_function_may_do_everything(t *testing.T) {
	db := native(t)
	closed := make(chan error, 1)
	scalar(t, db, "f", options{}, func(call *sidelite.Call, _ sidelite.Row) (any, error) {
		other, err := sidelite.Open(bg, ":memory:", nil)
		if err != nil {
			return nil, err
		}
		defer other.Close()
		go func() { closed <- db.Close() }()
		return other.QueryRow(bg, "SELECT 5").Int64(0), nil
	})
	if err := db.QueryRow(bg, "SELECT f()").Err(); err != nil {
		wantError(t, err, sidelite.ErrCancelled)
	}
	ok(t, <-closed)
}

func Test_a_function_that_calls_itself_for_ever_is_stopped(t *testing.T) {
	db := native(t)
	scalar(t, db, "again", options{}, func(call *sidelite.Call, _ sidelite.Row) (any, error) {
		row := call.QueryRow(bg, "SELECT again()")
		return row.Int64(0), row.Err()
	})
	if db.QueryRow(bg, "SELECT again()").Err() == nil {
		t.Error("it ends")
	}
}

func Test_hooks(t *testing.T) {
	path := scratchFile(t)
	db, other := nativeFile(t, path, nil), nativeFile(t, path, nil)
	run(t, db, "CREATE TABLE t(x, secret)")
	run(t, db, "INSERT INTO t VALUES (1, 2)")
	ok(t, db.SetAuthorizer(bg, func(a sidelite.Access) sidelite.Decision {
		switch {
		case a.Action == sidelite.ActionRead && a.Second == "secret":
			return sidelite.Ignore
		case a.Action == sidelite.ActionDelete:
			return sidelite.Deny
		}
		return sidelite.Allow
	}))
	equal(t, db.QueryRow(bg, "SELECT x, secret FROM t").Values(), []any{int64(1), nil})
	_, err := db.Exec(bg, "DELETE FROM t")
	wantError(t, err, sidelite.ErrAuth)
	ok(t, db.SetAuthorizer(bg, nil))
	equal(t, db.QueryRow(bg, "SELECT x, secret FROM t").Values(), []any{int64(1), int64(2)})

	secret := sidelite.Rule{Decision: sidelite.Deny, Action: sidelite.ActionRead, First: "t", Second: "SECRET"}
	ok(t, db.Authorize(bg, secret))
	wantError(t, db.QueryRow(bg, "SELECT x, secret FROM t").Err(), sidelite.ErrAuth)
	ok(t, db.Authorize(bg))
	ok(t, db.QueryRow(bg, "SELECT x, secret FROM t").Err())

	times := 0
	ok(t, db.SetProgress(bg, 100, func() bool { times++; return times < 3 }))
	wantError(t, db.QueryRow(bg, endless).Err(), sidelite.ErrInterrupt)
	same(t, times, 3)
	ok(t, db.SetProgress(bg, 0, nil))

	isAllowed := false
	ok(t, db.SetCommit(bg, func() bool { return isAllowed }))
	_, err = db.Exec(bg, "INSERT INTO t VALUES (3, 4)")
	wantError(t, err, sidelite.ErrConstraintCommitHook)
	isAllowed = true
	run(t, db, "INSERT INTO t VALUES (3, 4)")
	ok(t, db.SetCommit(bg, nil))

	tries := 0
	ok(t, other.SetBusy(bg, func(count int) time.Duration {
		if tries++; count == 2 {
			return -1
		}
		return time.Millisecond
	}))
	tx, err := db.Begin(bg, sidelite.Immediate)
	ok(t, err)
	_, err = other.Exec(bg, "DELETE FROM t")
	wantError(t, err, sidelite.ErrBusy)
	same(t, tries, 3)
	ok(t, tx.Rollback())
	ok(t, other.SetBusy(bg, nil))
	same(t, fmt.Sprint(run(t, other, "DELETE FROM t").Changes), "2")
}
