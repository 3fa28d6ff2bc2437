//! The block of rows: its header as C sees it, and how a host keeps one.

use super::block::Block;
use super::guard;

/// The header of ONE allocation that holds rows or an error message. Copy `bytes` of it anywhere 8-byte aligned and the
/// copy works: everything inside is found by offset from its start.
///
/// Rows: `names` is the offset of `ncols` TEXT values, the column names, and `types` of their declared types; `values`
/// that of `nrows * ncols` values, row after row. Cells of TEXT and BLOB hold offsets too. The row functions
/// (`sidelite_row_int64`, ...) do the arithmetic.
///
/// Results are read-only and may be read from any thread while they live: until the next poll or dispatch of their
/// queue, or, once kept, until released.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct sidelite_result {
    /// Size of the whole block, this header included.
    pub bytes: u64,
    /// Columns.
    pub ncols: u32,
    /// Rows in this block: all of a fetch, or those of one chunk of a stream.
    pub nrows: u32,
    /// Offset of the column names, 0 without columns.
    pub names: u64,
    /// Offset of the cells, 0 without rows.
    pub values: u64,
    /// Offset of the error's text, NUL-terminated; 0 without one.
    pub message: u64,
    /// Bytes of the error's text, its NUL not counted.
    pub message_len: u32,
    /// SQLite's extended code behind the error, or 0: SQLITE_INTERRUPT under SIDELITE_ERR_CANCELLED, for example.
    pub sqlite_code: i32,
    /// Byte offset into the request's SQL where the error is, or -1.
    pub sql_offset: i32,
    /// `errno` of the failed system call behind an I/O error, or 0.
    pub system_errno: i32,
    /// Offset of `ncols` values, the types that the columns were declared with: TEXT, or NULL for what is no column of a
    /// table; 0 when none was declared.
    pub types: u64,
}

const _: () = assert!(size_of::<sidelite_result>() == 64 && align_of::<sidelite_result>() == 8);

/// Keeps a result beyond the next poll or dispatch.
///
/// - `result`: an event's result that is still valid, or a kept one (each keep wants its own release); or NULL.
///
/// Returns `result` itself: nothing is copied. The memory is the host's until `sidelite_release`, also after the
/// connection is closed, the queue freed, and in a forked child. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sidelite_keep(result: *const sidelite_result) -> *const sidelite_result {
    guard::plain(result, || {
        if !result.is_null() {
            // SAFETY: the host passes a result that is still valid, as the contract of this function demands.
            unsafe { Block::retain(result) };
        }
        result
    })
}

/// Releases a result that was kept. The pointer is invalid afterwards. NULL is ignored. Any thread.
///
/// Results are plain pointers, not handles: releasing one that was not kept, or once too often, is a defect of the host
/// that cannot be detected, as with `free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sidelite_release(result: *const sidelite_result) {
    guard::plain((), || {
        if !result.is_null() {
            // SAFETY: the host passes a result that it kept and did not yet release.
            unsafe { Block::release(result) };
        }
    });
}
