package sidelite

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// Call is a call of a function of Go's inside of a statement. Its methods run statements on the same connection while
// the outer one waits; a Call is good until the function returns.
type Call struct {
	lane
}

// Function is a scalar function of SQL. It runs on a goroutine of its own. Its value is one that could be an argument
// of a statement. Its error ends the statement, whose caller gets an error that wraps it; so does a panic, as a
// *PanicError.
type Function func(call *Call, arguments Row) (any, error)

// Aggregate computes the value of a group of rows.
type Aggregate interface {
	// Step takes a row into the group.
	Step(call *Call, arguments Row) error
	// Value is that of the rows so far. For an aggregate it is called once, at the end.
	Value(call *Call) (any, error)
}

// WindowAggregate is an Aggregate that can also move over a window, OVER (...).
type WindowAggregate interface {
	Aggregate
	// Inverse takes the oldest row out of the group.
	Inverse(call *Call, arguments Row) error
}

// Collation is an order of texts: below 0, 0 or above 0, as strings.Compare. Each comparison is a hop to a goroutine
// and back: thousands for a small sort.
type Collation func(a, b string) int

// FunctionOptions are how a function is registered.
type FunctionOptions struct {
	// Arguments is their number; -1 is any. The same name may be registered for several numbers.
	Arguments int
	// Deterministic: the same arguments give the same value, so that it may be used in indexes and be called less often.
	Deterministic bool
	// DirectOnly: only for SQL that the program itself submits, not for triggers and views of a file. On a hardened
	// connection all functions are that, unless they are Innocuous.
	DirectOnly bool
	// Innocuous: harmless even in the schema of a stranger's file.
	Innocuous bool
	// Timeout is how long a statement waits for an answer before it ends with ErrTimeout; 0 is as long as it takes.
	Timeout time.Duration
	// BatchRows is how many rows of an aggregate come at a time, at most; 0 is 512.
	BatchRows int
}

// PanicError is what a statement ends with whose function of Go's has panicked.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("a function has panicked: %v", e.Value) }

// Unwrap is the value, if that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Kinds of functions.
const (
	functionScalar = iota + 1
	functionAggregate
	functionWindow
	functionCollation
	functionAuthorizer
	functionProgress
	functionBusy
	_ // UPDATE and PREUPDATE, which take functions of C: Observe tells the same
	_
	functionCommit
)

// Flags of functions.
const (
	functionDeterministic = 1 << iota
	functionDirectOnly
	functionInnocuous
	functionRemove
)

// Which call of a function it is.
const (
	callScalar = iota
	callStep
	callInverse
	callValue
	callFinal
	callEnd
)

func (o *FunctionOptions) record(kind uint32) *functionRecord {
	r := &functionRecord{
		kind: kind, nArgs: int32(o.Arguments), batchRows: uint32(max(o.BatchRows, 0)), hasName: 1,
		replyTimeoutMS: uint32(millisecondsOf(o.Timeout, 1<<32-1)),
	}
	for _, choice := range []struct {
		isSet bool
		flag  uint32
	}{
		{o.Deterministic, functionDeterministic}, {o.DirectOnly, functionDirectOnly}, {o.Innocuous, functionInnocuous},
	} {
		if choice.isSet {
			r.flags |= choice.flag
		}
	}
	return r
}

// CreateFunction registers a scalar function, in place of one with the same name and number of arguments.
func (c *Conn) CreateFunction(ctx context.Context, name string, options FunctionOptions, function Function) error {
	call := func(call *Call, _ int32, _ int64, rows []Row) (any, error) { return function(call, rows[0]) }
	return c.create(ctx, name, options.record(functionScalar), call)
}

// CreateAggregate registers an aggregate function; `start` begins a group.
func (c *Conn) CreateAggregate(
	ctx context.Context, name string, options FunctionOptions, start func() Aggregate,
) error {
	g := &groups[Aggregate]{start: start}
	return c.create(ctx, name, options.record(functionAggregate), g.call)
}

// CreateWindow registers an aggregate function that can also move over a window; `start` begins a group.
func (c *Conn) CreateWindow(
	ctx context.Context, name string, options FunctionOptions, start func() WindowAggregate,
) error {
	g := &groups[WindowAggregate]{start: start, inverse: WindowAggregate.Inverse}
	return c.create(ctx, name, options.record(functionWindow), g.call)
}

// CreateCollation registers an order of texts.
func (c *Conn) CreateCollation(ctx context.Context, name string, compare Collation) error {
	call := func(_ *Call, _ int32, _ int64, rows []Row) (any, error) {
		return int64(compare(rows[0].Text(0), rows[0].Text(1))), nil
	}
	return c.create(ctx, name, &functionRecord{kind: functionCollation, hasName: 1}, call)
}

