/*
 * sidelite.h - asynchronous SQLite for any language and any event loop
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A host opens a connection and gets an opaque handle. sidelite_execute, sidelite_fetch and sidelite_stream put work
 * on that connection's own thread and return at once; when the work is done, the host's callback runs on the host's
 * own loop. What is not in this file is not API. The file is generated: edit src/ffi, then run `make header`.
 *
 * WORDS
 *
 *   queue        a completion queue, one per host loop: finished work waits in it until the host drains it
 *   connection   one SQLite connection, its thread and its request queue
 *   request      one unit of work given to a connection
 *   event        what the host gets back: a completion, a chunk of rows, news of a connection
 *   result       one relocatable block of memory with the rows, or the error message, of an event
 *   value        16 bytes: the one type for parameters and cells
 *   lease        one task's sole use of a connection, as for a transaction; requests name it as their lane
 *   call         a HOST function's turn: an event that the host answers while the statement waits; a lane, too
 *
 * A PROGRAM
 *
 *   sidelite_queue_new(NULL, &queue);                            one queue for this loop
 *   sidelite_open(queue, "app.db", NULL, NULL, NULL, &conn);     starts the thread, does not wait
 *   sidelite_fetch(conn, "SELECT ...", params, n, on_rows, me);  queues the work, does not wait
 *   sidelite_dispatch(queue, 0, 0);                              runs on_rows here; call it when the fd is readable
 *   sidelite_close(conn, SIDELITE_CLOSE_DRAIN, on_closed, me);   CLOSED is the last event
 *   sidelite_queue_free(queue, -1);
 *
 * New programs should open with SIDELITE_OPEN_HARDENED. The default is SQLite's own behaviour in everything, so that a
 * program moved here behaves as it did.
 *
 * HOW A LOOP LEARNS OF COMPLETIONS
 *
 *   a descriptor     sidelite_queue_fd: epoll, kqueue, poll, uv_poll, add_reader, GLib; then dispatch or poll
 *   a wake function  uv_async_send, ev_async_send, a thread-safe function; one wake for many completions
 *   neither          a game calls sidelite_dispatch(queue, max, budget_us) each frame; a pump thread blocks in
 *                    sidelite_poll(queue, events, capacity, -1)
 *   DIRECT           callbacks on the connection's thread
 *
 * THE CONTRACT
 *
 * Each line is a promise and has a test with its number in its name.
 *
 *  1. A submit that succeeds gives exactly one final event for each request (SIDELITE_EVENT_MORE clear): through panic,
 *     cancel, close, timeout and memory exhaustion. A submit that fails gives none. The event's memory is reserved at
 *     submit. The only exception are events of a queue that is freed before they are taken.
 *  2. Submit never runs host code on the caller's stack. On sidelite's threads only wake functions, RUN and INLINE
 *     functions and DIRECT callbacks run host code.
 *  3. No lock is held while host code runs: every function may be called in every callback (submit, cancel, close, of
 *     the same connection too, open). Checked misuse answers SIDELITE_ERR_MISUSE: polling or freeing a queue inside its
 *     own dispatch, freeing it inside a RUN or INLINE function, a 17th dispatch nested inside callbacks, and anything
 *     inside a wake function except the version and status functions, keep and release.
 *  4. While a queue holds events and no poll or look runs, a wake is outstanding: the descriptor is readable, or the
 *     wake function was called. A partial drain re-arms itself.
 *  5. Requests of one connection and lane start and finish in submit order; across threads, in the order in which
 *     submit returned. While a lease or a call is open, others wait. A cancelled one completes in its place; what runs
 *     in steps (a paused stream, a backup) finishes when it finishes. CLOSED is a connection's last event. After
 *     sidelite_queue_free has succeeded no wake function and no callback runs.
 *  6. A result lives until the next poll, look or dispatch of its queue, or until released if kept.
 *  7. Memory passed in is copied before submit returns; under SIDELITE_STATIC it is read until the final event instead,
 *     and never written.
 *  8. Misuse of a handle is a code, never undefined: stale, closed twice, of the wrong kind, NULL, random, inherited
 *     through fork. Ids are not reused: a slot that has used up its generations is retired.
 *  9. OK means done: stepped to its end (a FETCH that only reads: to the last row that was asked for), reset with its
 *     code checked and, outside a transaction, committed. Rows before the final event are provisional.
 * 10. The rollback fence: when an error or a cancel rolls back an open transaction (FULL, IOERR, NOMEM, some BUSY and
 *     an interrupted write do), or its BEGIN itself fails, the requests that were already submitted at that moment
 *     end ABORTED without running, up to and including the COMMIT, END or ROLLBACK that would have ended it. A
 *     transaction never half-applies.
 * 11. Every final event carries the extended code, the message, and the transaction's state: none, read or written.
 * 12. Cancel and deadline hit one request, never its neighbour; in the queue, while running, in a wait for a lock,
 *     while paused, in a call. The event says whether the request did not run, was aborted, or had completed.
 * 13. SIDELITE_ERR_FULL comes at once, by count and by bytes; one WRITABLE event follows when the connection has
 *     drained to half.
 * 14. One statement in each execute, fetch and stream unless SIDELITE_MULTI is said: a tail that is not blank or
 *     comment is refused, not ignored.
 * 15. Text in: any length below 2 GiB, NULs kept; not UTF-8 is refused unless SIDELITE_OPEN_ANY_TEXT. Text out: bytes
 *     and a length, whatever the file holds.
 * 16. Close never blocks. In CANCEL mode CLOSED comes within 100 ms, even out of a wait for a lock, a sort, or a
 *     paused stream; not out of one system call of a stuck disk, nor out of one sort in memory of millions of rows.
 * 17. Process exit: nothing is registered, nothing joined, nothing hangs; connections not closed behave as after
 *     SIGKILL. The threads block all asynchronous signals and leave the synchronous ones to the host.
 * 18. fork: in the child every old handle answers SIDELITE_ERR_FORKED and nothing of the parent is touched; new queues
 *     and connections work, on files that the parent did not have open at the fork.
 * 19. A panic inside sidelite is caught: that request ends with SIDELITE_ERR_PANIC, its connection takes no more work,
 *     what is queued ends ABORTED, the process lives. A C++ exception that leaves a callback passes through dispatch.
 * 20. Nothing else: nothing is printed, no signal handler set, no change to directory, locale or environment.
 *
 * THREADS
 *
 * Every function may be called from any thread at any time, except that one thread at a time polls, looks at or
 * dispatches a queue. None but sidelite_poll and sidelite_queue_free ever waits, and these only as long as they are told to;
 * sidelite_look takes microseconds.
 *
 * MEMORY
 *
 * The host frees nothing but what it kept (sidelite_release), its connections (sidelite_close) and its queues
 * (sidelite_queue_free). Every struct that the host fills begins with `struct_size`: zero the struct, set struct_size to
 * its sizeof, set the rest. A shorter one means defaults for what is missing; a longer one is accepted while what this
 * version does not know is zero, and is SIDELITE_ERR_UNSUPPORTED otherwise.
 *
 * TWO COPIES OF SQLITE
 *
 * Several connections to one file are fine. A second copy of SQLite in the same process on the same file is not: POSIX
 * locks belong to the process, and when either copy closes the file the locks of both are gone; committed rows are lost.
 * node:sqlite, Python's sqlite3 and a host's own libsqlite3 are such copies. Use another process, or build sidelite with
 * the feature `system-sqlite`, which shares the host's.
 */
#ifndef SIDELITE_H
#define SIDELITE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct sidelite_event sidelite_event;
