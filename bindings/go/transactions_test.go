package sidelite_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/sidelite/sidelite/bindings/go"
)

func withTable(t *testing.T) *sidelite.Conn {
	t.Helper()
	db := native(t)
	run(t, db, "CREATE TABLE t(x UNIQUE)")
	return db
}

func contents(t *testing.T, db executor) []int {
	t.Helper()
	return column[int](t, db, "SELECT x FROM t ORDER BY x")
}

func insert(tx executor, x int) error { return insertIn(bg, tx, x) }

func insertIn(ctx context.Context, tx executor, x int) error {
	_, err := tx.Exec(ctx, "INSERT INTO t VALUES (?)", x)
	return err
}

func Test_commit_keeps_what_was_done(t *testing.T) {
	db := withTable(t)
	ok(t, db.Tx(bg, sidelite.Immediate, func(tx *sidelite.Tx) error {
		ok(t, insert(tx, 1))
		same(t, cellOf[int](t, tx, "SELECT x FROM t"), 1)
		return nil
	}))
	tx, err := db.Begin(bg, sidelite.Deferred)
	ok(t, err)
	ok(t, insert(tx, 2))
	ok(t, tx.Commit(bg))
	ok(t, tx.Rollback())
	equal(t, contents(t, db), []int{1, 2})
}

func Test_transaction_left_by_an_error_is_rolled_back(t *testing.T) {
	db, why := withTable(t), errors.New("why")
	same(t, db.Tx(bg, sidelite.Immediate, func(tx *sidelite.Tx) error {
		ok(t, insert(tx, 1))
		return why
	}), why)
	wantError(t, db.Tx(bg, sidelite.Immediate, func(tx *sidelite.Tx) error {
		return tx.Script(bg, "nonsense")
	}), sidelite.ErrError)
	tx, err := db.Begin(bg, sidelite.Immediate)
	ok(t, err)
	ok(t, insert(tx, 2))
	ok(t, tx.Rollback())
	wantError(t, tx.Commit(bg), sql.ErrTxDone)
	same(t, len(contents(t, db)), 0)
}

func Test_transaction_left_by_a_panic_is_rolled_back(t *testing.T) {
	db := withTable(t)
	func() {
		defer func() { same(t, recover(), any("why")) }()
		_ = db.Tx(bg, sidelite.Immediate, func(tx *sidelite.Tx) error {
			ok(t, insert(tx, 1))
			return tx.Tx(bg, func(inner *sidelite.Tx) error { panic("why") })
		})
	}()
	same(t, len(contents(t, db)), 0)
}

func Test_others_wait_for_its_end(t *testing.T) {
	db := withTable(t)
	tx, err := db.Begin(bg, sidelite.Immediate)
	ok(t, err)
	ok(t, insert(tx, 1))
	between := make(chan int)
	go func() { between <- cellOf[int](t, db, "SELECT count(*) FROM t") }()
	time.Sleep(10 * time.Millisecond)
	ok(t, insert(tx, 2))
	ok(t, tx.Commit(bg))
	same(t, <-between, 2)
}

func Test_lease_loses_no_update_of_many_tasks(t *testing.T) {
	db := native(t)
	ok(t, db.Script(bg, "CREATE TABLE counter(n); INSERT INTO counter VALUES (0)"))
	var group sync.WaitGroup
	for range 50 {
		group.Add(1)
		go func() {
			defer group.Done()
			if err := db.Tx(bg, sidelite.Deferred, func(tx *sidelite.Tx) error {
				_, err := tx.Exec(bg, "UPDATE counter SET n = ?", cellOf[int](t, tx, "SELECT n FROM counter")+1)
				return err
			}); err != nil {
				t.Error(err)
			}
		}()
	}
	group.Wait()
	same(t, cellOf[int](t, db, "SELECT n FROM counter"), 50)
}

func Test_savepoints_are_kept_or_undone(t *testing.T) {
	db, undone := withTable(t), errors.New("undone")
	ok(t, db.Tx(bg, sidelite.Immediate, func(tx *sidelite.Tx) error {
		ok(t, insert(tx, 1))
		ok(t, tx.Tx(bg, func(inner *sidelite.Tx) error { return insert(inner, 2) }))
		same(t, tx.Tx(bg, func(inner *sidelite.Tx) error {
			ok(t, insert(inner, 3))
			ok(t, inner.Tx(bg, func(innermost *sidelite.Tx) error { return insert(innermost, 4) }))
			return undone
		}), undone)
		wantError(t, tx.Tx(bg, func(inner *sidelite.Tx) error { return insert(inner, 1) }), sidelite.ErrConstraintUnique)
		savepoint, err := tx.Savepoint(bg)
		ok(t, err)
		ok(t, insert(savepoint, 5))
		ok(t, savepoint.Commit(bg))
		ok(t, savepoint.Rollback())
		return nil
	}))
	equal(t, contents(t, db), []int{1, 2, 5})
}

