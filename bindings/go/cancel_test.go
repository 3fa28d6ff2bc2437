package sidelite_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sidelite/sidelite/bindings/go"
)

func Test_stopped_before_it_is_submitted(t *testing.T) {
	db, why := withTable(t), errors.New("why")
	ctx, cancel := context.WithCancelCause(bg)
	cancel(why)
	before, err := db.Statistics()
	ok(t, err)
	for _, call := range []func() error{
		func() error { _, err := db.Exec(ctx, "INSERT INTO t VALUES (1)"); return err },
		func() error { return db.QueryRow(ctx, "INSERT INTO t VALUES (1) RETURNING x").Err() },
		func() error { _, err := db.Batch(ctx, sidelite.Statement{SQL: "INSERT INTO t VALUES (1)"}); return err },
		func() error { _, err := db.Begin(ctx, sidelite.Immediate); return err },
		func() error { _, err := db.Observe(ctx, sidelite.Changes); return err },
		func() error { return db.Backup(ctx, scratchFile(t), sidelite.CopyOptions{}) },
		func() error { return db.CreateFunction(ctx, "f", sidelite.FunctionOptions{}, nil) },
	} {
		err := call()
		wantError(t, err, context.Canceled)
		wantError(t, err, why)
		same(t, failed(t, err).NotRun, true)
	}
	after, err := db.Statistics()
	ok(t, err)
	same(t, after.Submitted, before.Submitted)
}

func Test_stopped_while_queued_and_its_neighbour_is_not(t *testing.T) {
	db := withTable(t)
	running, stopRunning := context.WithCancel(bg)
	queued, stopQueued := context.WithCancel(bg)
	var group sync.WaitGroup
	start := func(body func()) {
		counters, err := db.Statistics()
		ok(t, err)
		group.Add(1)
		go func() { defer group.Done(); body() }()
		until(t, "it is submitted", func() bool {
			now, err := db.Statistics()
			ok(t, err)
			return now.Submitted > counters.Submitted
		})
	}
	start(func() {
		err := db.QueryRow(running, endless).Err()
		wantError(t, err, context.Canceled)
		same(t, failed(t, err).NotRun, false)
	})
	start(func() {
		_, err := db.Exec(queued, "INSERT INTO t VALUES (1)")
		wantError(t, err, context.Canceled)
		same(t, failed(t, err).NotRun, true)
	})
	start(func() {
		if err := insert(db, 2); err != nil {
			t.Error(err)
		}
	})
	stopQueued()
	time.Sleep(5 * time.Millisecond)
	stopRunning()
	group.Wait()
	equal(t, contents(t, db), []int{2})
}

func Test_stopped_while_waiting_for_a_lock(t *testing.T) {
	path := scratchFile(t)
	holder, waiter := nativeFile(t, path, nil), nativeFile(t, path, nil)
	run(t, holder, "CREATE TABLE t(x)")
	tx, err := holder.Begin(bg, sidelite.Immediate)
	ok(t, err)
	ok(t, insert(tx, 1))
	_, err = waiter.Exec(soon(t), "INSERT INTO t VALUES (2)")
	wantError(t, err, context.DeadlineExceeded)
	ok(t, tx.Commit(bg))
	ok(t, insert(waiter, 4))
	equal(t, contents(t, holder), []int{1, 4})
}

func Test_stop_after_the_end_does_nothing(t *testing.T) {
	db := native(t)
	ctx, cancel := context.WithCancel(bg)
	ok(t, db.QueryRow(ctx, "SELECT 1").Err())
	cancel()
	ok(t, db.QueryRow(bg, "SELECT 1").Err())
}

func Test_one_context_stops_many(t *testing.T) {
	db := native(t)
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(bg)
	var group sync.WaitGroup
	for i := range 500 {
		group.Add(1)
		go func() {
			defer group.Done()
			query := "SELECT 1"
			if i%2 == 0 {
				query = endless
			}
			// Those before the first endless one succeed.
			if err := db.QueryRow(ctx, query).Err(); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}()
	}
	time.Sleep(5 * time.Millisecond)
	cancel()
	group.Wait()
	settles(t, before)
}

func Test_stops_race_with_their_requests(t *testing.T) {
	db, source := native(t), random(t)
	run(t, db, "CREATE TABLE t(x)")
	var done atomic.Int64
	for range 100 {
		var group sync.WaitGroup
		for i := range 20 {
			ctx, cancel := context.WithCancel(bg)
			defer cancel()
			if source.IntN(3) == 0 {
				time.AfterFunc(time.Duration(source.IntN(300))*time.Microsecond, cancel)
			}
			group.Add(1)
			go func() {
				defer group.Done()
				if _, err := db.Exec(ctx, "INSERT INTO t VALUES (?)", i); err == nil {
					done.Add(1)
				} else if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			}()
		}
		group.Wait()
	}
	same(t, cellOf[int64](t, db, "SELECT count(*) FROM t"), done.Load())
}
