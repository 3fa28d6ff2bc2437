package sidelite_test

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/sidelite/sidelite/bindings/go"
)

func Test_integers_keep_their_value(t *testing.T) {
	db := native(t)
	for _, n := range []int64{0, 1, -1, 1 << 53, 1<<53 + 1, math.MaxInt64, math.MinInt64} {
		same(t, cellOf[int64](t, db, "SELECT ?", n), n)
	}
	type own int16
	equal(t, db.QueryRow(bg, "SELECT ?, ?, ?, ?, ?, ?, ?", int8(-8), uint8(8), own(-16), uint32(math.MaxUint32),
		uint64(math.MaxInt64), uintptr(5), rune('x')).Values(), []any{int64(-8), int64(8), int64(-16), int64(math.MaxUint32),
		int64(math.MaxInt64), int64(5), int64('x')})
	same(t, cellOf[own](t, db, "SELECT -16"), -16)
	same(t, cellOf[uint64](t, db, "SELECT 9223372036854775807"), math.MaxInt64)
	same(t, cellOf[int](t, db, "SELECT 5.0"), 5)
}

func Test_numbers_that_do_not_fit_are_errors(t *testing.T) {
	db := native(t)
	for _, c := range []struct {
		sql         string
		destination any
	}{
		{"SELECT 128", new(int8)}, {"SELECT -1", new(uint)}, {"SELECT 256", new(uint8)}, {"SELECT 0.5", new(int)},
		{"SELECT 9223372036854775808.0", new(int64)}, {"SELECT -9223372036854777856.0", new(int64)},
		{"SELECT 9007199254740993", new(float64)}, {"SELECT 1e300", new(float32)}, {"SELECT '5'", new(int)},
		{"SELECT 9223372036854775807", new(float64)}, {"SELECT 2", new(bool)}, {"SELECT 'true'", new(bool)},
		{"SELECT 5", new(string)}, {"SELECT 5", new([]byte)}, {"SELECT 'no time'", new(time.Time)},
		{"SELECT 1e999", new(int64)},
		{"SELECT 1", new(struct{})}, {"SELECT 1", "no pointer"}, {"SELECT 1", (*int)(nil)}, {"SELECT 1", new([]int)},
	} {
		if err := db.QueryRow(bg, c.sql).Scan(c.destination); err == nil {
			t.Errorf("%s is scanned into a %T", c.sql, c.destination)
		}
	}
	if err := db.QueryRow(bg, "SELECT 1, 2").Scan(new(int)); err == nil {
		t.Error("two columns are scanned into one place")
	}
}

func Test_floating_numbers_keep_their_value(t *testing.T) {
	db := native(t)
	for _, x := range []float64{0, 0.1, -1e308, math.SmallestNonzeroFloat64, math.Inf(1), math.Inf(-1)} {
		same(t, cellOf[float64](t, db, "SELECT ?", x), x)
	}
	same(t, math.Signbit(cellOf[float64](t, db, "SELECT ?", math.Copysign(0, -1))), true)
	same(t, db.QueryRow(bg, "SELECT ?", math.NaN()).IsNull(0), true)
	same(t, cellOf[float32](t, db, "SELECT ?", float32(0.1)), 0.1)
	same(t, cellOf[float64](t, db, "SELECT 9007199254740992"), 1<<53)
}

func Test_text_of_every_kind_goes_in(t *testing.T) {
	db := native(t)
	type own string
	for _, text := range []string{"", "a", "é\x00ü", "\U0001F600", strings.Repeat("x", 1<<20)} {
		same(t, cellOf[string](t, db, "SELECT ?", text), text)
		same(t, cellOf[own](t, db, "SELECT ?", own(text)), own(text))
		same(t, cellOf[int](t, db, "SELECT octet_length(?)", text), len(text))
		same(t, string(cellOf[[]byte](t, db, "SELECT ?", text)), text)
	}
	_, err := db.Exec(bg, "SELECT ?", "\xff")
	wantError(t, err, sidelite.ErrBadText)
	any8 := nativeFile(t, ":memory:", &sidelite.Options{AnyText: true})
	same(t, cellOf[string](t, any8, "SELECT ?", "\xff"), "\xff")
}

