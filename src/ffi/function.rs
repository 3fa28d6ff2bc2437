//! Functions called by SQL: written by the host, answered on its own loop (HOST) or on the connection's thread (INLINE).

use super::conn::sidelite_conn;
use super::event::sidelite_callback;
use super::value::sidelite_value;
use super::{guard, submit};
use std::ffi::{c_char, c_void};

/// A function of its arguments.
pub const SIDELITE_FUNCTION_SCALAR: u32 = 1;
/// A function of the rows of a group, such as sum().
pub const SIDELITE_FUNCTION_AGGREGATE: u32 = 2;
/// An aggregate that can also move over a window, OVER (...): rows leave it again.
pub const SIDELITE_FUNCTION_WINDOW: u32 = 3;
/// An order of texts. Arguments: two TEXTs; value: an INTEGER below, equal to or above 0. A HOST collation costs a
/// thread hop for each comparison: thousands for a small sort.
pub const SIDELITE_FUNCTION_COLLATION: u32 = 4;
/// Hook, without a name: may a statement do this? Called as it is prepared. Arguments: action, first, second, schema,
/// trigger, as for SIDELITE_AUTHORIZE; value: SIDELITE_ALLOW, DENY or IGNORE. Asked when no rule has decided.
pub const SIDELITE_FUNCTION_AUTHORIZER: u32 = 5;
/// Hook: called each time a statement has run `n_args` VM instructions (1000). Value: other than 0 or NULL ends it with
/// SQLITE_INTERRUPT (9).
pub const SIDELITE_FUNCTION_PROGRESS: u32 = 6;
/// Hook: called when a lock is not to be had, in place of the busy timeout. Arguments: how often it was called before
/// for this lock; value: milliseconds to wait before the next try (cancel and deadline reach into it), NULL to give up.
pub const SIDELITE_FUNCTION_BUSY: u32 = 7;
/// Hook: a row was inserted, updated or deleted. Arguments: operation (18 INSERT, 23 UPDATE, 9 DELETE), schema, table,
/// rowid. As sqlite3_update_hook: not for WITHOUT ROWID tables. INLINE only.
pub const SIDELITE_FUNCTION_UPDATE: u32 = 8;
/// Hook: a row is about to change. Arguments: operation, schema, table, old rowid, new rowid, the number of columns,
/// then so many old values (none for INSERT) and new ones (none for DELETE). INLINE only. Not while a session is open.
pub const SIDELITE_FUNCTION_PREUPDATE: u32 = 9;
/// Hook: a transaction is about to commit. Value: other than 0 or NULL rolls it back instead.
pub const SIDELITE_FUNCTION_COMMIT: u32 = 10;
/// Hook: a transaction was rolled back. INLINE only.
pub const SIDELITE_FUNCTION_ROLLBACK: u32 = 11;
/// Hook: a transaction was committed to a write-ahead log. Arguments: schema, pages in the log. INLINE only.
pub const SIDELITE_FUNCTION_WAL: u32 = 12;

/// Function flag: the same arguments give the same value, so that it may be used in indexes and be called less often.
pub const SIDELITE_FUNCTION_DETERMINISTIC: u32 = 1 << 0;
/// Function flag: only for SQL that the host submits, not for triggers, views and the like of a file. On HARDENED and
/// UNTRUSTED connections all functions are that unless they are INNOCUOUS.
pub const SIDELITE_FUNCTION_DIRECTONLY: u32 = 1 << 1;
/// Function flag: harmless even in the schema of a stranger's file.
pub const SIDELITE_FUNCTION_INNOCUOUS: u32 = 1 << 2;
/// Function flag: remove the function of this kind, name and number of arguments, or the hook of this kind.
pub const SIDELITE_FUNCTION_REMOVE: u32 = 1 << 3;

/// Which call of a function a CALL event is, in its `code`. A scalar function: its arguments are the event's one row.
pub const SIDELITE_CALL_SCALAR: i32 = 0;
/// Rows that have come into a group, many at a time. The reply's value is ignored, its code can end the statement.
pub const SIDELITE_CALL_STEP: i32 = 1;
/// Rows that have left a window, the oldest ones.
pub const SIDELITE_CALL_INVERSE: i32 = 2;
/// The value of a window as it is, after the rows that the event brings have come in.
pub const SIDELITE_CALL_VALUE: i32 = 3;
/// The value of a group, after the rows that the event brings have come in. The group ends.
pub const SIDELITE_CALL_FINAL: i32 = 4;
/// The group ends without a value: its statement failed, or was stopped early. No reply is wanted; the event's id is 0.
pub const SIDELITE_CALL_END: i32 = 5;

