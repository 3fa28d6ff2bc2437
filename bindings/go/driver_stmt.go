package sidelite

import (
	"context"
	"database/sql/driver"
)

// driverStmt is the text of a statement that SQLite has understood. What is prepared of it is in the library's cache,
// and so takes no round trip to be put away.
type driverStmt struct {
	conn *driverConn
	statement
}

var (
	_ driver.StmtExecContext   = (*driverStmt)(nil)
	_ driver.StmtQueryContext  = (*driverStmt)(nil)
	_ driver.NamedValueChecker = (*driverStmt)(nil)
)

func (s *driverStmt) Close() error { return nil }

func (s *driverStmt) NumInput() int { return len(s.parameters) }

func (s *driverStmt) CheckNamedValue(argument *driver.NamedValue) error {
	return s.conn.CheckNamedValue(argument)
}

func (s *driverStmt) ExecContext(ctx context.Context, arguments []driver.NamedValue) (driver.Result, error) {
	values, err := s.values(arguments)
	if err != nil {
		return nil, err
	}
	return s.conn.execute(ctx, s.sql, values, 0)
}

func (s *driverStmt) QueryContext(ctx context.Context, arguments []driver.NamedValue) (driver.Rows, error) {
	values, err := s.values(arguments)
	if err != nil {
		return nil, err
	}
	return s.conn.query(ctx, s.sql, values)
}

// values are the arguments in the order of the parameters.
func (s *driverStmt) values(arguments []driver.NamedValue) ([]driver.NamedValue, error) {
	if arePositional(arguments) {
		return arguments, nil
	}
	return spread(s.parameters, arguments, 0)
}

// Exec is for old programs.
func (s *driverStmt) Exec(values []driver.Value) (driver.Result, error) {
	return s.ExecContext(context.Background(), namedValues(values))
}

// Query is for old programs.
func (s *driverStmt) Query(values []driver.Value) (driver.Rows, error) {
	return s.QueryContext(context.Background(), namedValues(values))
}

func namedValues(values []driver.Value) []driver.NamedValue {
	named := make([]driver.NamedValue, len(values))
	for i, value := range values {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: value}
	}
	return named
}
