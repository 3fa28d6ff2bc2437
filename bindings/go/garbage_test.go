package sidelite_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/sidelite/sidelite/bindings/go"
)

// connectionThreads counts the threads of connections by their name.
func connectionThreads(t testing.TB) int {
	t.Helper()
	names, err := filepath.Glob("/proc/self/task/*/comm")
	ok(t, err)
	count := 0
	for _, name := range names {
		// A thread may end meanwhile.
		if text, err := os.ReadFile(name); err == nil && strings.HasPrefix(string(text), "sidelite") {
			count++
		}
	}
	return count
}

// collected collects garbage until the condition holds.
func collected(t testing.TB, what string, condition func() bool) {
	t.Helper()
	until(t, what, func() bool {
		runtime.GC()
		return condition()
	})
}

func Test_a_connection_left_to_the_garbage_collector_is_closed(t *testing.T) {
	leaves(t, func() {
		func() {
			defer debug.SetGCPercent(debug.SetGCPercent(-1))
			for range 20 {
				db, err := sidelite.Open(bg, scratchFile(t), nil)
				ok(t, err)
				run(t, db, "CREATE TABLE t(x)")
			}
			same(t, connectionThreads(t), 20)
		}()
		collected(t, "all are closed", func() bool { return connectionThreads(t) == 0 })
	})
}

func Test_nor_do_functions_observations_and_rows_keep_it(t *testing.T) {
	leaves(t, func() {
		ctx, cancel := context.WithCancel(bg)
		defer cancel()
		func() {
			db, err := sidelite.Open(bg, ":memory:", nil)
			ok(t, err)
			scalar(t, db, "f", options{}, constant(1))
			ok(t, db.CreateAggregate(bg, "g", options{Arguments: 1}, func() sidelite.Aggregate { return &total{} }))
			ok(t, db.CreateCollation(bg, "c", strings.Compare))
			ok(t, db.SetCommit(bg, func() bool { return true }))
			_, err = db.Observe(ctx, sidelite.Changes|sidelite.Trace)
			ok(t, err)
			ok(t, db.QueryRow(bg, "SELECT f(), g(1)").Err())
			rows, err := db.Stream(bg, numbers)
			ok(t, err)
			same(t, rows.Next(), true)
			_, err = db.Begin(bg, sidelite.Immediate)
			ok(t, err)
		}()
		collected(t, "it is closed", func() bool { return connectionThreads(t) == 0 })
	})
}

func Test_work_that_is_out_keeps_its_connection(t *testing.T) {
	leaves(t, func() {
		result := make(chan int64)
		func() {
			db, err := sidelite.Open(bg, ":memory:", nil)
			ok(t, err)
			scalar(t, db, "later", options{Arguments: 1}, func(_ *sidelite.Call, a sidelite.Row) (any, error) {
				for range 20 {
					runtime.GC()
					time.Sleep(time.Millisecond)
				}
				return a.Int64(0), nil
			})
			go func() { result <- db.QueryRow(bg, "SELECT later(5)").Int64(0) }()
		}()
		same(t, <-result, 5)
		collected(t, "it is closed", func() bool { return connectionThreads(t) == 0 })
	})
}

func Test_rows_left_to_the_garbage_collector_end_their_statement(t *testing.T) {
	db := native(t)
	func() {
		for range 5 {
			rows, err := db.Stream(bg, numbers)
			ok(t, err)
			same(t, rows.Next(), true)
		}
	}()
	collected(t, "nothing is out", func() bool {
		counters, err := db.Statistics()
		ok(t, err)
		return counters.Outstanding == 0
	})
}

func Test_a_transaction_left_to_the_garbage_collector_is_rolled_back(t *testing.T) {
	db := withTable(t)
	func() {
		tx, err := db.Begin(bg, sidelite.Immediate)
		ok(t, err)
		ok(t, insert(tx, 1))
	}()
	done := make(chan int)
	go func() { done <- len(contents(t, db)) }()
	collected(t, "others go on", func() bool {
		select {
		case count := <-done:
			same(t, count, 0)
			return true
		default:
			return false
		}
	})
}

func Test_rows_that_are_kept_stay_as_they_are(t *testing.T) {
	db := native(t)
	var kept []sidelite.Row
	var texts []string
	for row, err := range db.Query(bg, "SELECT i, 'text ' || i FROM ("+series(20_000)+")") {
		ok(t, err)
		if row.Int64(0)%1000 == 0 {
			kept, texts = append(kept, row), append(texts, row.Text(1))
		}
	}
	runtime.GC()
	for range db.Query(bg, "SELECT zeroblob(100) FROM ("+series(20_000)+")") {
	}
	for i, row := range kept {
		same(t, row.Int64(0), int64(i+1)*1000)
		same(t, row.Text(1), texts[i])
	}
	same(t, texts[4], "text 5000")
}

func Test_many_requests_leave_nothing_behind(t *testing.T) {
	db := native(t)
	run(t, db, "CREATE TABLE t(x)")
	heap := func(count int) uint64 {
		for i := range count {
			if i%50 == 0 {
				_ = db.QueryRow(bg, "nonsense").Err()
			}
			ok(t, db.QueryRow(bg, "SELECT ?", i).Err())
		}
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	heap(2000)
	before := heap(1000)
	if after := heap(20_000); after > before+1<<20 {
		t.Errorf("grown by %d bytes", after-before)
	}
}
