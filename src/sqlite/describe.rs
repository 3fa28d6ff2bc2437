//! What SQLite knows of a statement that was prepared.

use super::statement::Cursor;
use rusqlite::ffi;
use std::ffi::{CStr, c_char, c_int};

/// A column of a statement's result, and where it comes from.
pub(crate) struct Column {
    pub(crate) name: Option<Vec<u8>>,
    pub(crate) declared_type: Option<Vec<u8>>,
    pub(crate) schema: Option<Vec<u8>>,
    pub(crate) table: Option<Vec<u8>>,
    pub(crate) origin: Option<Vec<u8>>,
}

impl Cursor<'_> {
    pub(crate) fn columns(&self) -> Vec<Column> {
        (0..self.column_count())
            .map(|index| self.column(index))
            .collect()
    }

    fn column(&self, index: c_int) -> Column {
        // SAFETY: a live statement and a column of it; each text is copied before the next call.
        unsafe {
            Column {
                name: copied(ffi::sqlite3_column_name(self.raw(), index)),
                declared_type: copied(ffi::sqlite3_column_decltype(self.raw(), index)),
                schema: copied(ffi::sqlite3_column_database_name(self.raw(), index)),
                table: copied(ffi::sqlite3_column_table_name(self.raw(), index)),
                origin: copied(ffi::sqlite3_column_origin_name(self.raw(), index)),
            }
        }
    }

    /// The text with the bound values in it; None when memory is short, or it would be too long.
    pub(crate) fn expanded_sql(&self) -> Option<Vec<u8>> {
        // SAFETY: a live statement.
        unsafe { expanded_sql(self.raw()) }
    }
}

/// # Safety
/// A live statement.
pub(super) unsafe fn expanded_sql(statement: *mut ffi::sqlite3_stmt) -> Option<Vec<u8>> {
    // SAFETY: the text is ours to free.
    unsafe {
        let text = ffi::sqlite3_expanded_sql(statement);
        let copy = copied(text);
        ffi::sqlite3_free(text.cast());
        copy
    }
}

/// # Safety
/// NULL, or NUL-terminated.
unsafe fn copied(text: *const c_char) -> Option<Vec<u8>> {
    // SAFETY: as the caller says.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_bytes().to_vec())
}
