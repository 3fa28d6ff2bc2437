package sidelite

import "context"

// Limit is one of SQLite's limits, by its number.
type Limit int64

// The limits.
const (
	LimitLength            = Limit(iota) // bytes of a value, and of a row
	LimitSQLLength                       // bytes of a statement
	LimitColumn                          // columns
	LimitExprDepth                       // depth of an expression
	LimitCompoundSelect                  // terms of a compound SELECT
	LimitVDBEOp                          // VM instructions of a statement
	LimitFunctionArg                     // arguments of a function
	LimitAttached                        // attached databases
	LimitLikePatternLength               // bytes of a pattern of LIKE and GLOB
	LimitVariableNumber                  // parameters of a statement
	LimitTriggerDepth                    // depth of triggers
	LimitWorkerThreads                   // helpers of one statement
)

// Limit tells one of SQLite's limits.
func (l *lane) Limit(ctx context.Context, limit Limit) (int64, error) {
	return l.number(ctx, kindLimit, int64(limit), nil)
}

// SetLimit sets one of SQLite's limits and tells what it was before.
func (l *lane) SetLimit(ctx context.Context, limit Limit, value int64) (int64, error) {
	return l.number(ctx, kindLimit, int64(limit), value)
}

// Config tells one of the connection's switches, by SQLite's number, such as 1010 for the defensive mode.
func (l *lane) Config(ctx context.Context, option int) (int64, error) {
	return l.number(ctx, kindDBConfig, option, nil)
}

// SetConfig sets one of the connection's switches, by SQLite's number, and tells what it is now.
func (l *lane) SetConfig(ctx context.Context, option int, value int64) (int64, error) {
	return l.number(ctx, kindDBConfig, option, value)
}

// number runs a kind whose result is one integer.
func (l *lane) number(ctx context.Context, kind uint32, arguments ...any) (int64, error) {
	b, _, err := l.command(ctx, kind, arguments...)
	if err != nil {
		return 0, err
	}
	return Row{block: b}.Int64(0), nil
}

// SetIsolation changes which transactions begin by themselves. A change to None commits what is open.
func (c *Conn) SetIsolation(ctx context.Context, mode Mode) error {
	_, _, err := c.command(ctx, kindIsolation, int64(mode))
	return err
}

// Checkpoint is how much of a write-ahead log is copied back.
type Checkpoint int64

// Checkpoints.
const (
	CheckpointPassive  = Checkpoint(iota) // as much as can be without waiting for anybody
	CheckpointFull                        // all; waits for writers, and for readers of old frames
	CheckpointRestart                     // as full, and the next writer begins the log anew
	CheckpointTruncate                    // as restart, and the log is cut to nothing
)

// Checkpoint copies what is in the write-ahead log back into the database: the frames in the log, and how many of them
// are copied, both -1 without a log. The schema is all if it is "".
func (l *lane) Checkpoint(ctx context.Context, mode Checkpoint, schema string) (frames, copied int64, err error) {
	b, _, err := l.command(ctx, kindCheckpoint, int64(mode), orNull(schema))
	if err != nil {
		return 0, 0, err
	}
	row := Row{block: b}
	return row.Int64(0), row.Int64(1), nil
}

// SetAutoCheckpoint checkpoints by itself after a commit that leaves so many pages in the log; 0 is never.
func (l *lane) SetAutoCheckpoint(ctx context.Context, pages int64) error {
	_, _, err := l.command(ctx, kindAutoCheckpoint, pages)
	return err
}

// LoadExtension loads a shared library of SQL functions and the like, for which Options.Extensions must be set. The
// entry point is guessed from the name if it is "".
func (l *lane) LoadExtension(ctx context.Context, path, entry string) error {
	_, _, err := l.command(ctx, kindLoadExtension, path, orNull(entry))
	return err
}

// Fact is one of what Status tells.
type Fact struct {
	Value   any
	Highest any // nil for what has no highest value
}

// Status tells facts and counters by name: filename, readonly, autocommit, total_changes, cache_used and others. With
// reset the highest values, and what only counts up, begin anew.
func (l *lane) Status(ctx context.Context, reset bool) (map[string]Fact, error) {
	b, _, err := l.command(ctx, kindStatus, reset)
	if err != nil {
		return nil, err
	}
	facts := make(map[string]Fact, b.nrows)
	for _, row := range rowsOf(b) {
		facts[row.Text(0)] = Fact{row.Value(1), row.Value(2)}
	}
	return facts, nil
}

// SetLastInsertRowID sets what last_insert_rowid() returns.
func (l *lane) SetLastInsertRowID(ctx context.Context, rowID int64) error {
	_, _, err := l.command(ctx, kindSetLastInsertRowID, rowID)
	return err
}

// Description is what SQLite knows of a statement without running it.
type Description struct {
	ReadOnly   bool
	SQL        string // with the values filled in
	Columns    []Column
	Parameters []string // "" for one without a name
}

// Column is one of a statement's result. Type, Schema, Table and Origin are "" for what is no column of a table.
type Column struct {
	Name, Type, Schema, Table, Origin string
}

// Describe tells about a statement without running it. Many PRAGMAs act as SQLite prepares them, and so they do here.
func (l *lane) Describe(ctx context.Context, sql string, arguments ...any) (Description, error) {
	b, _, err := l.statement(ctx, kindDescribe, 0, 0, sql, arguments)
	if err != nil {
		return Description{}, err
	}
	var d Description
	for _, row := range rowsOf(b) {
		switch row.Text(0) {
		case "statement":
			d.ReadOnly, d.SQL = row.Int64(7) == 1, row.Text(8)
		case "column":
			d.Columns = append(d.Columns, Column{row.Text(2), row.Text(3), row.Text(4), row.Text(5), row.Text(6)})
		case "parameter":
			d.Parameters = append(d.Parameters, row.Text(2))
		}
	}
	return d, nil
}
