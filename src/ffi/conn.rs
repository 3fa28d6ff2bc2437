//! Connections as C sees them: open, close, statistics.

use super::event::sidelite_callback;
use super::queue::sidelite_queue;
use super::value::sidelite_value;
use super::{guard, submit};
use std::ffi::{c_char, c_void};

/// A connection: one SQLite connection, its thread and its request queue. The pointer is an id in pointer's clothing:
/// it is never dereferenced, checked on every call, and below 2^53.
pub struct sidelite_conn;

/// Open flag: read-only; the file must exist. Without a flag: read and write, created when missing.
pub const SIDELITE_OPEN_READONLY: u32 = 1 << 0;
/// Open flag: read and write, but do not create the file.
pub const SIDELITE_OPEN_NO_CREATE: u32 = 1 << 1;
/// Open flag: `path` may be a `file:` URI. Without it such a name is an ordinary file name.
pub const SIDELITE_OPEN_URI: u32 = 1 << 2;
/// Open flag: in memory; `path` is only a name.
pub const SIDELITE_OPEN_MEMORY: u32 = 1 << 3;
/// Open flag: refuse a path with a symbolic link in it.
pub const SIDELITE_OPEN_NOFOLLOW: u32 = 1 << 4;
/// Open flag: share the page cache with other connections to the same database in this process. For in-memory databases
/// that several connections use; for files SQLite itself advises against it.
pub const SIDELITE_OPEN_SHARED_CACHE: u32 = 1 << 5;
/// Open flag: switch foreign keys on. SQLite's default is off.
pub const SIDELITE_OPEN_FOREIGN_KEYS: u32 = 1 << 6;
/// Open flag, recommended for new programs: defensive mode on, schemas not trusted to call functions with side effects,
/// double-quoted strings off, foreign keys on, no memory mapping.
pub const SIDELITE_OPEN_HARDENED: u32 = 1 << 7;
/// Open flag for files and SQL from strangers: HARDENED, and what sqlite.org/security.html recommends: cell size
/// checks, a quick_check before the first request, no ATTACH, no triggers and views, and low limits (1,000,000 bytes in
/// a value, 100,000 in a statement, 100 columns, expression depth 10, 3 compound SELECTs, 25,000 VM opcodes, 8 function
/// arguments, 50 bytes of LIKE pattern, 10 parameters, trigger depth 10).
pub const SIDELITE_OPEN_UNTRUSTED: u32 = 1 << 8;
/// Open flag: SIDELITE_LOAD_EXTENSION may load shared libraries. Without it, and always for the SQL function
/// `load_extension`, that is switched off.
pub const SIDELITE_OPEN_EXTENSIONS: u32 = 1 << 10;
/// Open flag: bind TEXT that is not UTF-8 as it is, instead of refusing it with SIDELITE_ERR_BAD_TEXT.
pub const SIDELITE_OPEN_ANY_TEXT: u32 = 1 << 9;

/// Journal mode: as the file has it (DELETE for a new one).
pub const SIDELITE_JOURNAL_DEFAULT: u32 = 0;
/// Journal mode DELETE.
pub const SIDELITE_JOURNAL_DELETE: u32 = 1;
/// Journal mode TRUNCATE.
pub const SIDELITE_JOURNAL_TRUNCATE: u32 = 2;
/// Journal mode PERSIST.
pub const SIDELITE_JOURNAL_PERSIST: u32 = 3;
/// Journal mode MEMORY: a crash may corrupt the file.
pub const SIDELITE_JOURNAL_MEMORY: u32 = 4;
/// Journal mode WAL: readers and one writer at the same time.
pub const SIDELITE_JOURNAL_WAL: u32 = 5;
/// Journal mode OFF: no rollback; a crash may corrupt the file.
pub const SIDELITE_JOURNAL_OFF: u32 = 6;

