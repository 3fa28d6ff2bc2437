//! SQLite's own locks across `fork`: held while a thread forks, so that the child does not inherit one that a thread holds
//! which it does not have.
//!
//! Only the locks that opening a file takes: SQLite's main lock, the file system layer's, the random generator's; in
//! the order in which SQLite nests them, and before them the one under which we look for SQLite's functions.

use super::api::LOOKING;
use rusqlite::ffi::{
    SQLITE_MUTEX_STATIC_MAIN, SQLITE_MUTEX_STATIC_PRNG, SQLITE_MUTEX_STATIC_VFS1,
    sqlite3_initialize,
};
use std::ffi::{c_int, c_void};

const LOCKS: [c_int; 3] = [
    SQLITE_MUTEX_STATIC_MAIN,
    SQLITE_MUTEX_STATIC_VFS1,
    SQLITE_MUTEX_STATIC_PRNG,
];

unsafe extern "C" {
    fn sqlite3_mutex_alloc(id: c_int) -> *mut c_void;
    fn sqlite3_mutex_enter(mutex: *mut c_void);
    fn sqlite3_mutex_leave(mutex: *mut c_void);
}

pub(crate) fn before_fork() {
    std::mem::forget(LOOKING.lock());
    // SAFETY: initialising twice is fine; static mutexes exist from then on, and NULL is accepted.
    unsafe {
        sqlite3_initialize();
        LOCKS
            .iter()
            .for_each(|&id| sqlite3_mutex_enter(sqlite3_mutex_alloc(id)));
    }
}

pub(crate) fn after_fork() {
    // SAFETY: entered, and locked, by this thread in `before_fork`.
    unsafe {
        LOCKS
            .iter()
            .rev()
            .for_each(|&id| sqlite3_mutex_leave(sqlite3_mutex_alloc(id)));
        LOOKING.force_unlock();
    }
}
