package sidelite

import (
	"context"
	"sync"
	"time"
)

// What is what an observation tells of; several are added with |.
type What uint32

// What can be observed.
const (
	Changes      = What(1 << iota) // rows that were inserted, updated and deleted
	ChangeValues                   // the same, with old and new values
	Commits                        // commits that changed something
	Rollbacks                      // transactions that were rolled back
	WALCommits                     // commits to a write-ahead log
	Trace                          // statements as they begin
	Profile                        // statements as they end, and how long they took
)

// Notice is what an observation tells of one thing that has happened.
type Notice struct {
	// Kind is insert, update, delete, commit, rollback, wal, trace or profile.
	Kind string
	// Schema and Table are those of a change; the schema that of a log.
	Schema, Table string
	// OldRowID and RowID are those of a changed row before and after.
	OldRowID, RowID int64
	// Old and New are the values of a changed row, if asked for; nil where there is none.
	Old, New []any
	// Pages are those in the log.
	Pages int64
	// SQL is a statement's, with its values filled in.
	SQL string
	// Duration, VMSteps, FullScanSteps and Sorts are what a statement took.
	Duration                      time.Duration
	VMSteps, FullScanSteps, Sorts int64
}

// Observe tells of what happens on this connection, over a channel that is closed when the context ends, or the
// connection is closed. Changes come after the commit that they belong to, and never for what was rolled back.
//
// Nothing waits for the reader: notices that were not read yet are kept in memory. Who stops reading ends the context.
func (c *Conn) Observe(ctx context.Context, what What) (<-chan Notice, error) {
	if ctx.Err() != nil {
		return nil, notSent(ctx)
	}
	r := newRequest()
	defer r.release()
	if err := r.packet.arguments(r.packet.add(kindObserve, 0), []any{int64(what)}); err != nil {
		return nil, err
	}
	o := &observation{
		link: c.link, out: make(chan Notice), wake: make(chan struct{}, 1), withValues: what&ChangeValues != 0,
	}
	out, status := c.link.submit(&r.packet, o, 1, nil)
	if status != 0 {
		return nil, c.link.refusal(status, 0)
	}
	// What is wrong is told by the end of a request behind it, which comes after the observation's own if that is refused.
	if err := c.pass(ctx); err != nil {
		nativeCancel(c.link.handle, out.id)
		return nil, err
	}
	if err := o.refused(ctx); err != nil {
		return nil, err
	}
	go o.run(ctx, out.id)
	return o.out, nil
}

// pass returns when all that was submitted before has begun.
func (c *Conn) pass(ctx context.Context) error {
	_, _, err := c.command(ctx, kindDBConfig, int64(dbConfigForeignKeys))
	return err
}

// dbConfigForeignKeys is SQLite's number for a switch, which is only read here.
const dbConfigForeignKeys = 1002

// observation passes notices on to a channel, which events must not wait for.
type observation struct {
	link       *link
	out        chan Notice
	wake       chan struct{}
	withValues bool

	mu      sync.Mutex
	notices []Notice
	hasEnd  bool
	end     event
	text    *block
}

func (o *observation) onEvent(e *event) {
	b := copyBlock(e.result)
	o.mu.Lock()
	if e.isFinal() {
		o.hasEnd, o.end, o.text = true, *e, b
	} else {
		for _, row := range rowsOf(b) {
			o.notices = append(o.notices, noticeOf(row, o.withValues))
		}
	}
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *observation) refused(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.hasEnd {
		return nil
	}
	return o.link.failure(ctx, &o.end, o.text)
}

func (o *observation) run(ctx context.Context, id int64) {
	defer close(o.out)
	for {
		select {
		case <-o.wake:
		case <-ctx.Done():
			nativeCancel(o.link.handle, id)
			return
		}
		notices, hasEnd := o.take()
		for _, notice := range notices {
			select {
			case o.out <- notice:
			case <-ctx.Done():
				nativeCancel(o.link.handle, id)
				return
			}
		}
		if hasEnd {
			return
		}
	}
}

func (o *observation) take() ([]Notice, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	notices := o.notices
	o.notices = nil
	return notices, o.hasEnd
}

func noticeOf(row Row, withValues bool) Notice {
	n := Notice{Kind: row.Text(0)}
	switch n.Kind {
	case "insert", "update", "delete":
		n.Schema, n.Table, n.OldRowID, n.RowID = row.Text(1), row.Text(2), row.Int64(3), row.Int64(4)
		if withValues {
			n.Old, n.New = valuesOf(row, n.Kind)
		}
	case "wal":
		n.Schema, n.Pages = row.Text(1), row.Int64(2)
	case "trace":
		n.SQL = row.Text(2)
	case "profile":
		n.SQL, n.Duration = row.Text(2), time.Duration(row.Int64(3))
		n.VMSteps, n.FullScanSteps, n.Sorts = row.Int64(4), row.Int64(5), row.Int64(6)
	}
	return n
}

// valuesOf are the old and the new values behind the five first columns.
func valuesOf(row Row, kind string) (old, new []any) {
	values := row.Values()[5:]
	half := len(values) / 2
	if kind != "insert" {
		old = values[:half]
	}
	if kind != "delete" {
		new = values[half:]
	}
	return old, new
}
