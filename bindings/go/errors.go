package sidelite

import (
	"context"
	"errors"
	"syscall"
)

// Status is one of sidelite's own codes, all below zero. It is an error itself: `errors.Is(err, sidelite.ErrClosed)`.
type Status int32

// What is not SQLite's error but sidelite's own.
const (
	ErrQueueFull   = Status(-101) // the connection holds as many requests, or bytes, as Options allow
	ErrClosed      = Status(-102) // the connection is closed, or is closing
	ErrBadHandle   = Status(-103) // something that has ended
	ErrRefused     = Status(-104) // an argument that can never be right, or a call where it is not allowed
	ErrBadText     = Status(-105) // text that is not UTF-8, or SQL or a name with a NUL in it
	ErrTooLarge    = Status(-106) // larger than a limit that waiting cannot change
	ErrUnsupported = Status(-107) // nothing that this version of the library knows
	ErrForked      = Status(-108) // made before a fork
	ErrCancelled   = Status(-201) // cancelled, by the end of a context or by a close
	ErrTimeout     = Status(-202) // its deadline passed
	ErrAborted     = Status(-203) // undone by the failure of another: that of its transaction, or of its batch
	ErrPanicked    = Status(-204) // a defect inside sidelite; the connection takes no more work
	ErrNoMemory    = Status(-301) // not enough memory; the connection stays usable
	ErrNoThread    = Status(-302) // no thread for a connection
	ErrNoFD        = Status(-303) // no descriptor
)

// Error is the library's text for the status.
func (s Status) Error() string { return statusText(int32(s)) }

// Error is why something has failed. It is a value, with the first fields of mattn/go-sqlite3's error, so that code
// which looks at those goes on working.
//
// Ask with errors.Is for a family of codes (ErrConstraint), for one (ErrConstraintUnique), for what is sidelite's own
// (ErrClosed), for a context's end (context.Canceled, context.DeadlineExceeded), or for the error that a function of
// Go's has returned.
type Error struct {
	// Code is SQLite's primary code. What is sidelite's own has the one that is nearest.
	Code ErrNo
	// ExtendedCode is SQLite's extended code.
	ExtendedCode ErrNoExtended
	// SystemErrno is that of the system call that failed, if one did.
	SystemErrno syscall.Errno
	// Status is sidelite's own code, or 0 when it is SQLite's error.
	Status Status
	// Offset is where in the SQL the error is, in bytes, or -1.
	Offset int
	// NotRun: nothing of the request was executed.
	NotRun bool
	// RolledBack: the failure undid the transaction that was open.
	RolledBack bool

	message string
	cause   error
}

// Error is SQLite's own words where it has some, and those of the system.
func (e Error) Error() string {
	if e.SystemErrno != 0 {
		return e.message + ": " + e.SystemErrno.Error()
	}
	return e.message
}

// Is makes errors.Is true for the codes, and for the families of codes, that the error has.
func (e Error) Is(target error) bool {
	switch code := target.(type) {
	case ErrNo:
		return e.Code == code
	case ErrNoExtended:
		return e.ExtendedCode == code
	case Status:
		return e.Status == code && code != 0
	}
	return false
}

// Unwrap is what lies behind it: the end of a context, or what a function of Go's has returned.
func (e Error) Unwrap() error { return e.cause }

// nearest are SQLite's codes for what is sidelite's own.
var nearest = map[Status]ErrNo{
	ErrQueueFull:   ErrBusy,
	ErrTooLarge:    ErrTooBig,
	ErrCancelled:   ErrInterrupt,
	ErrTimeout:     ErrInterrupt,
	ErrAborted:     ErrAbort,
	ErrPanicked:    ErrInternal,
	ErrNoMemory:    ErrNomem,
	ErrNoThread:    ErrNomem,
	ErrNoFD:        ErrCantOpen,
	ErrUnsupported: ErrError,
}

// newStatus is the error of something that was not sent, or not taken.
func newStatus(status Status, message string) Error {
	if message == "" {
		message = status.Error()
	}
	code, ok := nearest[status]
	if !ok {
		code = ErrMisuse
	}
	return Error{
		Code: code, ExtendedCode: ErrNoExtended(code), Status: status, Offset: -1, NotRun: true, message: message,
	}
}

// errorOf is the error that an event tells of; its block may be missing.
func errorOf(e *event, b *block) Error {
	failed := Error{
		Offset:     -1,
		NotRun:     e.flags&eventNotRun != 0,
		RolledBack: e.flags&eventRolledBack != 0,
		message:    b.messageText(),
	}
	extended := e.code
	if e.code < 0 {
		failed.Status = Status(e.code)
		extended = int32(newStatus(failed.Status, " ").Code)
	}
	if b != nil {
		failed.Offset = int(b.sqlOffset)
		failed.SystemErrno = syscall.Errno(b.systemErrno)
		if e.code < 0 && b.sqliteCode != 0 {
			extended = b.sqliteCode
		}
	}
	if failed.message == "" {
		failed.message = statusText(e.code)
	}
	failed.ExtendedCode = ErrNoExtended(extended)
	failed.Code = ErrNo(extended & ErrNoMask)
	return failed
}

// withContext says that the end of a context is behind a cancelled request. A cause of its own is found as well.
func (e Error) withContext(ctx context.Context) Error {
	if e.Status != ErrCancelled || ctx.Err() == nil {
		return e
	}
	e.cause = ctx.Err()
	if cause := context.Cause(ctx); cause != e.cause {
		e.cause = errors.Join(e.cause, cause)
	}
	return e
}

// notSent is the error of a request whose context has ended before.
func notSent(ctx context.Context) error { return newStatus(ErrCancelled, "").withContext(ctx) }
