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


// Success. A final event with this code means *done*: stepped to its end and, outside a transaction, committed.
//
// Codes above zero are SQLite's extended result codes, passed through unchanged (SQLITE_BUSY is 5,
// SQLITE_CONSTRAINT_UNIQUE is 2067; see sqlite.org/rescode.html). Codes below zero are sidelite's own. Numbers are
// never reused. `sidelite_status_string` names them all.
#define SIDELITE_OK 0

// Refused: the connection holds as many requests, or as many bytes, as it may. Drain events and submit again after the
// `SIDELITE_EVENT_WRITABLE` event that follows.
#define SIDELITE_ERR_FULL -101

// Refused: the connection is closing or closed.
#define SIDELITE_ERR_CLOSED -102

// Refused: not a live handle of the right kind, or an id of no request, or of one that has ended.
#define SIDELITE_ERR_BAD_HANDLE -103

// Refused: an argument that can never be right, or a call from a place where it is not allowed.
#define SIDELITE_ERR_MISUSE -104

// Refused: SQL with a NUL inside, or SQL, a name or TEXT that is not UTF-8.
#define SIDELITE_ERR_BAD_TEXT -105

// Refused or failed: larger than a limit that waiting cannot change.
#define SIDELITE_ERR_TOO_BIG -106

// Refused: a flag, a kind or a struct field that this version does not know.
#define SIDELITE_ERR_UNSUPPORTED -107

// Refused: the handle was made before `fork` and this is the child.
#define SIDELITE_ERR_FORKED -108

// Ended: cancelled by `sidelite_cancel` or by a close in CANCEL mode.
#define SIDELITE_ERR_CANCELLED -201

// Ended: its deadline passed. From `sidelite_queue_free`: workers are still busy, call again.
#define SIDELITE_ERR_TIMEOUT -202

// Ended without effect because of another request: a transaction that it belonged to was rolled back, or the array
// that it belonged to failed.
#define SIDELITE_ERR_ABORTED -203

// Ended by a defect inside sidelite, which was contained. The connection takes no more work: close it.
#define SIDELITE_ERR_PANIC -204

// Not enough memory. The connection stays usable.
#define SIDELITE_ERR_NO_MEMORY -301

// The operating system gave no thread for the connection.
#define SIDELITE_ERR_NO_THREAD -302

// The operating system gave no descriptor for the queue. The queue can still be polled.
#define SIDELITE_ERR_NO_FD -303

// The version of this header's layout and functions; compare with `sidelite_abi_version`.
#define SIDELITE_ABI_VERSION 1

// A value of no type: SQL NULL.
#define SIDELITE_NULL 0

// A signed 64-bit integer, in `as.integer`.
#define SIDELITE_INTEGER 1

// A double, in `as.real`. NaN is stored as NULL, because SQLite has no NaN.
#define SIDELITE_REAL 2

// UTF-8 text of `len` bytes. Any length, NULs inside are kept.
#define SIDELITE_TEXT 3

// Bytes, `len` of them.
#define SIDELITE_BLOB 4

// A BLOB of `as.integer` zero bytes, to be written in parts (SIDELITE_BLOB_OPEN). It only goes in; it comes out as
// BLOB.
#define SIDELITE_ZEROBLOB 5

// More events of this request follow. Without this flag the event is the request's final one.
#define SIDELITE_EVENT_MORE (1 << 0)

// The connection's first event: it is open, or `code` says why not.
#define SIDELITE_EVENT_OPENED (1 << 1)

// The connection's last event: its file is closed and its handle is gone.
#define SIDELITE_EVENT_CLOSED (1 << 2)

// After SIDELITE_ERR_FULL: the connection has drained to half of its limits. Sent once for each time it was full.
#define SIDELITE_EVENT_WRITABLE (1 << 3)

// The connection is inside a transaction as the event is made. On every final event, and on chunks of streams.
#define SIDELITE_EVENT_IN_TRANSACTION (1 << 4)

// The request did not run, nothing of it was executed. Its code says why: CANCELLED, TIMEOUT, ABORTED, or the error of
// an opening or an array that failed. Without this flag, a request that ended CANCELLED, TIMEOUT or ABORTED had
// started and was aborted, its statement's effects undone. A request that a cancel reached too late has code 0: it had
// completed.
#define SIDELITE_EVENT_NOT_RUN (1 << 5)

// This request's failure rolled back the transaction that was open before it, as FULL, IOERR, NOMEM, some BUSY and an
// interrupted write do. What had been submitted behind it is fenced (contract 10).
#define SIDELITE_EVENT_ROLLED_BACK (1 << 6)

// A HOST function is called: answer with `sidelite_reply`. See `sidelite_create_function`.
#define SIDELITE_EVENT_CALL (1 << 7)

// Something that was committed, or rolled back, of an observation. See SIDELITE_OBSERVE.
#define SIDELITE_EVENT_CHANGE (1 << 8)

// With IN_TRANSACTION: it has read, and not yet written.
#define SIDELITE_EVENT_READING (1 << 9)

// With IN_TRANSACTION: it has written, or holds the write lock.
#define SIDELITE_EVENT_WRITING (1 << 10)

// Queue flag: no draining; each callback runs on the connection's thread the moment its event is made. For hosts that
// are thread-safe themselves. Callbacks of different connections run at the same time, and one that blocks blocks its
// connection. The sharp tool.
#define SIDELITE_QUEUE_DIRECT (1 << 0)

// Open flag: read-only; the file must exist. Without a flag: read and write, created when missing.
#define SIDELITE_OPEN_READONLY (1 << 0)

// Open flag: read and write, but do not create the file.
#define SIDELITE_OPEN_NO_CREATE (1 << 1)

// Open flag: `path` may be a `file:` URI. Without it such a name is an ordinary file name.
#define SIDELITE_OPEN_URI (1 << 2)

// Open flag: in memory; `path` is only a name.
#define SIDELITE_OPEN_MEMORY (1 << 3)

// Open flag: refuse a path with a symbolic link in it.
#define SIDELITE_OPEN_NOFOLLOW (1 << 4)

// Open flag: share the page cache with other connections to the same database in this process. For in-memory databases
// that several connections use; for files SQLite itself advises against it.
#define SIDELITE_OPEN_SHARED_CACHE (1 << 5)

// Open flag: switch foreign keys on. SQLite's default is off.
#define SIDELITE_OPEN_FOREIGN_KEYS (1 << 6)

// Open flag, recommended for new programs: defensive mode on, schemas not trusted to call functions with side effects,
// double-quoted strings off, foreign keys on, no memory mapping.
#define SIDELITE_OPEN_HARDENED (1 << 7)

// Open flag for files and SQL from strangers: HARDENED, and what sqlite.org/security.html recommends: cell size
// checks, a quick_check before the first request, no ATTACH, no triggers and views, and low limits (1,000,000 bytes in
// a value, 100,000 in a statement, 100 columns, expression depth 10, 3 compound SELECTs, 25,000 VM opcodes, 8 function
// arguments, 50 bytes of LIKE pattern, 10 parameters, trigger depth 10).
#define SIDELITE_OPEN_UNTRUSTED (1 << 8)

// Open flag: SIDELITE_LOAD_EXTENSION may load shared libraries. Without it, and always for the SQL function
// `load_extension`, that is switched off.
#define SIDELITE_OPEN_EXTENSIONS (1 << 10)

// Open flag: bind TEXT that is not UTF-8 as it is, instead of refusing it with SIDELITE_ERR_BAD_TEXT.
#define SIDELITE_OPEN_ANY_TEXT (1 << 9)

// Journal mode: as the file has it (DELETE for a new one).
#define SIDELITE_JOURNAL_DEFAULT 0

// Journal mode DELETE.
#define SIDELITE_JOURNAL_DELETE 1

// Journal mode TRUNCATE.
#define SIDELITE_JOURNAL_TRUNCATE 2

// Journal mode PERSIST.
#define SIDELITE_JOURNAL_PERSIST 3

// Journal mode MEMORY: a crash may corrupt the file.
#define SIDELITE_JOURNAL_MEMORY 4

// Journal mode WAL: readers and one writer at the same time.
#define SIDELITE_JOURNAL_WAL 5

// Journal mode OFF: no rollback; a crash may corrupt the file.
#define SIDELITE_JOURNAL_OFF 6

// Synchronous: SQLite's default, FULL.
#define SIDELITE_SYNC_DEFAULT 0

// Synchronous OFF: a power cut may corrupt the file; a killed process does not.
#define SIDELITE_SYNC_OFF 1

