package sidelite

import "unsafe"

// What crosses between Go and C, as Go has it: numbers and no pointers, so that the collector passes it over.

// record is a request: sl_record of shim.h, where the fields are told.
type record struct {
	kind, flags, timeoutMS, ncols, nrows, chunkRows, window uint32
	hasSQL, hasNames, values, names                         uint32
	_                                                       uint32
	key                                                     uint64
	sql, sqlLen                                             uint64
	lane                                                    int64
}

// cell is a value: sidelite_value. Bits are an integer, a double, or where the bytes are: an offset from the start of
// the result that it is in, or of the data that goes with it.
type cell struct {
	kind, len uint32
	bits      uint64
}

// event is sidelite_event. Its result is memory of C's, which the next look at its queue takes back.
type event struct {
	id         int64
	key        uint64
	_          uintptr
	result     uintptr
	code       int32
	flags      uint32
	changes    int64
	lastRowID  int64
	connection uint64
}

// look is sl_look: how long to look for events, and what was found.
type look struct {
	rounds uint32
	taken  int32
	missed uint32
	isLong uint32
}

// block is sidelite_result: a header, and behind it all that its offsets lead to. It is only handled by pointer.
type block struct {
	bytes       uint64
	ncols       uint32
	nrows       uint32
	names       uint64
	values      uint64
	message     uint64
	messageLen  uint32
	sqliteCode  int32
	sqlOffset   int32
	systemErrno int32
	types       uint64
}

type openRecord struct {
	flags, statementCache, maxRequests, journalMode, synchronous, isolation uint32
	busyTimeoutMS                                                           int32
	hasVFS, pragmaCount, rules                                              uint32
	vfs, key, maxBytes, maxResultBytes                                      uint64
}

type functionRecord struct {
	kind, flags               uint32
	nArgs                     int32
	batchRows, replyTimeoutMS uint32
	hasName                   uint32
	key                       uint64
}

// Kinds of requests.
const (
	kindExecute = iota + 1
	kindFetch
	kindStream
	kindScript
	_ // RUN, which takes functions of C
	kindLease
	kindRelease
	kindCommit
	kindRollback
	kindIsolation
	kindDescribe
	kindDump
	kindScriptFile
	kindBackup
	kindRestore
	kindSerialize
	kindDeserialize
	kindBlobOpen
	kindBlobRead
	kindBlobWrite
	kindBlobReopen
	kindBlobClose
	kindSessionOpen
	kindSessionChanges
	kindSessionClose
	kindChangesetApply
	kindChangesetInvert
	kindChangesetRebase
	kindObserve
	kindAuthorize
	kindLimit
	kindDBConfig
	kindCheckpoint
	kindAutoCheckpoint
	kindLoadExtension
	kindStatus
	kindSetLastInsertRowID
)

// Flags of a request.
const (
	flagAtomic      = 1 << 1
	flagNoCache     = 1 << 2
	flagMulti       = 1 << 3
	flagCommitFirst = 1 << 4
)

// Flags of an event.
const (
	eventMore          = 1 << 0
	eventOpened        = 1 << 1
	eventClosed        = 1 << 2
	eventWritable      = 1 << 3
	eventInTransaction = 1 << 4
	eventNotRun        = 1 << 5
	eventRolledBack    = 1 << 6
	eventCall          = 1 << 7
)

// Types of a value.
const (
	kindNull = iota
	kindInteger
	kindReal
	kindText
	kindBlob
	kindZeroBlob
)

// How to close, and an id that stands for whatever runs.
const (
	closeDrain  = 0
	closeCancel = 1
	running     = -1
)

func (e *event) isFinal() bool { return e.flags&eventMore == 0 }

// pointerTo makes a pointer of an address in C's memory.
func pointerTo(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }
