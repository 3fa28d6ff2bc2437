package sidelite

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"iter"
	"math"
	"reflect"
	"strconv"
	"time"
)

// ZeroBlob is a BLOB of so many zero bytes, to be written in parts through a Blob.
type ZeroBlob int64

// arguments gives a request one row of values, by position or by name.
func (p *packet) arguments(r *record, arguments []any) error {
	if len(arguments) == 0 {
		return nil
	}
	p.beginValues(r, len(arguments))
	if _, isNamed := arguments[0].(sql.NamedArg); isNamed {
		return p.namedArguments(r, arguments)
	}
	for i, argument := range arguments {
		if err := p.value(argument); err != nil {
			return fmt.Errorf("sidelite: argument %d: %w", i+1, err)
		}
	}
	return nil
}

func (p *packet) namedArguments(r *record, arguments []any) error {
	for i, argument := range arguments {
		named, ok := argument.(sql.NamedArg)
		if !ok {
			return fmt.Errorf("sidelite: argument %d has no name, and others have", i+1)
		}
		if err := p.value(named.Value); err != nil {
			return fmt.Errorf("sidelite: argument %q: %w", named.Name, err)
		}
	}
	r.hasNames, r.names = 1, uint32(len(p.values))
	for _, argument := range arguments {
		if err := p.name(argument.(sql.NamedArg).Name); err != nil {
			return err
		}
	}
	return nil
}

// rows gives a request a row of values for each time that its statement is to run, and returns how many.
func (p *packet) rows(r *record, rows iter.Seq[[]any]) (int, error) {
	count, columns := 0, 0
	for row := range rows {
		if count == 0 {
			columns = len(row)
			p.beginValues(r, columns)
		}
		if len(row) != columns {
			return 0, fmt.Errorf("sidelite: row %d has %d values, and the first one %d", count+1, len(row), columns)
		}
		for i, value := range row {
			if err := p.value(value); err != nil {
				return 0, fmt.Errorf("sidelite: row %d, value %d: %w", count+1, i+1, err)
			}
		}
		count++
		if len(p.values) > math.MaxInt32 || len(p.data) > math.MaxInt32 {
			return 0, newStatus(ErrTooLarge, "too many rows for one request")
		}
	}
	r.nrows = uint32(count)
	return count, nil
}

// value adds a value of Go's.
func (p *packet) value(value any) error {
	switch v := value.(type) {
	case nil:
		p.null()
	case int:
		p.integer(int64(v))
	case int64:
		p.integer(v)
	case string:
		return p.boundedText(v)
	case []byte:
		return p.boundedBlob(v)
	case float64:
		p.real(v)
	case bool:
		p.boolean(v)
	case time.Time:
		p.time(v)
	case ZeroBlob:
		p.zeroBlob(int64(v))
	case sql.NamedArg:
		return fmt.Errorf("%q has a name, and others have none", v.Name)
	case driver.Valuer:
		return p.valuer(v)
	default:
		return p.reflected(reflect.ValueOf(value))
	}
	return nil
}

func (p *packet) time(value time.Time) {
	p.textOf(func(buffer []byte) []byte { return formatTime(buffer, value) })
}

func (p *packet) boundedText(value string) error {
	if len(value) > dataMax {
		return newStatus(ErrTooLarge, "")
	}
	p.text(value)
	return nil
}

func (p *packet) boundedBlob(value []byte) error {
	switch {
	case value == nil:
		p.null()
	case len(value) > dataMax:
		return newStatus(ErrTooLarge, "")
	default:
		p.blob(value)
	}
	return nil
}

// valuer adds what a Value method gives. One with a nil receiver that cannot bear that is NULL, as in database/sql.
func (p *packet) valuer(valuer driver.Valuer) error {
	if v := reflect.ValueOf(valuer); v.Kind() == reflect.Pointer && v.IsNil() &&
		v.Type().Elem().Implements(reflect.TypeFor[driver.Valuer]()) {
		p.null()
		return nil
	}
	value, err := valuer.Value()
	if err != nil {
		return err
	}
	if _, again := value.(driver.Valuer); again {
		return fmt.Errorf("the value of a %T is a %T", valuer, value)
	}
	return p.value(value)
}

// reflected adds values of types that are made of the plain ones.
func (p *packet) reflected(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			p.null()
			return nil
		}
		return p.value(v.Elem().Interface())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		p.integer(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if v.Uint() > math.MaxInt64 {
			return fmt.Errorf("%s does not fit into 64 bits with a sign", strconv.FormatUint(v.Uint(), 10))
		}
		p.integer(int64(v.Uint()))
	case reflect.Float32, reflect.Float64:
		p.real(v.Float())
	case reflect.Bool:
		p.boolean(v.Bool())
	case reflect.String:
		return p.boundedText(v.String())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return p.boundedBlob(v.Bytes())
		}
		return fmt.Errorf("a %s is no value", v.Type())
	default:
		return fmt.Errorf("a %s is no value", v.Type())
	}
	return nil
}
