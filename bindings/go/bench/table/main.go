// Command table reads what `go test -bench` has printed, of one round or of several, and prints each workload's times
// as ratios to mattn/go-sqlite3's. It never fails for a time: a noisy machine is no defect.
package main

import (
	"fmt"
	"log"
	"os"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// peer is the driver that the others are compared with.
const peer = "mattn"

// bars are the ratios that the better of the driver and the native interface is meant to keep.
var bars = map[string]float64{"W1": 0.6, "W2": 1.0, "W3": 1.5, "W4": 0.8, "W5": 0.4, "W7": 0.9}

// cell is one workload of one contender.
type cell struct {
	nanoseconds, allocations []float64
}

// line is one workload in one kind of store.
type line struct {
	workload, store string
}

// table keeps lines and contenders in the order in which they came.
type table struct {
	lines   []line
	drivers []string
	cells   map[line]map[string]*cell
}

func main() {
	log.SetFlags(0)
	results := table{cells: map[line]map[string]*cell{}}
	if err := results.read(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
	if len(results.lines) == 0 {
		log.Fatal("table: no benchmarks in ", os.Args[1:])
	}
	results.print()
}

func (t *table) read(paths []string) error {
	files := benchfmt.Files{Paths: paths, AllowStdin: true}
	for files.Scan() {
		switch record := files.Result().(type) {
		case *benchfmt.Result:
			t.add(record)
		case *benchfmt.SyntaxError:
			return record
		}
	}
	return files.Err()
}

func (t *table) add(result *benchfmt.Result) {
	base, parts := result.Name.Parts()
	workload, _, _ := strings.Cut(string(base), "_")
	at := line{workload: workload}
	driver := ""
	for _, part := range parts {
		if store, ok := strings.CutPrefix(string(part), "/store="); ok {
			at.store = store
		}
		if name, ok := strings.CutPrefix(string(part), "/driver="); ok {
			driver = name
		}
	}
	found := t.cell(at, driver)
	if seconds, ok := result.Value("sec/op"); ok {
		found.nanoseconds = append(found.nanoseconds, seconds*1e9)
	}
	if allocations, ok := result.Value("allocs/op"); ok {
		found.allocations = append(found.allocations, allocations)
	}
}

func (t *table) cell(at line, driver string) *cell {
	if t.cells[at] == nil {
		t.cells[at] = map[string]*cell{}
		t.lines = append(t.lines, at)
	}
	if !slices.Contains(t.drivers, driver) {
		t.drivers = append(t.drivers, driver)
	}
	if t.cells[at][driver] == nil {
		t.cells[at][driver] = &cell{}
	}
	return t.cells[at][driver]
}

// print writes time (ratio to the peer) and allocations for each operation; a row, where there are many.
func (t *table) print() {
	fmt.Printf("ns per operation (ratio to %s), allocations per operation; medians\n\n", peer)
	fmt.Printf("%-4s%-8s%-7s", "", "store", "bar")
	for _, driver := range t.drivers {
		fmt.Printf("%26s", driver)
	}
	fmt.Println()
	for _, at := range t.lines {
		t.printLine(at)
	}
}

func (t *table) printLine(at line) {
	bar := "-"
	if limit, ok := bars[at.workload]; ok {
		bar = fmt.Sprintf("%.1f", limit)
	}
	fmt.Printf("%-4s%-8s%-7s", at.workload, at.store, bar)
	base := 0.0
	if found := t.cells[at][peer]; found != nil {
		base = median(found.nanoseconds)
	}
	for _, driver := range t.drivers {
		fmt.Printf("%26s", describe(t.cells[at][driver], base))
	}
	fmt.Println()
}

func describe(found *cell, base float64) string {
	if found == nil || len(found.nanoseconds) == 0 {
		return "-"
	}
	time := median(found.nanoseconds)
	ratio := "-"
	if base > 0 {
		ratio = fmt.Sprintf("%.2fx", time/base)
	}
	return fmt.Sprintf("%.0f (%s) %5.1f", time, ratio, median(found.allocations))
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}
