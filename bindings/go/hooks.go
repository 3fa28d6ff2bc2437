package sidelite

import (
	"context"
	"time"
)

// Hooks are answered by goroutines while the statement waits: each call is a hop there and back. They take no requests
// of their own connection. nil removes a hook.

// Access is what a statement wants to do, as its authorizer is asked.
type Access struct {
	Action                         int
	First, Second, Schema, Trigger string
}

// Authorize says by rules what statements may do, in place of the rules before. The first one that fits decides;
// without one it is allowed. No rules allow everything.
func (c *Conn) Authorize(ctx context.Context, rules ...Rule) error {
	r := newRequest()
	defer r.release()
	record := r.packet.add(kindAuthorize, 0)
	if len(rules) > 0 {
		r.packet.beginValues(record, 6)
		record.nrows = uint32(len(rules))
	}
	for _, rule := range rules {
		rule.write(&r.packet)
	}
	_, _, err := c.finish(ctx, r)
	return err
}

// SetAuthorizer asks a function what statements may do, where no rule has decided. It is asked as they are prepared.
func (c *Conn) SetAuthorizer(ctx context.Context, authorizer func(Access) Decision) error {
	var answer func(Row) any
	if authorizer != nil {
		answer = func(row Row) any {
			access := Access{int(row.Int64(0)), row.Text(1), row.Text(2), row.Text(3), row.Text(4)}
			return int64(authorizer(access))
		}
	}
	return c.hook(ctx, functionAuthorizer, 0, answer)
}

// SetProgress calls a function each time a statement has run so many VM instructions (1000 if it is 0). False ends the
// statement with ErrInterrupt.
func (c *Conn) SetProgress(ctx context.Context, instructions int, progress func() bool) error {
	var answer func(Row) any
	if progress != nil {
		answer = func(Row) any { return !progress() }
	}
	return c.hook(ctx, functionProgress, instructions, answer)
}

// SetBusy calls a function when a lock is not to be had, in place of the busy timeout, with how often it was called
// before for this lock. It says how long to wait until the next try; below 0 gives up.
func (c *Conn) SetBusy(ctx context.Context, busy func(times int) time.Duration) error {
	var answer func(Row) any
	if busy != nil {
		answer = func(row Row) any {
			if wait := busy(int(row.Int64(0))); wait >= 0 {
				return millisecondsOf(wait, 1<<31-1)
			}
			return nil
		}
	}
	return c.hook(ctx, functionBusy, 0, answer)
}

// SetCommit asks a function whenever a transaction is about to commit. False rolls it back instead.
func (c *Conn) SetCommit(ctx context.Context, commit func() bool) error {
	var answer func(Row) any
	if commit != nil {
		answer = func(Row) any { return !commit() }
	}
	return c.hook(ctx, functionCommit, 0, answer)
}

func (c *Conn) hook(ctx context.Context, kind uint32, number int, answer func(Row) any) error {
	r := &functionRecord{kind: kind, nArgs: int32(number)}
	if answer == nil {
		r.flags = functionRemove
		return c.create(ctx, "", r, nil)
	}
	return c.create(ctx, "", r, func(_ *Call, _ int32, _ int64, rows []Row) (any, error) {
		if len(rows) == 0 {
			return answer(Row{}), nil
		}
		return answer(rows[0]), nil
	})
}
