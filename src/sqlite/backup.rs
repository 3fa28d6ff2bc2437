//! Copying databases, step by step.

use super::{Database, open};
use crate::error::Error;
use rusqlite::{Connection, OpenFlags, ffi};
use std::ffi::{CStr, OsStr, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::NonNull;
use std::rc::Rc;

/// A database on loan to another thread.
pub(crate) struct Lent(NonNull<ffi::sqlite3>);

// SAFETY: the lender's thread leaves it alone until it is back, and both agree on that under a lock (`loan.rs`).
unsafe impl Send for Lent {}

/// One end of a copy.
pub(crate) enum End {
    /// A connection of our own, which is closed at the end.
    File(Connection),
    /// The database of this thread.
    Own(Rc<Connection>),
    Lent(Lent),
}

impl End {
    fn raw(&self) -> *mut ffi::sqlite3 {
        match self {
            // SAFETY: the handle is not closed behind rusqlite's back, and used on this thread alone.
            Self::File(connection) => unsafe { connection.handle() },
            // SAFETY: as above.
            Self::Own(connection) => unsafe { connection.handle() },
            Self::Lent(lent) => lent.0.as_ptr(),
        }
    }

    /// Opens a file, to be read or to be written. Its locks are not waited for.
    pub(crate) fn file(path: &CStr, is_source: bool) -> Result<Self, Error> {
        let path = Path::new(OsStr::from_bytes(path.to_bytes()));
        open::refuse_fifo(path)?;
        let access = match is_source {
            true => OpenFlags::SQLITE_OPEN_READ_ONLY,
            false => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        };
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(open::error_of)?;
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_busy_timeout(connection.handle(), 0) };
        Ok(Self::File(connection))
    }
}

/// A copy that has begun. Dropping it undoes what has been copied.
pub(crate) struct Copy {
    raw: Option<NonNull<ffi::sqlite3_backup>>,
    to: Option<End>,
    from: Option<End>,
}

/// What a step has come to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    More,
    Done,
    /// Others have it locked: to be tried again.
    Locked,
}

impl Database {
    pub(crate) fn as_end(&self) -> End {
        End::Own(Rc::clone(&self.connection))
    }

    /// Gives the database to another thread. Its handlers belong to this one, and must not be called there.
    pub(crate) fn lend(&self) -> Option<Lent> {
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_busy_handler(self.raw(), None, std::ptr::null_mut()) };
        NonNull::new(self.raw()).map(Lent)
    }

    pub(crate) fn is_back(&self) {
        self.install_busy_handler();
    }
}

impl Copy {
    pub(crate) fn new(from: End, schema: &CStr, to: End, to_schema: &CStr) -> Result<Self, Error> {
        // SAFETY: both connections are open, and used by this thread alone meanwhile.
        let raw = unsafe {
            ffi::sqlite3_backup_init(to.raw(), to_schema.as_ptr(), from.raw(), schema.as_ptr())
        };
        match NonNull::new(raw) {
            Some(raw) => Ok(Self {
                raw: Some(raw),
                to: Some(to),
                from: Some(from),
            }),
            None => Err(error_of(&to)),
        }
    }

    /// Copies so many pages.
    pub(crate) fn step(&mut self, pages: i32) -> Result<Progress, Error> {
        let Some(raw) = self.raw else {
            return Ok(Progress::Done);
        };
        // SAFETY: a live copy.
        match unsafe { ffi::sqlite3_backup_step(raw.as_ptr(), pages) } {
            ffi::SQLITE_OK => Ok(Progress::More),
            ffi::SQLITE_DONE => Ok(Progress::Done),
            ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => Ok(Progress::Locked),
            code => Err(Error::code(code)),
        }
    }

    /// Pages that remain, and all, as of the last step.
    pub(crate) fn pages(&self) -> (i64, i64) {
        let count = |get: unsafe extern "C" fn(*mut ffi::sqlite3_backup) -> c_int| {
            // SAFETY: a live copy.
            self.raw
                .map_or(0, |raw| unsafe { get(raw.as_ptr()) }.into())
        };
        (
            count(ffi::sqlite3_backup_remaining),
            count(ffi::sqlite3_backup_pagecount),
        )
    }

    /// Ends a copy that is done, and looks at every code on the way.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        if let Some(raw) = self.raw.take() {
            // SAFETY: a live copy, which is not used again.
            let code = unsafe { ffi::sqlite3_backup_finish(raw.as_ptr()) };
            if code != ffi::SQLITE_OK {
                return Err(self.to.as_ref().map_or_else(|| Error::code(code), error_of));
            }
        }
        match self.to.take() {
            Some(End::File(connection)) => connection
                .close()
                .map_err(|(_, error)| open::error_of(error)),
            _ => Ok(()),
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if let Some(raw) = self.raw.take() {
            // SAFETY: a live copy; before its connections are closed.
            unsafe { ffi::sqlite3_backup_finish(raw.as_ptr()) };
        }
        self.to.take();
        self.from.take();
    }
}

/// What a connection says about the failure of its last call.
fn error_of(end: &End) -> Error {
    // SAFETY: an open connection; the message is copied.
    unsafe {
        let code = ffi::sqlite3_extended_errcode(end.raw());
        let message = CStr::from_ptr(ffi::sqlite3_errmsg(end.raw()));
        Error {
            message: message.to_bytes().to_vec(),
            ..Error::code(code)
        }
    }
}
