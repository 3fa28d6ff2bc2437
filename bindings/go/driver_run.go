package sidelite

import (
	"context"
	"database/sql/driver"
	"slices"
)

// How the driver's statements become requests, and their failures errors of database/sql.

// written is the result of a statement.
type written struct {
	changes, lastRowID int64
}

func (w written) LastInsertId() (int64, error) { return w.lastRowID, nil }

func (w written) RowsAffected() (int64, error) { return w.changes, nil }

// execute runs a statement to its end and drops its rows.
func (c *driverConn) execute(
	ctx context.Context, sql string, values []driver.NamedValue, flags uint32,
) (driver.Result, error) {
	r := newRequest()
	defer r.release()
	head := r.packet.add(kindExecute, 0)
	head.flags = flags
	r.packet.setSQL(head, sql)
	if err := addValues(&r.packet, head, values); err != nil {
		return nil, err
	}
	return c.finish(ctx, r)
}

// execMany runs a statement once for each row, all in one request and one transaction.
func (c *driverConn) execMany(ctx context.Context, sql string, many Many) (driver.Result, error) {
	if len(many) == 0 {
		return written{}, nil
	}
	r := newRequest()
	defer r.release()
	head := r.packet.add(kindExecute, 0)
	head.flags = flagAtomic
	r.packet.setSQL(head, sql)
	if _, err := r.packet.rows(head, slices.Values(many)); err != nil {
		return nil, err
	}
	return c.finish(ctx, r)
}

func (c *driverConn) finish(ctx context.Context, r *request) (driver.Result, error) {
	if err := c.run(ctx, r); err != nil {
		return nil, err
	}
	return written{r.end.changes, r.end.lastRowID}, nil
}

// fetch runs a statement and collects its rows; with another kind of request, what that has to tell.
func (c *driverConn) fetch(
	ctx context.Context, kind uint32, sql string, values []driver.NamedValue,
) (*block, error) {
	r := newRequest()
	defer r.release()
	head := r.packet.add(kind, 0)
	r.packet.setSQL(head, sql)
	if err := addValues(&r.packet, head, values); err != nil {
		return nil, err
	}
	if err := c.run(ctx, r); err != nil {
		return nil, err
	}
	return r.block, nil
}

// query begins to read a statement's rows, and waits for the first ones.
func (c *driverConn) query(ctx context.Context, sql string, values []driver.NamedValue) (*driverRows, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	r := newRequest()
	defer r.release()
	head := r.packet.add(kindStream, 0)
	r.packet.setSQL(head, sql)
	if err := addValues(&r.packet, head, values); err != nil {
		return nil, err
	}
	stream, err := c.native.link.openStream(ctx, &r.packet, 0)
	if err != nil {
		return nil, c.translate(ctx, err)
	}
	rows := &driverRows{conn: c, ctx: ctx, stream: stream}
	if err := rows.begin(); err != nil {
		rows.Close()
		return nil, err
	}
	return rows, nil
}

// rollback does nothing where no transaction is open.
func (c *driverConn) rollback() error {
	r := newRequest()
	defer r.release()
	r.packet.add(kindRollback, 0)
	return c.translate(context.Background(), r.run(context.Background(), c.native.link, 0))
}

// check refuses what would be committed by itself, because the transaction that it was meant for is gone.
func (c *driverConn) check() error {
	if c.tx != nil && c.tx.isRolledBack {
		return errRolledBack
	}
	return nil
}

func (c *driverConn) run(ctx context.Context, r *request) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.translate(ctx, r.run(ctx, c.native.link, 0))
}

// translate makes of a failure what database/sql acts on.
func (c *driverConn) translate(ctx context.Context, err error) error {
	failure, ok := err.(Error)
	if !ok {
		return err
	}
	if failure.RolledBack && c.tx != nil {
		c.tx.isRolledBack = true
	}
	switch {
	case failure.Status == ErrCancelled && ctx.Err() != nil:
		// Programs compare it.
		return ctx.Err()
	case failure.NotRun && isLost(failure.Status):
		// Nothing was done: the pool may do it again with another connection.
		return driver.ErrBadConn
	}
	return err
}

// isLost says whether a connection will never take a request again.
func isLost(status Status) bool {
	return status == ErrClosed || status == ErrBadHandle || status == ErrPanicked
}
