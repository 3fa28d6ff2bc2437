package sidelite

import (
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"
)

// Row is a row of a result: a small value that may be kept, copied and read by any goroutine. It keeps the rows in
// memory that came with it.
type Row struct {
	block *block
	index int
	err   error
}

// Type is what a cell holds.
type Type uint8

// The types of SQLite's values.
const (
	TypeNull = Type(iota)
	TypeInteger
	TypeReal
	TypeText
	TypeBlob
)

// Err is why there is no row.
func (r Row) Err() error { return r.err }

// Len is the number of columns.
func (r Row) Len() int {
	if r.block == nil {
		return 0
	}
	return int(r.block.ncols)
}

// Columns are the names of the columns.
func (r Row) Columns() []string {
	names := make([]string, r.Len())
	for i := range names {
		names[i] = r.block.name(i)
	}
	return names
}

// cell panics as a slice does for an index that is out of range.
func (r Row) cell(column int) *cell {
	if column < 0 || column >= r.Len() {
		panic(fmt.Sprintf("sidelite: column %d of a row of %d", column, r.Len()))
	}
	return r.block.cell(r.index, column)
}

// Type is what a cell holds. Columns are counted from 0, here and below.
func (r Row) Type(column int) Type { return Type(r.cell(column).kind) }

// IsNull says whether a cell is NULL.
func (r Row) IsNull(column int) bool { return r.cell(column).kind == kindNull }

// Int64 is a cell's INTEGER. A REAL is cut towards zero (0 when it is outside int64), other types are 0: no text is
// parsed. Scan is exact, or an error.
func (r Row) Int64(column int) int64 {
	c := r.cell(column)
	switch c.kind {
	case kindInteger:
		return c.integer()
	case kindReal:
		if real := c.real(); real > -(1<<63) && real < 1<<63 {
			return int64(real)
		}
	}
	return 0
}

// Float64 is a cell's REAL, or its INTEGER as one; other types are 0.
func (r Row) Float64(column int) float64 {
	c := r.cell(column)
	switch c.kind {
	case kindReal:
		return c.real()
	case kindInteger:
		return float64(c.integer())
	}
	return 0
}

// Text is a cell's TEXT or the bytes of its BLOB; "" for other types. It is no copy, and keeps the rows in memory that
// came with it: strings.Clone one that is kept for long.
func (r Row) Text(column int) string {
	if c := r.cell(column); c.kind == kindText || c.kind == kindBlob {
		return r.block.text(c)
	}
	return ""
}

// Bytes is a copy of a cell's BLOB, or of the bytes of its TEXT; nil for other types.
func (r Row) Bytes(column int) []byte {
	if c := r.cell(column); c.kind == kindText || c.kind == kindBlob {
		return append([]byte{}, r.block.raw(c)...)
	}
	return nil
}

// Value is a cell as nil, int64, float64, string or []byte.
func (r Row) Value(column int) any { return r.block.value(r.cell(column)) }

// Values are all cells of the row.
func (r Row) Values() []any {
	values := make([]any, r.Len())
	for i := range values {
		values[i] = r.Value(i)
	}
	return values
}

// Scan copies the cells, of which there must be as many, to where the destinations point: *int64, *string, *[]byte,
// *any, *bool, *float64, other numbers, *time.Time, types made of these, pointers to them (nil for NULL), and whatever
// has database/sql's Scan method, such as sql.NullString and sql.Null[T]. A nil destination passes over its cell.
//
// Numbers are exact: a REAL into an integer must be whole, and one that does not fit is an error. NULL goes only where
// it has a place.
func (r Row) Scan(destinations ...any) error {
	if r.err != nil {
		return r.err
	}
	if len(destinations) != r.Len() {
		return fmt.Errorf("sidelite: %d destinations for %d columns", len(destinations), r.Len())
	}
	for i, destination := range destinations {
		if err := r.scan(r.block.cell(r.index, i), destination); err != nil {
			return fmt.Errorf("sidelite: column %d, %q: %w", i, r.block.name(i), err)
		}
	}
	return nil
}

