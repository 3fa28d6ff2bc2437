//! What happens after a commit to a write-ahead log: checkpoints by themselves, and whoever wants to know.
//!
//! SQLite has one place for this, which its own automatic checkpoints use, too. So we make them ourselves.

use super::Database;
use crate::watch::Watch;
use rusqlite::ffi;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// SQLite's default for automatic checkpoints.
pub(crate) const AUTOCHECKPOINT_PAGES: i32 = 1000;

impl Database {
    pub(super) fn install_wal_hook(&self) {
        let watch = Rc::as_ptr(&self.watch).cast_mut().cast();
        // SAFETY: `self.watch` outlives the connection, which drops its hook when it closes.
        unsafe { ffi::sqlite3_wal_hook(self.raw(), Some(on_wal), watch) };
    }
}

/// A transaction was committed to a log, which has so many pages now.
unsafe extern "C" fn on_wal(
    watch: *mut c_void,
    db: *mut ffi::sqlite3,
    schema: *const c_char,
    pages: c_int,
) -> c_int {
    // SAFETY: registered with the watch of this connection, which outlives it; the name is NUL-terminated.
    let (watch, name) = unsafe { (&*watch.cast::<Watch>(), CStr::from_ptr(schema)) };
    let tell = || watch.observers.log_grew(name, pages);
    let _ = catch_unwind(AssertUnwindSafe(tell));
    let limit = watch.observers.autocheckpoint();
    if limit > 0 && pages >= limit {
        let none = std::ptr::null_mut();
        // SAFETY: the connection is open. As SQLite itself does it: what comes of it is of no concern to the commit.
        unsafe {
            ffi::sqlite3_wal_checkpoint_v2(db, schema, ffi::SQLITE_CHECKPOINT_PASSIVE, none, none)
        };
    }
    ffi::SQLITE_OK
}