// RemoveFunction removes the function with this name and number of arguments, of whichever kind.
func (c *Conn) RemoveFunction(ctx context.Context, name string, arguments int) error {
	r := &functionRecord{kind: functionScalar, flags: functionRemove, nArgs: int32(arguments), hasName: 1}
	return c.create(ctx, name, r, nil)
}

// RemoveCollation removes an order of texts.
func (c *Conn) RemoveCollation(ctx context.Context, name string) error {
	return c.create(ctx, name, &functionRecord{kind: functionCollation, flags: functionRemove, hasName: 1}, nil)
}

// ---- Registration ----

// hosted answers the calls of one registration. The group is that of an aggregate.
type hosted struct {
	link *link
	call func(call *Call, kind int32, group int64, rows []Row) (any, error)
	done chan struct{}
	end  event
	text *block
}

func (c *Conn) create(
	ctx context.Context, name string, r *functionRecord, call func(*Call, int32, int64, []Row) (any, error),
) error {
	if ctx.Err() != nil {
		return notSent(ctx)
	}
	h := &hosted{link: c.link, call: call, done: make(chan struct{}, 1)}
	if err := checkName(name); err != nil {
		return err
	}
	// Its calls come under the same key as its registration's end, until another takes its place.
	r.key = c.link.register(h, forever)
	id := nativeCreateFunction(c.link.handle, r, name)
	if id < 0 {
		c.link.unregister(r.key)
		return c.link.refusal(Status(id), 0)
	}
	hasEnded := sent{link: c.link, id: id, key: r.key, task: h}.wait(ctx, nil, h.done)
	runtime.KeepAlive(c)
	if !hasEnded {
		return notSent(ctx)
	}
	if h.end.code != 0 {
		c.link.unregister(r.key)
		return c.link.failure(ctx, &h.end, h.text)
	}
	c.link.replace(r, name)
	return nil
}

// functionName is what SQLite tells functions apart by.
type functionName struct {
	kind  uint32
	name  string
	nArgs int32
}

// replace forgets the function whose place a new one takes, or which was removed: it is called no more.
func (l *link) replace(r *functionRecord, name string) {
	own := functionName{r.kind, foldASCII(name), r.nArgs}
	switch r.kind {
	case functionAggregate, functionWindow:
		own.kind = functionScalar
	case functionProgress:
		own.nArgs = 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if old, ok := l.functions[own]; ok {
		l.release(uint32(old))
	}
	if r.flags&functionRemove != 0 {
		delete(l.functions, own)
		l.release(uint32(r.key))
		return
	}
	if l.functions == nil {
		l.functions = map[functionName]uint64{}
	}
	l.functions[own] = r.key
}

// foldASCII: only these letters are the same to SQLite in both cases.
func foldASCII(name string) string {
	return strings.Map(func(letter rune) rune {
		if letter >= 'A' && letter <= 'Z' {
			return letter + 'a' - 'A'
		}
		return letter
	}, name)
}

func (h *hosted) onEvent(e *event) {
	if e.flags&eventCall == 0 {
		h.end, h.text = *e, copyBlock(e.result)
		h.done <- struct{}{}
		return
	}
	called := *e
	rows := rowsOf(copyBlock(e.result))
	if e.code == callEnd {
		// Nobody waits for an answer.
		_, _ = h.call(nil, callEnd, called.changes, nil)
		return
	}
	go h.answer(&called, rows)
}

// answer runs the function, and is the one that tells of its end, whatever becomes of it.
func (h *hosted) answer(e *event, rows []Row) {
	value, err := h.run(e, rows)
	var p packet
	if err == nil {
		if err = p.value(value); err == nil {
			// One that was cancelled waits no longer, and nobody wants to know.
			status := nativeReply(h.link.handle, e.id, &p, 0)
			if status == 0 || status == ErrBadHandle {
				return
			}
			err = newStatus(status, "")
		}
	}
	h.fail(e.id, err)
}

func (h *hosted) fail(call int64, err error) {
	var p packet
	p.text(validText(err.Error()))
	nativeReply(h.link.handle, call, &p, h.link.thrown.keep(err))
}

func (h *hosted) run(e *event, rows []Row) (value any, err error) {
	hasReturned := false
	defer func() {
		if hasReturned {
			return
		}
		// nil: the goroutine ends by itself, as in runtime.Goexit.
		value, err = nil, &PanicError{recover(), debug.Stack()}
		if err.(*PanicError).Value == nil {
			h.fail(e.id, err)
		}
	}()
	// The statement that calls keeps the connection from being collected.
	call := &Call{lane{conn: &Conn{link: h.link}, id: e.id}}
	call.conn.lane.conn = call.conn
	value, err = h.call(call, e.code, e.changes, rows)
	hasReturned = true
	return value, err
}
