package sidelite

import (
	"database/sql/driver"
	"fmt"
	"strings"
	"time"
)

// Many is the one argument of an Exec that runs its statement once for each row of values, in one request: the way to
// write many rows fast. It is one transaction, or, inside of one, a savepoint: all rows or none.
//
//	tx.Exec("INSERT INTO city VALUES (?, ?)", sidelite.Many{{"Oslo", 709037}, {"Bergen", 291940}})
type Many [][]any

// manyOf is the rows of an Exec that has Many for its argument.
func manyOf(arguments []driver.NamedValue) (Many, bool) {
	if len(arguments) != 1 {
		return nil, false
	}
	many, ok := arguments[0].Value.(Many)
	return many, ok
}

// CheckNamedValue lets the values pass that are sent as they are; database/sql converts the others as it does for every
// driver.
func (c *driverConn) CheckNamedValue(argument *driver.NamedValue) error {
	switch argument.Value.(type) {
	case nil, int64, float64, bool, string, []byte, time.Time, ZeroBlob, Many:
		return nil
	}
	return driver.ErrSkip
}

// addValues writes the values of a request, in their order.
func addValues(p *packet, r *record, values []driver.NamedValue) error {
	p.beginValues(r, len(values))
	for i := range values {
		if err := p.value(values[i].Value); err != nil {
			return fmt.Errorf("sidelite: parameter %d: %w", i+1, err)
		}
	}
	return nil
}

// arePositional says whether arguments can be sent in their order: without names.
func arePositional(arguments []driver.NamedValue) bool {
	for i := range arguments {
		if arguments[i].Name != "" {
			return false
		}
	}
	return true
}

// spread gives a statement its values. It takes as many arguments, from `start` on, as it has parameters; names are
// looked for in all arguments, also in those that went to other statements. A parameter that nobody names is NULL.
func spread(parameters []string, arguments []driver.NamedValue, start int) ([]driver.NamedValue, error) {
	if len(arguments)-start < len(parameters) {
		return nil, &tooFewError{len(parameters), len(arguments) - start}
	}
	values := make([]driver.NamedValue, len(parameters))
	for i := range values {
		if own := arguments[start+i]; own.Name == "" {
			values[i].Value = own.Value
		}
	}
	for _, argument := range arguments {
		for i, parameter := range parameters {
			if argument.Name != "" && isNamed(parameter, argument.Name) {
				values[i].Value = argument.Value
			}
		}
	}
	return values, nil
}

// isNamed: `:name`, `@name` and `$name` all answer to a name.
func isNamed(parameter, name string) bool {
	return len(parameter) > 1 && strings.IndexByte(":@$", parameter[0]) >= 0 && parameter[1:] == name
}

// tooFewError has the words of mattn/go-sqlite3.
type tooFewError struct {
	want, got int
}

func (e *tooFewError) Error() string {
	return fmt.Sprintf("not enough args to execute query: want %d got %d", e.want, e.got)
}