func Test_an_outer_transaction_takes_nothing_while_an_inner_one_is_open(t *testing.T) {
	db := withTable(t)
	ok(t, db.Tx(bg, sidelite.Immediate, func(tx *sidelite.Tx) error {
		ok(t, tx.Tx(bg, func(inner *sidelite.Tx) error {
			wantError(t, insert(tx, 1), sidelite.ErrRefused)
			_, err := tx.Savepoint(bg)
			wantError(t, err, sidelite.ErrRefused)
			return insert(inner, 2)
		}))
		return insert(tx, 4)
	}))
	equal(t, contents(t, db), []int{2, 4})
}

func Test_end_of_the_outer_transaction_ends_the_inner_one(t *testing.T) {
	db := withTable(t)
	tx, err := db.Begin(bg, sidelite.Immediate)
	ok(t, err)
	inner, err := tx.Savepoint(bg)
	ok(t, err)
	ok(t, insert(inner, 1))
	ok(t, tx.Commit(bg))
	wantError(t, insert(inner, 2), sql.ErrTxDone)
	wantError(t, inner.Commit(bg), sql.ErrTxDone)
	ok(t, inner.Rollback())
	equal(t, contents(t, db), []int{1})
}

func Test_lease_that_has_ended_is_no_lane_any_more(t *testing.T) {
	db := withTable(t)
	var kept *sidelite.Tx
	ok(t, db.Tx(bg, sidelite.Immediate, func(tx *sidelite.Tx) error { kept = tx; return nil }))
	wantError(t, insert(kept, 1), sql.ErrTxDone)
	_, err := kept.Stream(bg, "SELECT 1")
	wantError(t, err, sql.ErrTxDone)
	_, err = kept.Savepoint(bg)
	wantError(t, err, sql.ErrTxDone)
	_, err = kept.Batch(bg, sidelite.Statement{SQL: "SELECT 1"})
	wantError(t, err, sql.ErrTxDone)
	same(t, len(contents(t, db)), 0)
}

func Test_commit_that_fails_rolls_back(t *testing.T) {
	db := native(t)
	ok(t, db.Script(bg, "CREATE TABLE p(id INTEGER PRIMARY KEY); "+
		"CREATE TABLE c(p REFERENCES p(id) DEFERRABLE INITIALLY DEFERRED)"))
	wantError(t, db.Tx(bg, sidelite.Immediate, func(tx *sidelite.Tx) error {
		run(t, tx, "INSERT INTO c VALUES (7)")
		return nil
	}), sidelite.ErrConstraintForeignKey)
	same(t, cellOf[int](t, db, "SELECT count(*) FROM c"), 0)
	facts, err := db.Status(bg, false)
	ok(t, err)
	equal(t, facts["autocommit"].Value, int64(1))
}

func Test_a_transaction_that_was_lost_is_not_said_to_be_committed(t *testing.T) {
	db := withTable(t)
	ok(t, insert(db, 1))
	err := db.Tx(bg, sidelite.Immediate, func(tx *sidelite.Tx) error {
		ok(t, insert(tx, 2))
		_, err := tx.Exec(bg, "INSERT OR ROLLBACK INTO t VALUES (1)")
		wantError(t, err, sidelite.ErrConstraintUnique)
		same(t, failed(t, err).RolledBack, true)
		wantError(t, insert(tx, 3), sql.ErrTxDone)
		_, err = tx.Savepoint(bg)
		wantError(t, err, sql.ErrTxDone)
		return nil
	})
	wantError(t, err, sql.ErrTxDone)
	wantError(t, err, sidelite.ErrAborted)
	equal(t, contents(t, db), []int{1})
}

func Test_lease_that_is_cancelled_is_rolled_back(t *testing.T) {
	db, why := withTable(t), errors.New("why")
	ctx, cancel := context.WithCancelCause(bg)
	err := db.Tx(ctx, sidelite.Immediate, func(tx *sidelite.Tx) error {
		ok(t, insert(tx, 1))
		time.AfterFunc(5*time.Millisecond, func() { cancel(why) })
		return tx.QueryRow(bg, endless).Err()
	})
	wantError(t, err, context.Canceled)
	wantError(t, err, why)
	same(t, len(contents(t, db)), 0)
	ctx, cancel = context.WithCancelCause(bg)
	err = db.Tx(ctx, sidelite.Immediate, func(tx *sidelite.Tx) error {
		ok(t, insert(tx, 1))
		cancel(why)
		return nil
	})
	wantError(t, err, why)
	same(t, len(contents(t, db)), 0)
}

