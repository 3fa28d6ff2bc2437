//! One unit of work as C describes it, and the ways to hand it in.

use super::conn::sidelite_conn;
use super::event::sidelite_callback;
use super::queue::sidelite_queue;
use super::value::sidelite_value;
use super::{guard, inside, submit};
use std::ffi::{c_char, c_void};

/// Kind: run one statement to its end; rows are stepped over and dropped. Reports changes and the last rowid.
pub const SIDELITE_EXECUTE: u32 = 1;
/// Kind: as EXECUTE, and collect every row into one result.
pub const SIDELITE_FETCH: u32 = 2;
/// Kind: deliver the rows in chunks, as the host grants credit.
pub const SIDELITE_STREAM: u32 = 3;
/// Kind: run all the statements of a text, without parameters, dropping rows; stop at the first error. What ran before
/// the error stays, unless the text itself holds a transaction.
pub const SIDELITE_SCRIPT: u32 = 4;
/// Kind: call the host's own function on the connection's thread with the raw `sqlite3 *`.
pub const SIDELITE_RUN: u32 = 5;

/// Request flag: do not copy `sql`, `values` and what they point to. They must stay unchanged until the final event.
pub const SIDELITE_STATIC: u32 = 1 << 0;
/// Request flag, on the first request of an array: run the whole array inside BEGIN IMMEDIATE ... COMMIT (inside a
/// savepoint when a transaction is open). The first error undoes all of it: that request ends with its error, all
/// others with ABORTED. Their events come after the COMMIT. Submit refuses with MISUSE what begins or ends a
/// transaction inside, names a savepoint that the array did not make, or is a STREAM or RUN.
pub const SIDELITE_ATOMIC: u32 = 1 << 1;
/// Request flag: prepare the statement for this request alone and leave the statement cache untouched.
pub const SIDELITE_NO_CACHE: u32 = 1 << 2;
/// Request flag: `sql` may hold several statements. Positional parameters are spread over them in order, named ones are
/// looked up by each, and a fetch returns the rows of the last. EXECUTE and FETCH with one row of values.
pub const SIDELITE_MULTI: u32 = 1 << 3;
/// Request flag, for SCRIPT and SCRIPT_FILE: first commit the transaction that is open, if there is one.
pub const SIDELITE_COMMIT_FIRST: u32 = 1 << 4;

/// `id` for `sidelite_cancel`: everything that has begun and not ended, as sqlite3_interrupt has it.
pub const SIDELITE_RUNNING: i64 = -1;
/// `sql_len` of a NUL-terminated text.
pub const SIDELITE_NUL_TERMINATED: u64 = u64::MAX;
/// `window` of a stream without back-pressure: all its chunks come as fast as they are made.
pub const SIDELITE_UNLIMITED: u32 = u32::MAX;

/// The host's function of a SIDELITE_RUN request. It runs on the connection's thread, where it may use `db` (a
/// `sqlite3 *` of the SQLite inside, called through `sidelite_sqlite_api`) until it returns, and must leave no statement
/// of its own behind. It returns the event's code: 0, one of SQLite's, whose message comes from `db`, or one of its own
/// below -1000. An exception that leaves it is dropped, and the code is SIDELITE_ERR_PANIC (but on x86-64 alone).
pub type sidelite_run_function =
    Option<unsafe extern "C-unwind" fn(db: *mut c_void, context: *mut c_void) -> i32>;

/// The functions of the SQLite inside: a `const sqlite3_api_routines *`, for code compiled with sqlite3ext.h.
///
/// RUN functions, and extensions that are linked into the program, call SQLite through it (SQLITE_EXTENSION_INIT2): the
/// library exports none of SQLite's names.
///
/// Returns a static table; NULL without memory and inside the wake function. Never blocks. Any thread, also in
/// callbacks.
#[unsafe(no_mangle)]
pub extern "C" fn sidelite_sqlite_api() -> *const c_void {
    guard::plain(std::ptr::null(), || match inside::is_in_wake() {
        true => std::ptr::null(),
        false => crate::sqlite::routines(),
    })
}

