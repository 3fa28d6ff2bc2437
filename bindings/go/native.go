package sidelite

/*
#cgo CFLAGS: -std=gnu11
#include "shim.h"
#include <stdlib.h>
*/
import "C"

import (
	"syscall"
	"unsafe"
)

// This file alone calls C. Handles and ids cross as numbers.

// The layouts of both sides are one.
var (
	_ = [1]struct{}{}[unsafe.Sizeof(record{})-C.sizeof_sl_record]
	_ = [1]struct{}{}[unsafe.Offsetof(record{}.lane)-unsafe.Offsetof(C.sl_record{}.lane)]
	_ = [1]struct{}{}[unsafe.Sizeof(cell{})-C.sizeof_sidelite_value]
	_ = [1]struct{}{}[unsafe.Sizeof(event{})-C.sizeof_sidelite_event]
	_ = [1]struct{}{}[unsafe.Offsetof(event{}.lastRowID)-unsafe.Offsetof(C.sidelite_event{}.last_insert_rowid)]
	_ = [1]struct{}{}[unsafe.Sizeof(look{})-C.sizeof_sl_look]
	_ = [1]struct{}{}[unsafe.Sizeof(block{})-C.sizeof_sidelite_result]
	_ = [1]struct{}{}[unsafe.Offsetof(block{}.sqlOffset)-unsafe.Offsetof(C.sidelite_result{}.sql_offset)]
	_ = [1]struct{}{}[unsafe.Sizeof(openRecord{})-C.sizeof_sl_open_record]
	_ = [1]struct{}{}[unsafe.Sizeof(functionRecord{})-C.sizeof_sl_function_record]
)

// The numbers of kinds follow one another; the last one tells of a gap.
var (
	_ = [1]struct{}{}[kindSetLastInsertRowID-C.SIDELITE_SET_LAST_INSERT_ROWID]
	_ = [1]struct{}{}[kindObserve-C.SIDELITE_OBSERVE]
	_ = [1]struct{}{}[kindZeroBlob-C.SIDELITE_ZEROBLOB]
)

// nativeQueue is a queue as C knows it: an address in its memory.
type nativeQueue uintptr

func (q nativeQueue) c() *C.sl_queue { return (*C.sl_queue)(pointerTo(uintptr(q))) }

func statusText(code int32) string { return C.GoString(C.sidelite_status_string(C.int32_t(code))) }

// Version is the version of the library, such as "0.1.0".
func Version() string { return C.GoString(C.sidelite_version()) }

// SQLiteVersion is the version of the SQLite inside, such as "3.54.1".
func SQLiteVersion() string { return C.GoString(C.sidelite_sqlite_version()) }

func checkABI() error {
	if C.sidelite_abi_version() != C.SIDELITE_ABI_VERSION {
		return newStatus(ErrUnsupported, "the library that was loaded is not the one that this program was built for")
	}
	return nil
}

// ---- Waking ----

func nativeWatchBegin() (descriptor int, err error) {
	fd, errno := C.sl_watch_begin()
	if fd < 0 {
		return 0, errno
	}
	return int(fd), nil
}

func nativeWatchEnd() { C.sl_watch_end() }

// nativeTakeReady takes the numbers of queues in which events wait.
func nativeTakeReady(numbers []uint32) int {
	return int(C.sl_take_ready((*C.uint32_t)(&numbers[0]), C.uint32_t(len(numbers))))
}

// ---- Life ----

func nativeQueueNew(number uint32) (nativeQueue, Status) {
	var queue *C.sl_queue
	status := C.sl_queue_new(C.uint32_t(number), &queue)
	return nativeQueue(unsafe.Pointer(queue)), Status(status)
}

func (q nativeQueue) free() { C.sl_queue_free(q.c()) }

func (q nativeQueue) letGo() { C.sl_let_go(q.c()) }

// open returns the handle, or a negative status. The values of the rules follow the pragmas in the packet.
func (q nativeQueue) open(r *openRecord, path string, p *packet) int64 {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	pragmas := p.valuesPointer()
	rules := (*C.sidelite_value)(unsafe.Pointer(unsafe.SliceData(p.values[r.pragmaCount:])))
	return int64(C.sl_open(q.c(), (*C.sl_open_record)(unsafe.Pointer(r)), name, p.dataPointer(), pragmas, rules))
}

