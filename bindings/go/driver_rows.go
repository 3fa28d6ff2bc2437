package sidelite

import (
	"context"
	"database/sql/driver"
	"io"
	"reflect"
)

// driverRows are the rows of a query, and the result sets of those behind it.
type driverRows struct {
	conn *driverConn
	ctx  context.Context
	// stream brings more rows of the last set; nil when the rows are closed.
	stream *stream
	// rows are those at hand, of which `next` is the number of the next one.
	rows *block
	next int
	// meanings of the columns; nil where all are plain.
	meanings []meaning
	// slices are the headers of BLOBs that were given out.
	slices [][]byte
	// later are the sets behind this one, the last one with its first rows.
	later []*block
}

var (
	_ driver.Rows                           = (*driverRows)(nil)
	_ driver.RowsNextResultSet              = (*driverRows)(nil)
	_ driver.RowsColumnTypeDatabaseTypeName = (*driverRows)(nil)
	_ driver.RowsColumnTypeScanType         = (*driverRows)(nil)
	_ driver.RowsColumnTypeNullable         = (*driverRows)(nil)
	_ driver.RowsColumnTypeLength           = (*driverRows)(nil)
	_ driver.RowsColumnTypePrecisionScale   = (*driverRows)(nil)
)

// begin waits for the columns, and the first rows.
func (r *driverRows) begin() error {
	head, err := r.stream.columns(r.ctx)
	if err == nil && head.nrows > 0 {
		head, err = r.stream.next(r.ctx)
	}
	if err != nil {
		return r.fail(err)
	}
	r.show(head)
	return nil
}

// behind puts result sets before this one, which is none itself if it has no columns.
func (r *driverRows) behind(sets []*block) *driverRows {
	if len(sets) == 0 {
		return r
	}
	if r.rows.ncols > 0 {
		sets = append(sets, r.rows)
	}
	r.show(sets[0])
	r.later = sets[1:]
	return r
}

// show begins a result set.
func (r *driverRows) show(rows *block) {
	r.take(rows)
	r.meanings = meaningsOf(rows)
}

func (r *driverRows) take(rows *block) {
	r.rows, r.next, r.slices = rows, 0, nil
}

// meaningsOf is nil when all columns are plain, as they mostly are.
func meaningsOf(rows *block) (meanings []meaning) {
	if rows.types == 0 {
		return nil
	}
	for column := range int(rows.ncols) {
		if found := meaningOf(rows.declared(column)); found != plain {
			if meanings == nil {
				meanings = make([]meaning, rows.ncols)
			}
			meanings[column] = found
		}
	}
	return meanings
}

func (r *driverRows) Columns() []string {
	names := make([]string, r.rows.ncols)
	for column := range names {
		names[column] = r.rows.name(column)
	}
	return names
}

// Next takes the next row, and waits for it as long as the context of the query allows.
func (r *driverRows) Next(values []driver.Value) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if r.next == int(r.rows.nrows) {
		if len(r.later) > 0 || r.stream == nil {
			return io.EOF
		}
		if err := r.more(); err != nil {
			return err
		}
	}
	r.fill(values)
	r.next++
	return nil
}

// more takes the next rows of the stream, of which there is at least one.
func (r *driverRows) more() error {
	rows, err := r.stream.next(r.ctx)
	switch {
	case err != nil:
		return r.fail(err)
	case rows == nil:
		return io.EOF
	}
	r.take(rows)
	return nil
}

func (r *driverRows) fail(err error) error { return r.conn.translate(r.ctx, err) }

// Close returns when the statement has ended, so that its locks are gone.
func (r *driverRows) Close() error {
	if r.stream != nil {
		r.stream.close()
		r.stream.release()
		r.stream = nil
	}
	return nil
}

func (r *driverRows) HasNextResultSet() bool { return len(r.later) > 0 }

func (r *driverRows) NextResultSet() error {
	if len(r.later) == 0 {
		return io.EOF
	}
	r.show(r.later[0])
	r.later = r.later[1:]
	return nil
}

// ColumnTypeDatabaseTypeName is the type that the column was declared with, as it was written.
func (r *driverRows) ColumnTypeDatabaseTypeName(column int) string { return r.rows.declared(column) }

func (r *driverRows) ColumnTypeScanType(column int) reflect.Type {
	return scanTypeOf(r.rows.declared(column))
}

// ColumnTypeNullable is always true: that a column of a table is NOT NULL says little about one of a query.
func (r *driverRows) ColumnTypeNullable(int) (nullable, known bool) { return true, true }

func (r *driverRows) ColumnTypeLength(column int) (int64, bool) {
	return declaredLength(r.rows.declared(column))
}

func (r *driverRows) ColumnTypePrecisionScale(column int) (precision, scale int64, known bool) {
	return declaredPrecision(r.rows.declared(column))
}