func Test_blobs_of_every_kind_go_in_and_come_out(t *testing.T) {
	db := native(t)
	for _, bytes := range [][]byte{{}, {0}, {1, 2, 0, 255}, make([]byte, 1<<20)} {
		equal(t, cellOf[[]byte](t, db, "SELECT ?", bytes), bytes)
		same(t, db.QueryRow(bg, "SELECT ?", bytes).Type(0), sidelite.TypeBlob)
	}
	equal(t, cellOf[json.RawMessage](t, db, "SELECT ?", json.RawMessage(`{"a":1}`)), json.RawMessage(`{"a":1}`))
	equal(t, cellOf[[]byte](t, db, "SELECT ?", sidelite.ZeroBlob(5)), make([]byte, 5))
	same(t, db.QueryRow(bg, "SELECT ?", []byte(nil)).IsNull(0), true)
	// A copy: what is written into one is not to be seen in another.
	row := db.QueryRow(bg, "SELECT x'0102'")
	row.Bytes(0)[0] = 9
	row.Value(0).([]byte)[0] = 9
	equal(t, row.Bytes(0), []byte{1, 2})
}

func Test_null_is_nil_and_nothing_else(t *testing.T) {
	db := native(t)
	row := db.QueryRow(bg, "SELECT NULL")
	same(t, row.Value(0), nil)
	var pointer *int
	equal(t, db.QueryRow(bg, "SELECT ?, ?", nil, pointer).Values(), []any{nil, nil})
	for _, place := range []any{new(int), new(int64), new(string), new(float64), new(bool), new(time.Time), new(int8)} {
		if row.Scan(place) == nil {
			t.Errorf("NULL is scanned into a %T", place)
		}
	}
	number := 5
	pointer, bytes, value, valid := &number, []byte{1}, any(1), sql.NullString{String: "x", Valid: true}
	var when *time.Time
	ok(t, row.Scan(&pointer))
	ok(t, row.Scan(&bytes))
	ok(t, row.Scan(&value))
	ok(t, row.Scan(&valid))
	ok(t, row.Scan(&when))
	ok(t, row.Scan(nil))
	if pointer != nil || bytes != nil || value != nil || valid.Valid || when != nil {
		t.Error("NULL left a value")
	}
	same(t, *cellOf[*int](t, db, "SELECT 7"), 7)
	same(t, cellOf[sql.Null[int64]](t, db, "SELECT 7").V, 7)
	same(t, cellOf[sql.NullString](t, db, "SELECT 'a'").String, "a")
}

func Test_time_is_text_that_sqlite_reads(t *testing.T) {
	db := native(t)
	when := time.Date(2024, 2, 29, 12, 34, 56, 789_000_000, time.FixedZone("", 3600))
	same(t, cellOf[string](t, db, "SELECT ?", when), "2024-02-29 12:34:56.789+01:00")
	same(t, cellOf[string](t, db, "SELECT datetime(?)", when), "2024-02-29 11:34:56")
	same(t, cellOf[time.Time](t, db, "SELECT ?", when).Equal(when), true)
	same(t, (*cellOf[*time.Time](t, db, "SELECT ?", &when)).Equal(when), true)
	same(t, cellOf[time.Time](t, db, "SELECT date('2024-02-29')"), time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC))
	same(t, cellOf[time.Time](t, db, "SELECT 86400"), time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC))
}

// fraction is a value that knows how to be stored.
type fraction struct{ over, under int }

func (f *fraction) Scan(value any) error {
	text, isText := value.(string)
	if !isText {
		return errors.New("no text")
	}
	return json.Unmarshal([]byte(strings.ReplaceAll(text, "/", ",")), &[]any{&f.over, &f.under})
}

func (f fraction) Value() (driver.Value, error) {
	if f.under == 0 {
		return nil, errors.New("by zero")
	}
	text, err := json.Marshal([]int{f.over, f.under})
	return strings.ReplaceAll(string(text), ",", "/"), err
}

