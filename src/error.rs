//! From what went wrong to a status code and a message.

use crate::ffi::status::*;
use std::ffi::CStr;
use std::ops::Range;

/// Those of sidelite; the host's own are below.
pub(crate) const RESERVED_CODES: Range<i32> = -1000..0;

/// Why a request ended without success.
#[derive(Clone, Debug, Default)]
pub(crate) struct Error {
    /// What the event's `code` will be.
    pub(crate) code: i32,
    /// SQLite's extended code behind it, or 0.
    pub(crate) sqlite_code: i32,
    /// Empty: the text of the code says it all.
    pub(crate) message: Vec<u8>,
    /// Byte offset into the SQL, or -1.
    pub(crate) sql_offset: i32,
    pub(crate) system_errno: i32,
}

impl Error {
    /// One of sidelite's own.
    pub(crate) fn new(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into().into_bytes(),
            sql_offset: -1,
            ..Self::default()
        }
    }

    /// With the standard text of its code.
    pub(crate) fn code(code: i32) -> Self {
        Self {
            sqlite_code: code.max(0),
            ..Self::new(code, "")
        }
    }

    /// What a function of the host's failed with: a code of SQLite's or of its own, and its own words if it has some.
    pub(crate) fn of_host(code: i32, words: &[u8]) -> Self {
        if RESERVED_CODES.contains(&code) {
            let text = format!("a function returned {code}: codes of its own are below -1000");
            return Self::new(SIDELITE_ERR_MISUSE, text);
        }
        Self {
            message: words.to_vec(),
            ..Self::code(code)
        }
    }

    /// The message that goes to the host.
    pub(crate) fn text(&self) -> &[u8] {
        match self.message.is_empty() {
            true => status_text(self.code).to_bytes(),
            false => &self.message,
        }
    }
}

/// The text of a status code of any kind.
pub(crate) fn status_text(code: i32) -> &'static CStr {
    match code {
        SIDELITE_ERR_FULL => {
            c"SIDELITE_ERR_FULL: too many requests or bytes are out; drain events and submit again after WRITABLE"
        }
        SIDELITE_ERR_CLOSED => c"SIDELITE_ERR_CLOSED: the connection is closing or closed",
        SIDELITE_ERR_BAD_HANDLE => c"SIDELITE_ERR_BAD_HANDLE: not a live handle of the right kind, or an id of no request that is out",
        SIDELITE_ERR_MISUSE => c"SIDELITE_ERR_MISUSE: an argument that can never be right, or a call from a forbidden place",
        SIDELITE_ERR_BAD_TEXT => c"SIDELITE_ERR_BAD_TEXT: text is not UTF-8, or SQL has a NUL inside",
        SIDELITE_ERR_TOO_BIG => c"SIDELITE_ERR_TOO_BIG: larger than a limit that waiting cannot change",
        SIDELITE_ERR_UNSUPPORTED => c"SIDELITE_ERR_UNSUPPORTED: a flag, kind or struct field that this version does not know",
        SIDELITE_ERR_FORKED => c"SIDELITE_ERR_FORKED: the handle was made before fork and this is the child",
        SIDELITE_ERR_CANCELLED => c"SIDELITE_ERR_CANCELLED: cancelled",
        SIDELITE_ERR_TIMEOUT => c"SIDELITE_ERR_TIMEOUT: the deadline passed",
        SIDELITE_ERR_ABORTED => c"SIDELITE_ERR_ABORTED: ended without effect because its transaction or array failed",
        SIDELITE_ERR_PANIC => c"SIDELITE_ERR_PANIC: a defect inside sidelite, contained; close the connection",
        SIDELITE_ERR_NO_MEMORY => c"SIDELITE_ERR_NO_MEMORY: not enough memory",
        SIDELITE_ERR_NO_THREAD => c"SIDELITE_ERR_NO_THREAD: the operating system gave no thread",
        SIDELITE_ERR_NO_FD => c"SIDELITE_ERR_NO_FD: the operating system gave no descriptor",
        0.. => crate::sqlite::code_text(code),
        _ => c"unknown status",
    }
}