// Synchronous NORMAL: with WAL a power cut may lose the last commits, never corrupt the file.
#define SIDELITE_SYNC_NORMAL 2

// Synchronous FULL: a commit that was acknowledged survives a power cut.
#define SIDELITE_SYNC_FULL 3

// Synchronous EXTRA: FULL, and the directory is synced after the journal is deleted.
#define SIDELITE_SYNC_EXTRA 4

// `busy_timeout_ms`: do not wait for locks.
#define SIDELITE_NO_WAIT -1

// `statement_cache`: keep no prepared statements.
#define SIDELITE_NO_STATEMENT_CACHE UINT32_MAX

// Close: finish what was submitted, then close. Paused streams must still be read to their end, or cancelled.
#define SIDELITE_CLOSE_DRAIN 0

// Close: cancel what was submitted, queued or running, then close. CLOSED comes within 100 ms.
#define SIDELITE_CLOSE_CANCEL 1

// Kind: run one statement to its end; rows are stepped over and dropped. Reports changes and the last rowid.
#define SIDELITE_EXECUTE 1

// Kind: as EXECUTE, and collect every row into one result.
#define SIDELITE_FETCH 2

// Kind: deliver the rows in chunks, as the host grants credit.
#define SIDELITE_STREAM 3

// Kind: run all the statements of a text, without parameters, dropping rows; stop at the first error. What ran before
// the error stays, unless the text itself holds a transaction.
#define SIDELITE_SCRIPT 4

// Kind: call the host's own function on the connection's thread with the raw `sqlite3 *`.
#define SIDELITE_RUN 5

// Request flag: do not copy `sql`, `values` and what they point to. They must stay unchanged until the final event.
#define SIDELITE_STATIC (1 << 0)

// Request flag, on the first request of an array: run the whole array inside BEGIN IMMEDIATE ... COMMIT (inside a
// savepoint when a transaction is open). The first error undoes all of it: that request ends with its error, all
// others with ABORTED. Their events come after the COMMIT. Submit refuses with MISUSE what begins or ends a
// transaction inside, names a savepoint that the array did not make, or is a STREAM or RUN.
#define SIDELITE_ATOMIC (1 << 1)

// Request flag: prepare the statement for this request alone and leave the statement cache untouched.
#define SIDELITE_NO_CACHE (1 << 2)

// Request flag: `sql` may hold several statements. Positional parameters are spread over them in order, named ones are
// looked up by each, and a fetch returns the rows of the last. EXECUTE and FETCH with one row of values.
#define SIDELITE_MULTI (1 << 3)

// Request flag, for SCRIPT and SCRIPT_FILE: first commit the transaction that is open, if there is one.
#define SIDELITE_COMMIT_FIRST (1 << 4)

// `id` for `sidelite_cancel`: everything that has begun and not ended, as sqlite3_interrupt has it.
#define SIDELITE_RUNNING -1

// `sql_len` of a NUL-terminated text.
#define SIDELITE_NUL_TERMINATED UINT64_MAX

// `window` of a stream without back-pressure: all its chunks come as fast as they are made.
#define SIDELITE_UNLIMITED UINT32_MAX

// Kind: take the connection for one task. Until the lease ends only requests run whose `lane` is this request's id;
// all others wait, in order. What it begins is a transaction that no other task can get into.
//
// Arguments: `mode` (SIDELITE_BEGIN_; DEFERRED), the transaction that it begins, or NONE; `hold_ms` (no limit), after
// which it is ended. It ends with its transaction (COMMIT or ROLLBACK, as SQL or as a kind, or an error that rolls
// back), with SIDELITE_RELEASE, with `sidelite_cancel` of its id, when its time is up, and when the connection closes;
// what is not committed then is rolled back. Requests of a lane that has ended are refused with BAD_HANDLE or, when
// they were submitted before, end ABORTED. Savepoints inside are plain SQL.
#define SIDELITE_LEASE 6

// Kind: end the lease that is this request's `lane`, and roll back what it has not committed. Succeeds also when the
// lease has ended meanwhile, and cannot be cancelled. No arguments.
#define SIDELITE_RELEASE 7

// Kind: COMMIT, if a transaction is open; otherwise nothing. No arguments.
#define SIDELITE_COMMIT 8

// Kind: ROLLBACK, if a transaction is open; otherwise nothing. No arguments.
#define SIDELITE_ROLLBACK 9

// Kind: change the isolation that was chosen when the connection was opened.
//
// Argument: `mode` (SIDELITE_BEGIN_; NONE). NONE is SQLite's own way: no transaction begins by itself. With DEFERRED,
// IMMEDIATE and EXCLUSIVE one begins before an INSERT, UPDATE, DELETE or REPLACE outside of a transaction (by its
// first word: not behind WITH; not in a SCRIPT, which first commits what is open): Python's `isolation_level`. With
// ALWAYS a deferred transaction is open at any time, and the next begins when one ends: Python's `autocommit=False`. A
// change to NONE commits what is open.
#define SIDELITE_ISOLATION 10

// Kind: tell about the statement in `sql` without running it. Values, if given, are bound. Many PRAGMAs act as SQLite
// prepares them, and so they do here.
//
// Result, columns item, position, name, type, schema, table, origin, readonly, sql: one row `statement` with
// `readonly` (0 or 1) and `sql` with the values filled in (NULL when that is too long); one row `column` for each
// column of its result, with its name and, if it is a table's, its declared type, schema, table and name there; one
// row `parameter` for each parameter, with its position, from 1, and its name, if it has one. What does not apply is
// NULL.
#define SIDELITE_DESCRIBE 11

// Kind: stream the SQL that makes the database again, one statement a row, as the `sqlite3` shell reads it.
//
// Arguments: `filter` (everything), a LIKE pattern for the names of tables, indexes, triggers and views; `schema`
// ("main"). Chunks and credit as for STREAM. For one moment's state dump inside of a lease: what other requests write
// between two chunks may or may not be in it.
#define SIDELITE_DUMP 12

// Kind: run the SQL in a file, as SCRIPT does. Argument: `path`.
#define SIDELITE_SCRIPT_FILE 13

// Kind: copy the database, step by step, with other requests of this connection running in between.
//
// Arguments: `to`, the path of a file (TEXT) or another open connection of this process (INTEGER: its handle), whose
// requests wait meanwhile; `pages` of a step (100; -1 for all in one); `sleep_ms` between steps (0); `schema` and
// `to_schema` ("main"). Result, with MORE after each step and at the end: a row with the pages remaining, and in
// total. A step that finds the file locked is tried again until the busy timeout is over. When it fails or is
// cancelled, the target is as it was before. While a connection copies to another it cannot itself be copied to:
// SQLITE_BUSY.
#define SIDELITE_BACKUP 14

// Kind: replace the database by the one in a file. No other request runs meanwhile.
//
// Arguments: `from`, a path; `pages` between two progress events (100); `schema` ("main"). Events and result as for
// BACKUP. When it fails or is cancelled, the database is as it was before.
#define SIDELITE_RESTORE 15

// Kind: the database as one BLOB, as it would be in a file. Argument: `schema` ("main"). Result: a row, `image`.
#define SIDELITE_SERIALIZE 16

// Kind: replace the database by an image of one, which then lives in memory.
//
// Arguments: `image` (BLOB); `schema` ("main"); `readonly` (0). One that was made in WAL mode needs no log any more.
// What is no database is refused; one that is damaged inside takes the place of the old one all the same.
#define SIDELITE_DESERIALIZE 17

// Kind: open a BLOB or TEXT cell for reading or writing in parts.
//
// Arguments: `table`; `column`; `rowid`; `writable` (0); `schema` ("main"). Result: a row with the handle, `blob`, for
// the other BLOB kinds of this connection, and its `size` in bytes. It ends with SIDELITE_BLOB_CLOSE, or the
// connection.
#define SIDELITE_BLOB_OPEN 18

// Kind: read of an open blob. Arguments: `blob`; `offset` (0); `length` (to its end). Result: a row, `data`.
// SQLITE_ABORT (4): the row has changed since, open it again. Outside of the blob is SQLITE_ERROR.
#define SIDELITE_BLOB_READ 19

// Kind: write into an open blob, whose size stays. Arguments: `blob`; `data` (BLOB or TEXT); `offset` (0).
#define SIDELITE_BLOB_WRITE 20

// Kind: move an open blob to another row of its table. Arguments: `blob`; `rowid`. Result: as for BLOB_OPEN.
#define SIDELITE_BLOB_REOPEN 21

