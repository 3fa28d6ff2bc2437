// Package bench measures this driver, and the interface below it, against other drivers of SQLite for Go.
package bench

import (
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
)

const (
	memory      = ":memory:"
	inFlight    = 64
	batchRows   = 1000
	createTable = "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, score REAL, payload BLOB)"
	insertRow   = "INSERT INTO t VALUES (?, ?, ?, ?)"
	selectName  = "SELECT name FROM t WHERE id = ?"
	selectAll   = "SELECT id, name, score, payload FROM t"
)

// row is one of the table: a name of 20 bytes, a payload of 32.
type row struct {
	id      int64
	name    string
	score   float64
	payload []byte
}

// payloads is shared by the rows: what is measured is the database, not the making of bytes.
var payloads = func() (all [256][]byte) {
	for i := range all {
		all[i] = make([]byte, 32)
		for j := range all[i] {
			all[i][j] = byte(i + j)
		}
	}
	return all
}()

// names are made once, for the same reason.
var names []string

func nameOf(id int) string {
	if id < len(names) {
		return names[id]
	}
	return fmt.Sprintf("name-%015d", id)
}

func makeNames(count int) {
	for i := len(names); i < count; i++ {
		names = append(names, fmt.Sprintf("name-%015d", i))
	}
}

func rowOf(id int) row {
	return row{int64(id), nameOf(id), float64(id) / 2, payloads[id%len(payloads)]}
}

// rowsFrom are rows as values for an interface that takes many at once.
func rowsFrom(from, count int) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for id := from; id < from+count; id++ {
			row := rowOf(id)
			if !yield([]any{row.id, row.name, row.score, row.payload}) {
				return
			}
		}
	}
}

// check ends a benchmark that did not do its work.
func check(b testing.TB, err error) {
	if err != nil {
		b.Helper()
		b.Error(err)
		panic(err)
	}
}

// checkRows wants exactly the rows from 0 on: nobody is fast by leaving some out.
func checkRows(b testing.TB, rows []row, count int) {
	b.Helper()
	if len(rows) != count {
		b.Fatalf("%d rows instead of %d", len(rows), count)
	}
	for id, got := range rows {
		want := rowOf(id)
		if got.id != want.id || got.name != want.name || got.score != want.score ||
			string(got.payload) != string(want.payload) {
			b.Fatalf("row %d is %v", id, got)
		}
	}
}

// concurrently does `count` pieces of work with so many tasks, of which each knows its number.
func concurrently(tasks, count int, work func(task, i int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for task := range tasks {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := next.Add(1) - 1; i < int64(count); i = next.Add(1) - 1 {
				work(task, int(i))
			}
		}()
	}
	group.Wait()
}

// scattered visits ids in an order in which neighbours are far apart.
func scattered(i, count int) int {
	return int(uint64(i) * 2654435761 % uint64(count))
}
