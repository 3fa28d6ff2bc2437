//go:build !cgo

package sidelite

// There is no sidelite without C: build with CGO_ENABLED=1 and a C compiler.
var _ = sidelite_needs_cgo__build_with_CGO_ENABLED_1
