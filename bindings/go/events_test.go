package sidelite_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/sidelite/sidelite/bindings/go"
)

// observe observes until the test ends.
func observe(t testing.TB, db *sidelite.Conn, what sidelite.What) <-chan sidelite.Notice {
	t.Helper()
	ctx, cancel := context.WithCancel(bg)
	notices, err := db.Observe(ctx, what)
	ok(t, err)
	t.Cleanup(func() {
		cancel()
		for range notices {
		}
		until(t, "the observation has ended", func() bool {
			counters, err := db.Statistics()
			return err != nil || counters.Outstanding == 0
		})
	})
	return notices
}

func Test_observe_changes_after_their_commit(t *testing.T) {
	db := native(t)
	run(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, x)")
	notices := observe(t, db, sidelite.Changes|sidelite.Commits)
	tx, err := db.Begin(bg, sidelite.Immediate)
	ok(t, err)
	run(t, tx, "INSERT INTO t VALUES (7, 'a')")
	run(t, tx, "UPDATE t SET id = 8")
	select {
	case notice := <-notices:
		t.Errorf("told before the commit: %v", notice)
	case <-time.After(5 * time.Millisecond):
	}
	ok(t, tx.Commit(bg))
	run(t, db, "DELETE FROM t")
	equal(t, <-notices, sidelite.Notice{Kind: "insert", Schema: "main", Table: "t", OldRowID: 0, RowID: 7})
	equal(t, <-notices, sidelite.Notice{Kind: "update", Schema: "main", Table: "t", OldRowID: 7, RowID: 8})
	same(t, (<-notices).Kind, "commit")
	equal(t, <-notices, sidelite.Notice{Kind: "delete", Schema: "main", Table: "t", OldRowID: 8, RowID: 0})
	same(t, (<-notices).Kind, "commit")
}

func Test_observe_values_before_and_after(t *testing.T) {
	db := native(t)
	run(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, x)")
	notices := observe(t, db, sidelite.ChangeValues)
	run(t, db, "INSERT INTO t VALUES (1, 'a')")
	run(t, db, "UPDATE t SET x = x'01'")
	run(t, db, "DELETE FROM t")
	for _, want := range []struct{ old, new []any }{
		{nil, []any{int64(1), "a"}}, {[]any{int64(1), "a"}, []any{int64(1), []byte{1}}}, {[]any{int64(1), []byte{1}}, nil},
	} {
		notice := <-notices
		equal(t, notice.Old, want.old)
		equal(t, notice.New, want.new)
	}
}

func Test_observe_nothing_of_a_transaction_that_is_rolled_back(t *testing.T) {
	db := native(t)
	run(t, db, "CREATE TABLE t(x)")
	notices := observe(t, db, sidelite.Changes|sidelite.Rollbacks)
	tx, err := db.Begin(bg, sidelite.Immediate)
	ok(t, err)
	ok(t, insert(tx, 1))
	ok(t, tx.Rollback())
	ok(t, insert(db, 2))
	same(t, (<-notices).Kind, "rollback")
	same(t, (<-notices).Kind, "insert")
}

func Test_observe_statements_as_they_begin_and_end(t *testing.T) {
	db := native(t)
	notices := observe(t, db, sidelite.Trace|sidelite.Profile)
	run(t, db, "SELECT ?", 5)
	notice := <-notices
	same(t, notice.Kind, "trace")
	same(t, notice.SQL, "SELECT 5")
	notice = <-notices
	same(t, notice.Kind, "profile")
	if notice.VMSteps == 0 {
		t.Errorf("got %v", notice)
	}
}

func Test_observe_the_log_as_it_grows(t *testing.T) {
	db := nativeFile(t, scratchFile(t), &sidelite.Options{JournalMode: "WAL"})
	notices := observe(t, db, sidelite.WALCommits)
	run(t, db, "CREATE TABLE t(x)")
	notice := <-notices
	same(t, notice.Kind, "wal")
	same(t, notice.Schema, "main")
	if notice.Pages == 0 {
		t.Errorf("got %v", notice)
	}
}

func Test_observation_that_cannot_be_is_refused(t *testing.T) {
	db := native(t)
	session, err := db.OpenSession(bg)
	ok(t, err)
	_, err = db.Observe(bg, sidelite.Changes)
	wantError(t, err, sidelite.ErrRefused)
	ok(t, session.Close())
	_, err = db.Observe(bg, 1<<20)
	if err == nil {
		t.Error("something is observed that is not there")
	}
}

func Test_observation_ends_with_its_context_and_with_its_connection(t *testing.T) {
	before := runtime.NumGoroutine()
	db := native(t)
	run(t, db, "CREATE TABLE t(x)")
	ctx, cancel := context.WithCancel(bg)
	notices, err := db.Observe(ctx, sidelite.Changes)
	ok(t, err)
	for i := range 100 {
		ok(t, insert(db, i))
	}
	cancel()
	for range notices {
	}
	notices, err = db.Observe(bg, sidelite.Changes)
	ok(t, err)
	ok(t, insert(db, 100))
	// What nobody reads holds up nothing.
	ok(t, db.Close())
	same(t, (<-notices).Kind, "insert")
	_, isOpen := <-notices
	same(t, isOpen, false)
	settles(t, before)
}