// Kind: close a blob. Argument: `blob`.
#define SIDELITE_BLOB_CLOSE 22

// Kind: record changes from here on, for a changeset.
//
// Arguments: `table` (all that have a primary key); `schema` ("main"). With more rows of values, more tables. Result:
// a row with the handle, `session`. It ends with SIDELITE_SESSION_CLOSE, or the connection. Sessions and the
// observation of changes exclude each other: the later one ends with SIDELITE_ERR_MISUSE. A system's SQLite needs
// SQLITE_ENABLE_SESSION and SQLITE_ENABLE_PREUPDATE_HOOK.
#define SIDELITE_SESSION_OPEN 23

// Kind: what a session has recorded so far. Arguments: `session`; `patchset` (0: a changeset). Result: a row,
// `changeset`. Not inside of a call.
#define SIDELITE_SESSION_CHANGES 24

// Kind: close a session. Argument: `session`. Not inside of a call.
#define SIDELITE_SESSION_CLOSE 25

// Kind: apply a changeset or patchset to "main", all of it or nothing. Tables that are not there, or have other keys,
// are passed over.
//
// Arguments: `changeset` (BLOB); `conflict` (SIDELITE_CONFLICT_; ABORT). Result: a row with the number of `conflicts`
// that were met, and `rebase`, for SIDELITE_CHANGESET_REBASE.
#define SIDELITE_CHANGESET_APPLY 26

// Kind: the changeset that undoes another. Argument: `changeset` (BLOB). Result: a row, `changeset`.
#define SIDELITE_CHANGESET_INVERT 27

// Kind: a changeset as if it had been made after another was applied. Arguments: `changeset`; `rebase`, from applying
// the other. Result: a row, `changeset`.
#define SIDELITE_CHANGESET_REBASE 28

// Kind: hear of what happens on this connection, until it is cancelled or the connection closes, when its final event
// comes.
//
// Argument: `what`, a sum of SIDELITE_OBSERVE_. Each event has MORE and rows whose first column, `event`, says which.
// SIDELITE_EVENT_CHANGE marks those about data: `insert`, `update` and `delete` with schema, table, old_rowid and
// rowid (and with VALUES old_1 ..., new_1 ..., by position of the column), `commit`, `rollback`, and `wal` with schema
// and pages in the log. They come after the commit that they belong to, before the final event of the request that
// committed, and never for what was rolled back. `trace` (request, sql) comes as a statement begins, `profile`
// (request, sql, nanoseconds, vm_steps, fullscan_steps, sorts) as it ends; sql with the values filled in. What a RUN
// function undoes within a transaction is told nevertheless. These events are not bounded by credit.
#define SIDELITE_OBSERVE 29

// Kind: say what statements may do. The rules replace those given before.
//
// Arguments, a row for each rule: `decision` (SIDELITE_ALLOW, DENY, IGNORE); `action` (any), one of SQLite's action
// codes, such as 20 for reading a column; `first` and `second` (any), its arguments as
// sqlite.org/c3ref/c_alter_table.html tells, such as table and column; `schema` (any); `trigger` (any), the trigger or
// view that the access comes from. Names are compared without case. The first rule that matches decides; without one
// it is allowed. No rows: everything is allowed. The BEGIN, COMMIT and ROLLBACK of a lease, an array, an isolation or a
// kind are not judged.
#define SIDELITE_AUTHORIZE 30

// Kind: read or set one of SQLite's limits. Arguments: `limit`, SQLite's number for it, such as 9 for parameters;
// `value` (only reads). Result: a row, `value`, as it was before.
#define SIDELITE_LIMIT 31

// Kind: read or set a switch of the connection. Arguments: `option`, SQLite's number for it, such as 1002 for foreign
// keys, 1005 for extensions and 1010 for the defensive mode; `value` (only reads), 0 or 1. Result: a row, `value`, as
// it is now. With 1005 a `value` of 2 switches the SQL function `load_extension` on as well.
#define SIDELITE_DB_CONFIG 32

// Kind: copy what is in the write-ahead log back into the database.
//
// Arguments: `mode` (SIDELITE_CHECKPOINT_; PASSIVE); `schema` (all). Result: a row with the frames in the log, `log`,
// and how many of these are `checkpointed`, both -1 without a log. SQLITE_BUSY: others were in the way.
#define SIDELITE_CHECKPOINT 33

// Kind: checkpoint by itself after a commit that leaves so many pages in the log. Argument: `pages` (1000; 0 for
// never).
#define SIDELITE_AUTOCHECKPOINT 34

// Kind: load a shared library of SQL functions and the like, which must be switched on: SIDELITE_OPEN_EXTENSIONS.
// Arguments: `path`; `entry` (as SQLite guesses it from the name).
#define SIDELITE_LOAD_EXTENSION 35

// Kind: facts and counters. Argument: `reset` (0); with 1 the highest values, and what only counts up, begin anew.
// Result, columns name, value, highest: `filename`, `readonly`, `autocommit`, `txn_state` (0 none, 1 read, 2 write),
// `changes`, `total_changes`, `last_insert_rowid`, and the counters of sqlite3_db_status: `cache_used`, `schema_used`,
// `stmt_used`, `cache_hit`, ...
#define SIDELITE_STATUS 36

// Kind: set what last_insert_rowid() returns. Argument: `rowid`.
#define SIDELITE_SET_LAST_INSERT_ROWID 37

// No transaction.
#define SIDELITE_BEGIN_NONE 0

// BEGIN DEFERRED: locks are taken as they are needed.
#define SIDELITE_BEGIN_DEFERRED 1

// BEGIN IMMEDIATE: the write lock is taken at once.
#define SIDELITE_BEGIN_IMMEDIATE 2

// BEGIN EXCLUSIVE: outside of WAL mode readers are kept out, too.
#define SIDELITE_BEGIN_EXCLUSIVE 3

// For the isolation alone: a transaction is open at any time.
#define SIDELITE_BEGIN_ALWAYS 4

// Hear of inserts, updates and deletes, of all tables.
#define SIDELITE_OBSERVE_CHANGES (1 << 0)

// The same, with old and new values.
#define SIDELITE_OBSERVE_VALUES (1 << 1)

// Hear of commits that changed something.
#define SIDELITE_OBSERVE_COMMITS (1 << 2)

// Hear of transactions that were rolled back.
#define SIDELITE_OBSERVE_ROLLBACKS (1 << 3)

// Hear of commits to a write-ahead log.
#define SIDELITE_OBSERVE_WAL (1 << 4)

// Hear of statements as they begin.
#define SIDELITE_OBSERVE_TRACE (1 << 5)

// Hear of statements as they end, and how long they took.
#define SIDELITE_OBSERVE_PROFILE (1 << 6)

// The access is allowed.
#define SIDELITE_ALLOW 0

// The statement fails with SQLITE_AUTH (23); one that calls a function, with SQLITE_ERROR (1).
#define SIDELITE_DENY 1

// The access does nothing: a column reads as NULL, an UPDATE leaves it as it is.
#define SIDELITE_IGNORE 2

// A change that does not fit undoes all, and ends with SQLITE_ABORT (4).
#define SIDELITE_CONFLICT_ABORT 0

// A change that does not fit is left out. Rows that lack their foreign key's parent stay; the others undo all (787).
#define SIDELITE_CONFLICT_OMIT 1

// A change overwrites the row that it meets; one that cannot is left out.
#define SIDELITE_CONFLICT_REPLACE 2

// As many frames as can be without waiting for anybody.
#define SIDELITE_CHECKPOINT_PASSIVE 0

// All frames; waits for writers, and for readers of old ones.
#define SIDELITE_CHECKPOINT_FULL 1

// FULL, and the next writer begins the log anew.
#define SIDELITE_CHECKPOINT_RESTART 2

// RESTART, and the log is cut to nothing.
#define SIDELITE_CHECKPOINT_TRUNCATE 3

// A function of its arguments.
#define SIDELITE_FUNCTION_SCALAR 1

// A function of the rows of a group, such as sum().
#define SIDELITE_FUNCTION_AGGREGATE 2

// An aggregate that can also move over a window, OVER (...): rows leave it again.
#define SIDELITE_FUNCTION_WINDOW 3

// An order of texts. Arguments: two TEXTs; value: an INTEGER below, equal to or above 0. A HOST collation costs a
// thread hop for each comparison: thousands for a small sort.
#define SIDELITE_FUNCTION_COLLATION 4

// Hook, without a name: may a statement do this? Called as it is prepared. Arguments: action, first, second, schema,
// trigger, as for SIDELITE_AUTHORIZE; value: SIDELITE_ALLOW, DENY or IGNORE. Asked when no rule has decided.
#define SIDELITE_FUNCTION_AUTHORIZER 5

