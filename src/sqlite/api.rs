//! SQLite's own table of its functions, which it hands to extensions: for host code that is to call the SQLite inside.

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags, ffi};
use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

static ROUTINES: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

/// Held while the table is looked for, and across `fork`.
pub(super) static LOOKING: Mutex<()> = Mutex::new(());

/// The `sqlite3_api_routines`, which live as long as the library; NULL without memory.
///
/// SQLite shows them to what is to be called for each new connection. So we are, for one of our own; other connections
/// that open meanwhile show the same.
pub(crate) fn routines() -> *const c_void {
    if ROUTINES.load(Ordering::Acquire).is_null() {
        let _looking = LOOKING.lock();
        if ROUTINES.load(Ordering::Acquire).is_null() {
            look();
        }
    }
    ROUTINES.load(Ordering::Acquire)
}

fn look() {
    // SAFETY: the function is of the kind that SQLite wants, and lives for ever.
    unsafe {
        if ffi::sqlite3_auto_extension(Some(on_open)) == ffi::SQLITE_OK {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            drop(Connection::open_in_memory_with_flags(flags));
            ffi::sqlite3_cancel_auto_extension(Some(on_open));
        }
    }
}

/// A connection has been opened.
unsafe extern "C" fn on_open(
    _: *mut ffi::sqlite3,
    _: *mut *mut c_char,
    routines: *const ffi::sqlite3_api_routines,
) -> c_int {
    ROUTINES.store(routines.cast_mut().cast(), Ordering::Release);
    ffi::SQLITE_OK
}
