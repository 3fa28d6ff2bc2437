package sidelite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
)

// driverTx is a transaction of database/sql.
type driverTx struct {
	conn       *driverConn
	isReadOnly bool
	// isRolledBack: SQLite has ended it, because of an error.
	isRolledBack bool
}

// BeginTx begins a transaction in the way that the name of the database says. All of SQLite's transactions are
// serializable, which holds every promise of the weaker levels, too.
func (c *driverConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if level := sql.IsolationLevel(options.Isolation); level < sql.LevelDefault || level > sql.LevelSerializable {
		return nil, fmt.Errorf("sidelite: there is no isolation level %v", level)
	}
	tx := &driverTx{conn: c, isReadOnly: options.ReadOnly}
	if err := tx.begin(ctx); err != nil {
		_ = tx.end()
		return nil, err
	}
	c.tx = tx
	return tx, nil
}

// begin may succeed although ctx has just ended: database/sql sees that by itself, and rolls back.
func (tx *driverTx) begin(ctx context.Context) error {
	begin := tx.conn.dsn.begin
	if tx.isReadOnly {
		if err := tx.forbidWrites(ctx, "1"); err != nil {
			return err
		}
		// Who only reads wants no lock for writing.
		begin = "BEGIN"
	}
	_, err := tx.conn.execute(ctx, begin, nil, 0)
	return err
}

// Commit leaves no transaction open, whatever comes: for database/sql it is over.
func (tx *driverTx) Commit() error {
	if tx.isRolledBack {
		_ = tx.end()
		return errRolledBack
	}
	_, err := tx.conn.execute(context.Background(), "COMMIT", nil, 0)
	if err != nil {
		// One that finds the file locked is still open.
		_ = tx.Rollback()
		return err
	}
	return tx.end()
}

// Rollback is no error when SQLite has rolled back already.
func (tx *driverTx) Rollback() error {
	return errors.Join(tx.conn.rollback(), tx.end())
}

func (tx *driverTx) end() error {
	tx.conn.tx = nil
	if !tx.isReadOnly {
		return nil
	}
	return tx.forbidWrites(context.Background(), "0")
}

// forbidWrites has SQLite refuse what writes; where the name of the database says so, it does that all the time.
func (tx *driverTx) forbidWrites(ctx context.Context, digit string) error {
	if slices.Contains(tx.conn.dsn.pragmas, "query_only=1") {
		return nil
	}
	_, err := tx.conn.execute(ctx, "PRAGMA query_only="+digit, nil, 0)
	return err
}

// errRolledBack is what the statements of a transaction get that SQLite has rolled back because of an earlier error:
// outside of it each would be committed by itself.
var errRolledBack = errors.New("sidelite: the transaction was rolled back by an earlier error")
