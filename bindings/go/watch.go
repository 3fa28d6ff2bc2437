package sidelite

import (
	"os"
	"sync"
)

// One descriptor and one goroutine of the process wait for events that nobody looks for: in the netpoller, and so
// without a thread. Both are there while connections are open.

var watch watcher

type watcher struct {
	mu    sync.Mutex
	file  *os.File
	links []*link // by number; nil where none is
	free  []uint32
}

// linksMax is how many queues C can tell apart.
const linksMax = 1 << 16

var errTooMany = newStatus(ErrNoMemory, "too many connections are open")

// join gives a connection a number, by which C tells that it has events.
func (w *watcher) join(l *link) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file == nil {
		if err := w.begin(); err != nil {
			return err
		}
	}
	if n := len(w.free); n > 0 {
		l.number = w.free[n-1]
		w.free = w.free[:n-1]
		w.links[l.number] = l
		return nil
	}
	if len(w.links) == linksMax {
		return errTooMany
	}
	l.number = uint32(len(w.links))
	w.links = append(w.links, l)
	return nil
}

// leave is called when the queue of a connection is freed, or was never made.
func (w *watcher) leave(l *link) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.links[l.number] = nil
	w.free = append(w.free, l.number)
	if len(w.free) == len(w.links) {
		w.end()
	}
}

func (w *watcher) begin() error {
	descriptor, err := nativeWatchBegin()
	if err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	w.file = os.NewFile(uintptr(descriptor), "sidelite")
	go w.run(w.file)
	return nil
}

// end lets the goroutine go. No queue is left that could write to the descriptor.
func (w *watcher) end() {
	nativeWatchEnd()
	w.file.Close()
	w.file, w.links, w.free = nil, nil, nil
}

func (w *watcher) run(file *os.File) {
	var count [8]byte
	var numbers [64]uint32
	for {
		if _, err := file.Read(count[:]); err != nil {
			return
		}
		for n := nativeTakeReady(numbers[:]); n > 0; n = nativeTakeReady(numbers[:]) {
			for _, number := range numbers[:n] {
				if l := w.link(number); l != nil {
					l.drain()
				}
			}
		}
	}
}

// link is the connection of a number; nil when it is gone meanwhile.
func (w *watcher) link(number uint32) *link {
	w.mu.Lock()
	defer w.mu.Unlock()
	if int(number) >= len(w.links) {
		return nil
	}
	return w.links[number]
}
