package sidelite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// Mode is how a transaction begins.
type Mode uint32

// Modes of transactions.
const (
	// None begins no transaction: a lease has the connection to itself, and each of its statements commits.
	None = Mode(iota)
	// Deferred takes locks as they are needed.
	Deferred
	// Immediate takes the lock for writing at once, so that nothing later in it fails for that.
	Immediate
	// Exclusive keeps readers out, too, where the journal is no WAL.
	Exclusive
	// Always is for Options.Isolation alone: a transaction is open at any time.
	Always
)

// Tx is a transaction, and the sole use of the connection for as long as it lasts: requests that others make meanwhile
// wait for its end, so that nobody gets into it. A savepoint inside of one is a Tx as well.
//
// It must be ended, with Commit or Rollback. One that nobody holds any more is rolled back by the garbage collector.
type Tx struct {
	lane
	mode  Mode
	depth int // of savepoints; 0 is the transaction itself
	outer *Tx
	guard *leaseGuard
	stop  <-chan struct{} // of the context that it was given; nil for none

	mu       sync.Mutex
	inner    *Tx // that is open inside of this one
	hasEnded bool
}

// Begin begins a transaction when its turn comes. The context is for that alone.
func (c *Conn) Begin(ctx context.Context, mode Mode) (*Tx, error) { return c.Lease(ctx, mode, 0) }

// Lease is Begin with a limit: after `hold` the transaction is rolled back. 0 is no limit.
func (c *Conn) Lease(ctx context.Context, mode Mode, hold time.Duration) (*Tx, error) {
	arguments := []any{int64(mode), nil}
	if hold > 0 {
		arguments[1] = millisecondsOf(hold, 1<<32-1)
	}
	_, end, err := c.command(ctx, kindLease, arguments...)
	if err != nil {
		return nil, err
	}
	tx := &Tx{lane: lane{conn: c, id: end.id}, mode: mode, guard: &leaseGuard{c.link, end.id}}
	tx.lane.tx = tx
	runtime.SetFinalizer(tx.guard, (*leaseGuard).abandon)
	return tx, nil
}

// Tx runs the body in a transaction, and commits what it did, or rolls back when it returns an error or panics. The
// context ends the whole transaction.
func (c *Conn) Tx(ctx context.Context, mode Mode, body func(tx *Tx) error) error {
	tx, err := c.Begin(ctx, mode)
	if err != nil {
		return err
	}
	tx.stop = ctx.Done()
	stop := context.AfterFunc(ctx, func() { nativeCancel(c.link.handle, tx.id) })
	defer stop()
	return tx.run(ctx, body)
}

// Tx runs the body in a savepoint, which is undone alone when it returns an error or panics.
func (tx *Tx) Tx(ctx context.Context, body func(tx *Tx) error) error {
	inner, err := tx.Savepoint(ctx)
	if err != nil {
		return err
	}
	return inner.run(ctx, body)
}

// Savepoint begins a transaction inside of this one, which takes no requests until it has ended.
func (tx *Tx) Savepoint(ctx context.Context) (*Tx, error) {
	inner := &Tx{lane: lane{conn: tx.conn, id: tx.id}, mode: tx.mode, depth: tx.depth + 1, outer: tx, stop: tx.stop}
	inner.lane.tx = inner
	if err := tx.enter(inner); err != nil {
		return nil, err
	}
	if _, err := tx.ending().Exec(ctx, "SAVEPOINT "+inner.name()); err != nil {
		inner.end()
		return nil, err
	}
	return inner, nil
}

func (tx *Tx) name() string { return fmt.Sprintf("sidelite_%d", tx.depth) }

func (tx *Tx) run(ctx context.Context, body func(*Tx) error) error {
	hasReturned := false
	defer func() {
		if !hasReturned {
			tx.Rollback()
		}
	}()
	err := body(tx)
	hasReturned = true
	if err == nil {
		return lostTo(ctx, tx.Commit(ctx))
	}
	// The reason is what is told: a rollback that fails as well has lost the whole transaction.
	tx.Rollback()
	return lostTo(ctx, err)
}

// lostTo says that the end of the context is why the transaction was over.
func lostTo(ctx context.Context, err error) error {
	failed, ok := err.(Error)
	if !ok || ctx.Err() == nil || failed.Status != ErrAborted && failed.Status != ErrCancelled {
		return err
	}
	failed.Status = ErrCancelled
	return failed.withContext(ctx)
}

// Commit makes what was done last. When it fails, the transaction is rolled back.
func (tx *Tx) Commit(ctx context.Context) error {
	if err := tx.end(); err != nil {
		return err
	}
	var err error
	switch {
	case tx.outer != nil:
		_, err = tx.ending().Exec(ctx, "RELEASE "+tx.name())
	case tx.mode == None:
		return tx.release()
	default:
		_, _, err = tx.ending().command(ctx, kindCommit)
	}
	if err != nil {
		tx.undo()
	}
	return err
}

// Rollback undoes what was done. When the transaction has ended already it does nothing, so that it can be deferred. It
// takes no context: it must not be left undone.
func (tx *Tx) Rollback() error {
	if tx.end() != nil {
		return nil
	}
	return tx.undo()
}

// undo is refused when the lease is gone already, with all that was done in it.
func (tx *Tx) undo() error {
	var err error
	if tx.outer == nil {
		err = tx.release()
	} else {
		err = tx.ending().Script(context.Background(), fmt.Sprintf("ROLLBACK TO %[1]s; RELEASE %[1]s", tx.name()))
	}
	if errors.Is(err, sql.ErrTxDone) || errors.Is(err, ErrClosed) {
		return nil
	}
	return err
}

// release ends the lease, which rolls back what is not committed.
func (tx *Tx) release() error {
	_, _, err := tx.ending().command(context.Background(), kindRelease)
	return err
}

// ending is the lane of what begins and ends transactions, at a time when the transaction itself takes nothing.
func (tx *Tx) ending() *lane { return &lane{conn: tx.conn, id: tx.id} }

// leaseGuard goes when nobody holds the transaction any more, which itself is part of a cycle.
type leaseGuard struct {
	link *link
	id   int64
}

func (g *leaseGuard) abandon() {
	r := newRequest()
	defer r.release()
	r.packet.add(kindRelease, g.id)
	g.link.submit(&r.packet, nobody{}, 1, nil)
}

// ---- Who may send ----

var errInner = newStatus(ErrRefused, "a transaction is open inside of this one: use that")

func errEnded() error {
	err := newStatus(ErrAborted, "the transaction has ended")
	err.cause = sql.ErrTxDone
	return err
}

func (tx *Tx) check() error { return tx.enter(nil) }

// enter lets a transaction begin inside of this one.
func (tx *Tx) enter(inner *Tx) error {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	switch {
	case tx.hasEnded:
		return errEnded()
	case tx.inner != nil:
		return errInner
	}
	tx.inner = inner
	return nil
}

// end marks the transaction as ended, once, with those that are open inside of it.
func (tx *Tx) end() error {
	tx.mu.Lock()
	inner := tx.inner
	hasEnded := tx.hasEnded
	tx.hasEnded, tx.inner = true, nil
	tx.mu.Unlock()
	if hasEnded {
		return errEnded()
	}
	if inner != nil {
		inner.end()
	}
	if tx.outer != nil {
		tx.outer.leave(tx)
	} else {
		runtime.SetFinalizer(tx.guard, nil)
	}
	return nil
}

func (tx *Tx) leave(inner *Tx) {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.inner == inner {
		tx.inner = nil
	}
}