// Hook: called each time a statement has run `n_args` VM instructions (1000). Value: other than 0 or NULL ends it with
// SQLITE_INTERRUPT (9).
#define SIDELITE_FUNCTION_PROGRESS 6

// Hook: called when a lock is not to be had, in place of the busy timeout. Arguments: how often it was called before
// for this lock; value: milliseconds to wait before the next try (cancel and deadline reach into it), NULL to give up.
#define SIDELITE_FUNCTION_BUSY 7

// Hook: a row was inserted, updated or deleted. Arguments: operation (18 INSERT, 23 UPDATE, 9 DELETE), schema, table,
// rowid. As sqlite3_update_hook: not for WITHOUT ROWID tables. INLINE only.
#define SIDELITE_FUNCTION_UPDATE 8

// Hook: a row is about to change. Arguments: operation, schema, table, old rowid, new rowid, the number of columns,
// then so many old values (none for INSERT) and new ones (none for DELETE). INLINE only. Not while a session is open.
#define SIDELITE_FUNCTION_PREUPDATE 9

// Hook: a transaction is about to commit. Value: other than 0 or NULL rolls it back instead.
#define SIDELITE_FUNCTION_COMMIT 10

// Hook: a transaction was rolled back. INLINE only.
#define SIDELITE_FUNCTION_ROLLBACK 11

// Hook: a transaction was committed to a write-ahead log. Arguments: schema, pages in the log. INLINE only.
#define SIDELITE_FUNCTION_WAL 12

// Function flag: the same arguments give the same value, so that it may be used in indexes and be called less often.
#define SIDELITE_FUNCTION_DETERMINISTIC (1 << 0)

// Function flag: only for SQL that the host submits, not for triggers, views and the like of a file. On HARDENED and
// UNTRUSTED connections all functions are that unless they are INNOCUOUS.
#define SIDELITE_FUNCTION_DIRECTONLY (1 << 1)

// Function flag: harmless even in the schema of a stranger's file.
#define SIDELITE_FUNCTION_INNOCUOUS (1 << 2)

// Function flag: remove the function of this kind, name and number of arguments, or the hook of this kind.
#define SIDELITE_FUNCTION_REMOVE (1 << 3)

// Which call of a function a CALL event is, in its `code`. A scalar function: its arguments are the event's one row.
#define SIDELITE_CALL_SCALAR 0

// Rows that have come into a group, many at a time. The reply's value is ignored, its code can end the statement.
#define SIDELITE_CALL_STEP 1

// Rows that have left a window, the oldest ones.
#define SIDELITE_CALL_INVERSE 2

// The value of a window as it is, after the rows that the event brings have come in.
#define SIDELITE_CALL_VALUE 3

// The value of a group, after the rows that the event brings have come in. The group ends.
#define SIDELITE_CALL_FINAL 4

// The group ends without a value: its statement failed, or was stopped early. No reply is wanted; the event's id is 0.
#define SIDELITE_CALL_END 5

// A connection: one SQLite connection, its thread and its request queue. The pointer is an id in pointer's clothing:
// it is never dereferenced, checked on every call, and below 2^53.
typedef struct sidelite_conn sidelite_conn;

// A completion queue: finished work waits in it until the host drains it. The pointer is an id in pointer's clothing,
// as with `sidelite_conn`.
typedef struct sidelite_queue sidelite_queue;

// The header of ONE allocation that holds rows or an error message. Copy `bytes` of it anywhere 8-byte aligned and the
// copy works: everything inside is found by offset from its start.
//
// Rows: `names` is the offset of `ncols` TEXT values, the column names, and `types` of their declared types; `values`
// that of `nrows * ncols` values, row after row. Cells of TEXT and BLOB hold offsets too. The row functions
// (`sidelite_row_int64`, ...) do the arithmetic.
//
// Results are read-only and may be read from any thread while they live: until the next poll or dispatch of their
// queue, or, once kept, until released.
typedef struct sidelite_result {
  // Size of the whole block, this header included.
  uint64_t bytes;
  // Columns.
  uint32_t ncols;
  // Rows in this block: all of a fetch, or those of one chunk of a stream.
  uint32_t nrows;
  // Offset of the column names, 0 without columns.
  uint64_t names;
  // Offset of the cells, 0 without rows.
  uint64_t values;
  // Offset of the error's text, NUL-terminated; 0 without one.
  uint64_t message;
  // Bytes of the error's text, its NUL not counted.
  uint32_t message_len;
  // SQLite's extended code behind the error, or 0: SQLITE_INTERRUPT under SIDELITE_ERR_CANCELLED, for example.
  int32_t sqlite_code;
  // Byte offset into the request's SQL where the error is, or -1.
  int32_t sql_offset;
  // `errno` of the failed system call behind an I/O error, or 0.
  int32_t system_errno;
  // Offset of `ncols` values, the types that the columns were declared with: TEXT, or NULL for what is no column of a
  // table; 0 when none was declared.
  uint64_t types;
} sidelite_result;

// The host's wake function: `uv_async_send`, `ev_async_send`, `PostMessage`, ... It runs on a connection's thread, or
// inside poll, look or dispatch when events are left over, and means: drain this queue soon. It must not block, and no
// exception may leave it.
typedef void (*sidelite_wake_function)(void *wake_data);

// How a queue wakes its host. Zero the struct and set `struct_size`.
typedef struct sidelite_queue_config {
  // sizeof(sidelite_queue_config).
  uint32_t struct_size;
  // SIDELITE_QUEUE_DIRECT or 0.
  uint32_t flags;
  // Called once for many completions, or NULL.
  sidelite_wake_function wake;
  // Passed to it.
  void *wake_data;
  // Zero.
  uint64_t reserved[2];
} sidelite_queue_config;

// Takes an event.
//
// It runs on the thread that calls `sidelite_dispatch`, and with a SIDELITE_QUEUE_DIRECT queue on the connection's own
// thread. What is legal inside it: contract 3. `event` and what it points to are valid until it returns;
// `sidelite_keep` keeps the result longer. A C++ exception may leave it through dispatch. `longjmp` must not.
typedef void (*sidelite_callback)(const struct sidelite_event *event, void *user_data);

// One event: the completion of a request, a chunk of rows, or news of a connection. 64 bytes, one cache line.
//
// `sidelite_poll` fills an array of them; callbacks get a pointer to one.
typedef struct sidelite_event {
  // The id that submit returned; 0 for OPENED, CLOSED and WRITABLE; the call's id for CALL.
  int64_t id;
  // As given with the request, or with open or close.
  void *user_data;
  // As given; may be NULL. `sidelite_dispatch` calls it, `sidelite_poll` only passes it on.
  sidelite_callback callback;
  // Rows, or the message of an error, or NULL. Valid until the next poll or dispatch of this queue (in a callback:
  // until it returns), longer if kept. A fetch, and each chunk of a stream, always has one; an error has one unless
  // memory ran out.
  const struct sidelite_result *result;
  // 0, a SQLite extended result code (> 0) or a SIDELITE_ERR_ code (< 0).
  int32_t code;
  // SIDELITE_EVENT_ flags.
  uint32_t flags;
  // Rows inserted, updated or deleted by this request (for nrows > 1, the sum), as sqlite3_changes counts: without
  // triggers and cascades. 0 for statements that change nothing.
  int64_t changes;
  // sqlite3_last_insert_rowid of the connection after this request.
  int64_t last_insert_rowid;
  // The connection the event is about.
  struct sidelite_conn *conn;
} sidelite_event;

// What a value holds; `type` says which member.
typedef union sidelite_value_as {
  // SIDELITE_INTEGER, and the length of a SIDELITE_ZEROBLOB.
  int64_t integer;
  // SIDELITE_REAL.
  double real;
  // SIDELITE_TEXT and SIDELITE_BLOB inside a result: bytes from the start of the result.
  uint64_t offset;
  // SIDELITE_TEXT and SIDELITE_BLOB that go in: where the bytes are. NULL with `len` 0 is an empty value.
  const void *data;
} sidelite_value_as;

