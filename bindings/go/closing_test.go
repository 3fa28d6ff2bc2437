package sidelite_test

import (
	"context"
	"database/sql"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/sidelite/sidelite/bindings/go"
)

// leaves runs a body and looks whether goroutines, threads of connections or descriptors are left of it.
func leaves(t *testing.T, body func()) {
	t.Helper()
	goroutines, descriptors := runtime.NumGoroutine(), entries(t, "fd")
	body()
	settles(t, goroutines)
	until(t, "descriptors are closed", func() bool { return entries(t, "fd") <= descriptors })
	until(t, "threads are gone", func() bool { return connectionThreads(t) == 0 })
}

func Test_close_cancels(t *testing.T) {
	leaves(t, func() {
		db, err := sidelite.Open(bg, ":memory:", nil)
		ok(t, err)
		run(t, db, "CREATE TABLE t(x)")
		rows, err := db.Stream(bg, numbers)
		ok(t, err)
		same(t, rows.Next(), true)
		waiting := make(chan error, 10)
		for range cap(waiting) {
			go func() { waiting <- db.QueryRow(bg, endless).Err() }()
		}
		until(t, "all are out", func() bool {
			counters, err := db.Statistics()
			ok(t, err)
			return counters.Outstanding == cap(waiting)+1
		})
		ok(t, db.Close())
		for range cap(waiting) {
			wantError(t, <-waiting, sidelite.ErrCancelled)
		}
		for rows.Next() {
		}
		wantError(t, rows.Err(), sidelite.ErrCancelled)
		ok(t, rows.Close())
	})
}

func Test_shutdown_drains(t *testing.T) {
	leaves(t, func() {
		path := scratchFile(t)
		db, err := sidelite.Open(bg, path, nil)
		ok(t, err)
		run(t, db, "CREATE TABLE t(x)")
		var group sync.WaitGroup
		for i := range 20 {
			group.Add(1)
			go func() {
				defer group.Done()
				if err := insert(db, i); err != nil {
					t.Error(err)
				}
			}()
		}
		until(t, "all are submitted", func() bool {
			counters, err := db.Statistics()
			ok(t, err)
			return counters.Submitted == 21
		})
		ok(t, db.Shutdown(bg))
		group.Wait()
		again, err := sidelite.Open(bg, path, nil)
		ok(t, err)
		same(t, len(contents(t, again)), 20)
		ok(t, again.Close())
	})
}

func Test_shutdown_is_hurried_by_its_context(t *testing.T) {
	leaves(t, func() {
		db, err := sidelite.Open(bg, ":memory:", nil)
		ok(t, err)
		waiting := make(chan error)
		go func() { waiting <- db.QueryRow(bg, endless).Err() }()
		until(t, "it is out", func() bool {
			counters, err := db.Statistics()
			ok(t, err)
			return counters.Outstanding == 1
		})
		ok(t, db.Shutdown(soon(t)))
		wantError(t, <-waiting, sidelite.ErrCancelled)
		// A paused reader does not hold up what is hurried.
		db, err = sidelite.Open(bg, ":memory:", nil)
		ok(t, err)
		rows, err := db.Stream(bg, numbers)
		ok(t, err)
		same(t, rows.Next(), true)
		ok(t, db.Shutdown(soon(t)))
		ok(t, rows.Close())
	})
}

func Test_a_second_close_waits_for_the_first_and_may_hurry_it(t *testing.T) {
	leaves(t, func() {
		db, err := sidelite.Open(bg, ":memory:", nil)
		ok(t, err)
		rows, err := db.Stream(bg, numbers)
		ok(t, err)
		same(t, rows.Next(), true)
		first := make(chan error)
		go func() { first <- db.Shutdown(bg) }()
		until(t, "it is closing", func() bool {
			_, err := db.Exec(bg, "SELECT 1")
			return errors.Is(err, sidelite.ErrClosed)
		})
		ok(t, db.Close())
		ok(t, <-first)
		ok(t, db.Close())
		ok(t, rows.Close())
	})
}

func Test_what_is_closed_takes_nothing(t *testing.T) {
	db := native(t)
	tx, err := db.Begin(bg, sidelite.None)
	ok(t, err)
	ok(t, db.Close())
	for _, call := range []func() error{
		func() error { _, err := db.Exec(bg, "SELECT 1"); return err },
		func() error { return db.QueryRow(bg, "SELECT 1").Err() },
		func() error { _, err := db.QueryAll(bg, "SELECT 1"); return err },
		func() error { _, err := db.Stream(bg, "SELECT 1"); return err },
		func() error { _, err := db.Batch(bg, sidelite.Statement{SQL: "SELECT 1"}); return err },
		func() error { _, err := db.Begin(bg, sidelite.None); return err },
		func() error { return db.Script(bg, "SELECT 1") },
		func() error { return db.CreateFunction(bg, "f", options{}, constant(1)) },
		func() error { return db.SetCommit(bg, func() bool { return true }) },
		func() error { _, err := db.Observe(bg, sidelite.Changes); return err },
		func() error { return db.Backup(bg, scratchFile(t), sidelite.CopyOptions{}) },
		func() error { _, err := db.Serialize(bg, ""); return err },
		func() error { _, err := db.Statistics(); return err },
		func() error { _, err := tx.Exec(bg, "SELECT 1"); return err },
	} {
		wantError(t, call(), sidelite.ErrClosed)
	}
	db.Interrupt()
	for _, err := range db.Query(bg, "SELECT 1") {
		wantError(t, err, sidelite.ErrClosed)
	}
}