/// Synchronous: SQLite's default, FULL.
pub const SIDELITE_SYNC_DEFAULT: u32 = 0;
/// Synchronous OFF: a power cut may corrupt the file; a killed process does not.
pub const SIDELITE_SYNC_OFF: u32 = 1;
/// Synchronous NORMAL: with WAL a power cut may lose the last commits, never corrupt the file.
pub const SIDELITE_SYNC_NORMAL: u32 = 2;
/// Synchronous FULL: a commit that was acknowledged survives a power cut.
pub const SIDELITE_SYNC_FULL: u32 = 3;
/// Synchronous EXTRA: FULL, and the directory is synced after the journal is deleted.
pub const SIDELITE_SYNC_EXTRA: u32 = 4;

/// `busy_timeout_ms`: do not wait for locks.
pub const SIDELITE_NO_WAIT: i32 = -1;
/// `statement_cache`: keep no prepared statements.
pub const SIDELITE_NO_STATEMENT_CACHE: u32 = u32::MAX;

/// Close: finish what was submitted, then close. Paused streams must still be read to their end, or cancelled.
pub const SIDELITE_CLOSE_DRAIN: u32 = 0;
/// Close: cancel what was submitted, queued or running, then close. CLOSED comes within 100 ms.
pub const SIDELITE_CLOSE_CANCEL: u32 = 1;

/// How to open. Zero the struct and set `struct_size`: zero means SQLite's own default everywhere.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sidelite_open_config {
    /// sizeof(sidelite_open_config).
    pub struct_size: u32,
    /// SIDELITE_OPEN_ flags.
    pub flags: u32,
    /// Name of a registered VFS, or NULL.
    pub vfs: *const c_char,
    /// How long to wait for another connection's lock before SQLITE_BUSY. 0 is 5,000; SIDELITE_NO_WAIT does not wait.
    pub busy_timeout_ms: i32,
    /// Prepared statements to keep, least recently used out first. 0 is 128; SIDELITE_NO_STATEMENT_CACHE keeps none.
    pub statement_cache: u32,
    /// Requests that may be out: submitted, and their final event not yet taken. 0 is 16,384.
    pub max_requests: u32,
    /// SIDELITE_JOURNAL_ mode.
    pub journal_mode: u32,
    /// Bytes that may be out: SQL and values of requests, and results not yet taken. 0 is 64 MiB. Requests beyond are
    /// refused; results are never refused for it, but keep requests out until they are taken.
    pub max_bytes: u64,
    /// Largest result of one fetch. 0 is 1 GiB.
    pub max_result_bytes: u64,
    /// SIDELITE_SYNC_ level.
    pub synchronous: u32,
    /// Entries of `pragmas`.
    pub pragma_count: u32,
    /// PRAGMAs to run once it is open, after all the options above: "cache_size=-8000", "temp_store=MEMORY".
    /// NUL-terminated, copied.
    pub pragmas: *const *const c_char,
    /// SIDELITE_BEGIN_: which transactions begin by themselves. See SIDELITE_ISOLATION.
    pub isolation: u32,
    /// Rules of `authorizer`.
    pub authorizer_rules: u32,
    /// What statements may do: `authorizer_rules` rows of six values, as for SIDELITE_AUTHORIZE; NULL for everything.
    /// Copied. They hold from the first request on.
    pub authorizer: *const sidelite_value,
    /// Zero.
    pub reserved: [u64; 2],
}

const _: () = assert!(size_of::<sidelite_open_config>() == 96);

