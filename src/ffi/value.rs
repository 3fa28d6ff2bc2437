//! The one type for parameters and cells.

use std::ffi::c_void;

/// A value of no type: SQL NULL.
pub const SIDELITE_NULL: u32 = 0;
/// A signed 64-bit integer, in `as.integer`.
pub const SIDELITE_INTEGER: u32 = 1;
/// A double, in `as.real`. NaN is stored as NULL, because SQLite has no NaN.
pub const SIDELITE_REAL: u32 = 2;
/// UTF-8 text of `len` bytes. Any length, NULs inside are kept.
pub const SIDELITE_TEXT: u32 = 3;
/// Bytes, `len` of them.
pub const SIDELITE_BLOB: u32 = 4;
/// A BLOB of `as.integer` zero bytes, to be written in parts (SIDELITE_BLOB_OPEN). It only goes in; it comes out as
/// BLOB.
pub const SIDELITE_ZEROBLOB: u32 = 5;

/// What a value holds; `type` says which member.
#[repr(C)]
#[derive(Clone, Copy)]
pub union sidelite_value_as {
    /// SIDELITE_INTEGER, and the length of a SIDELITE_ZEROBLOB.
    pub integer: i64,
    /// SIDELITE_REAL.
    pub real: f64,
    /// SIDELITE_TEXT and SIDELITE_BLOB inside a result: bytes from the start of the result.
    pub offset: u64,
    /// SIDELITE_TEXT and SIDELITE_BLOB that go in: where the bytes are. NULL with `len` 0 is an empty value.
    pub data: *const c_void,
}

/// One value: a parameter that goes in, or a cell that comes out. 16 bytes.
///
/// Going in, fill it with `sidelite_int`, `sidelite_text`, ...; the bytes it points to are copied before submit
/// returns, or, under SIDELITE_STATIC, read until the final event. Coming out, read it with `sidelite_row_int64`, ...,
/// or directly: TEXT inside a result is followed by a NUL that `len` does not count.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sidelite_value {
    /// SIDELITE_NULL, SIDELITE_INTEGER, SIDELITE_REAL, SIDELITE_TEXT, SIDELITE_BLOB or SIDELITE_ZEROBLOB.
    pub r#type: u32,
    /// Bytes of TEXT or BLOB; 0 for the others.
    pub len: u32,
    /// The value itself.
    pub r#as: sidelite_value_as,
}

const _: () = assert!(size_of::<sidelite_value>() == 16 && align_of::<sidelite_value>() == 8);
