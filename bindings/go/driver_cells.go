package sidelite

import (
	"database/sql/driver"
	"unsafe"
)

// The cells of a result become values of database/sql without a copy, and without memory of their own: an `any` is two
// words, a type and where the value is, and the value is in the block already. Nobody writes into a block again after a
// row of it was given out, so what a program keeps stays as it is, and keeps the block.

// boxed is how Go lays out an `any`.
type boxed struct {
	kind unsafe.Pointer
	data unsafe.Pointer
}

// textHeader is how Go lays out a string. It takes the place of a cell that is as large. The collector does not see the
// address in it, nor need it: it leads into the block that the cell is in.
type textHeader struct {
	start  uintptr
	length uintptr
}

var _ = [1]struct{}{}[unsafe.Sizeof(textHeader{})-unsafe.Sizeof(cell{})]

func kindOfBoxed(value any) unsafe.Pointer { return (*boxed)(unsafe.Pointer(&value)).kind }

var (
	boxedInteger = kindOfBoxed(int64(0))
	boxedReal    = kindOfBoxed(float64(0))
	boxedText    = kindOfBoxed("")
	boxedBytes   = kindOfBoxed([]byte(nil))
)

func box(kind, data unsafe.Pointer) (value any) {
	*(*boxed)(unsafe.Pointer(&value)) = boxed{kind, data}
	return value
}

// fill gives out the next row.
func (r *driverRows) fill(values []driver.Value) {
	base := unsafe.Pointer(r.rows.cell(r.next, 0))
	for column := range values {
		c := (*cell)(unsafe.Add(base, uintptr(column)*unsafe.Sizeof(cell{})))
		if r.meanings != nil && r.meanings[column] != plain {
			if value, ok := r.meant(c, r.meanings[column]); ok {
				values[column] = value
				continue
			}
		}
		values[column] = r.boxed(c)
	}
}

// boxed is a cell as it is. It is asked for once: a text takes the cell's place.
func (r *driverRows) boxed(c *cell) driver.Value {
	switch c.kind {
	case kindInteger:
		return box(boxedInteger, unsafe.Pointer(&c.bits))
	case kindReal:
		return box(boxedReal, unsafe.Pointer(&c.bits))
	case kindText:
		*(*textHeader)(unsafe.Pointer(c)) = textHeader{uintptr(r.rows.at(c.bits)), uintptr(c.len)}
		return box(boxedText, unsafe.Pointer(c))
	case kindBlob:
		return r.boxedBytes(c)
	}
	return nil
}

// boxedBytes makes the headers of many slices, which do not fit into a cell, at once.
func (r *driverRows) boxedBytes(c *cell) driver.Value {
	if len(r.slices) == cap(r.slices) {
		r.slices = make([][]byte, 0, max(1, int(r.rows.nrows)-r.next))
	}
	r.slices = append(r.slices, r.rows.raw(c))
	return box(boxedBytes, unsafe.Pointer(&r.slices[len(r.slices)-1]))
}

// meant is what the declared type of the column makes of a cell, if anything.
func (r *driverRows) meant(c *cell, is meaning) (driver.Value, bool) {
	switch {
	case is == truth && c.kind == kindInteger:
		return c.integer() > 0, true
	case is == instant && c.kind == kindInteger:
		return timeOfInteger(c.integer(), r.conn.dsn.location), true
	case is == instant && c.kind == kindText:
		return timeOfText(r.rows.text(c), r.conn.dsn.location), true
	}
	return nil, false
}