// One value: a parameter that goes in, or a cell that comes out. 16 bytes.
//
// Going in, fill it with `sidelite_int`, `sidelite_text`, ...; the bytes it points to are copied before submit
// returns, or, under SIDELITE_STATIC, read until the final event. Coming out, read it with `sidelite_row_int64`, ...,
// or directly: TEXT inside a result is followed by a NUL that `len` does not count.
typedef struct sidelite_value {
  // SIDELITE_NULL, SIDELITE_INTEGER, SIDELITE_REAL, SIDELITE_TEXT, SIDELITE_BLOB or SIDELITE_ZEROBLOB.
  uint32_t type;
  // Bytes of TEXT or BLOB; 0 for the others.
  uint32_t len;
  // The value itself.
  union sidelite_value_as as;
} sidelite_value;

// How to open. Zero the struct and set `struct_size`: zero means SQLite's own default everywhere.
typedef struct sidelite_open_config {
  // sizeof(sidelite_open_config).
  uint32_t struct_size;
  // SIDELITE_OPEN_ flags.
  uint32_t flags;
  // Name of a registered VFS, or NULL.
  const char *vfs;
  // How long to wait for another connection's lock before SQLITE_BUSY. 0 is 5,000; SIDELITE_NO_WAIT does not wait.
  int32_t busy_timeout_ms;
  // Prepared statements to keep, least recently used out first. 0 is 128; SIDELITE_NO_STATEMENT_CACHE keeps none.
  uint32_t statement_cache;
  // Requests that may be out: submitted, and their final event not yet taken. 0 is 16,384.
  uint32_t max_requests;
  // SIDELITE_JOURNAL_ mode.
  uint32_t journal_mode;
  // Bytes that may be out: SQL and values of requests, and results not yet taken. 0 is 64 MiB. Requests beyond are
  // refused; results are never refused for it, but keep requests out until they are taken.
  uint64_t max_bytes;
  // Largest result of one fetch. 0 is 1 GiB.
  uint64_t max_result_bytes;
  // SIDELITE_SYNC_ level.
  uint32_t synchronous;
  // Entries of `pragmas`.
  uint32_t pragma_count;
  // PRAGMAs to run once it is open, after all the options above: "cache_size=-8000", "temp_store=MEMORY".
  // NUL-terminated, copied.
  const char *const *pragmas;
  // SIDELITE_BEGIN_: which transactions begin by themselves. See SIDELITE_ISOLATION.
  uint32_t isolation;
  // Rules of `authorizer`.
  uint32_t authorizer_rules;
  // What statements may do: `authorizer_rules` rows of six values, as for SIDELITE_AUTHORIZE; NULL for everything.
  // Copied. They hold from the first request on.
  const struct sidelite_value *authorizer;
  // Zero.
  uint64_t reserved[2];
} sidelite_open_config;

// Counters of a connection or a queue. Set `struct_size` before the call.
typedef struct sidelite_stats {
  // sizeof(sidelite_stats).
  uint32_t struct_size;
  // Requests (connection) or connections (queue) that are out now.
  uint32_t outstanding;
  // Connection: bytes that are out now, as `max_bytes` counts them.
  uint64_t bytes;
  // Connection: requests submitted since it was opened.
  uint64_t submitted;
  // Connection: requests whose final event was made.
  uint64_t completed;
  // Connection: statements found in the cache.
  uint64_t cache_hits;
  // Connection: statements that had to be prepared.
  uint64_t cache_misses;
  // Queue: events handed out.
  uint64_t events;
  // Queue: wake-ups of the host: writes to the fd or calls of the wake function.
  uint64_t wakes;
  // Queue: calls of poll and dispatch.
  uint64_t polls;
  // Connection: rows changed since it was opened, as sqlite3_total_changes counts them, as of the last completion.
  uint64_t total_changes;
  // Zero.
  uint64_t reserved[3];
} sidelite_stats;

// The host's function of a SIDELITE_RUN request. It runs on the connection's thread, where it may use `db` (a
// `sqlite3 *` of the SQLite inside, called through `sidelite_sqlite_api`) until it returns, and must leave no statement
// of its own behind. It returns the event's code: 0, one of SQLite's, whose message comes from `db`, or one of its own
// below -1000. An exception that leaves it is dropped, and the code is SIDELITE_ERR_PANIC (but on x86-64 alone).
typedef int32_t (*sidelite_run_function)(void *db, void *context);

// One unit of work. Zero the struct, set `struct_size`, then set what is needed: zero means "default" everywhere.
typedef struct sidelite_request {
  // sizeof(sidelite_request). In an array, the same for all: it is the array's stride.
  uint32_t struct_size;
  // SIDELITE_EXECUTE, SIDELITE_FETCH, ... The kinds from SIDELITE_LEASE on take arguments: `values`, in the order
  // given with each, or by `names`; one that is missing or NULL has the default given in brackets.
  uint32_t kind;
  // SIDELITE_STATIC, SIDELITE_ATOMIC, SIDELITE_NO_CACHE, SIDELITE_MULTI, SIDELITE_COMMIT_FIRST.
  uint32_t flags;
  // Deadline: milliseconds from submit. Running, paused or waiting for a lock, the request is ended with
  // SIDELITE_ERR_TIMEOUT then; one that is still queued ends with it in its place, without running. 0 = none.
  uint32_t timeout_ms;
  // The SQL, UTF-8, for the kinds up to SCRIPT and for DESCRIBE. NULL for all others.
  const char *sql;
  // Bytes of `sql`; 0 or SIDELITE_NUL_TERMINATED when it ends with a NUL.
  uint64_t sql_len;
  // `nrows * ncols` values, row after row; NULL without parameters.
  const struct sidelite_value *values;
  // Values in a row.
  uint32_t ncols;
  // Rows. The statement runs once for each (executemany); 0 is 1. Without a transaction each row commits by itself:
  // use ATOMIC. Not for STREAM beyond 1. AUTHORIZE: rules; SESSION_OPEN: tables.
  uint32_t nrows;
  // `ncols` NUL-terminated names for named parameters, with or without their `:`, `@` or `$`; NULL for positional
  // ones. Names that the statement does not have are ignored; parameters without a value are an error. Copied.
  const char *const *names;
  // Called with each event of this request; may be NULL.
  sidelite_callback callback;
  // Passed to the callback.
  void *user_data;
  // The id of the lease, or of the call, that the request belongs to; 0 for none. It need not be granted yet.
  int64_t lane;
  // STREAM: rows in a chunk. 0 ramps up: 16, 64, 256, then 512 rows, at most 64 KiB. With a number of your own a
  // chunk ends at 1 MiB too. FETCH: the most rows that are wanted; a statement that only reads ends with the last of
  // them, one that writes runs to its end and returns all. 0 = all.
  uint32_t chunk_rows;
  // STREAM: chunks that may be sent before the first `sidelite_more`. 0 is 2; SIDELITE_UNLIMITED switches
  // back-pressure off.
  uint32_t window;
  // Deliver the events to this queue; NULL for the connection's own. It lets several loops share a connection.
  // Freeing that queue cancels the request.
  struct sidelite_queue *reply_to;
  // RUN: the function.
  sidelite_run_function run;
  // RUN: passed to the function.
  void *context;
  // Zero.
  uint64_t reserved[2];
} sidelite_request;

// An INLINE function, on the connection's thread. It must be thread-safe itself, return soon, call no function of this
// library on the same connection but to submit and to cancel, and let no exception out.
//
// - `context`: from the config.
// - `group`: of an aggregate, a place for its own pointer, NULL at the group's first call; its last call, `last`,
//   comes also when the statement fails, to free what it points to. NULL for all others.
// - `args`, `n`: the arguments. Their bytes, in `as.data`, are valid until it returns.
// - `value`: NULL at first; its value, or the message of its failure. TEXT and BLOB are copied when it has returned.
//
// Returns 0, or the code with which the statement ends: one of SQLite's, or one of the host's own below -1000.
typedef int32_t (*sidelite_inline_function)(void *context,
                                            void **group,
                                            const struct sidelite_value *args,
                                            uint32_t n,
                                            struct sidelite_value *value);

