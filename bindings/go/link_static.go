//go:build sidelite_static

package sidelite

// #cgo CFLAGS: -I${SRCDIR}/lib
// #cgo LDFLAGS: ${SRCDIR}/lib/libsidelite.a -lutil -lrt -lpthread -lm -ldl
import "C"
