package sidelite

import (
	"math"
	"strings"
)

// A packet is requests as they cross to C: records, their values, and the bytes that both point to by offset. It is
// used again and again.
type packet struct {
	records []record
	values  []cell
	data    []byte
}

const (
	dataMax = math.MaxInt32 // bytes of one value, or text of SQL
	keptMax = 64 << 10      // what a packet of the pool may hold on to
)

func (p *packet) reset() {
	if cap(p.data) > keptMax || cap(p.values) > keptMax/16 || cap(p.records) > keptMax/96 {
		*p = packet{}
		return
	}
	p.records, p.values, p.data = p.records[:0], p.values[:0], p.data[:0]
}

// add begins another request. The pointer is good until the next one is added.
func (p *packet) add(kind uint32, lane int64) *record {
	p.records = append(p.records, record{kind: kind, lane: lane})
	return &p.records[len(p.records)-1]
}

// setSQL gives a request its text. A NUL behind it lets an empty one be told from none.
func (p *packet) setSQL(r *record, sql string) {
	r.hasSQL, r.sql, r.sqlLen = 1, uint64(len(p.data)), uint64(len(sql))
	p.data = append(p.data, sql...)
	p.data = append(p.data, 0)
}

// beginValues says that the values to come are those of a request, in rows of so many columns.
func (p *packet) beginValues(r *record, columns int) {
	r.values, r.ncols = uint32(len(p.values)), uint32(columns)
}

func (p *packet) null() { p.values = append(p.values, cell{kind: kindNull}) }

func (p *packet) integer(value int64) {
	p.values = append(p.values, cell{kind: kindInteger, bits: uint64(value)})
}

func (p *packet) boolean(value bool) {
	if value {
		p.integer(1)
	} else {
		p.integer(0)
	}
}

func (p *packet) real(value float64) {
	p.values = append(p.values, cell{kind: kindReal, bits: math.Float64bits(value)})
}

func (p *packet) text(value string) {
	p.values = append(p.values, cell{kind: kindText, len: lengthOf(len(value)), bits: uint64(len(p.data))})
	p.data = append(p.data, value...)
}

func (p *packet) blob(value []byte) {
	p.values = append(p.values, cell{kind: kindBlob, len: lengthOf(len(value)), bits: uint64(len(p.data))})
	p.data = append(p.data, value...)
}

func (p *packet) zeroBlob(bytes int64) {
	p.values = append(p.values, cell{kind: kindZeroBlob, bits: uint64(bytes)})
}

// textBytes adds a text that `appendTo` writes, as a time.
func (p *packet) textOf(appendTo func([]byte) []byte) {
	start := len(p.data)
	p.data = appendTo(p.data)
	p.values = append(p.values, cell{kind: kindText, len: lengthOf(len(p.data) - start), bits: uint64(start)})
}

// name adds a text that C reads up to its NUL.
func (p *packet) name(value string) error {
	if strings.IndexByte(value, 0) >= 0 {
		return newStatus(ErrBadText, "a name with a NUL in it")
	}
	p.values = append(p.values, cell{kind: kindText, len: lengthOf(len(value)), bits: uint64(len(p.data))})
	p.data = append(p.data, value...)
	p.data = append(p.data, 0)
	return nil
}

// lengthOf never wraps: what does not fit is refused as too big by the library.
func lengthOf(bytes int) uint32 { return uint32(min(bytes, math.MaxUint32)) }