// What to register, and how it is called. Zero the struct and set `struct_size`.
typedef struct sidelite_function_config {
  // sizeof(sidelite_function_config).
  uint32_t struct_size;
  // SIDELITE_FUNCTION_SCALAR, ...
  uint32_t kind;
  // SIDELITE_FUNCTION_DETERMINISTIC, ...
  uint32_t flags;
  // Number of arguments, -1 for any. The same name may be registered for several numbers.
  int32_t n_args;
  // Its name, NUL-terminated UTF-8, copied; NULL for hooks.
  const char *name;
  // INLINE: the function, the hook, or an aggregate's step. NULL: HOST.
  sidelite_inline_function call;
  // INLINE aggregate: its value at the end of a group.
  sidelite_inline_function last;
  // INLINE window: its value at this moment.
  sidelite_inline_function value;
  // INLINE window: a row leaves.
  sidelite_inline_function inverse;
  // INLINE: passed to these functions. It must live until the function is removed or replaced, or the connection
  // CLOSED.
  void *context;
  // HOST aggregate: how many rows a STEP event brings at most. 0 is 512.
  uint32_t batch_rows;
  // HOST: how long to wait for a reply before the statement ends with SIDELITE_ERR_TIMEOUT. 0 is as long as it
  // takes.
  uint32_t reply_timeout_ms;
  // Zero.
  uint64_t reserved[2];
} sidelite_function_config;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Names a status code: "SIDELITE_ERR_FULL: too many requests or bytes are out; ...".
//
// For SQLite's codes the text is SQLite's own for that code. The message of an event's result says more: it names the
// table, the column or the token.
//
// - `code`: any number; an unknown one gives "unknown status".
//
// Returns a static NUL-terminated string, never NULL. Any thread, also inside the wake function.
const char *sidelite_status_string(int32_t code);

// The ABI version of the library that is loaded. It is right if it equals `SIDELITE_ABI_VERSION`.
uint32_t sidelite_abi_version(void);

// The library's version, such as "0.1.0": a static string, never NULL.
const char *sidelite_version(void);

// The version of the SQLite inside, such as "3.54.1": a static string, never NULL.
const char *sidelite_sqlite_version(void);

// Keeps a result beyond the next poll or dispatch.
//
// - `result`: an event's result that is still valid, or a kept one (each keep wants its own release); or NULL.
//
// Returns `result` itself: nothing is copied. The memory is the host's until `sidelite_release`, also after the
// connection is closed, the queue freed, and in a forked child. Any thread.
const struct sidelite_result *sidelite_keep(const struct sidelite_result *result);

// Releases a result that was kept. The pointer is invalid afterwards. NULL is ignored. Any thread.
//
// Results are plain pointers, not handles: releasing one that was not kept, or once too often, is a defect of the host
// that cannot be detected, as with `free`.
void sidelite_release(const struct sidelite_result *result);

// Makes a completion queue.
//
// - `config`: NULL for a queue with a descriptor on demand.
// - `out`: set to the handle, 0 on failure. Not NULL.
//
// Returns 0, MISUSE (NULL `out`; a wake function together with DIRECT), UNSUPPORTED (unknown flag, non-zero reserved
// field or tail), NO_MEMORY (65,535 queues are alive). Free it with `sidelite_queue_free`. Any thread.
int32_t sidelite_queue_new(const struct sidelite_queue_config *config, struct sidelite_queue **out);

// The queue's descriptor, made at the first call (eventfd on Linux, a pipe elsewhere).
//
// Wait on it for readability, with epoll, kqueue, poll, `uv_poll`, `add_reader`, GLib; never read or close it. It is
// level-triggered: readable from the moment an event waits until a poll or dispatch has taken the last. Spurious
// readability is possible. It closes with the queue.
//
// Returns the descriptor (>= 0), BAD_HANDLE, FORKED, MISUSE (a queue with a wake function or DIRECT), NO_FD (the
// process has no descriptor left; the queue can still be polled). Any thread.
int64_t sidelite_queue_fd(struct sidelite_queue *queue);

// Takes events out of the queue into the caller's array, without calling their callbacks. The way for bindings: one
// call for many completions.
//
// First it frees the results of the events that the previous poll or dispatch gave (those not kept).
//
// - `out`, `capacity`: where to write, and how many at most. NULL with 0 only frees.
// - `timeout_ms`: how long to wait when there is nothing: 0 not at all, -1 for ever.
//
// Returns the number of events written, 0 when the time passed; or BAD_HANDLE (also when the queue is freed
// meanwhile), FORKED, MISUSE (inside this queue's own dispatch; while another thread polls or dispatches it; a DIRECT
// queue; NULL with a capacity). One thread at a time; which one may change.
int32_t sidelite_poll(struct sidelite_queue *queue,
                      struct sidelite_event *out,
                      uint32_t capacity,
                      int32_t timeout_ms);

// Takes events as `sidelite_poll` does without waiting; when there are none, it looks for a few microseconds for what
// is about to come.
//
// For a host that has sent one request and has nothing else to do at the moment: to be woken costs more than most
// requests take. What comes while it looks makes no wake. It yields the CPU meanwhile. After looks that have found
// nothing, and where others want the CPU and a yield takes long, more and more are left out, so that it may be called
// whenever one request is out alone; a call that is left out only polls.
//
// Returns as `sidelite_poll`, and is meant wherever a poll is spoken of.
int32_t sidelite_look(struct sidelite_queue *queue, struct sidelite_event *out, uint32_t capacity);

// Takes events and runs their callbacks here, on the calling thread. Does not wait.
//
// - `max_events`: at most so many; 0 for all that are there when it starts.
// - `budget_us`: start no further callback after so many microseconds; 0 for no limit. At least one runs. What is left
//   keeps the descriptor readable or calls the wake function again.
//
// Returns the number of events taken (those without a callback count), or BAD_HANDLE, FORKED, MISUSE as
// `sidelite_poll`. When a C++ exception leaves a callback it passes through this function; that event is taken, the
// rest come with the next call.
int32_t sidelite_dispatch(struct sidelite_queue *queue,
                          uint32_t max_events,
                          uint32_t budget_us);

// Ends the dispatch that called this callback: it starts no further callback.
//
// What is left waits for the next poll or dispatch, and keeps the descriptor readable or calls the wake function again.
// For a callback that takes away what the next one would need: it detaches the queue from its loop, or frees a scene.
//
// Returns 0; MISUSE (not inside a callback that this queue's dispatch called on this thread; a DIRECT queue); BAD_HANDLE;
// FORKED.
int32_t sidelite_dispatch_stop(struct sidelite_queue *queue);

// Frees a queue: closes its connections in CANCEL mode, waits for their threads, and drops events not yet taken.
//
// After it has succeeded, neither the wake function nor any callback of this queue runs again: what a host calls
// before its interpreter or its loop goes away. Closing the connections first and draining to CLOSED loses no event.
//
// - `timeout_ms`: how long to wait for the threads; 0 not at all, -1 for ever.
//
// Returns the number of events never delivered (>= 0), the handle is then gone; TIMEOUT: some thread is still busy, no
// new event is accepted, call again; BAD_HANDLE; FORKED; MISUSE (inside a callback of this queue, or a RUN function of
// its connections). Results that were kept stay valid.
int32_t sidelite_queue_free(struct sidelite_queue *queue,
                            int32_t timeout_ms);

// Opens a connection: starts its thread, which opens the file.
//
// Requests may be submitted at once; they run after the opening. When it fails, OPENED tells why (UNSUPPORTED: SQLite
// is older than 3.51.3), and each request ends with the same code and message. Either way the connection wants one
// `sidelite_close`. Opening one path several times is fine; **opening it with another copy of SQLite in this process
// is not** (TWO COPIES OF SQLITE, above).
//
// - `queue`: gets the connection's events.
// - `path`: NUL-terminated file name, ":memory:", or "" for a temporary file; copied.
// - `config`: options, or NULL for SQLite's own defaults; copied.
// - `callback`, `user_data`: get OPENED, and later WRITABLE; the callback may be NULL.
// - `out`: set to the handle before anything can complete; 0 on failure. Not NULL.
//
// Returns 0, and one OPENED event follows; or BAD_HANDLE and FORKED (`queue`), MISUSE (NULL `path` or `out`, options
// out of range), UNSUPPORTED (unknown flag or non-zero tail), NO_THREAD, NO_MEMORY. Never blocks. Any thread, also in
// callbacks; not in the wake function.
int32_t sidelite_open(struct sidelite_queue *queue,
                      const char *path,
                      const struct sidelite_open_config *config,
                      sidelite_callback callback,
                      void *user_data,
                      struct sidelite_conn **out);

// Closes a connection. Never blocks; CLOSED is the connection's last event.
//
// From here on submits answer CLOSED, while `sidelite_more`, `sidelite_cancel` and `sidelite_stat` work until the
// CLOSED event has been taken; then the handle is BAD_HANDLE. An open transaction is rolled back.
//
// - `mode`: SIDELITE_CLOSE_DRAIN or SIDELITE_CLOSE_CANCEL. To hurry a close in DRAIN mode, `sidelite_cancel(conn, 0)`.
// - `callback`, `user_data`: get CLOSED; the callback may be NULL.
//
// Returns 0, and one CLOSED event follows; CLOSED when it was called before; BAD_HANDLE, FORKED, MISUSE (`mode`). Any
// thread, also in callbacks, of this connection too; not in the wake function.
int32_t sidelite_close(struct sidelite_conn *conn,
                       uint32_t mode,
                       sidelite_callback callback,
                       void *user_data);