/// One unit of work. Zero the struct, set `struct_size`, then set what is needed: zero means "default" everywhere.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sidelite_request {
    /// sizeof(sidelite_request). In an array, the same for all: it is the array's stride.
    pub struct_size: u32,
    /// SIDELITE_EXECUTE, SIDELITE_FETCH, ... The kinds from SIDELITE_LEASE on take arguments: `values`, in the order
    /// given with each, or by `names`; one that is missing or NULL has the default given in brackets.
    pub kind: u32,
    /// SIDELITE_STATIC, SIDELITE_ATOMIC, SIDELITE_NO_CACHE, SIDELITE_MULTI, SIDELITE_COMMIT_FIRST.
    pub flags: u32,
    /// Deadline: milliseconds from submit. Running, paused or waiting for a lock, the request is ended with
    /// SIDELITE_ERR_TIMEOUT then; one that is still queued ends with it in its place, without running. 0 = none.
    pub timeout_ms: u32,
    /// The SQL, UTF-8, for the kinds up to SCRIPT and for DESCRIBE. NULL for all others.
    pub sql: *const c_char,
    /// Bytes of `sql`; 0 or SIDELITE_NUL_TERMINATED when it ends with a NUL.
    pub sql_len: u64,
    /// `nrows * ncols` values, row after row; NULL without parameters.
    pub values: *const sidelite_value,
    /// Values in a row.
    pub ncols: u32,
    /// Rows. The statement runs once for each (executemany); 0 is 1. Without a transaction each row commits by itself:
    /// use ATOMIC. Not for STREAM beyond 1. AUTHORIZE: rules; SESSION_OPEN: tables.
    pub nrows: u32,
    /// `ncols` NUL-terminated names for named parameters, with or without their `:`, `@` or `$`; NULL for positional
    /// ones. Names that the statement does not have are ignored; parameters without a value are an error. Copied.
    pub names: *const *const c_char,
    /// Called with each event of this request; may be NULL.
    pub callback: sidelite_callback,
    /// Passed to the callback.
    pub user_data: *mut c_void,
    /// The id of the lease, or of the call, that the request belongs to; 0 for none. It need not be granted yet.
    pub lane: i64,
    /// STREAM: rows in a chunk. 0 ramps up: 16, 64, 256, then 512 rows, at most 64 KiB. With a number of your own a
    /// chunk ends at 1 MiB too. FETCH: the most rows that are wanted; a statement that only reads ends with the last of
    /// them, one that writes runs to its end and returns all. 0 = all.
    pub chunk_rows: u32,
    /// STREAM: chunks that may be sent before the first `sidelite_more`. 0 is 2; SIDELITE_UNLIMITED switches
    /// back-pressure off.
    pub window: u32,
    /// Deliver the events to this queue; NULL for the connection's own. It lets several loops share a connection.
    /// Freeing that queue cancels the request.
    pub reply_to: *mut sidelite_queue,
    /// RUN: the function.
    pub run: sidelite_run_function,
    /// RUN: passed to the function.
    pub context: *mut c_void,
    /// Zero.
    pub reserved: [u64; 2],
}

const _: () = assert!(size_of::<sidelite_request>() == 128 && align_of::<sidelite_request>() == 8);

/// Submits one EXECUTE: runs a statement to its end.
///
/// - `conn`: an open connection, also while it is still opening.
/// - `sql`: one statement, NUL-terminated UTF-8; copied.
/// - `params`, `n`: the values of its parameters, `n` of them; NULL with 0. Copied.
/// - `callback`, `user_data`: get the final event; the callback may be NULL.
///
/// The event's code tells of SQL that is wrong, also of a second statement (MISUSE; see SIDELITE_MULTI) and of a number
/// of values that is not that of the parameters (SQLITE_RANGE, 25).
///
/// Returns the request's id (> 0), and exactly one final event follows; or a negative status, and none does: FULL;
/// CLOSED; BAD_HANDLE and FORKED (`conn`); MISUSE (NULL `sql`, a value of unknown type, NULL data with a length);
/// BAD_TEXT; TOO_BIG (more bytes than the connection's `max_bytes`); PANIC (an earlier defect poisoned the connection);
/// NO_MEMORY. Never blocks, never calls back. Any thread, also in callbacks; not in the wake function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sidelite_execute(
    conn: *mut sidelite_conn,
    sql: *const c_char,
    params: *const sidelite_value,
    n: u32,
    callback: sidelite_callback,
    user_data: *mut c_void,
) -> i64 {
    let request = sidelite_request::new(SIDELITE_EXECUTE, sql, params, n, callback, user_data);
    // SAFETY: the caller's promises about `sql` and `params` are those of a request of one row.
    guard::code(|| unsafe { submit::requests(conn, &raw const request, 1) })
}

