package bench

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

var quick = flag.Bool("quick", false, "smaller tables and fewer operations")

// sizes are how much each workload does.
var sizes struct {
	rows, table, point, many, each int
}

func TestMain(m *testing.M) {
	flag.Parse()
	sizes.rows, sizes.table, sizes.point, sizes.many, sizes.each = 1_000_000, 1_000_000, 20_000, 100_000, 5_000
	if *quick {
		sizes.rows, sizes.table, sizes.point, sizes.many, sizes.each = 100_000, 100_000, 5_000, 20_000, 1_000
	}
	makeNames(sizes.rows)
	code := m.Run()
	if template != "" {
		os.RemoveAll(filepath.Dir(template))
	}
	os.Exit(code)
}

// store is a database behind some interface for Go.
type store interface {
	exec(b testing.TB, query string)
	// insertAll: rows from `from` on, by one task in one transaction, in the way that is made for many rows.
	insertAll(b testing.TB, from, count int)
	// insertMany: the same, a statement for each row, by many tasks at once.
	insertMany(b testing.TB, from, count int)
	// insertEach: each row a transaction of its own.
	insertEach(b testing.TB, from, count int)
	// reader: a function that any task may call with its number, and one that puts away what it used.
	reader(b testing.TB) (read func(task, id int) string, done func())
	readAll(b testing.TB, rows []row) []row
}

// contender is one line of the table.
type contender struct {
	name string
	open func(b testing.TB, path string, connections int) store
}

// contenders come in an order that does not favour one: each round runs them all.
func contenders() (all []contender) {
	for _, driver := range sqlDrivers {
		all = append(all, contender{driver.name, func(b testing.TB, path string, connections int) store {
			return openSQL(b, driver, path, connections)
		}})
	}
	return append(all, contender{"native", func(b testing.TB, path string, connections int) store {
		return openNative(b, path, connections)
	}})
}

// compete runs a workload in a file and in memory with every contender.
func compete(b *testing.B, connections int, work func(b *testing.B, open func(connections int) store)) {
	for _, kind := range []string{"file", "memory"} {
		if kind == "memory" && connections > 1 {
			continue
		}
		b.Run("store="+kind, func(b *testing.B) {
			for _, contender := range contenders() {
				b.Run("driver="+contender.name, func(b *testing.B) {
					path := memory
					if kind == "file" {
						path = filepath.Join(b.TempDir(), "bench.db")
					}
					work(b, func(connections int) store { return contender.open(b, path, connections) })
				})
			}
		})
	}
}

// measure runs the work once for each iteration and reports time and allocations for each of its operations.
func measure(b *testing.B, operations int, work func()) {
	var before, after runtime.MemStats
	var elapsed time.Duration
	var allocations, bytes uint64
	for range b.N {
		runtime.GC()
		runtime.ReadMemStats(&before)
		start := time.Now()
		work()
		elapsed += time.Since(start)
		runtime.ReadMemStats(&after)
		allocations += after.Mallocs - before.Mallocs
		bytes += after.TotalAlloc - before.TotalAlloc
	}
	total := float64(operations) * float64(b.N)
	b.ReportMetric(float64(elapsed.Nanoseconds())/total, "ns/op")
	b.ReportMetric(float64(allocations)/total, "allocs/op")
	b.ReportMetric(float64(bytes)/total, "B/op")
}

// template is a file with the table in it, made once.
var template string

func fill(b *testing.B, s store) {
	b.Helper()
	copyOf := filepath.Join(b.TempDir(), "template.db")
	copyFile(b, templateFile(b), copyOf)
	s.exec(b, createTable)
	s.exec(b, "ATTACH '"+copyOf+"' AS template")
	s.exec(b, "INSERT INTO t SELECT * FROM template.t")
	s.exec(b, "DETACH template")
}

func templateFile(b *testing.B) string {
	if template == "" {
		folder, err := os.MkdirTemp("", "sidelite-bench-")
		check(b, err)
		path := filepath.Join(folder, "template.db")
		s := openNative(b, path, 1)
		s.exec(b, createTable)
		s.insertAll(b, 0, sizes.table)
		s.exec(b, "PRAGMA wal_checkpoint(TRUNCATE)")
		s.exec(b, "PRAGMA journal_mode=DELETE")
		template = path
	}
	return template
}

// A file that one copy of SQLite has open must not be opened by another in the same process: each gets a copy.
func copyFile(b *testing.B, from, to string) {
	source, err := os.Open(from)
	check(b, err)
	defer source.Close()
	target, err := os.Create(to)
	check(b, err)
	_, err = io.Copy(target, source)
	check(b, err)
	check(b, target.Close())
}

func BenchmarkW1_insert_many_rows(b *testing.B) {
	compete(b, 1, func(b *testing.B, open func(int) store) {
		insert(b, open(1), sizes.rows, store.insertAll)
	})
}

func BenchmarkW2_insert_64_in_flight(b *testing.B) {
	compete(b, 1, func(b *testing.B, open func(int) store) {
		insert(b, open(1), sizes.many, store.insertMany)
	})
}

func BenchmarkW3_read_one_by_one(b *testing.B) {
	compete(b, 1, func(b *testing.B, open func(int) store) {
		readPoints(b, open(1), sizes.point, 1)
	})
}

func BenchmarkW4_read_64_in_flight(b *testing.B) {
	compete(b, 1, func(b *testing.B, open func(int) store) {
		readPoints(b, open(1), sizes.many, inFlight)
	})
}

func BenchmarkW5_read_many_rows(b *testing.B) {
	compete(b, 1, func(b *testing.B, open func(int) store) {
		s := open(1)
		fill(b, s)
		rows := make([]row, 0, sizes.table)
		measure(b, sizes.table, func() { rows = s.readAll(b, rows[:0]) })
		checkRows(b, rows, sizes.table)
	})
}

func BenchmarkW6_commit_each(b *testing.B) {
	compete(b, 1, func(b *testing.B, open func(int) store) {
		insert(b, open(1), sizes.each, store.insertEach)
	})
}

func BenchmarkW7_read_four_connections(b *testing.B) {
	compete(b, 4, func(b *testing.B, open func(int) store) {
		readPoints(b, open(4), sizes.many, inFlight)
	})
}

// insert measures a way to insert, and looks whether the rows are there.
func insert(b *testing.B, s store, count int, insert func(s store, b testing.TB, from, count int)) {
	s.exec(b, createTable)
	from := 0
	measure(b, count, func() {
		insert(s, b, from, count)
		from += count
	})
	if b.N == 1 {
		checkRows(b, s.readAll(b, nil), count)
	}
}

// readPoints measures reads of one row by its key, and looks at each.
func readPoints(b *testing.B, s store, count, tasks int) {
	fill(b, s)
	read, done := s.reader(b)
	measure(b, count, func() {
		concurrently(tasks, count, func(task, i int) {
			id := scattered(i, sizes.table)
			if name := read(task, id); name != nameOf(id) {
				b.Errorf("the name of %d is %q", id, name)
			}
		})
	})
	done()
}