// Reads the counters of a queue or a connection: a `sidelite_queue *` or a `sidelite_conn *`.
//
// - `out`: `struct_size` says how much of it may be filled. Not NULL.
//
// Returns 0, BAD_HANDLE, FORKED or MISUSE (NULL, or `struct_size` below 8). The counters are read one by one, without
// a lock. Any thread.
int32_t sidelite_stat(const void *queue_or_conn, struct sidelite_stats *out);

// The functions of the SQLite inside: a `const sqlite3_api_routines *`, for code compiled with sqlite3ext.h.
//
// RUN functions, and extensions that are linked into the program, call SQLite through it (SQLITE_EXTENSION_INIT2): the
// library exports none of SQLite's names.
//
// Returns a static table; NULL without memory and inside the wake function. Never blocks. Any thread, also in
// callbacks.
const void *sidelite_sqlite_api(void);

// Submits one EXECUTE: runs a statement to its end.
//
// - `conn`: an open connection, also while it is still opening.
// - `sql`: one statement, NUL-terminated UTF-8; copied.
// - `params`, `n`: the values of its parameters, `n` of them; NULL with 0. Copied.
// - `callback`, `user_data`: get the final event; the callback may be NULL.
//
// The event's code tells of SQL that is wrong, also of a second statement (MISUSE; see SIDELITE_MULTI) and of a number
// of values that is not that of the parameters (SQLITE_RANGE, 25).
//
// Returns the request's id (> 0), and exactly one final event follows; or a negative status, and none does: FULL;
// CLOSED; BAD_HANDLE and FORKED (`conn`); MISUSE (NULL `sql`, a value of unknown type, NULL data with a length);
// BAD_TEXT; TOO_BIG (more bytes than the connection's `max_bytes`); PANIC (an earlier defect poisoned the connection);
// NO_MEMORY. Never blocks, never calls back. Any thread, also in callbacks; not in the wake function.
int64_t sidelite_execute(struct sidelite_conn *conn,
                         const char *sql,
                         const struct sidelite_value *params,
                         uint32_t n,
                         sidelite_callback callback,
                         void *user_data);

// Submits one FETCH: runs a statement to its end and collects its rows into the final event's result.
//
// Arguments and returns as for `sidelite_execute`. On success the event always has a result, also without rows. A
// result that would grow beyond the connection's `max_result_bytes` ends with SIDELITE_ERR_TOO_BIG: stream it. `INSERT
// ... RETURNING` works: its rows come with the success, so they are committed.
int64_t sidelite_fetch(struct sidelite_conn *conn,
                       const char *sql,
                       const struct sidelite_value *params,
                       uint32_t n,
                       sidelite_callback callback,
                       void *user_data);

// Submits one STREAM: delivers the rows in chunks, each an event with SIDELITE_EVENT_MORE, then a final event.
//
// The first two chunks come by themselves; each further one wants a credit from `sidelite_more`. The final event
// carries the last rows, often none. Between chunks other requests of the connection run, and a paused reader pins its
// snapshot as any open SELECT does. Only statements that read can pause: one that writes runs to its end first, and
// its chunks wait for credit in memory. The end wants credit too: a stream whose rows just fill its window needs one
// more `sidelite_more` for its final event. Rows before the final event are provisional: an error may still follow,
// right behind the rows that were read before it, and wants no credit. To stop early, `sidelite_cancel`.
//
// - `chunk_rows`: rows in a chunk; 0 ramps up from 16 to 512 so that the first rows come soon.
//
// Other arguments and returns as for `sidelite_execute`.
int64_t sidelite_stream(struct sidelite_conn *conn,
                        const char *sql,
                        const struct sidelite_value *params,
                        uint32_t n,
                        uint32_t chunk_rows,
                        sidelite_callback callback,
                        void *user_data);

// Submits one SCRIPT: runs all the statements of `sql` in order and drops their rows.
//
// It stops at the first error, whose `sql_offset` counts from the start of the text; what ran before stays. Arguments
// and returns as for `sidelite_execute`.
int64_t sidelite_script(struct sidelite_conn *conn, const char *sql, sidelite_callback callback, void *user_data);

// Submits an array of requests: the general form, of which the others are spellings.
//
// They stay together and in order: no request of another thread comes between them. All are taken or none. With
// SIDELITE_ATOMIC on the first they are one transaction.
//
// - `requests`: `n` of them, `struct_size` of the first apart; the array itself is not needed after the call. A longer
//   struct than this version knows is accepted while its tail is zero.
// - `n`: at least 1.
//
// Returns the id of the first request; the others count on from it, and each gets exactly one final event. Or a
// negative status and no event at all: as for `sidelite_execute`, and UNSUPPORTED (unknown kind, flag or non-zero
// reserved field), TOO_BIG (`n` above the connection's `max_requests`), MISUSE (`n` 0; a `struct_size` that is not the
// first one's; RUN without a function; values for SCRIPT or RUN; nrows above 1 for STREAM or with MULTI; MULTI for
// another kind than EXECUTE and FETCH; ATOMIC that is not on the first, and what may not stand in an ATOMIC array).
int64_t sidelite_submit(struct sidelite_conn *conn,
                        const struct sidelite_request *requests,
                        uint32_t n);

// Grants a stream credit for more chunks.
//
// - `id`: of a stream. One that has ended, or never was, answers SIDELITE_ERR_BAD_HANDLE; that is no defect, since the
//   final event may be on its way.
// - `chunks`: added to its credit; SIDELITE_UNLIMITED ends back-pressure.
//
// Returns 0, BAD_HANDLE, FORKED or MISUSE (`chunks` 0). Never blocks. Any thread, also in callbacks, also while the
// connection closes in DRAIN mode.
int32_t sidelite_more(struct sidelite_conn *conn,
                      int64_t id,
                      uint32_t chunks);

// Cancels one request, or all.
//
// A queued request never runs; a running one is aborted and its statement's effects undone; one that waits for a lock
// or for credit ends at once. It still completes, in its place, with SIDELITE_ERR_CANCELLED and, if it never started,
// SIDELITE_EVENT_NOT_RUN; or with its success when the cancel came too late. No other request is touched, except by
// the fence when a transaction was rolled back (contract 10), and an ATOMIC array, which ends whole.
//
// - `id`: what submit returned; 0 for all that were submitted so far; SIDELITE_RUNNING for all that have begun and not
//   ended, which then end with SQLITE_INTERRUPT (9). A lease that is cancelled ends, and its transaction is rolled
//   back.
//
// Returns 0 when the request had not ended, BAD_HANDLE when it had (or `conn` is not a connection), FORKED. Never
// blocks. Any thread, also in callbacks, also while the connection closes.
int32_t sidelite_cancel(struct sidelite_conn *conn,
                        int64_t id);

// Cancels one request, as `sidelite_cancel` does, and tells whether it had begun.
//
// The final event of a request that waits comes in its place: behind a long statement, or somebody's lease, that is
// late. A host that only wants to know that it will not run need not wait for it. If it is a BEGIN, what is submitted
// after this call is not fenced (contract 10): whoever submits it knows.
//
// - `id`: what submit returned.
//
// Returns 1 when the request had not begun, and so never will (but for SIDELITE_RELEASE, which ends its lease in any
// case); 0 when it may have; and otherwise as `sidelite_cancel`. Never blocks. Any thread, also in callbacks.
int32_t sidelite_withdraw(struct sidelite_conn *conn, int64_t id);

// Submits the registration of a function, a collation or a hook, which is in force for what is submitted after it.
//
// With `call` set it is INLINE: called on the connection's thread, without any hop. Without, it is HOST: each call
// becomes an event with SIDELITE_EVENT_CALL (and MORE) for `callback` on the connection's queue, and the statement
// waits until `sidelite_reply` answers it, now or later, from any thread. The event has the call's id in `id`, which
// call it is in `code` (SIDELITE_CALL_), the arguments in `result`, a row for each time SQL called it, the group of an
// aggregate in `changes` and the id of the request that runs in `last_insert_rowid`. While it waits, requests whose
// `lane` is the call's id run inside it, so that a function may query its own connection; all others wait. Cancel,
// deadline and close reach it. Freeing the connection's queue ends the statement with ABORTED. The collation and the
// hooks take no requests inside.
//
// - `conn`: an open connection.
// - `config`: what and how; copied. Not NULL.
// - `callback`, `user_data`: get the final event of the registration, and CALL events until the function is removed or
//   replaced, or the connection CLOSED.
//
// The event's code tells of SQLITE_BUSY when a statement that is running uses the function that was to be replaced.
//
// Returns an id, or a negative status, as `sidelite_submit`; MISUSE also for a combination of functions, flags and
// name that can never be right. Never blocks. Any thread, also in callbacks; not in the wake function.
int64_t sidelite_create_function(struct sidelite_conn *conn,
                                 const struct sidelite_function_config *config,
                                 sidelite_callback callback,
                                 void *user_data);