func Test_lease_that_waits_can_be_cancelled(t *testing.T) {
	db := withTable(t)
	tx, err := db.Begin(bg, sidelite.Immediate)
	ok(t, err)
	// Though the lease that it waits for goes on.
	_, err = db.Begin(soon(t), sidelite.Immediate)
	wantError(t, err, context.DeadlineExceeded)
	same(t, failed(t, err).NotRun, true)
	wantError(t, insertIn(soon(t), db, 7), context.DeadlineExceeded)
	for _, err := range db.Query(soon(t), "SELECT 1") {
		wantError(t, err, context.DeadlineExceeded)
	}
	_, err = db.Batch(soon(t), sidelite.Statement{SQL: "INSERT INTO t VALUES (8)"}, sidelite.Statement{SQL: "SELECT 1"})
	wantError(t, err, context.DeadlineExceeded)
	wantError(t, db.CreateFunction(soon(t), "f", options{}, constant(1)), context.DeadlineExceeded)
	wantError(t, db.Backup(soon(t), scratchFile(t), sidelite.CopyOptions{}), context.DeadlineExceeded)
	rows, err := db.Stream(bg, "SELECT 1")
	ok(t, err)
	ok(t, rows.Close())
	ok(t, insert(tx, 1))
	ok(t, tx.Commit(bg))
	equal(t, contents(t, db), []int{1})
}

func Test_lease_that_is_held_too_long_is_rolled_back(t *testing.T) {
	db := withTable(t)
	tx, err := db.Lease(bg, sidelite.Immediate, 10*time.Millisecond)
	ok(t, err)
	ok(t, insert(tx, 1))
	same(t, len(contents(t, db)), 0) // waits for the end of the lease
	wantError(t, insert(tx, 2), sql.ErrTxDone)
	wantError(t, tx.Commit(bg), sql.ErrTxDone)
}

func Test_none_is_the_sole_use_of_the_connection(t *testing.T) {
	db := withTable(t)
	tx, err := db.Begin(bg, sidelite.None)
	ok(t, err)
	ok(t, insert(tx, 1))
	ok(t, tx.Rollback())
	tx, err = db.Begin(bg, sidelite.None)
	ok(t, err)
	ok(t, insert(tx, 2))
	ok(t, tx.Commit(bg))
	equal(t, contents(t, db), []int{1, 2})
}

func Test_lease_begins_as_deferred_immediate_and_exclusive(t *testing.T) {
	path := scratchFile(t)
	db, other := nativeFile(t, path, nil), nativeFile(t, path, &sidelite.Options{BusyTimeout: -1})
	run(t, db, "CREATE TABLE t(x)")
	for mode, want := range map[sidelite.Mode]struct{ writes, reads bool }{
		sidelite.Deferred: {true, true}, sidelite.Immediate: {false, true}, sidelite.Exclusive: {false, false},
	} {
		tx, err := db.Begin(bg, mode)
		ok(t, err)
		same(t, insert(other, 1) == nil, want.writes)
		same(t, other.QueryRow(bg, "SELECT count(*) FROM t").Err() == nil, want.reads)
		ok(t, tx.Rollback())
	}
}

func Test_a_transaction_ends_with_its_connection(t *testing.T) {
	path := scratchFile(t)
	db := nativeFile(t, path, nil)
	run(t, db, "CREATE TABLE t(x)")
	tx, err := db.Begin(bg, sidelite.Immediate)
	ok(t, err)
	ok(t, insert(tx, 1))
	ok(t, db.Close())
	wantError(t, insert(tx, 2), sidelite.ErrClosed)
	wantError(t, tx.Commit(bg), sidelite.ErrClosed)
	ok(t, tx.Rollback())
	same(t, len(contents(t, nativeFile(t, path, nil))), 0)
}

func Test_isolation_begins_transactions_by_itself(t *testing.T) {
	db := nativeFile(t, ":memory:", &sidelite.Options{Isolation: sidelite.Deferred})
	run(t, db, "CREATE TABLE t(x)")
	ok(t, insert(db, 1))
	run(t, db, "ROLLBACK")
	same(t, len(contents(t, db)), 0)
	ok(t, db.SetIsolation(bg, sidelite.None))
	ok(t, insert(db, 2))
	equal(t, contents(t, db), []int{2})
}
