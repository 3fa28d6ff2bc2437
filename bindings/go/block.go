package sidelite

import (
	"math"
	"unsafe"
)

// A result is copied into Go's memory as a whole, and read where it is. The copy has no pointers in it and is not
// written again, so that texts of it can be given out as they are: they keep it.

// copyBlock copies a result out of C's memory. No result is no block.
func copyBlock(address uintptr) *block {
	if address == 0 {
		return nil
	}
	source := pointerTo(address)
	bytes := (*block)(source).bytes
	if bytes%8 != 0 {
		words := make([]uint64, bytes/8+1)
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), bytes), unsafe.Slice((*byte)(source), bytes))
		return (*block)(unsafe.Pointer(&words[0]))
	}
	// Memory of append is not zeroed before it is written.
	words := append([]uint64(nil), unsafe.Slice((*uint64)(source), bytes/8)...)
	return (*block)(unsafe.Pointer(&words[0]))
}

// hasRows tells of a result in C's memory.
func hasRows(address uintptr) bool { return address != 0 && (*block)(pointerTo(address)).nrows > 0 }

func (b *block) at(offset uint64) unsafe.Pointer { return unsafe.Add(unsafe.Pointer(b), offset) }

// cell is the one at a row and a column, both of which must be there.
func (b *block) cell(row, column int) *cell {
	index := uint64(row)*uint64(b.ncols) + uint64(column)
	return (*cell)(b.at(b.values + index*uint64(unsafe.Sizeof(cell{}))))
}

// text is the bytes of a TEXT or a BLOB as a string.
func (b *block) text(c *cell) string {
	if c.len == 0 {
		return ""
	}
	return unsafe.String((*byte)(b.at(c.bits)), c.len)
}

// bytes of a TEXT or a BLOB, as they lie in the block.
func (b *block) raw(c *cell) []byte {
	if c.len == 0 {
		return []byte{}
	}
	return unsafe.Slice((*byte)(b.at(c.bits)), c.len)
}

// name is that of a column.
func (b *block) name(column int) string {
	return b.text((*cell)(b.at(b.names + uint64(column)*uint64(unsafe.Sizeof(cell{})))))
}

// declared is the type that a column was declared with, "" without one.
func (b *block) declared(column int) string {
	if b.types == 0 {
		return ""
	}
	c := (*cell)(b.at(b.types + uint64(column)*uint64(unsafe.Sizeof(cell{}))))
	if c.kind != kindText {
		return ""
	}
	return b.text(c)
}

// messageText is the text of an error, "" without one.
func (b *block) messageText() string {
	if b == nil || b.message == 0 {
		return ""
	}
	return unsafe.String((*byte)(b.at(b.message)), b.messageLen)
}

func (c *cell) integer() int64 { return int64(c.bits) }

func (c *cell) real() float64 { return math.Float64frombits(c.bits) }

// value is a cell as a plain value of Go's: nil, int64, float64, string or []byte.
func (b *block) value(c *cell) any {
	switch c.kind {
	case kindInteger:
		return c.integer()
	case kindReal:
		return c.real()
	case kindText:
		return b.text(c)
	case kindBlob:
		// Who gets it may write into it.
		return append([]byte{}, b.raw(c)...)
	}
	return nil
}
