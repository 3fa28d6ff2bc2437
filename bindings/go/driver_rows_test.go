package sidelite_test

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sidelite/sidelite/bindings/go"
)

func TestDriver_values_come_back_as_they_went_in(t *testing.T) {
	db := openDB(t, "")
	execute(t, db, "CREATE TABLE t(v)")
	values := []any{
		nil, int64(0), int64(math.MaxInt64), int64(math.MinInt64), 0.5, math.Inf(1), -math.MaxFloat64, "", "text", "a\x00b",
		"\U0001F600", []byte{}, []byte{0, 1, 255}, strings.Repeat("x", 1<<20), bytes.Repeat([]byte{7}, 1<<20),
	}
	for _, value := range values {
		execute(t, db, "INSERT INTO t VALUES (?)", value)
	}
	rows, err := db.Query("SELECT v FROM t ORDER BY rowid")
	ok(t, err)
	defer rows.Close()
	for _, want := range values {
		var got any
		if !rows.Next() {
			t.Fatal(rows.Err())
		}
		ok(t, rows.Scan(&got))
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %T %.40v, want %T %.40v", got, got, want, want)
		}
	}
	same(t, rows.Next(), false)
	ok(t, rows.Err())
}

// RawBytes are database/sql's way to look at bytes without a copy: they hold until the next row.
func TestDriver_raw_bytes_hold_until_the_next_row(t *testing.T) {
	db := openDB(t, "")
	rows, err := db.Query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) " +
		"SELECT 'text ' || i, CAST('blob ' || i AS BLOB) FROM n")
	ok(t, err)
	defer rows.Close()
	var text, blob sql.RawBytes
	for number := 1; rows.Next(); number++ {
		ok(t, rows.Scan(&text, &blob))
		same(t, string(text), fmt.Sprint("text ", number))
		same(t, string(blob), fmt.Sprint("blob ", number))
	}
	ok(t, rows.Err())
}

// What a program keeps of a row is its own: neither the next rows nor what others do to their bytes change it.
func TestDriver_values_that_are_kept_never_change(t *testing.T) {
	db := openDB(t, "")
	conn, err := db.Conn(context.Background())
	ok(t, err)
	defer conn.Close()
	const count = 5000
	var kept [][]driver.Value
	ok(t, conn.Raw(func(raw any) error {
		rows, err := raw.(driver.QueryerContext).QueryContext(context.Background(),
			"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "+
				"SELECT i, i * 0.5, 'text ' || i, CAST('blob ' || i AS BLOB), NULL FROM n", nil)
		if err != nil {
			return err
		}
		defer rows.Close()
		for {
			row := make([]driver.Value, 5)
			if err := rows.Next(row); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			kept = append(kept, row)
		}
	}))
	same(t, len(kept), count)
	for i, row := range kept {
		number := i + 1
		want := []driver.Value{int64(number), float64(number) / 2, fmt.Sprint("text ", number),
			[]byte(fmt.Sprint("blob ", number)), nil}
		if !reflect.DeepEqual(row, want) {
			t.Fatalf("row %d is %v", number, row)
		}
	}
}

func TestDriver_declared_types(t *testing.T) {
	db := openDB(t, "")
	execute(t, db, "CREATE TABLE t(id INTEGER, name VARCHAR(40), price DECIMAL(10,2), at DATETIME, day DATE, "+
		"is_new BOOLEAN, raw)")
	at := time.Date(2024, 2, 29, 12, 30, 0, 5000, time.FixedZone("", 3600))
	execute(t, db, "INSERT INTO t VALUES (1, 'ada', 2.5, ?, 1709164800, 1, x'00')", at)
	rows, err := db.Query("SELECT *, id + 1 AS sum FROM t")
	ok(t, err)
	defer rows.Close()
	types, err := rows.ColumnTypes()
	ok(t, err)
	names := make([]string, len(types))
	for i, column := range types {
		names[i] = column.DatabaseTypeName()
	}
	same(t, strings.Join(names, "|"), "INTEGER|VARCHAR(40)|DECIMAL(10,2)|DATETIME|DATE|BOOLEAN||")
	length, has := types[1].Length()
	same(t, length, 40)
	same(t, has, true)
	precision, scale, has := types[2].DecimalSize()
	same(t, precision, 10)
	same(t, scale, 2)
	same(t, has, true)
	same(t, types[3].ScanType(), reflect.TypeFor[sql.NullTime]())
	same(t, rows.Next(), true)
	cells := make([]any, 8)
	targets := make([]any, 8)
	for i := range cells {
		targets[i] = &cells[i]
	}
	ok(t, rows.Scan(targets...))
	if got, isTime := cells[3].(time.Time); !isTime || !got.Equal(at) {
		t.Errorf("at is %v", cells[3])
	}
	same(t, cells[4], any(time.Unix(1709164800, 0).UTC()))
	same(t, cells[5], any(true))
}