func Test_many_connections_come_and_go(t *testing.T) {
	leaves(t, func() {
		folder := t.TempDir()
		var group sync.WaitGroup
		connections := make([]*sidelite.Conn, 1000)
		limit := make(chan struct{}, 50)
		for i := range connections {
			group.Add(1)
			limit <- struct{}{}
			go func() {
				defer group.Done()
				defer func() { <-limit }()
				path := ":memory:"
				if i%10 == 0 {
					path = folder + "/shared.db"
				}
				db, err := sidelite.Open(bg, path, nil)
				if err != nil {
					t.Error(err)
					return
				}
				connections[i] = db
				if db.QueryRow(bg, "SELECT ?", i).Int64(0) != int64(i) {
					t.Error("it answers another")
				}
			}()
		}
		group.Wait()
		same(t, connectionThreads(t), 1000)
		for _, db := range connections {
			group.Add(1)
			go func() {
				defer group.Done()
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			}()
		}
		group.Wait()
	})
}

func Test_close_with_everything_in_flight(t *testing.T) {
	source := random(t)
	leaves(t, func() {
		for range 50 {
			db, err := sidelite.Open(bg, ":memory:", nil)
			ok(t, err)
			run(t, db, "CREATE TABLE t(x)")
			scalar(t, db, "f", options{Arguments: 1}, func(call *sidelite.Call, a sidelite.Row) (any, error) {
				row := call.QueryRow(bg, "SELECT ?", a.Value(0))
				return row.Int64(0), row.Err()
			})
			calls := []func(ctx context.Context) error{
				func(ctx context.Context) error { return db.QueryRow(ctx, endless).Err() },
				func(ctx context.Context) error { _, err := db.Exec(ctx, "INSERT INTO t VALUES (1)"); return err },
				func(ctx context.Context) error { return db.QueryRow(ctx, "SELECT f(1)").Err() },
				func(ctx context.Context) error {
					for _, err := range db.Query(ctx, numbers) {
						if err != nil {
							return err
						}
					}
					return nil
				},
				func(ctx context.Context) error {
					return db.Tx(ctx, sidelite.Immediate, func(tx *sidelite.Tx) error { return insert(tx, 1) })
				},
				func(ctx context.Context) error {
					_, err := db.Batch(ctx, sidelite.Statement{SQL: "SELECT f(1)"}, sidelite.Statement{SQL: "SELECT 1"})
					return err
				},
				func(ctx context.Context) error { return db.Backup(ctx, ":memory:", sidelite.CopyOptions{Pages: 1}) },
				func(ctx context.Context) error {
					notices, err := db.Observe(ctx, sidelite.Changes|sidelite.Trace)
					if err == nil {
						for range notices {
						}
					}
					return err
				},
			}
			var group sync.WaitGroup
			for range 20 {
				call := calls[source.IntN(len(calls))]
				ctx, cancel := context.WithCancel(bg)
				if source.IntN(2) == 0 {
					time.AfterFunc(time.Duration(source.IntN(1000))*time.Microsecond, cancel)
				}
				group.Add(1)
				go func() {
					defer group.Done()
					defer cancel()
					err := call(ctx)
					if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, sidelite.ErrCancelled) &&
						!errors.Is(err, sidelite.ErrClosed) && !errors.Is(err, sql.ErrTxDone) && !errors.Is(err, sidelite.ErrAborted) {
						t.Error(err)
					}
				}()
			}
			time.Sleep(time.Duration(source.IntN(2000)) * time.Microsecond)
			ok(t, db.Close())
			group.Wait()
		}
	})
}

func Test_open_is_left_by_its_context(t *testing.T) {
	path := scratchFile(t)
	leaves(t, func() {
		for i := range 100 {
			ctx, cancel := context.WithTimeout(bg, time.Duration(i)*10*time.Microsecond)
			db, err := sidelite.Open(ctx, path, nil)
			cancel()
			if err == nil {
				ok(t, db.Close())
				continue
			}
			wantError(t, err, context.DeadlineExceeded)
		}
	})
}