func nativeClose(connection uint64, mode uint32, key uint64) Status {
	return Status(C.sl_close(C.uint64_t(connection), C.uint32_t(mode), C.uint64_t(key)))
}

// ---- Requests ----

func (p *packet) recordsPointer() *C.sl_record {
	return (*C.sl_record)(unsafe.Pointer(unsafe.SliceData(p.records)))
}

func (p *packet) valuesPointer() *C.sidelite_value {
	return (*C.sidelite_value)(unsafe.Pointer(unsafe.SliceData(p.values)))
}

func (p *packet) dataPointer() *C.char { return (*C.char)(unsafe.Pointer(unsafe.SliceData(p.data))) }

func (e *eventArray) pointer() *C.sidelite_event {
	return (*C.sidelite_event)(unsafe.Pointer(&e.events[0]))
}

func (l *look) pointer() *C.sl_look { return (*C.sl_look)(unsafe.Pointer(l)) }

// nativeSubmit returns the id of the first request of the packet, or a negative status.
func nativeSubmit(connection uint64, p *packet) int64 {
	return int64(C.sl_submit(C.uint64_t(connection), p.recordsPointer(), C.uint32_t(len(p.records)), p.valuesPointer(),
		C.uint32_t(len(p.values)), p.dataPointer()))
}

// submitAndLook submits, and looks for events in the same crossing.
func (q nativeQueue) submitAndLook(connection uint64, p *packet, e *eventArray) int64 {
	return int64(C.sl_submit_and_look(C.uint64_t(connection), p.recordsPointer(), C.uint32_t(len(p.records)),
		p.valuesPointer(), C.uint32_t(len(p.values)), p.dataPointer(), q.c(), e.look.pointer(), e.pointer(), eventsMax))
}

func (q nativeQueue) moreAndLook(connection uint64, id int64, e *eventArray) Status {
	return Status(C.sl_more_and_look(C.uint64_t(connection), C.int64_t(id), 1, q.c(), e.look.pointer(), e.pointer(),
		eventsMax))
}

func (q nativeQueue) lookAt(e *eventArray) {
	C.sl_look_at(q.c(), e.look.pointer(), e.pointer(), eventsMax)
}

func nativeMore(connection uint64, id int64) Status {
	return Status(C.sl_more(C.uint64_t(connection), C.int64_t(id), 1))
}

func nativeCancel(connection uint64, id int64) Status {
	return Status(C.sl_cancel(C.uint64_t(connection), C.int64_t(id)))
}

// nativeWithdraw cancels a request. True when it had not begun, and so never will.
func nativeWithdraw(connection uint64, id int64) bool {
	return C.sl_withdraw(C.uint64_t(connection), C.int64_t(id)) == 1
}

// ---- Functions ----

func nativeCreateFunction(connection uint64, r *functionRecord, name string) int64 {
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	return int64(C.sl_create_function(C.uint64_t(connection), (*C.sl_function_record)(unsafe.Pointer(r)), text))
}

// nativeReply answers a call with the one value of the packet.
func nativeReply(connection uint64, call int64, p *packet, code int32) Status {
	return Status(C.sl_reply(C.uint64_t(connection), C.int64_t(call), p.valuesPointer(), p.dataPointer(), C.int32_t(code)))
}

// ---- Counters ----

func nativeStatistics(connection uint64) (Statistics, Status) {
	var s C.sidelite_stats
	status := C.sl_stat(C.uint64_t(connection), &s)
	return Statistics{
		Outstanding:  int(s.outstanding),
		Bytes:        int64(s.bytes),
		Submitted:    int64(s.submitted),
		Completed:    int64(s.completed),
		CacheHits:    int64(s.cache_hits),
		CacheMisses:  int64(s.cache_misses),
		TotalChanges: int64(s.total_changes),
	}, Status(status)
}

func errnoOf(number int32) syscall.Errno { return syscall.Errno(number) }