/// Submits one FETCH: runs a statement to its end and collects its rows into the final event's result.
///
/// Arguments and returns as for `sidelite_execute`. On success the event always has a result, also without rows. A
/// result that would grow beyond the connection's `max_result_bytes` ends with SIDELITE_ERR_TOO_BIG: stream it. `INSERT
/// ... RETURNING` works: its rows come with the success, so they are committed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sidelite_fetch(
    conn: *mut sidelite_conn,
    sql: *const c_char,
    params: *const sidelite_value,
    n: u32,
    callback: sidelite_callback,
    user_data: *mut c_void,
) -> i64 {
    let request = sidelite_request::new(SIDELITE_FETCH, sql, params, n, callback, user_data);
    // SAFETY: as in `sidelite_execute`.
    guard::code(|| unsafe { submit::requests(conn, &raw const request, 1) })
}

/// Submits one STREAM: delivers the rows in chunks, each an event with SIDELITE_EVENT_MORE, then a final event.
///
/// The first two chunks come by themselves; each further one wants a credit from `sidelite_more`. The final event
/// carries the last rows, often none. Between chunks other requests of the connection run, and a paused reader pins its
/// snapshot as any open SELECT does. Only statements that read can pause: one that writes runs to its end first, and
/// its chunks wait for credit in memory. The end wants credit too: a stream whose rows just fill its window needs one
/// more `sidelite_more` for its final event. Rows before the final event are provisional: an error may still follow,
/// right behind the rows that were read before it, and wants no credit. To stop early, `sidelite_cancel`.
///
/// - `chunk_rows`: rows in a chunk; 0 ramps up from 16 to 512 so that the first rows come soon.
///
/// Other arguments and returns as for `sidelite_execute`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sidelite_stream(
    conn: *mut sidelite_conn,
    sql: *const c_char,
    params: *const sidelite_value,
    n: u32,
    chunk_rows: u32,
    callback: sidelite_callback,
    user_data: *mut c_void,
) -> i64 {
    let mut request = sidelite_request::new(SIDELITE_STREAM, sql, params, n, callback, user_data);
    request.chunk_rows = chunk_rows;
    // SAFETY: as in `sidelite_execute`.
    guard::code(|| unsafe { submit::requests(conn, &raw const request, 1) })
}

/// Submits one SCRIPT: runs all the statements of `sql` in order and drops their rows.
///
/// It stops at the first error, whose `sql_offset` counts from the start of the text; what ran before stays. Arguments
/// and returns as for `sidelite_execute`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sidelite_script(
    conn: *mut sidelite_conn,
    sql: *const c_char,
    callback: sidelite_callback,
    user_data: *mut c_void,
) -> i64 {
    let request = sidelite_request::new(
        SIDELITE_SCRIPT,
        sql,
        std::ptr::null(),
        0,
        callback,
        user_data,
    );
    // SAFETY: as in `sidelite_execute`.
    guard::code(|| unsafe { submit::requests(conn, &raw const request, 1) })
}

