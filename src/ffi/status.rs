//! Status codes and their texts, and the library's versions.

use std::ffi::c_char;

/// Success. A final event with this code means *done*: stepped to its end and, outside a transaction, committed.
///
/// Codes above zero are SQLite's extended result codes, passed through unchanged (SQLITE_BUSY is 5,
/// SQLITE_CONSTRAINT_UNIQUE is 2067; see sqlite.org/rescode.html). Codes below zero are sidelite's own. Numbers are
/// never reused. `sidelite_status_string` names them all.
pub const SIDELITE_OK: i32 = 0;

/// Refused: the connection holds as many requests, or as many bytes, as it may. Drain events and submit again after the
/// `SIDELITE_EVENT_WRITABLE` event that follows.
pub const SIDELITE_ERR_FULL: i32 = -101;
/// Refused: the connection is closing or closed.
pub const SIDELITE_ERR_CLOSED: i32 = -102;
/// Refused: not a live handle of the right kind, or an id of no request, or of one that has ended.
pub const SIDELITE_ERR_BAD_HANDLE: i32 = -103;
/// Refused: an argument that can never be right, or a call from a place where it is not allowed.
pub const SIDELITE_ERR_MISUSE: i32 = -104;
/// Refused: SQL with a NUL inside, or SQL, a name or TEXT that is not UTF-8.
pub const SIDELITE_ERR_BAD_TEXT: i32 = -105;
/// Refused or failed: larger than a limit that waiting cannot change.
pub const SIDELITE_ERR_TOO_BIG: i32 = -106;
/// Refused: a flag, a kind or a struct field that this version does not know.
pub const SIDELITE_ERR_UNSUPPORTED: i32 = -107;
/// Refused: the handle was made before `fork` and this is the child.
pub const SIDELITE_ERR_FORKED: i32 = -108;

/// Ended: cancelled by `sidelite_cancel` or by a close in CANCEL mode.
pub const SIDELITE_ERR_CANCELLED: i32 = -201;
/// Ended: its deadline passed. From `sidelite_queue_free`: workers are still busy, call again.
pub const SIDELITE_ERR_TIMEOUT: i32 = -202;
/// Ended without effect because of another request: a transaction that it belonged to was rolled back, or the array
/// that it belonged to failed.
pub const SIDELITE_ERR_ABORTED: i32 = -203;
/// Ended by a defect inside sidelite, which was contained. The connection takes no more work: close it.
pub const SIDELITE_ERR_PANIC: i32 = -204;

/// Not enough memory. The connection stays usable.
pub const SIDELITE_ERR_NO_MEMORY: i32 = -301;
/// The operating system gave no thread for the connection.
pub const SIDELITE_ERR_NO_THREAD: i32 = -302;
/// The operating system gave no descriptor for the queue. The queue can still be polled.
pub const SIDELITE_ERR_NO_FD: i32 = -303;

/// The version of this header's layout and functions; compare with `sidelite_abi_version`.
pub const SIDELITE_ABI_VERSION: u32 = 1;

/// Names a status code: "SIDELITE_ERR_FULL: too many requests or bytes are out; ...".
///
/// For SQLite's codes the text is SQLite's own for that code. The message of an event's result says more: it names the
/// table, the column or the token.
///
/// - `code`: any number; an unknown one gives "unknown status".
///
/// Returns a static NUL-terminated string, never NULL. Any thread, also inside the wake function.
#[unsafe(no_mangle)]
pub extern "C" fn sidelite_status_string(code: i32) -> *const c_char {
    crate::error::status_text(code).as_ptr()
}

/// The ABI version of the library that is loaded. It is right if it equals `SIDELITE_ABI_VERSION`.
#[unsafe(no_mangle)]
pub extern "C" fn sidelite_abi_version() -> u32 {
    SIDELITE_ABI_VERSION
}

/// The library's version, such as "0.1.0": a static string, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sidelite_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// The version of the SQLite inside, such as "3.54.1": a static string, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sidelite_sqlite_version() -> *const c_char {
    crate::sqlite::version().as_ptr()
}