/// Opens a connection: starts its thread, which opens the file.
///
/// Requests may be submitted at once; they run after the opening. When it fails, OPENED tells why (UNSUPPORTED: SQLite
/// is older than 3.51.3), and each request ends with the same code and message. Either way the connection wants one
/// `sidelite_close`. Opening one path several times is fine; **opening it with another copy of SQLite in this process
/// is not** (TWO COPIES OF SQLITE, above).
///
/// - `queue`: gets the connection's events.
/// - `path`: NUL-terminated file name, ":memory:", or "" for a temporary file; copied.
/// - `config`: options, or NULL for SQLite's own defaults; copied.
/// - `callback`, `user_data`: get OPENED, and later WRITABLE; the callback may be NULL.
/// - `out`: set to the handle before anything can complete; 0 on failure. Not NULL.
///
/// Returns 0, and one OPENED event follows; or BAD_HANDLE and FORKED (`queue`), MISUSE (NULL `path` or `out`, options
/// out of range), UNSUPPORTED (unknown flag or non-zero tail), NO_THREAD, NO_MEMORY. Never blocks. Any thread, also in
/// callbacks; not in the wake function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sidelite_open(
    queue: *mut sidelite_queue,
    path: *const c_char,
    config: *const sidelite_open_config,
    callback: sidelite_callback,
    user_data: *mut c_void,
    out: *mut *mut sidelite_conn,
) -> i32 {
    // SAFETY: the caller's pointers are valid or NULL, as documented.
    guard::status(|| unsafe { submit::open(queue, path, config, callback, user_data, out) })
}

/// Closes a connection. Never blocks; CLOSED is the connection's last event.
///
/// From here on submits answer CLOSED, while `sidelite_more`, `sidelite_cancel` and `sidelite_stat` work until the
/// CLOSED event has been taken; then the handle is BAD_HANDLE. An open transaction is rolled back.
///
/// - `mode`: SIDELITE_CLOSE_DRAIN or SIDELITE_CLOSE_CANCEL. To hurry a close in DRAIN mode, `sidelite_cancel(conn, 0)`.
/// - `callback`, `user_data`: get CLOSED; the callback may be NULL.
///
/// Returns 0, and one CLOSED event follows; CLOSED when it was called before; BAD_HANDLE, FORKED, MISUSE (`mode`). Any
/// thread, also in callbacks, of this connection too; not in the wake function.
#[unsafe(no_mangle)]
pub extern "C" fn sidelite_close(
    conn: *mut sidelite_conn,
    mode: u32,
    callback: sidelite_callback,
    user_data: *mut c_void,
) -> i32 {
    guard::status(|| submit::close(conn, mode, callback, user_data))
}

/// Counters of a connection or a queue. Set `struct_size` before the call.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct sidelite_stats {
    /// sizeof(sidelite_stats).
    pub struct_size: u32,
    /// Requests (connection) or connections (queue) that are out now.
    pub outstanding: u32,
    /// Connection: bytes that are out now, as `max_bytes` counts them.
    pub bytes: u64,
    /// Connection: requests submitted since it was opened.
    pub submitted: u64,
    /// Connection: requests whose final event was made.
    pub completed: u64,
    /// Connection: statements found in the cache.
    pub cache_hits: u64,
    /// Connection: statements that had to be prepared.
    pub cache_misses: u64,
    /// Queue: events handed out.
    pub events: u64,
    /// Queue: wake-ups of the host: writes to the fd or calls of the wake function.
    pub wakes: u64,
    /// Queue: calls of poll and dispatch.
    pub polls: u64,
    /// Connection: rows changed since it was opened, as sqlite3_total_changes counts them, as of the last completion.
    pub total_changes: u64,
    /// Zero.
    pub reserved: [u64; 3],
}

const _: () = assert!(size_of::<sidelite_stats>() == 104);

/// Reads the counters of a queue or a connection: a `sidelite_queue *` or a `sidelite_conn *`.
///
/// - `out`: `struct_size` says how much of it may be filled. Not NULL.
///
/// Returns 0, BAD_HANDLE, FORKED or MISUSE (NULL, or `struct_size` below 8). The counters are read one by one, without
/// a lock. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sidelite_stat(
    queue_or_conn: *const c_void,
    out: *mut sidelite_stats,
) -> i32 {
    // SAFETY: `out` is NULL or writable for its `struct_size`, as documented.
    guard::status(|| unsafe { submit::stat(queue_or_conn, out) })
}
