package sidelite

import (
	"context"
	"sync"
)

// A request is one that somebody waits for. It is used again, with the memory of its packet.
type request struct {
	packet packet
	done   chan struct{}
	stop   <-chan struct{} // cancels it, besides its context
	end    event           // the final one; its result is copied
	block  *block
}

var requests = sync.Pool{New: func() any { return &request{done: make(chan struct{}, 1)} }}

func newRequest() *request {
	r := requests.Get().(*request)
	r.packet.reset()
	r.block, r.stop = nil, nil
	return r
}

// release gives the request back. Its block stays good.
func (r *request) release() { requests.Put(r) }

func (r *request) onEvent(e *event) {
	if !e.isFinal() {
		return
	}
	r.end = *e
	r.block = copyBlock(e.result)
	r.done <- struct{}{}
}

// run submits the one request of the packet and waits for its end, which is then in `end` and `block`.
func (r *request) run(ctx context.Context, l *link, lane int64) error {
	if ctx.Err() != nil {
		return notSent(ctx)
	}
	out, status := l.submit(&r.packet, r, 1, r.done)
	if status != 0 {
		return l.refusal(status, lane)
	}
	if !out.wait(ctx, r.stop, r.done) {
		return notSent(ctx)
	}
	if r.end.code != 0 {
		return l.failure(ctx, &r.end, r.block)
	}
	return nil
}
