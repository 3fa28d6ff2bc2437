package sidelite_test

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/sidelite/sidelite/bindings/go"
)

func TestDriver_cancelled_while_running(t *testing.T) {
	db := openDB(t, "")
	db.SetMaxOpenConns(1)
	var count int64
	wantError(t, db.QueryRowContext(soon(t), endless).Scan(&count), context.DeadlineExceeded)
	_, err := db.ExecContext(soon(t), endless)
	wantError(t, err, context.DeadlineExceeded)
	same(t, one[int](t, db, "SELECT 1"), 1)
}

func TestDriver_cancelled_before_it_begins(t *testing.T) {
	db := openDB(t, "")
	execute(t, db, "CREATE TABLE t(v)")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	conn, err := db.Conn(context.Background())
	ok(t, err)
	defer conn.Close()
	_, err = conn.ExecContext(ctx, "INSERT INTO t VALUES (1)")
	wantError(t, err, context.Canceled)
	same(t, one[int](t, db, "SELECT count(*) FROM t"), 0)
}

func TestDriver_cancelled_while_waiting_for_a_lock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "locked.db")
	db := openFile(t, path, "?_busy_timeout=600000&_txlock=immediate")
	execute(t, db, "CREATE TABLE t(v)")
	holder, err := db.Begin()
	ok(t, err)
	_, err = db.ExecContext(soon(t), "INSERT INTO t VALUES (1)")
	wantError(t, err, context.DeadlineExceeded)
	_, err = db.BeginTx(soon(t), nil)
	wantError(t, err, context.DeadlineExceeded)
	ok(t, holder.Rollback())
	execute(t, db, "INSERT INTO t VALUES (2)")
	same(t, one[int](t, db, "SELECT sum(v) FROM t"), 2)
}

// What go-sqlite3#764 tells of: BEGIN was reported as cancelled, and the connection went back into the pool with the
// transaction open.
func TestDriver_cancelled_begin_leaves_nothing_open(t *testing.T) {
	db := openDB(t, "?_busy_timeout=600000&_txlock=immediate")
	db.SetMaxOpenConns(2)
	execute(t, db, "CREATE TABLE t(v)")
	source := random(t)
	for range 300 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(source.IntN(60))*time.Microsecond)
		if tx, err := db.BeginTx(ctx, nil); err == nil {
			_ = tx.Rollback()
		}
		cancel()
		// It would wait for the lock of a transaction that was left open.
		execute(t, db, "INSERT INTO t VALUES (1)")
	}
	same(t, one[int](t, db, "SELECT count(*) FROM t"), 300)
}

// What go-sqlite3#488, #681 and #745 tell of: the cancel of one statement reached another.
func TestDriver_cancel_hits_no_neighbour(t *testing.T) {
	db := openDB(t, "")
	db.SetMaxOpenConns(1)
	execute(t, db, "CREATE TABLE t(v)")
	source := random(t)
	for range 1000 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(source.IntN(100))*time.Microsecond)
		_, _ = db.ExecContext(ctx, "SELECT 1")
		go cancel()
		// Nobody cancels these.
		execute(t, db, "INSERT INTO t VALUES (1)")
		same(t, one[int](t, db, "SELECT 7"), 7)
		cancel()
	}
	same(t, one[int](t, db, "SELECT count(*) FROM t"), 1000)
}

func TestDriver_cancel_of_rows_leaves_the_rows_of_others(t *testing.T) {
	db := openDB(t, "")
	conn, err := db.Conn(context.Background())
	ok(t, err)
	defer conn.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stopped, err := conn.QueryContext(ctx, manyRows)
	ok(t, err)
	defer stopped.Close()
	whole, err := conn.QueryContext(context.Background(), manyRows)
	ok(t, err)
	defer whole.Close()
	count := 0
	for whole.Next() {
		if count++; count == 1000 {
			cancel()
		}
	}
	ok(t, whole.Err())
	same(t, count, 1_000_000)
	for stopped.Next() {
	}
	wantError(t, stopped.Err(), context.Canceled)
}

