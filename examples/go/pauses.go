package main

import (
	"context"
	"sync/atomic"
	"time"
)

const beat = time.Millisecond

// pauses tells how late a goroutine has woken up, at most, that wants to each millisecond. Were a query to hold up the
// others, it would be seen here.
type pauses struct{ late atomic.Int64 }

type milliseconds float64

// watchPauses watches until the context ends.
func watchPauses(ctx context.Context) *pauses {
	p := &pauses{}
	go func() {
		ticker := time.NewTicker(beat)
		defer ticker.Stop()
		last := time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			now := time.Now()
			p.late.Store(max(p.late.Load(), int64(now.Sub(last)-beat)))
			last = now
		}
	}()
	return p
}

func (p *pauses) longest() milliseconds {
	return milliseconds(time.Duration(p.late.Load()).Seconds() * 1000)
}
