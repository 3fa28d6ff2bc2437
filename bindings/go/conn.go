package sidelite

import (
	"context"
	"runtime"
	"strings"
	"sync"
)

// Conn is a connection: one database, and a thread of its own that does the work. Any number of goroutines may use it
// at the same time; requests run in the order in which they were made. A program that wants several things of one
// database at the same moment opens it several times.
//
// A context's end cancels the request that it was given to, also while it waits for a lock, and no other; the call
// returns when the request has ended.
//
// One that nobody holds any more is closed by the garbage collector, as with an os.File. A function of Go's that was
// registered on it and holds it keeps it from that: it has the Call instead.
type Conn struct {
	lane
	link  *link
	path  string
	guard *connGuard
}

// connGuard goes when nobody holds the connection any more, which itself is part of a cycle.
type connGuard struct{ link *link }

func (g *connGuard) abandon() { go g.link.close(closeCancel) }

// Open opens a database and waits until it is open. The path is a file's name, ":memory:", or "" for a temporary file.
//
// Opening one file several times is fine; opening it with another copy of SQLite in the same process, such as another
// driver's, is not: locks belong to the process, and committed rows are lost.
func Open(ctx context.Context, path string, options *Options) (*Conn, error) {
	if options == nil {
		options = &Options{}
	}
	if err := checkABI(); err != nil {
		return nil, err
	}
	if strings.IndexByte(path, 0) >= 0 {
		return nil, newStatus(ErrBadText, "a path with a NUL in it")
	}
	if ctx.Err() != nil {
		return nil, notSent(ctx)
	}
	l, opening, err := newLink(path, options)
	if err != nil {
		return nil, err
	}
	if err := opening.wait(ctx, l); err != nil {
		l.close(closeCancel)
		return nil, err
	}
	c := &Conn{link: l, path: path, guard: &connGuard{l}}
	c.lane.conn = c
	runtime.SetFinalizer(c.guard, (*connGuard).abandon)
	return c, nil
}

// Path is what the connection was opened with.
func (c *Conn) Path() string { return c.path }

// Close cancels what is in flight, and returns when the file is closed and the connection's thread is gone. What was
// not committed is rolled back. All later calls of methods fail with ErrClosed, but for another Close, which does
// nothing.
func (c *Conn) Close() error {
	runtime.SetFinalizer(c.guard, nil)
	return c.link.close(closeCancel)
}

// Shutdown lets what is in flight come to its end first, and takes nothing new. Rows that somebody reads must be read
// to their end, or closed. The end of the context cancels what is left.
func (c *Conn) Shutdown(ctx context.Context) error {
	runtime.SetFinalizer(c.guard, nil)
	if ctx.Err() != nil {
		return c.link.close(closeCancel)
	}
	stop := context.AfterFunc(ctx, func() { nativeCancel(c.link.handle, 0) })
	defer stop()
	return c.link.close(closeDrain)
}

// Interrupt ends what is running now with SQLITE_INTERRUPT. What waits goes on.
func (c *Conn) Interrupt() { nativeCancel(c.link.handle, running) }

// Statistics are a connection's counters.
type Statistics struct {
	Outstanding  int   // requests that are out now
	Bytes        int64 // of SQL, values and results that are out now
	Submitted    int64 // requests since it was opened
	Completed    int64 // those that have ended
	CacheHits    int64 // statements that were found prepared
	CacheMisses  int64 // statements that had to be prepared
	TotalChanges int64 // rows that were changed since it was opened
}

// Statistics tells the counters, at once.
func (c *Conn) Statistics() (Statistics, error) {
	counters, status := nativeStatistics(c.link.handle)
	if status != 0 {
		return Statistics{}, c.link.refusal(status, 0)
	}
	return counters, nil
}

// isUsable says whether the connection takes requests.
func (c *Conn) isUsable() bool { return !c.link.isGone() && !c.link.isPoisoned.Load() }

// ---- A link's life ----

// opening is told of OPENED, and of WRITABLE until the connection is closed.
type opening struct {
	once sync.Once
	done chan struct{}
	end  event
	text *block
}

func (o *opening) onEvent(e *event) {
	if e.flags&eventOpened == 0 {
		return
	}
	o.once.Do(func() {
		o.end, o.text = *e, copyBlock(e.result)
		o.done <- struct{}{}
	})
}

// wait waits for OPENED. Opening itself cannot be cancelled: a close does that.
func (o *opening) wait(ctx context.Context, l *link) error {
	select {
	case <-o.done:
	case <-ctx.Done():
		return notSent(ctx)
	}
	if o.end.code != 0 {
		return l.failure(ctx, &o.end, o.text)
	}
	return nil
}

func newLink(path string, options *Options) (*link, *opening, error) {
	l := &link{slots: make([]slot, 1, 4), closed: make(chan struct{})}
	l.rounds.Store(roundsMax)
	var p packet
	r, err := options.record(&p)
	if err != nil {
		return nil, nil, err
	}
	if err := watch.join(l); err != nil {
		return nil, nil, err
	}
	o := &opening{done: make(chan struct{}, 1)}
	status := l.open(r, path, &p, o)
	if status == 0 {
		return l, o, nil
	}
	if l.queue != 0 {
		l.queue.free()
	}
	watch.leave(l)
	return nil, nil, newStatus(status, "")
}

func (l *link) open(r *openRecord, path string, p *packet, o *opening) Status {
	// Events may come before the handle is stored, and are told under this lock.
	l.draining.Lock()
	defer l.leave()
	queue, status := nativeQueueNew(l.number)
	if status != 0 {
		return status
	}
	l.queue = queue
	r.key = l.register(o, forever)
	handle := l.queue.open(r, path, p)
	if handle < 0 {
		return Status(handle)
	}
	l.handle = uint64(handle)
	return 0
}

// closing is told of CLOSED.
type closing struct {
	done chan struct{}
}

func (c *closing) onEvent(*event) { close(c.done) }

// close closes the connection and frees its queue, or waits until that is done by another.
func (l *link) close(mode uint32) error {
	l.mu.Lock()
	isFirst := !l.isClosing
	l.isClosing = true
	l.mu.Unlock()
	if !isFirst {
		if mode == closeCancel {
			nativeCancel(l.handle, 0)
		}
		<-l.closed
		return nil
	}
	c := &closing{make(chan struct{})}
	if status := nativeClose(l.handle, mode, l.register(c, forever)); status != 0 {
		// As in a forked child, where nothing of it may be touched.
		close(l.closed)
		return newStatus(status, "")
	}
	<-c.done
	l.dispose()
	return nil
}

// dispose waits for the thread, which is at its end. Who looks meanwhile finds the queue gone.
func (l *link) dispose() {
	l.draining.Lock()
	queue := l.queue
	l.queue = 0
	l.draining.Unlock()
	queue.free()
	watch.leave(l)
	close(l.closed)
}