func TestDriver_cancel_ends_rows(t *testing.T) {
	db := openDB(t, "")
	db.SetMaxOpenConns(1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	rows, err := db.QueryContext(ctx, manyRows)
	ok(t, err)
	count := 0
	for rows.Next() {
		if count++; count == 10 {
			cancel()
		}
	}
	wantError(t, rows.Err(), context.Canceled)
	if count >= 1_000_000 {
		t.Error("the cancel came to nothing")
	}
	ok(t, rows.Close())
	same(t, one[int](t, db, "SELECT 1"), 1)
}

func TestDriver_interrupted_write_in_a_transaction(t *testing.T) {
	db := openDB(t, "")
	execute(t, db, "CREATE TABLE t(v)")
	tx, err := db.Begin()
	ok(t, err)
	execute(t, tx, "INSERT INTO t VALUES ('lost')")
	_, err = tx.ExecContext(soon(t), "INSERT INTO t "+endless)
	wantError(t, err, context.DeadlineExceeded)
	// SQLite has rolled the transaction back. What follows must not be committed row by row.
	if _, err := tx.Exec("INSERT INTO t VALUES ('alone')"); err == nil {
		t.Error("a statement ran outside of the transaction that it was meant for")
	}
	if err := tx.Commit(); err == nil {
		t.Error("a transaction that was rolled back was committed")
	}
	same(t, one[int](t, db, "SELECT count(*) FROM t"), 0)
}

func TestDriver_busy_waits_honour_the_deadline(t *testing.T) {
	path := filepath.Join(t.TempDir(), "busy.db")
	db := openFile(t, path, "?_busy_timeout=20")
	execute(t, db, "CREATE TABLE t(v)")
	conn, err := db.Conn(context.Background())
	ok(t, err)
	_, err = conn.ExecContext(context.Background(), "BEGIN IMMEDIATE")
	ok(t, err)
	_, err = db.Exec("INSERT INTO t VALUES (1)")
	wantCode(t, err, sidelite.ErrBusy)
	_, err = conn.ExecContext(context.Background(), "ROLLBACK")
	ok(t, err)
	ok(t, conn.Close())
}

// Each query that could be cancelled cost a goroutine elsewhere, and some of them stayed.
func TestDriver_cancellable_queries_leave_no_goroutine(t *testing.T) {
	db := openDB(t, "")
	same(t, one[int](t, db, "SELECT 1"), 1)
	runtime.GC()
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(context.Background())
	for range 1000 {
		var value int
		ok(t, db.QueryRowContext(ctx, "SELECT 1").Scan(&value))
		_, err := db.ExecContext(ctx, "SELECT 1")
		ok(t, err)
	}
	settles(t, before)
	cancel()
	settles(t, before)
}

func TestDriver_contexts_cancelled_at_random(t *testing.T) {
	db := openDB(t, "?_journal_mode=WAL&_busy_timeout=60000")
	db.SetMaxOpenConns(4)
	execute(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, task, number, UNIQUE(task, number))")
	seed := random(t).Uint64()
	const tasks, steps = 8, 60
	committed := make([]int, tasks)
	var group sync.WaitGroup
	for task := range tasks {
		group.Add(1)
		go func() {
			defer group.Done()
			random := rand.New(rand.NewPCG(seed, uint64(task)))
			for number := range steps {
				if insertOrCancel(t, db, random, task, number) {
					committed[task]++
				}
			}
		}()
	}
	group.Wait()
	for task, count := range committed {
		got := one[int](t, db, "SELECT count(*) FROM t WHERE task = ?", task)
		if got < count || got > steps {
			t.Errorf("task %d: %d rows, %d were told to be committed", task, got, count)
		}
	}
	same(t, one[string](t, db, "PRAGMA integrity_check"), "ok")
}

// insertOrCancel says whether the row was told to be committed.
func insertOrCancel(t *testing.T, db *sql.DB, random *rand.Rand, task, number int) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(random.IntN(3000))*time.Microsecond)
	defer cancel()
	tx, err := db.BeginTx(ctx, nil)
	if err == nil {
		if _, err = tx.ExecContext(ctx, "INSERT INTO t(task, number) VALUES (?, ?)", task, number); err == nil {
			err = tx.Commit()
		} else {
			_ = tx.Rollback()
		}
	}
	switch {
	case err == nil:
		return true
	case ctx.Err() == nil && !errors.Is(err, sql.ErrTxDone):
		t.Errorf("task %d, number %d: %v", task, number, err)
	}
	return false
}
