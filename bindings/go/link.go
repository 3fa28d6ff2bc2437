package sidelite

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A link is a connection as the library has it: a handle, a queue of its own, and who is told of its events. The Conn
// that programs hold points to one; the link does not know its Conn, so that a Conn nobody holds any more is collected.
//
// How an answer comes. To wake a thread that sleeps takes longer than most queries, so who has submitted looks for the
// answer himself for a few microseconds, in the same crossing, and only then parks; if others wait as well, these get
// their turn before. Whoever looks takes the events of all, and one looks at a time; the others park at once. While
// nobody looks, the library writes to the watcher's descriptor. Measured with reads of one row: looking 3 us, the
// descriptor alone 20 to 40 us.
type link struct {
	number uint32
	handle uint64

	// Who holds it takes events out of the queue, which is 0 when it is gone.
	draining sync.Mutex
	queue    nativeQueue
	missed   atomic.Bool // events may wait, for a look that the holder of the lock owes
	rounds   atomic.Int32

	mu         sync.Mutex
	slots      []slot
	free       []uint32
	isClosing  bool
	closed     chan struct{}
	functions  map[functionName]uint64 // the keys of those in force
	thrown     thrown
	isPoisoned atomic.Bool // by a defect inside the library
}

// slot is who is told of the events that bear its number as their key. It is free again after the last final one.
type slot struct {
	task   task
	finals int
}

// task is told of events, one at a time, in order. It must not wait, and must copy what it keeps of the result.
type task interface {
	onEvent(*event)
}

const (
	eventsMax = 64
	forever   = -1 // final events of a task that is told until the connection is closed

	// Rounds of looking, the first ones without giving the CPU away: some 25 us in all while nobody else wants it.
	roundsMax = 48
	// A wait that ends so soon would better have been spent looking: most of it was the waking.
	shortWait = 200 * time.Microsecond
	// Results of so many bytes are given back at once, smaller ones with the next look.
	letGoBytes = 32 << 10
)

// eventArray is what one look fills. What C is given stands apart: Go looks for pointers in all of it at each crossing.
type eventArray struct {
	*found
	tasks [eventsMax]task
}

type found struct {
	look   look
	events [eventsMax]event
}

var eventArrays = sync.Pool{New: func() any { return &eventArray{found: new(found)} }}

// waiting counts who waits for an answer, of any connection.
var waiting atomic.Int32

// ---- Who is told ----

func (l *link) register(t task, finals int) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.free); n > 0 {
		key := l.free[n-1]
		l.free = l.free[:n-1]
		l.slots[key] = slot{t, finals}
		return uint64(key)
	}
	l.slots = append(l.slots, slot{t, finals})
	return uint64(len(l.slots) - 1)
}

func (l *link) unregister(key uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.release(uint32(key))
}

func (l *link) release(key uint32) {
	l.slots[key] = slot{}
	l.free = append(l.free, key)
}

// ---- Draining ----

// dispatch tells of the events that a look has found, and returns how many.
func (l *link) dispatch(e *eventArray) int {
	count := int(max(e.look.taken, 0))
	if e.look.isLong != 0 {
		l.rounds.Store(0)
	}
	l.mu.Lock()
	for i := range count {
		told := &e.events[i]
		s := &l.slots[told.key]
		e.tasks[i] = s.task
		if s.finals != forever && told.isFinal() {
			if s.finals--; s.finals == 0 {
				l.release(uint32(told.key))
			}
		}
	}
	l.mu.Unlock()
	bytes := uint64(0)
	for i := range count {
		if address := e.events[i].result; address != 0 {
			bytes += (*block)(pointerTo(address)).bytes
		}
		e.tasks[i].onEvent(&e.events[i])
		e.tasks[i] = nil
	}
	if bytes > letGoBytes {
		l.queue.letGo()
	}
	return count
}

// pursue tells of what a look has found, and goes on looking until the signal is there or nothing comes any more. The
// lock is held.
func (l *link) pursue(e *eventArray, done <-chan struct{}) {
	for {
		count := l.dispatch(e)
		isDone := len(done) > 0
		if e.look.missed == 0 && (isDone || count == 0) {
			return
		}
		if count > 1 || !isDone {
			// Those who were told have something to send, and no other processor for it, perhaps.
			runtime.Gosched()
		}
		e.look.rounds = 0
		if !isDone {
			e.look.rounds = uint32(l.rounds.Load())
		}
		l.queue.lookAt(e)
	}
}

// drain takes all events that are there, or leaves that to whoever does it at this moment.
func (l *link) drain() {
	l.missed.Store(true)
	l.settle()
}

// beginLook gives what a look fills, for as many rounds as have been paying off; nil while somebody else looks, or when
// the queue is gone.
func (l *link) beginLook() *eventArray {
	if !l.draining.TryLock() {
		return nil
	}
	if l.queue == 0 {
		l.leave()
		return nil
	}
	e := eventArrays.Get().(*eventArray)
	e.look.rounds = uint32(l.rounds.Load())
	return e
}

