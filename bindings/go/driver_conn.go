package sidelite

import (
	"context"
	"database/sql/driver"
)

// driverConn is one connection of database/sql's pool, which gives it to one task at a time.
type driverConn struct {
	native *Conn
	dsn    *dsn
	// parameters of statements, by their text: it alone decides them, so that they are never out of date.
	parameters map[string][]string
	tx         *driverTx
}

// parametersMax bounds what is remembered: programs that write values into their SQL make a new text each time.
const parametersMax = 256

var (
	_ driver.Conn               = (*driverConn)(nil)
	_ driver.ExecerContext      = (*driverConn)(nil)
	_ driver.QueryerContext     = (*driverConn)(nil)
	_ driver.ConnPrepareContext = (*driverConn)(nil)
	_ driver.ConnBeginTx        = (*driverConn)(nil)
	_ driver.NamedValueChecker  = (*driverConn)(nil)
	_ driver.SessionResetter    = (*driverConn)(nil)
	_ driver.Validator          = (*driverConn)(nil)
	_ driver.Pinger             = (*driverConn)(nil)
)

// Native is the connection behind this one; see Raw.
func (c *driverConn) Native() *Conn { return c.native }

// Close waits until the file is closed, so that it may be removed, or opened by another.
func (c *driverConn) Close() error { return c.native.Close() }

// IsValid keeps a connection that is closed, or was poisoned by a defect, out of the pool.
func (c *driverConn) IsValid() bool { return c.native.isUsable() }

// ResetSession leaves a transaction alone that SQL has begun: programs that keep to one connection begin and end theirs
// with a call each, and between the two the connection is in the pool.
func (c *driverConn) ResetSession(context.Context) error {
	if !c.IsValid() {
		return driver.ErrBadConn
	}
	return nil
}

// Ping asks the connection's thread, and so tells also of one that hangs on a disk, as long as ctx waits.
func (c *driverConn) Ping(ctx context.Context) error {
	_, err := c.execute(ctx, "SELECT 1", nil, 0)
	return err
}

// ExecContext runs one statement, or several, over which the arguments are spread.
func (c *driverConn) ExecContext(
	ctx context.Context, query string, arguments []driver.NamedValue,
) (driver.Result, error) {
	if many, ok := manyOf(arguments); ok {
		return c.execMany(ctx, query, many)
	}
	if arePositional(arguments) {
		// Nearly always it is one statement with its values.
		result, err := c.execute(ctx, query, arguments, 0)
		switch {
		case len(arguments) == 0 && hasTail(err):
			return c.execute(ctx, query, nil, flagMulti)
		case !hasTail(err) && !hasWrongCount(err):
			return result, err
		}
	}
	return c.execEach(ctx, query, arguments)
}

// execEach runs one statement after another: one may need what the one before has created.
func (c *driverConn) execEach(ctx context.Context, query string, arguments []driver.NamedValue) (driver.Result, error) {
	var result driver.Result = driver.ResultNoRows
	err := c.eachStatement(ctx, query, arguments, func(sql string, values []driver.NamedValue, _ bool) (err error) {
		result, err = c.execute(ctx, sql, values, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// QueryContext runs one statement, or several. Those that have columns are the result sets.
func (c *driverConn) QueryContext(
	ctx context.Context, query string, arguments []driver.NamedValue,
) (driver.Rows, error) {
	if arePositional(arguments) {
		rows, err := c.query(ctx, query, arguments)
		if !hasTail(err) && !hasWrongCount(err) {
			return rows, err
		}
	}
	return c.queryEach(ctx, query, arguments)
}

// queryEach runs all statements before it returns: what stands behind the first SELECT must not depend on whether
// somebody asks for a second result set. Only the rows of the last one are streamed.
func (c *driverConn) queryEach(ctx context.Context, query string, arguments []driver.NamedValue) (driver.Rows, error) {
	var sets []*block
	var last *driverRows
	err := c.eachStatement(ctx, query, arguments, func(sql string, values []driver.NamedValue, isLast bool) (err error) {
		if isLast {
			last, err = c.query(ctx, sql, values)
			return err
		}
		set, err := c.fetch(ctx, kindFetch, sql, values)
		if err == nil && set.ncols > 0 && !c.dsn.lastResultSet {
			sets = append(sets, set)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return last.behind(sets), nil
}

// eachStatement finds the statements of a text and the values of each. SQLite itself says where one ends: that is not
// to be seen from outside of it, with texts, comments and the bodies of triggers.
func (c *driverConn) eachStatement(
	ctx context.Context, query string, arguments []driver.NamedValue,
	run func(sql string, values []driver.NamedValue, isLast bool) error,
) error {
	used := 0
	for isLast := false; !isLast; {
		statement, rest, err := c.firstStatement(ctx, query)
		if err != nil {
			return err
		}
		isLast = rest == ""
		values, err := spread(statement.parameters, arguments, used)
		if err != nil {
			return err
		}
		if err := run(statement.sql, values, isLast); err != nil {
			return err
		}
		used += len(statement.parameters)
		query = rest
	}
	return nil
}

// statement is one of SQL and the names of its parameters, "" for one without.
type statement struct {
	sql        string
	parameters []string
}

func (c *driverConn) firstStatement(ctx context.Context, query string) (first statement, rest string, err error) {
	parameters, err := c.parametersOf(ctx, query)
	if hasTail(err) {
		end := err.(Error).Offset
		query, rest = query[:end], query[end:]
		parameters, err = c.parametersOf(ctx, query)
	}
	return statement{query, parameters}, rest, err
}

// parametersOf tells the names of a statement's parameters, and whether SQLite understands it at all.
func (c *driverConn) parametersOf(ctx context.Context, sql string) ([]string, error) {
	if known, ok := c.parameters[sql]; ok {
		return known, nil
	}
	facts, err := c.fetch(ctx, kindDescribe, sql, nil)
	if err != nil {
		return nil, err
	}
	parameters := parametersIn(facts)
	if c.parameters == nil || len(c.parameters) >= parametersMax {
		c.parameters = map[string][]string{}
	}
	c.parameters[sql] = parameters
	return parameters, nil
}

// PrepareContext has SQLite look at the statement, which the library's cache then keeps ready.
func (c *driverConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	// Not from memory: the tables that it names may be gone.
	delete(c.parameters, query)
	parameters, err := c.parametersOf(ctx, query)
	if err != nil {
		return nil, err
	}
	return &driverStmt{c, statement{query, parameters}}, nil
}

// Prepare is for old programs.
func (c *driverConn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// Begin is for old programs.
func (c *driverConn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

// parametersIn reads what DESCRIBE tells of parameters, which are in their order: item, position and name.
func parametersIn(facts *block) []string {
	names := []string{}
	for row := range int(facts.nrows) {
		if facts.text(facts.cell(row, 0)) == "parameter" {
			// "" for one without a name.
			names = append(names, facts.text(facts.cell(row, 2)))
		}
	}
	return names
}

// hasTail says whether SQL was refused for a second statement in it, at the offset of the error.
func hasTail(err error) bool {
	failure, ok := err.(Error)
	return ok && failure.Status == ErrRefused && failure.Offset > 0
}

// hasWrongCount says whether SQL was refused for the number of its values.
func hasWrongCount(err error) bool {
	failure, ok := err.(Error)
	return ok && failure.Code == ErrRange
}
