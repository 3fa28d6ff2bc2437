//! Whole databases as bytes.

use super::Database;
use crate::error::Error;
use rusqlite::ffi;
use std::ffi::{CStr, c_void};
use std::ops::Range;

/// Where a database says which file format is needed to write and to read it: 1, or 2 for WAL mode.
const VERSIONS: Range<usize> = 18..20;

/// Bytes that SQLite allocated.
pub(crate) struct Image {
    start: *mut u8,
    len: usize,
}

impl Image {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self.len {
            0 => &[],
            // SAFETY: SQLite says that it has so many bytes.
            len => unsafe { std::slice::from_raw_parts(self.start, len) },
        }
    }

    /// A copy in SQLite's memory. One that was written in WAL mode says so, and could not be opened without a log: it is made to
    /// say otherwise.
    fn copy(bytes: &[u8]) -> Option<Self> {
        // SAFETY: any size may be asked for; at least one byte, so that NULL means that there is no memory.
        let start = unsafe { ffi::sqlite3_malloc64(bytes.len().max(1) as u64) }.cast::<u8>();
        if start.is_null() {
            return None;
        }
        // SAFETY: as many bytes were allocated.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), start, bytes.len()) };
        if bytes.get(VERSIONS) == Some(&[2, 2]) {
            // SAFETY: these bytes were just copied.
            unsafe { start.add(VERSIONS.start).write_bytes(1, VERSIONS.len()) };
        }
        Some(Self {
            start,
            len: bytes.len(),
        })
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // SAFETY: from SQLite's allocator, or NULL.
        unsafe { ffi::sqlite3_free(self.start.cast::<c_void>()) };
    }
}

impl Database {
    /// An error for a schema that is not there.
    pub(crate) fn serialize(&self, schema: &CStr) -> Result<Image, Error> {
        let mut len = -1;
        // SAFETY: the connection is open; the out-pointer is ours.
        let start = unsafe { ffi::sqlite3_serialize(self.raw(), schema.as_ptr(), &raw mut len, 0) };
        match (start.is_null(), len) {
            (false, len) => Ok(Image {
                start,
                len: len.max(0) as usize,
            }),
            // A database that nothing was ever written to.
            (true, 0) => Ok(Image {
                start: std::ptr::null_mut(),
                len: 0,
            }),
            (true, len) if len > 0 => Err(Error::code(ffi::SQLITE_NOMEM)),
            (true, _) => Err(Error {
                message: format!("no such database: {}", schema.to_string_lossy()).into_bytes(),
                ..Error::code(ffi::SQLITE_ERROR)
            }),
        }
    }

    /// The database of a schema becomes one in memory, made of these bytes.
    pub(crate) fn deserialize(
        &self,
        schema: &CStr,
        image: &[u8],
        is_readonly: bool,
    ) -> Result<(), Error> {
        let image = Image::copy(image).ok_or_else(|| Error::code(ffi::SQLITE_NOMEM))?;
        let image = std::mem::ManuallyDrop::new(image);
        let access = match is_readonly {
            true => ffi::SQLITE_DESERIALIZE_READONLY,
            false => ffi::SQLITE_DESERIALIZE_RESIZEABLE,
        };
        // SAFETY: the connection is open; the bytes are SQLite's own, which frees them, also when this fails.
        self.check(unsafe {
            ffi::sqlite3_deserialize(
                self.raw(),
                schema.as_ptr(),
                image.start,
                image.len as i64,
                image.len as i64,
                ffi::SQLITE_DESERIALIZE_FREEONCLOSE | access,
            )
        })
    }
}