// Answers a call of a HOST function.
//
// - `call`: the id of its CALL event.
// - `value`: the function's value, or, with a code, the message of its failure (TEXT); NULL for SQL NULL. Copied.
// - `code`: 0, or the code with which the statement that called it ends: one of SQLite's, or one of the host's own
//   below -1000, which comes back unchanged.
//
// Returns 0; BAD_HANDLE when the call waits no longer: it was answered, cancelled, or timed out; FORKED; BAD_TEXT,
// TOO_BIG and MISUSE for a value or a code that cannot be, after which the call still waits. Never blocks. Any thread,
// also in callbacks, also while the connection closes; not in the wake function.
int32_t sidelite_reply(struct sidelite_conn *conn,
                       int64_t call,
                       const struct sidelite_value *value,
                       int32_t code);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

/*
 * HELPERS: plain inline functions over the structs above, so that C reads well.
 */

#ifdef __cplusplus
extern "C" {
#endif

/* Makes a value: SQL NULL. */
static inline sidelite_value sidelite_null(void) {
  sidelite_value value;
  memset(&value, 0, sizeof value);
  return value;
}

/* Makes a value: an integer. */
static inline sidelite_value sidelite_int(int64_t integer) {
  sidelite_value value = sidelite_null();
  value.type = SIDELITE_INTEGER;
  value.as.integer = integer;
  return value;
}

/* Makes a value: a double. */
static inline sidelite_value sidelite_real(double real) {
  sidelite_value value = sidelite_null();
  value.type = SIDELITE_REAL;
  value.as.real = real;
  return value;
}

/* Makes a value: `len` bytes of UTF-8 text, which must live until submit returns. */
static inline sidelite_value sidelite_text_n(const char *text, uint32_t len) {
  sidelite_value value = sidelite_null();
  value.type = SIDELITE_TEXT;
  value.len = len;
  value.as.data = text;
  return value;
}

/* Makes a value: NUL-terminated UTF-8 text, which must live until submit returns; NULL makes SQL NULL. */
static inline sidelite_value sidelite_text(const char *text) {
  size_t len = text ? strlen(text) : 0;
  /* What does not fit is refused by submit: no value is 4 GiB long. */
  return text ? sidelite_text_n(text, len < UINT32_MAX ? (uint32_t)len : UINT32_MAX) : sidelite_null();
}

/* Makes a value: `len` bytes, which must live until submit returns. */
static inline sidelite_value sidelite_blob(const void *data, uint32_t len) {
  sidelite_value value = sidelite_null();
  value.type = SIDELITE_BLOB;
  value.len = len;
  value.as.data = data;
  return value;
}

/* Makes a value: a BLOB of `len` zero bytes. */
static inline sidelite_value sidelite_zeroblob(int64_t len) {
  sidelite_value value = sidelite_null();
  value.type = SIDELITE_ZEROBLOB;
  value.as.integer = len;
  return value;
}

/* The cell at row and column, both from 0; NULL when there is none (a NULL result too). */
static inline const sidelite_value *sidelite_row_value(const sidelite_result *result, uint32_t row, uint32_t column) {
  if (!result || row >= result->nrows || column >= result->ncols) return NULL;
  return (const sidelite_value *)(const void *)((const char *)result + result->values) +
         ((size_t)row * result->ncols + column);
}

/* The type of a cell: SIDELITE_NULL, ...; SIDELITE_NULL when there is no such cell. */
static inline uint32_t sidelite_row_type(const sidelite_result *result, uint32_t row, uint32_t column) {
  const sidelite_value *value = sidelite_row_value(result, row, column);
  return value ? value->type : SIDELITE_NULL;
}

/* A cell as an integer. A REAL is cut towards zero (0 when it is outside int64), other types are 0: no text is parsed. */
static inline int64_t sidelite_row_int64(const sidelite_result *result, uint32_t row, uint32_t column) {
  const sidelite_value *value = sidelite_row_value(result, row, column);
  if (!value) return 0;
  if (value->type == SIDELITE_INTEGER) return value->as.integer;
  if (value->type == SIDELITE_REAL && value->as.real > -9223372036854775808.0 && value->as.real < 9223372036854775808.0)
    return (int64_t)value->as.real;
  return 0;
}

/* A cell as a double. An INTEGER is converted, other types are 0. */
static inline double sidelite_row_real(const sidelite_result *result, uint32_t row, uint32_t column) {
  const sidelite_value *value = sidelite_row_value(result, row, column);
  if (!value) return 0.0;
  if (value->type == SIDELITE_REAL) return value->as.real;
  return value->type == SIDELITE_INTEGER ? (double)value->as.integer : 0.0;
}

/* A cell's TEXT, NUL-terminated, which lives as long as the result; NULL for every other type. It may hold NULs:
 * sidelite_row_len gives its bytes. */
static inline const char *sidelite_row_text(const sidelite_result *result, uint32_t row, uint32_t column) {
  const sidelite_value *value = sidelite_row_value(result, row, column);
  return value && value->type == SIDELITE_TEXT ? (const char *)result + value->as.offset : NULL;
}

/* A cell's BLOB, or the bytes of its TEXT, which live as long as the result; NULL for every other type. */
static inline const void *sidelite_row_blob(const sidelite_result *result, uint32_t row, uint32_t column) {
  const sidelite_value *value = sidelite_row_value(result, row, column);
  if (!value || (value->type != SIDELITE_BLOB && value->type != SIDELITE_TEXT)) return NULL;
  return (const char *)result + value->as.offset;
}

/* Bytes of a cell's TEXT or BLOB; 0 for every other type. */
static inline uint32_t sidelite_row_len(const sidelite_result *result, uint32_t row, uint32_t column) {
  const sidelite_value *value = sidelite_row_value(result, row, column);
  return value ? value->len : 0;
}

/* The name of a column, from 0; NULL when there is none. */
static inline const char *sidelite_column_name(const sidelite_result *result, uint32_t column) {
  const sidelite_value *name;
  if (!result || column >= result->ncols) return NULL;
  name = (const sidelite_value *)(const void *)((const char *)result + result->names) + column;
  return (const char *)result + name->as.offset;
}

/* The type that a column was declared with, as in CREATE TABLE; NULL for what is no column of a table, or declared
 * without one. */
static inline const char *sidelite_column_type(const sidelite_result *result, uint32_t column) {
  const sidelite_value *type;
  if (!result || !result->types || column >= result->ncols) return NULL;
  type = (const sidelite_value *)(const void *)((const char *)result + result->types) + column;
  return type->type == SIDELITE_TEXT ? (const char *)result + type->as.offset : NULL;
}

/* The number of the column with this name, from 0; -1 when there is none. */
static inline int32_t sidelite_column_index(const sidelite_result *result, const char *name) {
  uint32_t column;
  for (column = 0; result && column < result->ncols; column++)
    if (!strcmp(sidelite_column_name(result, column), name)) return (int32_t)column;
  return -1;
}

/* Submits a request of a kind with arguments (SIDELITE_LEASE and all that follow), which are given by position. `lane` is
 * a lease, a call or 0. Otherwise as sidelite_execute. */
static inline int64_t sidelite_command(sidelite_conn *conn, uint32_t kind, int64_t lane, const sidelite_value *arguments,
                                       uint32_t n, sidelite_callback callback, void *user_data) {
  sidelite_request request;
  memset(&request, 0, sizeof request);
  request.struct_size = sizeof request;
  request.kind = kind;
  request.values = arguments;
  request.ncols = n;
  request.callback = callback;
  request.user_data = user_data;
  request.lane = lane;
  return sidelite_submit(conn, &request, 1);
}

/* The message of an event's error: SQLite's own words where it has some, else the text of the code. Never NULL. */
static inline const char *sidelite_event_message(const sidelite_event *event) {
  if (event->result && event->result->message) return (const char *)event->result + event->result->message;
  return sidelite_status_string(event->code);
}

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SIDELITE_H */
