//! Sessions, which record changes, and what becomes of these.

use super::Database;
use crate::error::Error;
use crate::watch::Watch;
use rusqlite::ffi;
use std::cell::Cell;
use std::ffi::{CStr, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::rc::Rc;

/// A session. It holds its connection open.
pub(crate) struct Session {
    raw: NonNull<ffi::sqlite3_session>,
    _connection: Rc<rusqlite::Connection>,
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: the last use; the connection is still open.
        unsafe { ffi::sqlite3session_delete(self.raw.as_ptr()) };
    }
}

/// A changeset, in SQLite's memory.
pub(crate) struct Changeset {
    start: *mut c_void,
    len: c_int,
}

impl Changeset {
    /// What a function of SQLite's wrote to its two out-pointers.
    fn made_by(make: impl FnOnce(*mut c_int, *mut *mut c_void) -> c_int) -> Result<Self, c_int> {
        let mut made = Self {
            start: std::ptr::null_mut(),
            len: 0,
        };
        match make(&raw mut made.len, &raw mut made.start) {
            ffi::SQLITE_OK => Ok(made),
            code => Err(code),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self.start.is_null() {
            true => &[],
            // SAFETY: SQLite says that it has so many bytes.
            false => unsafe { std::slice::from_raw_parts(self.start.cast(), self.len as usize) },
        }
    }
}

impl Drop for Changeset {
    fn drop(&mut self) {
        // SAFETY: from SQLite's allocator, or NULL.
        unsafe { ffi::sqlite3_free(self.start) };
    }
}

/// What to do with a change that does not fit: in the order of SIDELITE_CONFLICT_.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    Abort,
    Omit,
    Replace,
}

/// What an application of a changeset left.
pub(crate) struct Applied {
    pub(crate) conflicts: i64,
    pub(crate) rebase: Changeset,
}

struct Applying<'a> {
    watch: &'a Watch,
    policy: Policy,
    conflicts: Cell<i64>,
}

impl Database {
    pub(crate) fn create_session(&self, schema: &CStr) -> Result<Session, Error> {
        let mut raw = std::ptr::null_mut();
        // SAFETY: the connection is open; the out-pointer is ours. No other preupdate hook is set, which the session
        // would take for another session: `observe.rs` and `session.rs` keep them apart.
        let code = unsafe { ffi::sqlite3session_create(self.raw(), schema.as_ptr(), &raw mut raw) };
        match NonNull::new(raw) {
            Some(raw) if code == ffi::SQLITE_OK => Ok(Session {
                raw,
                _connection: Rc::clone(&self.connection),
            }),
            _ => Err(Error::code(code)),
        }
    }

    /// Applies a changeset, all of it or nothing.
    pub(crate) fn apply(&self, changeset: &[u8], policy: Policy) -> Result<Applied, Error> {
        let applying = Applying {
            watch: &self.watch,
            policy,
            conflicts: Cell::new(0),
        };
        let rebase = Changeset::made_by(|len, start| {
            // SAFETY: the connection is open; the bytes are only read; the context lives until the call returns.
            unsafe {
                ffi::sqlite3changeset_apply_v2(
                    self.raw(),
                    changeset.len() as c_int,
                    changeset.as_ptr().cast_mut().cast(),
                    Some(on_table),
                    Some(on_conflict),
                    (&raw const applying).cast_mut().cast(),
                    start,
                    len,
                    0,
                )
            }
        });
        match rebase {
            Ok(rebase) => Ok(Applied {
                conflicts: applying.conflicts.get(),
                rebase,
            }),
            // The policy said so.
            Err(ffi::SQLITE_ABORT) if applying.conflicts.get() > 0 => Err(Error {
                message: b"a change does not fit, and nothing was applied".to_vec(),
                ..Error::code(ffi::SQLITE_ABORT)
            }),
            Err(code) => Err(self.error(code)),
        }
    }
}

