package sidelite

import (
	"strings"
	"sync"
	"unicode/utf8"
)

// groups are the states of an aggregate that are being computed, by the number that the library gives to each.
type groups[A Aggregate] struct {
	start   func() A
	inverse func(A, *Call, Row) error // nil for what cannot move over a window

	mu     sync.Mutex
	states map[int64]A
}

func (g *groups[A]) call(call *Call, kind int32, group int64, rows []Row) (any, error) {
	if kind == callEnd {
		g.end(group)
		return nil, nil
	}
	if kind == callFinal {
		defer g.end(group)
	}
	state := g.state(group)
	step := A.Step
	if kind == callInverse {
		step = g.inverse
	}
	for _, row := range rows {
		if err := step(state, call, row); err != nil {
			return nil, err
		}
	}
	if kind == callValue || kind == callFinal {
		return state.Value(call)
	}
	return nil, nil
}

func (g *groups[A]) state(group int64) A {
	g.mu.Lock()
	defer g.mu.Unlock()
	state, ok := g.states[group]
	if ok {
		return state
	}
	if g.states == nil {
		g.states = map[int64]A{}
	}
	state = g.start()
	g.states[group] = state
	return state
}

func (g *groups[A]) end(group int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.states, group)
}

func checkName(name string) error {
	if strings.IndexByte(name, 0) >= 0 || !utf8.ValidString(name) {
		return newStatus(ErrBadText, "a name that is not UTF-8, or has a NUL in it")
	}
	return nil
}

func validText(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