func (l *link) endLook(e *eventArray) {
	eventArrays.Put(e)
	l.leave()
}

// leave lets others look.
func (l *link) leave() {
	l.draining.Unlock()
	if l.missed.Load() {
		l.settle()
	}
}

func (l *link) settle() {
	for l.missed.Load() && l.draining.TryLock() {
		l.missed.Store(false)
		if l.queue != 0 {
			l.takeAll()
		}
		l.draining.Unlock()
	}
}

func (l *link) takeAll() {
	e := eventArrays.Get().(*eventArray)
	defer eventArrays.Put(e)
	for {
		e.look.rounds = 0
		l.queue.lookAt(e)
		if l.dispatch(e) == 0 && e.look.missed == 0 {
			return
		}
	}
}

// ---- Submitting and waiting ----

// sent is what is out: one request, or an array, by its first.
type sent struct {
	link *link
	id   int64
	key  uint64
	task task
	// hasLooked: it was looked for, in vain.
	hasLooked bool
}

// submit sends the requests of a packet as one array, and tells the task of their events, until the last final one. It
// looks for them itself for a while if `done` is given, into which the task signals its end. A status other than 0 says
// why none was taken.
func (l *link) submit(p *packet, t task, finals int, done <-chan struct{}) (sent, Status) {
	key := l.register(t, finals)
	for i := range p.records {
		p.records[i].key = key
	}
	id, hasLooked := l.cross(p, done)
	if id > 0 {
		return sent{l, id, key, t, hasLooked}, 0
	}
	l.unregister(key)
	return sent{}, Status(id)
}

func (l *link) cross(p *packet, done <-chan struct{}) (id int64, hasLooked bool) {
	if done == nil {
		return nativeSubmit(l.handle, p), false
	}
	defer waiting.Add(-1)
	if waiting.Add(1) > 1 {
		return l.crossAmongOthers(p, done)
	}
	e := l.beginLook()
	if e == nil {
		return nativeSubmit(l.handle, p), false
	}
	defer l.endLook(e)
	id = l.queue.submitAndLook(l.handle, p, e)
	if id > 0 {
		l.pursue(e, done)
	}
	return id, true
}

// crossAmongOthers lets the others have their turn before it looks: what they send goes to the connection's thread
// together, and a look holds a processor.
func (l *link) crossAmongOthers(p *packet, done <-chan struct{}) (id int64, hasLooked bool) {
	id = nativeSubmit(l.handle, p)
	if id <= 0 {
		return id, false
	}
	runtime.Gosched()
	if len(done) > 0 {
		return id, false
	}
	e := l.beginLook()
	if e == nil {
		return id, false
	}
	defer l.endLook(e)
	l.queue.lookAt(e)
	l.pursue(e, done)
	return id, true
}

// more asks for another chunk of a stream, and looks for it.
func (l *link) more(id int64, done <-chan struct{}) {
	e := l.beginLook()
	if e == nil {
		nativeMore(l.handle, id)
		return
	}
	defer l.endLook(e)
	l.queue.moreAndLook(l.handle, id, e)
	l.pursue(e, done)
}

// wait waits until the task of a request has signalled. The end of the context cancels that request, and no other; so
// does that of its transaction's. False: it never ran, and its task hears nothing more.
func (s sent) wait(ctx context.Context, stop, done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
	}
	waiting.Add(1)
	defer waiting.Add(-1)
	if s.hasLooked {
		defer s.link.learn(time.Now())
	}
	if ctx.Done() == nil && stop == nil {
		<-done
		return true
	}
	select {
	case <-done:
		return true
	case <-ctx.Done():
	case <-stop:
	}
	return s.end(done)
}

// learn decides how long to look the next time, after a wait for what was looked for in vain.
func (l *link) learn(began time.Time) {
	rounds := l.rounds.Load()
	if time.Since(began) < shortWait {
		l.rounds.Store(min(2*rounds+1, roundsMax))
	} else {
		l.rounds.Store(rounds / 2)
	}
}

// end cancels, and waits for the end of what has begun.
func (s sent) end(done <-chan struct{}) bool {
	if s.withdraw() {
		return false
	}
	<-done
	return true
}

// withdraw cancels. True: it never ran, and its task hears nothing more. Its final event comes in its place, which may
// be behind much else, and nobody waits for that.
func (s sent) withdraw() bool {
	return nativeWithdraw(s.link.handle, s.id) && s.link.forget(s.key, s.task)
}

// forget has nobody told in place of a task. False when its last event is being told.
func (l *link) forget(key uint64, t task) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	place := &l.slots[key]
	if place.task != t {
		return false
	}
	place.task = nobody{}
	if place.finals == forever {
		place.finals = 1
	}
	return true
}

// nobody wants to know.
type nobody struct{}

func (nobody) onEvent(*event) {}
