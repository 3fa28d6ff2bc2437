//go:build !sidelite_static

package sidelite

// The file asks for the package sidelite. Its name is what Go shows when that is not installed, and says what to run.

// #cgo pkg-config: ${SRCDIR}/run-make-install--or-make-go-and-build-with-tags-sidelite_static.pc
import "C"