// A statement is prepared once and used long: the declared types must not be those of yesterday's table.
func TestDriver_declared_types_follow_the_schema(t *testing.T) {
	db := openDB(t, "")
	other := openFile(t, one[string](t, db, "SELECT file FROM pragma_database_list"), "")
	execute(t, db, "CREATE TABLE t(v BOOLEAN)")
	execute(t, db, "INSERT INTO t VALUES (1)")
	statement, err := db.Prepare("SELECT v FROM t")
	ok(t, err)
	defer statement.Close()
	var value any
	ok(t, statement.QueryRow().Scan(&value))
	same(t, value, any(true))
	execute(t, other, "DROP TABLE t; CREATE TABLE t(v INTEGER); INSERT INTO t VALUES (1)")
	ok(t, statement.QueryRow().Scan(&value))
	same(t, value, any(int64(1)))
}

func TestDriver_location_of_times(t *testing.T) {
	db := openDB(t, "?_loc=Asia%2FTokyo")
	execute(t, db, "CREATE TABLE t(v TIMESTAMP)")
	execute(t, db, "INSERT INTO t VALUES ('2024-01-01 00:00:00'), (1704067200), (1704067200000), ('no time')")
	rows, err := db.Query("SELECT v FROM t ORDER BY rowid")
	ok(t, err)
	defer rows.Close()
	for number := 0; rows.Next(); number++ {
		var value time.Time
		ok(t, rows.Scan(&value))
		same(t, value.Location().String(), "Asia/Tokyo")
		if number < 3 {
			same(t, value.Format(time.RFC3339), "2024-01-01T09:00:00+09:00")
		} else {
			same(t, value.IsZero(), true)
		}
	}
	ok(t, rows.Err())
}

func TestDriver_several_result_sets(t *testing.T) {
	db := openDB(t, "")
	rows, err := db.Query("CREATE TABLE t(v); INSERT INTO t VALUES (?), (?); SELECT v FROM t; DELETE FROM t; "+
		"SELECT count(*) AS left, ? AS last FROM t", 1, 2, "x")
	ok(t, err)
	defer rows.Close()
	var values []int
	for rows.Next() {
		var value int
		ok(t, rows.Scan(&value))
		values = append(values, value)
	}
	same(t, fmt.Sprint(values), "[1 2]")
	same(t, rows.NextResultSet(), true)
	names, err := rows.Columns()
	ok(t, err)
	same(t, fmt.Sprint(names), "[left last]")
	same(t, rows.Next(), true)
	var left int
	var last string
	ok(t, rows.Scan(&left, &last))
	same(t, left, 0)
	same(t, last, "x")
	same(t, rows.NextResultSet(), false)
	ok(t, rows.Err())
}

func TestDriver_rows_abandoned_early_release_their_locks(t *testing.T) {
	db := openDB(t, "?_busy_timeout=0")
	execute(t, db, "CREATE TABLE t(v)")
	execute(t, db, "INSERT INTO t "+manyRows)
	rows, err := db.Query("SELECT v FROM t")
	ok(t, err)
	same(t, rows.Next(), true)
	ok(t, rows.Close())
	execute(t, db, "DROP TABLE t")
}

func TestDriver_errors_in_the_middle_of_rows(t *testing.T) {
	db := openDB(t, "")
	rows, err := db.Query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) " +
		"SELECT CASE WHEN i < 2000 THEN i ELSE abs(-9223372036854775807 - 1) END FROM n")
	ok(t, err)
	defer rows.Close()
	count := 0
	for rows.Next() {
		count++
	}
	same(t, count, 1999)
	wantCode(t, rows.Err(), sidelite.ErrError)
}

func TestDriver_what_returning_gives_is_committed(t *testing.T) {
	db := openDB(t, "")
	execute(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)")
	same(t, one[int](t, db, "INSERT INTO t(v) VALUES ('a'), ('b') RETURNING id"), 1)
	same(t, one[int](t, db, "SELECT count(*) FROM t"), 2)
}

func TestDriver_columns_without_rows(t *testing.T) {
	db := openDB(t, "")
	rows, err := db.Query("SELECT 1 AS one, 2 AS two WHERE 0")
	ok(t, err)
	defer rows.Close()
	names, err := rows.Columns()
	ok(t, err)
	same(t, fmt.Sprint(names), "[one two]")
	same(t, rows.Next(), false)
	if err := db.QueryRow("SELECT 1 WHERE 0").Scan(new(int)); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("got %v", err)
	}
}
