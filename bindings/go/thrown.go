package sidelite

import "sync"

// thrown keeps what functions of Go's have returned as their error, by the code that their statement ends with: its
// caller gets the error itself, not its text.
type thrown struct {
	mu     sync.Mutex
	errors map[int32]error
	next   int32
}

const (
	// Codes of a host's own come back unchanged; they are below -1000.
	thrownFirst = -2000
	// Of those whose statement has ended otherwise nobody asks: their place is taken by later ones.
	thrownMax = 1024
)

func (t *thrown) keep(err error) int32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.errors == nil {
		t.errors = map[int32]error{}
	}
	code := thrownFirst - t.next
	t.next = (t.next + 1) % thrownMax
	t.errors[code] = err
	return code
}

func (t *thrown) take(code int32) error {
	if code > thrownFirst {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.errors[code]
	delete(t.errors, code)
	return err
}
