package sidelite

import (
	"database/sql"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// SQLiteTimestampFormats are the forms in which a TEXT in a column declared DATE, DATETIME or TIMESTAMP is read as a
// time, tried in order. The first one is how a time.Time is written.
//
// They are mattn/go-sqlite3's, so that either driver reads what the other wrote.
var SQLiteTimestampFormats = []string{
	// The zone that a time came with is written and read again.
	"2006-01-02 15:04:05.999999999-07:00",
	"2006-01-02T15:04:05.999999999-07:00",
	"2006-01-02 15:04:05.999999999",
	"2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05",
	"2006-01-02T15:04:05",
	"2006-01-02 15:04",
	"2006-01-02T15:04",
	"2006-01-02",
}

// meaning is what a column's declared type makes of its cells, beyond what SQLite does.
type meaning uint8

const (
	plain meaning = iota
	instant
	truth
)

// meaningOf knows exactly the words that mattn/go-sqlite3 knows: TIMESTAMPTZ or BOOL are plain there, too.
func meaningOf(declared string) meaning {
	for _, name := range []string{"date", "datetime", "timestamp"} {
		if strings.EqualFold(declared, name) {
			return instant
		}
	}
	if strings.EqualFold(declared, "boolean") {
		return truth
	}
	return plain
}

// formatTime writes a time as SQLite's own functions understand it.
func formatTime(buffer []byte, value time.Time) []byte {
	return value.AppendFormat(buffer, SQLiteTimestampFormats[0])
}

// timeOfInteger takes seconds since 1970, or milliseconds when the number is too large for a sensible count of seconds.
func timeOfInteger(number int64, location *time.Location) time.Time {
	const secondsMax = 1e12
	value := time.Unix(number, 0)
	if number > secondsMax || number < -secondsMax {
		value = time.UnixMilli(number)
	}
	return inLocation(value.UTC(), location)
}

// timeOfText is the zero time for what is no time: one bad cell does not make a table unreadable.
func timeOfText(text string, location *time.Location) time.Time {
	text = strings.TrimSuffix(text, "Z")
	for _, format := range SQLiteTimestampFormats {
		if value, err := time.ParseInLocation(format, text, time.UTC); err == nil {
			return inLocation(value, location)
		}
	}
	return inLocation(time.Time{}, location)
}

func inLocation(value time.Time, location *time.Location) time.Time {
	if location == nil {
		return value
	}
	return value.In(location)
}

var (
	typeOfInteger = reflect.TypeFor[sql.NullInt64]()
	typeOfText    = reflect.TypeFor[sql.NullString]()
	typeOfBlob    = reflect.TypeFor[sql.RawBytes]()
	typeOfReal    = reflect.TypeFor[sql.NullFloat64]()
	typeOfTime    = reflect.TypeFor[sql.NullTime]()
	typeOfBool    = reflect.TypeFor[sql.NullBool]()
	typeOfAny     = reflect.TypeFor[*any]()
)

// scanTypeOf guesses from the declared type what a cell can be scanned into, NULL included.
func scanTypeOf(declared string) reflect.Type {
	declared = strings.ToUpper(declared)
	switch {
	case strings.Contains(declared, "INT"):
		return typeOfInteger
	case strings.Contains(declared, "CHAR"), declared == "CLOB", declared == "TEXT":
		return typeOfText
	case strings.Contains(declared, "DOUBLE"), declared == "REAL", declared == "FLOAT",
		strings.Contains(declared, "DECIMAL"), declared == "NUMERIC":
		return typeOfReal
	}
	switch declared {
	case "BLOB":
		return typeOfBlob
	case "DATE", "DATETIME", "TIMESTAMP":
		return typeOfTime
	case "BOOLEAN":
		return typeOfBool
	}
	return typeOfAny
}

// declaredLength is n of a declared type such as VARCHAR(n). SQLite itself does not hold anybody to it.
func declaredLength(declared string) (int64, bool) {
	inside, ok := insideParentheses(declared)
	if !ok || !strings.Contains(strings.ToUpper(declared), "CHAR") {
		return 0, false
	}
	return parseCount(inside)
}

// declaredPrecision is p and s of a declared type such as DECIMAL(p, s).
func declaredPrecision(declared string) (precision, scale int64, ok bool) {
	inside, ok := insideParentheses(declared)
	name := strings.ToUpper(declared)
	if !ok || !(strings.HasPrefix(name, "DECIMAL") || strings.HasPrefix(name, "NUMERIC")) {
		return 0, 0, false
	}
	first, second, hasScale := strings.Cut(inside, ",")
	if precision, ok = parseCount(first); !ok || !hasScale {
		return precision, 0, ok
	}
	scale, ok = parseCount(second)
	return precision, scale, ok
}

func insideParentheses(declared string) (string, bool) {
	_, rest, opens := strings.Cut(declared, "(")
	inside, _, closes := strings.Cut(rest, ")")
	return inside, opens && closes
}

func parseCount(text string) (int64, bool) {
	count, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31)
	return int64(count), err == nil
}