func Test_values_of_other_types_say_what_they_are(t *testing.T) {
	db := native(t)
	same(t, cellOf[string](t, db, "SELECT ?", fraction{1, 2}), "[1/2]")
	same(t, cellOf[string](t, db, "SELECT ?", &fraction{1, 2}), "[1/2]")
	same(t, db.QueryRow(bg, "SELECT ?", (*fraction)(nil)).IsNull(0), true)
	same(t, cellOf[fraction](t, db, "SELECT ?", fraction{3, 4}), fraction{3, 4})
	if _, err := db.Exec(bg, "SELECT ?", fraction{}); err == nil || !strings.Contains(err.Error(), "by zero") {
		t.Errorf("got %v", err)
	}
	equal(t, db.QueryRow(bg, "SELECT ?, ?", sql.NullInt64{}, sql.NullInt64{Int64: 5, Valid: true}).Values(),
		[]any{nil, int64(5)})
	same(t, cellOf[bool](t, db, "SELECT ?", true), true)
	same(t, cellOf[bool](t, db, "SELECT ?", false), false)
}

func Test_parameters_by_name(t *testing.T) {
	db := native(t)
	row := db.QueryRow(bg, "SELECT :a, @b, $c, :a", sql.Named("b", 2), sql.Named("a", "x"), sql.Named("c", nil))
	equal(t, row.Values(), []any{"x", int64(2), nil, "x"})
	equal(t, db.QueryRow(bg, "SELECT :a", sql.Named(":a", 1)).Values(), []any{int64(1)})
	_, err := db.Exec(bg, "SELECT :a, :b", sql.Named("a", 1))
	if err == nil {
		t.Error("a parameter without a value")
	}
}

func Test_plain_access_never_fails(t *testing.T) {
	row := native(t).QueryRow(bg, "SELECT 5, 2.9, 'text', x'01', NULL, -1e300")
	for i, want := range []struct {
		integer int64
		real    float64
		text    string
		bytes   []byte
		kind    sidelite.Type
	}{
		{5, 5, "", nil, sidelite.TypeInteger}, {2, 2.9, "", nil, sidelite.TypeReal},
		{0, 0, "text", []byte("text"), sidelite.TypeText}, {0, 0, "\x01", []byte{1}, sidelite.TypeBlob},
		{0, 0, "", nil, sidelite.TypeNull}, {0, -1e300, "", nil, sidelite.TypeReal},
	} {
		same(t, row.Int64(i), want.integer)
		same(t, row.Float64(i), want.real)
		same(t, row.Text(i), want.text)
		equal(t, row.Bytes(i), want.bytes)
		same(t, row.Type(i), want.kind)
	}
	defer func() {
		if recover() == nil {
			t.Error("a column that is not there is read")
		}
	}()
	row.Int64(6)
}

func Test_random_values_come_back(t *testing.T) {
	db, source := native(t), random(t)
	run(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b, c)")
	value := func() any {
		switch source.IntN(5) {
		case 0:
			return nil
		case 1:
			return int64(source.Uint64())
		case 2:
			return source.NormFloat64()
		case 3:
			return strings.Repeat(string(rune(source.IntN(0xd800))), source.IntN(50))
		}
		bytes := make([]byte, source.IntN(300))
		for i := range bytes {
			bytes[i] = byte(source.Uint32())
		}
		return bytes
	}
	var rows [][]any
	for i := range 3000 {
		rows = append(rows, []any{int64(i), value(), value(), value()})
	}
	_, err := db.ExecMany(bg, "INSERT INTO t VALUES (?, ?, ?, ?)", func(yield func([]any) bool) {
		for _, row := range rows {
			if !yield(row) {
				return
			}
		}
	})
	ok(t, err)
	at := 0
	for row, err := range db.Query(bg, "SELECT * FROM t ORDER BY id") {
		ok(t, err)
		equal(t, row.Values(), rows[at])
		at++
	}
	same(t, at, len(rows))
}