func (r Row) scan(c *cell, destination any) error {
	switch d := destination.(type) {
	case nil:
		return nil
	case *int64:
		return scanInto(d, c, integerOf)
	case *int:
		return scanInto(d, c, func(c *cell) (int, error) { n, err := integerOf(c); return int(n), err })
	case *float64:
		return scanInto(d, c, realOf)
	case *bool:
		return scanInto(d, c, truthOf)
	case *string:
		return scanInto(d, c, r.textOf)
	case *time.Time:
		return scanInto(d, c, r.timeOf)
	case *[]byte:
		return scanInto(d, c, r.bytesOf)
	case *any:
		return scanInto(d, c, func(c *cell) (any, error) { return r.block.value(c), nil })
	case sql.Scanner:
		return d.Scan(r.block.value(c))
	}
	return r.scanReflected(c, destination)
}

func scanInto[T any](d *T, c *cell, convert func(*cell) (T, error)) error {
	if d == nil {
		return errPlace
	}
	value, err := convert(c)
	if err == nil {
		*d = value
	}
	return err
}

var (
	errNull  = errors.New("NULL has no place there")
	errPlace = errors.New("a nil pointer is no place for a value")
)

func errType(c *cell, wanted string) error {
	if c.kind == kindNull {
		return errNull
	}
	return fmt.Errorf("%s is no %s", typeNames[c.kind], wanted)
}

var typeNames = [...]string{"NULL", "INTEGER", "REAL", "TEXT", "BLOB"}

func integerOf(c *cell) (int64, error) {
	switch c.kind {
	case kindInteger:
		return c.integer(), nil
	case kindReal:
		if real := c.real(); real == math.Trunc(real) && real >= -(1<<63) && real < 1<<63 {
			return int64(real), nil
		}
		return 0, fmt.Errorf("%v is no whole number of 64 bits", c.real())
	}
	return 0, errType(c, "INTEGER")
}

func realOf(c *cell) (float64, error) {
	switch c.kind {
	case kindReal:
		return c.real(), nil
	case kindInteger:
		if real := float64(c.integer()); real < 1<<63 && int64(real) == c.integer() {
			return real, nil
		}
		return 0, fmt.Errorf("%d cannot be told exactly by a float64", c.integer())
	}
	return 0, errType(c, "REAL")
}

func truthOf(c *cell) (bool, error) {
	if c.kind == kindInteger && c.bits <= 1 {
		return c.bits == 1, nil
	}
	if c.kind == kindInteger {
		return false, fmt.Errorf("%d is neither true nor false", c.integer())
	}
	return false, errType(c, "INTEGER")
}

func (r Row) textOf(c *cell) (string, error) {
	if c.kind == kindText || c.kind == kindBlob {
		return r.block.text(c), nil
	}
	return "", errType(c, "TEXT")
}

func (r Row) bytesOf(c *cell) ([]byte, error) {
	switch c.kind {
	case kindNull:
		return nil, nil
	case kindText, kindBlob:
		return append([]byte{}, r.block.raw(c)...), nil
	}
	return nil, errType(c, "BLOB")
}

// timeOf reads what a time.Time is written as, and what SQLite's own functions write; an INTEGER is seconds since 1970.
func (r Row) timeOf(c *cell) (time.Time, error) {
	switch c.kind {
	case kindInteger:
		return time.Unix(c.integer(), 0).UTC(), nil
	case kindText:
		text := r.block.text(c)
		if value := timeOfText(text, nil); !value.IsZero() || text == formatTimeText(value) {
			return value, nil
		}
		return time.Time{}, fmt.Errorf("%q is no time", text)
	}
	return time.Time{}, errType(c, "time")
}

func formatTimeText(value time.Time) string { return string(formatTime(nil, value)) }
