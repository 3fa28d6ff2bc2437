//! What the host gets back: the event, and the callback that takes it.

use super::conn::sidelite_conn;
use super::result::sidelite_result;
use std::ffi::c_void;

/// More events of this request follow. Without this flag the event is the request's final one.
pub const SIDELITE_EVENT_MORE: u32 = 1 << 0;
/// The connection's first event: it is open, or `code` says why not.
pub const SIDELITE_EVENT_OPENED: u32 = 1 << 1;
/// The connection's last event: its file is closed and its handle is gone.
pub const SIDELITE_EVENT_CLOSED: u32 = 1 << 2;
/// After SIDELITE_ERR_FULL: the connection has drained to half of its limits. Sent once for each time it was full.
pub const SIDELITE_EVENT_WRITABLE: u32 = 1 << 3;
/// The connection is inside a transaction as the event is made. On every final event, and on chunks of streams.
pub const SIDELITE_EVENT_IN_TRANSACTION: u32 = 1 << 4;
/// The request did not run, nothing of it was executed. Its code says why: CANCELLED, TIMEOUT, ABORTED, or the error of
/// an opening or an array that failed. Without this flag, a request that ended CANCELLED, TIMEOUT or ABORTED had
/// started and was aborted, its statement's effects undone. A request that a cancel reached too late has code 0: it had
/// completed.
pub const SIDELITE_EVENT_NOT_RUN: u32 = 1 << 5;
/// This request's failure rolled back the transaction that was open before it, as FULL, IOERR, NOMEM, some BUSY and an
/// interrupted write do. What had been submitted behind it is fenced (contract 10).
pub const SIDELITE_EVENT_ROLLED_BACK: u32 = 1 << 6;
/// A HOST function is called: answer with `sidelite_reply`. See `sidelite_create_function`.
pub const SIDELITE_EVENT_CALL: u32 = 1 << 7;
/// Something that was committed, or rolled back, of an observation. See SIDELITE_OBSERVE.
pub const SIDELITE_EVENT_CHANGE: u32 = 1 << 8;
/// With IN_TRANSACTION: it has read, and not yet written.
pub const SIDELITE_EVENT_READING: u32 = 1 << 9;
/// With IN_TRANSACTION: it has written, or holds the write lock.
pub const SIDELITE_EVENT_WRITING: u32 = 1 << 10;

/// Takes an event.
///
/// It runs on the thread that calls `sidelite_dispatch`, and with a SIDELITE_QUEUE_DIRECT queue on the connection's own
/// thread. What is legal inside it: contract 3. `event` and what it points to are valid until it returns;
/// `sidelite_keep` keeps the result longer. A C++ exception may leave it through dispatch. `longjmp` must not.
pub type sidelite_callback =
    Option<unsafe extern "C-unwind" fn(event: *const sidelite_event, user_data: *mut c_void)>;

/// One event: the completion of a request, a chunk of rows, or news of a connection. 64 bytes, one cache line.
///
/// `sidelite_poll` fills an array of them; callbacks get a pointer to one.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sidelite_event {
    /// The id that submit returned; 0 for OPENED, CLOSED and WRITABLE; the call's id for CALL.
    pub id: i64,
    /// As given with the request, or with open or close.
    pub user_data: *mut c_void,
    /// As given; may be NULL. `sidelite_dispatch` calls it, `sidelite_poll` only passes it on.
    pub callback: sidelite_callback,
    /// Rows, or the message of an error, or NULL. Valid until the next poll or dispatch of this queue (in a callback:
    /// until it returns), longer if kept. A fetch, and each chunk of a stream, always has one; an error has one unless
    /// memory ran out.
    pub result: *const sidelite_result,
    /// 0, a SQLite extended result code (> 0) or a SIDELITE_ERR_ code (< 0).
    pub code: i32,
    /// SIDELITE_EVENT_ flags.
    pub flags: u32,
    /// Rows inserted, updated or deleted by this request (for nrows > 1, the sum), as sqlite3_changes counts: without
    /// triggers and cascades. 0 for statements that change nothing.
    pub changes: i64,
    /// sqlite3_last_insert_rowid of the connection after this request.
    pub last_insert_rowid: i64,
    /// The connection the event is about.
    pub conn: *mut sidelite_conn,
}

const _: () = assert!(size_of::<sidelite_event>() == 64 && align_of::<sidelite_event>() == 8);