impl Session {
    /// Records changes of a table, or of all.
    pub(crate) fn attach(&self, table: Option<&CStr>) -> Result<(), Error> {
        let table = table.map_or(std::ptr::null(), CStr::as_ptr);
        // SAFETY: a live session; the name is copied.
        match unsafe { ffi::sqlite3session_attach(self.raw.as_ptr(), table) } {
            ffi::SQLITE_OK => Ok(()),
            code => Err(Error::code(code)),
        }
    }

    pub(crate) fn changes(&self, as_patchset: bool) -> Result<Changeset, Error> {
        let make = |len, start| {
            // SAFETY: a live session; the out-pointers are `made_by`'s.
            unsafe {
                match as_patchset {
                    true => ffi::sqlite3session_patchset(self.raw.as_ptr(), len, start),
                    false => ffi::sqlite3session_changeset(self.raw.as_ptr(), len, start),
                }
            }
        };
        Changeset::made_by(make).map_err(Error::code)
    }
}

/// The changeset that undoes another.
pub(crate) fn invert(changeset: &[u8]) -> Result<Changeset, Error> {
    let (count, start) = (changeset.len() as c_int, changeset.as_ptr().cast());
    let make = |len, made| {
        // SAFETY: so many readable bytes; the out-pointers are `made_by`'s.
        unsafe { ffi::sqlite3changeset_invert(count, start, len, made) }
    };
    Changeset::made_by(make).map_err(Error::code)
}

/// A changeset as if it had been made after another was applied, which left `rebase`.
pub(crate) fn rebase(changeset: &[u8], rebase: &[u8]) -> Result<Changeset, Error> {
    let mut rebaser = std::ptr::null_mut();
    let make = |len, made| {
        // SAFETY: the rebaser is deleted at the end; so many readable bytes; the out-pointers are `made_by`'s.
        unsafe {
            let mut code = ffi::sqlite3rebaser_create(&raw mut rebaser);
            if code == ffi::SQLITE_OK {
                let (count, start) = (rebase.len() as c_int, rebase.as_ptr().cast());
                code = ffi::sqlite3rebaser_configure(rebaser, count, start);
            }
            if code == ffi::SQLITE_OK {
                let (count, start) = (changeset.len() as c_int, changeset.as_ptr().cast());
                code = ffi::sqlite3rebaser_rebase(rebaser, count, start, len, made);
            }
            ffi::sqlite3rebaser_delete(rebaser);
            code
        }
    };
    Changeset::made_by(make).map_err(Error::code)
}

/// Before the changes of a table: whether to apply them.
unsafe extern "C" fn on_table(_: *mut c_void, _: *const std::ffi::c_char) -> c_int {
    1
}

/// A change does not fit: what to do.
unsafe extern "C" fn on_conflict(
    applying: *mut c_void,
    conflict: c_int,
    _: *mut ffi::sqlite3_changeset_iter,
) -> c_int {
    // SAFETY: `apply` passes it, and waits for the end.
    let applying = unsafe { &*applying.cast::<Applying<'_>>() };
    applying.conflicts.set(applying.conflicts.get() + 1);
    let decide = || match applying.policy {
        _ if applying.watch.verdict().is_some() => ffi::SQLITE_CHANGESET_ABORT,
        Policy::Abort => ffi::SQLITE_CHANGESET_ABORT,
        // Only these two have a row that could be overwritten.
        Policy::Replace
            if matches!(
                conflict,
                ffi::SQLITE_CHANGESET_DATA | ffi::SQLITE_CHANGESET_CONFLICT
            ) =>
        {
            ffi::SQLITE_CHANGESET_REPLACE
        }
        // Left out: a change of its own. Violated foreign keys belong to all of them.
        Policy::Replace if conflict == ffi::SQLITE_CHANGESET_FOREIGN_KEY => {
            ffi::SQLITE_CHANGESET_ABORT
        }
        Policy::Omit | Policy::Replace => ffi::SQLITE_CHANGESET_OMIT,
    };
    catch_unwind(AssertUnwindSafe(decide)).unwrap_or(ffi::SQLITE_CHANGESET_ABORT)
}