/// An INLINE function, on the connection's thread. It must be thread-safe itself, return soon, call no function of this
/// library on the same connection but to submit and to cancel, and let no exception out.
///
/// - `context`: from the config.
/// - `group`: of an aggregate, a place for its own pointer, NULL at the group's first call; its last call, `last`,
///   comes also when the statement fails, to free what it points to. NULL for all others.
/// - `args`, `n`: the arguments. Their bytes, in `as.data`, are valid until it returns.
/// - `value`: NULL at first; its value, or the message of its failure. TEXT and BLOB are copied when it has returned.
///
/// Returns 0, or the code with which the statement ends: one of SQLite's, or one of the host's own below -1000.
pub type sidelite_inline_function = Option<
    unsafe extern "C-unwind" fn(
        context: *mut c_void,
        group: *mut *mut c_void,
        args: *const sidelite_value,
        n: u32,
        value: *mut sidelite_value,
    ) -> i32,
>;

/// What to register, and how it is called. Zero the struct and set `struct_size`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sidelite_function_config {
    /// sizeof(sidelite_function_config).
    pub struct_size: u32,
    /// SIDELITE_FUNCTION_SCALAR, ...
    pub kind: u32,
    /// SIDELITE_FUNCTION_DETERMINISTIC, ...
    pub flags: u32,
    /// Number of arguments, -1 for any. The same name may be registered for several numbers.
    pub n_args: i32,
    /// Its name, NUL-terminated UTF-8, copied; NULL for hooks.
    pub name: *const c_char,
    /// INLINE: the function, the hook, or an aggregate's step. NULL: HOST.
    pub call: sidelite_inline_function,
    /// INLINE aggregate: its value at the end of a group.
    pub last: sidelite_inline_function,
    /// INLINE window: its value at this moment.
    pub value: sidelite_inline_function,
    /// INLINE window: a row leaves.
    pub inverse: sidelite_inline_function,
    /// INLINE: passed to these functions. It must live until the function is removed or replaced, or the connection
    /// CLOSED.
    pub context: *mut c_void,
    /// HOST aggregate: how many rows a STEP event brings at most. 0 is 512.
    pub batch_rows: u32,
    /// HOST: how long to wait for a reply before the statement ends with SIDELITE_ERR_TIMEOUT. 0 is as long as it
    /// takes.
    pub reply_timeout_ms: u32,
    /// Zero.
    pub reserved: [u64; 2],
}

const _: () = assert!(size_of::<sidelite_function_config>() == 88);

/// Submits the registration of a function, a collation or a hook, which is in force for what is submitted after it.
///
/// With `call` set it is INLINE: called on the connection's thread, without any hop. Without, it is HOST: each call
/// becomes an event with SIDELITE_EVENT_CALL (and MORE) for `callback` on the connection's queue, and the statement
/// waits until `sidelite_reply` answers it, now or later, from any thread. The event has the call's id in `id`, which
/// call it is in `code` (SIDELITE_CALL_), the arguments in `result`, a row for each time SQL called it, the group of an
/// aggregate in `changes` and the id of the request that runs in `last_insert_rowid`. While it waits, requests whose
/// `lane` is the call's id run inside it, so that a function may query its own connection; all others wait. Cancel,
/// deadline and close reach it. Freeing the connection's queue ends the statement with ABORTED. The collation and the
/// hooks take no requests inside.
///
/// - `conn`: an open connection.
/// - `config`: what and how; copied. Not NULL.
/// - `callback`, `user_data`: get the final event of the registration, and CALL events until the function is removed or
///   replaced, or the connection CLOSED.
///
/// The event's code tells of SQLITE_BUSY when a statement that is running uses the function that was to be replaced.
///
/// Returns an id, or a negative status, as `sidelite_submit`; MISUSE also for a combination of functions, flags and
/// name that can never be right. Never blocks. Any thread, also in callbacks; not in the wake function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sidelite_create_function(
    conn: *mut sidelite_conn,
    config: *const sidelite_function_config,
    callback: sidelite_callback,
    user_data: *mut c_void,
) -> i64 {
    // SAFETY: `config` and its pointers are valid as documented.
    guard::code(|| unsafe { submit::function(conn, config, callback, user_data) })
}

/// Answers a call of a HOST function.
///
/// - `call`: the id of its CALL event.
/// - `value`: the function's value, or, with a code, the message of its failure (TEXT); NULL for SQL NULL. Copied.
/// - `code`: 0, or the code with which the statement that called it ends: one of SQLite's, or one of the host's own
///   below -1000, which comes back unchanged.
///
/// Returns 0; BAD_HANDLE when the call waits no longer: it was answered, cancelled, or timed out; FORKED; BAD_TEXT,
/// TOO_BIG and MISUSE for a value or a code that cannot be, after which the call still waits. Never blocks. Any thread,
/// also in callbacks, also while the connection closes; not in the wake function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sidelite_reply(
    conn: *mut sidelite_conn,
    call: i64,
    value: *const sidelite_value,
    code: i32,
) -> i32 {
    // SAFETY: `value` is NULL or valid as documented.
    guard::status(|| unsafe { submit::reply(conn, call, value, code) })
}
