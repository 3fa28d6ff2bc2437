//! Cells that are open for reading and writing in parts.

use super::Database;
use crate::error::Error;
use rusqlite::ffi;
use std::ffi::{CStr, c_int};
use std::ptr::NonNull;
use std::rc::Rc;

/// An open blob. It holds its connection open.
pub(crate) struct Blob {
    raw: NonNull<ffi::sqlite3_blob>,
    _connection: Rc<rusqlite::Connection>,
}

/// Where a cell is.
pub(crate) struct Cell<'a> {
    pub(crate) schema: &'a CStr,
    pub(crate) table: &'a CStr,
    pub(crate) column: &'a CStr,
    pub(crate) rowid: i64,
}

impl Database {
    pub(crate) fn open_blob(&self, cell: &Cell<'_>, is_writable: bool) -> Result<Blob, Error> {
        let mut raw = std::ptr::null_mut();
        // SAFETY: the connection is open; the names are NUL-terminated; the out-pointer is ours.
        let code = unsafe {
            ffi::sqlite3_blob_open(
                self.raw(),
                cell.schema.as_ptr(),
                cell.table.as_ptr(),
                cell.column.as_ptr(),
                cell.rowid,
                c_int::from(is_writable),
                &raw mut raw,
            )
        };
        match NonNull::new(raw) {
            Some(raw) if code == ffi::SQLITE_OK => Ok(Blob {
                raw,
                _connection: Rc::clone(&self.connection),
            }),
            _ => Err(self.error(code)),
        }
    }

    /// Fills `bytes` from an offset on.
    pub(crate) fn read_blob(
        &self,
        blob: &Blob,
        bytes: &mut [u8],
        offset: usize,
    ) -> Result<(), Error> {
        // SAFETY: an open blob; as many writable bytes as are asked for.
        self.check(unsafe {
            ffi::sqlite3_blob_read(
                blob.raw.as_ptr(),
                bytes.as_mut_ptr().cast(),
                bytes.len() as c_int,
                offset as c_int,
            )
        })
    }

    pub(crate) fn write_blob(&self, blob: &Blob, bytes: &[u8], offset: usize) -> Result<(), Error> {
        // SAFETY: an open blob; as many readable bytes as are to be written.
        self.check(unsafe {
            ffi::sqlite3_blob_write(
                blob.raw.as_ptr(),
                bytes.as_ptr().cast(),
                bytes.len() as c_int,
                offset as c_int,
            )
        })
    }

    pub(crate) fn reopen_blob(&self, blob: &Blob, rowid: i64) -> Result<(), Error> {
        // SAFETY: an open blob.
        self.check(unsafe { ffi::sqlite3_blob_reopen(blob.raw.as_ptr(), rowid) })
    }

    /// Outside of a transaction this is where what was written is committed, or is not.
    pub(crate) fn close_blob(&self, blob: Blob) -> Result<(), Error> {
        let blob = std::mem::ManuallyDrop::new(blob);
        // SAFETY: an open blob, which is not used again.
        let code = unsafe { ffi::sqlite3_blob_close(blob.raw.as_ptr()) };
        // SAFETY: the rest of what is not dropped; taken once.
        drop(unsafe { std::ptr::read(&raw const blob._connection) });
        self.check(code)
    }
}

impl Blob {
    /// In bytes; 0 once the row has changed.
    pub(crate) fn size(&self) -> usize {
        // SAFETY: an open blob.
        unsafe { ffi::sqlite3_blob_bytes(self.raw.as_ptr()) as usize }
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        // SAFETY: the last use; the connection is still open.
        unsafe { ffi::sqlite3_blob_close(self.raw.as_ptr()) };
    }
}
