package sidelite_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sidelite/sidelite/bindings/go"
)

func Test_stream_gives_every_row_in_order(t *testing.T) {
	db, want := native(t), int64(0)
	for row, err := range db.Query(bg, series(100_000)) {
		ok(t, err)
		want++
		same(t, row.Int64(0), want)
	}
	same(t, want, 100_000)
}

func Test_stream_of_every_number_of_rows_ends(t *testing.T) {
	db := native(t)
	for _, count := range []int{1, 2, 15, 16, 17, 79, 80, 81, 335, 336, 337, 848, 1360, 5000} {
		got := 0
		for _, err := range db.Query(bg, series(count)) {
			ok(t, err)
			got++
		}
		same(t, got, count)
	}
}

func Test_stream_of_no_rows_ends(t *testing.T) {
	db := native(t)
	for range db.Query(bg, "SELECT 1 WHERE 0") {
		t.Error("a row")
	}
	rows, err := db.Stream(bg, "SELECT 1 AS one, 2 AS two WHERE 0")
	ok(t, err)
	columns, err := rows.Columns()
	ok(t, err)
	equal(t, columns, []string{"one", "two"})
	same(t, rows.Next(), false)
	same(t, rows.Next(), false)
	ok(t, rows.Err())
	ok(t, rows.Close())
}

func Test_stream_begins_with_its_loop_and_anew_with_each(t *testing.T) {
	db := native(t)
	run(t, db, "CREATE TABLE t(x)")
	insert := db.Query(bg, "INSERT INTO t VALUES (1) RETURNING x")
	same(t, cellOf[int](t, db, "SELECT count(*) FROM t"), 0)
	for range 2 {
		for _, err := range insert {
			ok(t, err)
		}
	}
	same(t, cellOf[int](t, db, "SELECT count(*) FROM t"), 2)
}

func Test_stream_has_back_pressure(t *testing.T) {
	db := native(t)
	rows, err := db.Stream(bg, numbers)
	ok(t, err)
	same(t, rows.Next(), true)
	// Others run while it waits for its reader, and it does not read on.
	same(t, cellOf[int](t, db, "SELECT 1"), 1)
	before, err := db.Statistics()
	ok(t, err)
	time.Sleep(20 * time.Millisecond)
	after, err := db.Statistics()
	ok(t, err)
	same(t, after.Bytes, before.Bytes)
	for range 10_000 {
		same(t, rows.Next(), true)
	}
	same(t, rows.Row().Int64(0), 10_001)
	ok(t, rows.Close())
	ok(t, rows.Close())
	same(t, rows.Next(), false)
	ok(t, rows.Err())
	if rows.Scan(new(int)) == nil {
		t.Error("a row after the end")
	}
}

func Test_stream_without_end_is_left(t *testing.T) {
	db := native(t)
	run(t, db, "CREATE TABLE t(x)")
	for row, err := range db.Query(bg, numbers) {
		ok(t, err)
		if row.Int64(0) == 1000 {
			break
		}
	}
	// Nothing of it is left: it holds no lock.
	run(t, db, "DROP TABLE t")
	counters, err := db.Statistics()
	ok(t, err)
	same(t, counters.Outstanding, 0)
}

func Test_stream_left_by_a_panic_has_ended(t *testing.T) {
	db := native(t)
	func() {
		defer func() { same(t, recover() != nil, true) }()
		for range db.Query(bg, numbers) {
			panic("why")
		}
	}()
	counters, err := db.Statistics()
	ok(t, err)
	same(t, counters.Outstanding, 0)
}

func Test_error_comes_after_the_rows_before_it(t *testing.T) {
	db := native(t)
	count := 0
	var last error
	fails := "SELECT abs(i) FROM (SELECT CASE i WHEN 1000 THEN -9223372036854775808 ELSE i END AS i FROM (%s))"
	for row, err := range db.Query(bg, fmt.Sprintf(fails, series(2000))) {
		if last = err; err == nil {
			count++
			same(t, row.Int64(0), int64(count))
		}
	}
	same(t, count, 999)
	wantError(t, last, sidelite.ErrError)
	for _, err := range db.Query(bg, "nonsense") {
		wantError(t, err, sidelite.ErrError)
		last = nil
	}
	same(t, last, nil)
	rows, err := db.Stream(bg, "nonsense")
	ok(t, err)
	_, err = rows.Columns()
	wantError(t, err, sidelite.ErrError)
	same(t, rows.Next(), false)
	wantError(t, rows.Err(), sidelite.ErrError)
	ok(t, rows.Close())
}

func Test_stream_is_stopped(t *testing.T) {
	db := native(t)
	ctx, cancel := context.WithCancelCause(bg)
	why := errors.New("why")
	rows, err := db.Stream(ctx, numbers)
	ok(t, err)
	same(t, rows.Next(), true)
	cancel(why)
	for rows.Next() {
	}
	wantError(t, rows.Err(), context.Canceled)
	wantError(t, rows.Err(), why)
	wantError(t, rows.Err(), sidelite.ErrCancelled)
	ok(t, rows.Close())
	_, err = db.Stream(ctx, numbers)
	wantError(t, err, why)
	for _, err := range db.Query(soon(t), endless) {
		wantError(t, err, context.DeadlineExceeded)
	}
}

func Test_several_streams_run_side_by_side(t *testing.T) {
	db := native(t)
	var streams []*sidelite.Rows
	for range 5 {
		rows, err := db.Stream(bg, series(2000))
		ok(t, err)
		streams = append(streams, rows)
	}
	for i := range 2000 {
		for _, rows := range streams {
			same(t, rows.Next(), true)
			same(t, rows.Row().Int64(0), int64(i+1))
		}
	}
	for _, rows := range streams {
		same(t, rows.Next(), false)
		ok(t, rows.Close())
	}
}

func Test_stream_of_a_statement_that_writes(t *testing.T) {
	db := native(t)
	run(t, db, "CREATE TABLE t(x)")
	for row, err := range db.Query(bg, "INSERT INTO t "+series(5000)+" RETURNING x") {
		ok(t, err)
		if row.Int64(0) == 3 {
			break
		}
	}
	// It ran to its end before its first row came.
	same(t, cellOf[int](t, db, "SELECT count(*) FROM t"), 5000)
}

func Test_dump_makes_the_database_again(t *testing.T) {
	db := native(t)
	ok(t, db.Script(bg, "CREATE TABLE a(x); INSERT INTO a VALUES (1), ('it''s'); CREATE TABLE b(x)"))
	rows, err := db.Dump(bg, "")
	ok(t, err)
	script := ""
	for rows.Next() {
		script += rows.Row().Text(0) + "\n"
	}
	ok(t, rows.Err())
	ok(t, rows.Close())
	again := native(t)
	ok(t, again.Script(bg, script))
	equal(t, column[any](t, again, "SELECT x FROM a"), []any{int64(1), "it's"})
}
