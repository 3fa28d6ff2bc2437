package sidelite

import (
	"context"
	"sync"
)

// A stream is rows that come in chunks, as they are read: two are on their way, and each that was read asks for one
// more. One task reads it.
type stream struct {
	link   *link
	lane   int64
	out    sent
	signal chan struct{} // something has come
	isOwed bool          // the credit for a chunk that was read
	stop   <-chan struct{}

	mu      sync.Mutex
	chunks  []*block // that were not read yet
	room    [2]*block
	head    *block // the first one, which has the columns
	hasEnd  bool
	end     event
	failure *block // of an error
}

var streams = sync.Pool{New: func() any { return &stream{signal: make(chan struct{}, 1)} }}

// release gives a stream back that has ended, and that nobody else holds. Its chunks stay good.
func (s *stream) release() {
	select {
	case <-s.signal:
	default:
	}
	*s = stream{signal: s.signal}
	streams.Put(s)
}

// openStream submits the one request of the packet, and looks for its first rows. The packet is free again.
func (l *link) openStream(ctx context.Context, p *packet, lane int64) (*stream, error) {
	if ctx.Err() != nil {
		return nil, notSent(ctx)
	}
	s := streams.Get().(*stream)
	s.link, s.lane, s.chunks = l, lane, s.room[:0]
	out, status := l.submit(p, s, 1, s.signal)
	if status != 0 {
		return nil, l.refusal(status, lane)
	}
	s.out = out
	return s, nil
}

func (s *stream) onEvent(e *event) {
	copied := copyBlock(e.result)
	s.mu.Lock()
	if e.isFinal() {
		s.hasEnd, s.end = true, *e
	}
	if e.code != 0 {
		s.failure = copied
	} else if copied != nil {
		if s.head == nil {
			s.head = copied
		}
		if copied.nrows > 0 {
			s.chunks = append(s.chunks, copied)
		}
	}
	// Under the lock: who finds the end may use the stream again.
	select {
	case s.signal <- struct{}{}:
	default:
	}
	s.mu.Unlock()
}

// next waits for the next rows; nil at the end. The end of the context cancels the stream.
func (s *stream) next(ctx context.Context) (*block, error) {
	for {
		chunk, hasEnd := s.take()
		if chunk != nil {
			s.isOwed = true
			return chunk, nil
		}
		if hasEnd {
			return nil, s.err(ctx)
		}
		s.await(ctx)
	}
}

// columns waits for what tells the columns: nil, with the error, when there are none for one.
func (s *stream) columns(ctx context.Context) (*block, error) {
	for {
		s.mu.Lock()
		head, hasEnd := s.head, s.hasEnd
		s.mu.Unlock()
		if head != nil || hasEnd {
			return head, s.err(ctx)
		}
		s.await(ctx)
	}
}

// err is why it has ended; nil at its good end, and before.
func (s *stream) err(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.hasEnd || s.end.code == 0 {
		return nil
	}
	return s.link.failure(ctx, &s.end, s.failure)
}

// take takes a chunk that has come. What was read before it is credit for another, which is on its way meanwhile.
func (s *stream) take() (chunk *block, hasEnd bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.chunks) == 0 {
		return nil, s.hasEnd
	}
	chunk = s.chunks[0]
	s.chunks[0] = nil
	s.chunks = s.chunks[1:]
	if s.isOwed && !s.hasEnd {
		nativeMore(s.link.handle, s.out.id)
	}
	s.isOwed = false
	return chunk, s.hasEnd
}

// await waits until something comes.
func (s *stream) await(ctx context.Context) {
	if s.isOwed {
		s.isOwed = false
		s.link.more(s.out.id, s.signal)
	}
	if !s.out.wait(ctx, s.stop, s.signal) {
		s.neverBegan()
	}
}

// neverBegan ends it as its final event would, which nobody waits for.
func (s *stream) neverBegan() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hasEnd, s.end = true, event{id: s.out.id, code: int32(ErrCancelled), flags: eventNotRun}
}

func (s *stream) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hasEnd
}

// abandon cancels it, and does not wait.
func (s *stream) abandon() {
	if !s.ended() {
		nativeCancel(s.link.handle, s.out.id)
	}
}

// close cancels it, and returns when it has ended, so that its locks are gone.
func (s *stream) close() {
	if !s.ended() && s.out.withdraw() {
		s.neverBegan()
	}
	for !s.ended() {
		<-s.signal
	}
	s.chunks = nil
}