/// Submits an array of requests: the general form, of which the others are spellings.
///
/// They stay together and in order: no request of another thread comes between them. All are taken or none. With
/// SIDELITE_ATOMIC on the first they are one transaction.
///
/// - `requests`: `n` of them, `struct_size` of the first apart; the array itself is not needed after the call. A longer
///   struct than this version knows is accepted while its tail is zero.
/// - `n`: at least 1.
///
/// Returns the id of the first request; the others count on from it, and each gets exactly one final event. Or a
/// negative status and no event at all: as for `sidelite_execute`, and UNSUPPORTED (unknown kind, flag or non-zero
/// reserved field), TOO_BIG (`n` above the connection's `max_requests`), MISUSE (`n` 0; a `struct_size` that is not the
/// first one's; RUN without a function; values for SCRIPT or RUN; nrows above 1 for STREAM or with MULTI; MULTI for
/// another kind than EXECUTE and FETCH; ATOMIC that is not on the first, and what may not stand in an ATOMIC array).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sidelite_submit(
    conn: *mut sidelite_conn,
    requests: *const sidelite_request,
    n: u32,
) -> i64 {
    // SAFETY: the caller passes `n` requests that are valid until the call returns.
    guard::code(|| unsafe { submit::requests(conn, requests, n) })
}

/// Grants a stream credit for more chunks.
///
/// - `id`: of a stream. One that has ended, or never was, answers SIDELITE_ERR_BAD_HANDLE; that is no defect, since the
///   final event may be on its way.
/// - `chunks`: added to its credit; SIDELITE_UNLIMITED ends back-pressure.
///
/// Returns 0, BAD_HANDLE, FORKED or MISUSE (`chunks` 0). Never blocks. Any thread, also in callbacks, also while the
/// connection closes in DRAIN mode.
#[unsafe(no_mangle)]
pub extern "C" fn sidelite_more(conn: *mut sidelite_conn, id: i64, chunks: u32) -> i32 {
    guard::status(|| submit::conn(conn)?.more(id, chunks))
}

/// Cancels one request, or all.
///
/// A queued request never runs; a running one is aborted and its statement's effects undone; one that waits for a lock
/// or for credit ends at once. It still completes, in its place, with SIDELITE_ERR_CANCELLED and, if it never started,
/// SIDELITE_EVENT_NOT_RUN; or with its success when the cancel came too late. No other request is touched, except by
/// the fence when a transaction was rolled back (contract 10), and an ATOMIC array, which ends whole.
///
/// - `id`: what submit returned; 0 for all that were submitted so far; SIDELITE_RUNNING for all that have begun and not
///   ended, which then end with SQLITE_INTERRUPT (9). A lease that is cancelled ends, and its transaction is rolled
///   back.
///
/// Returns 0 when the request had not ended, BAD_HANDLE when it had (or `conn` is not a connection), FORKED. Never
/// blocks. Any thread, also in callbacks, also while the connection closes.
#[unsafe(no_mangle)]
pub extern "C" fn sidelite_cancel(conn: *mut sidelite_conn, id: i64) -> i32 {
    guard::status(|| submit::conn(conn)?.cancel(id))
}

/// Cancels one request, as `sidelite_cancel` does, and tells whether it had begun.
///
/// The final event of a request that waits comes in its place: behind a long statement, or somebody's lease, that is
/// late. A host that only wants to know that it will not run need not wait for it. If it is a BEGIN, what is submitted
/// after this call is not fenced (contract 10): whoever submits it knows.
///
/// - `id`: what submit returned.
///
/// Returns 1 when the request had not begun, and so never will (but for SIDELITE_RELEASE, which ends its lease in any
/// case); 0 when it may have; and otherwise as `sidelite_cancel`. Never blocks. Any thread, also in callbacks.
#[unsafe(no_mangle)]
pub extern "C" fn sidelite_withdraw(conn: *mut sidelite_conn, id: i64) -> i32 {
    guard::status(|| Ok(i32::from(submit::conn(conn)?.withdraw(id)?)))
}

impl sidelite_request {
    /// A request of one row of values, with NUL-terminated SQL and defaults for the rest.
    fn new(
        kind: u32,
        sql: *const c_char,
        values: *const sidelite_value,
        ncols: u32,
        callback: sidelite_callback,
        user_data: *mut c_void,
    ) -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            kind,
            flags: 0,
            timeout_ms: 0,
            sql,
            sql_len: SIDELITE_NUL_TERMINATED,
            values,
            ncols,
            nrows: 1,
            names: std::ptr::null(),
            callback,
            user_data,
            lane: 0,
            chunk_rows: 0,
            window: 0,
            reply_to: std::ptr::null_mut(),
            run: None,
            context: std::ptr::null_mut(),
            reserved: [0; 2],
        }
    }
}
