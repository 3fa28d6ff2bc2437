//! Sessions, which record changes, and what becomes of these.
//!
//! The system's SQLite must be built with SQLITE_ENABLE_SESSION and SQLITE_ENABLE_PREUPDATE_HOOK, as the bundled one is:
//! otherwise these functions are missing when the library is linked.

use super::Database;
use crate::error::Error;
use crate::ffi::status::{SIDELITE_ERR_NO_MEMORY, SIDELITE_ERR_TOO_BIG};
use crate::watch::Watch;
use rusqlite::ffi;
use std::cell::RefCell;
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
    rebase: Rebase,
}

impl Applied {
    pub(crate) fn rebase(&self) -> &[u8] {
        match self.rebase.start.is_null() {
            true => &[],
            // SAFETY: SQLite says that it has so many bytes.
            false => unsafe {
                std::slice::from_raw_parts(self.rebase.start.cast(), self.rebase.len as usize)
            },
        }
    }
}

/// Bytes that SQLite allocated, or none.
struct Rebase {
    start: *mut c_void,
    len: c_int,
}

impl Drop for Rebase {
    fn drop(&mut self) {
        // SAFETY: from SQLite's allocator, or NULL.
        unsafe { ffi::sqlite3_free(self.start) };
    }
}

impl Database {
    pub(crate) fn create_session(&self, schema: &CStr) -> Result<Session, Error> {
        // SAFETY: the connection is open; the name is NUL-terminated.
        if unsafe { ffi::sqlite3_txn_state(self.raw(), schema.as_ptr()) } < 0 {
            return Err(Error {
                message: format!("no such database: {}", schema.to_string_lossy()).into_bytes(),
                ..Error::code(ffi::SQLITE_ERROR)
            });
        }
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

    /// What a session has recorded.
    pub(crate) fn changeset(
        &self,
        session: &Session,
        as_patchset: bool,
        bytes_max: u64,
    ) -> Result<Vec<u8>, Error> {
        let make = match as_patchset {
            true => ffi::sqlite3session_patchset_strm,
            false => ffi::sqlite3session_changeset_strm,
        };
        let output = Output::new(&self.watch, bytes_max);
        output.filled_by(
            |context| {
                // SAFETY: a live session, and the context of `on_output`.
                unsafe { make(session.raw.as_ptr(), Some(on_output), context) }
            },
            |code| self.error(code),
        )
    }

    /// Applies a changeset, all of it or nothing; the bytes were looked through with `tables`.
    pub(crate) fn apply(&self, changeset: &[u8], policy: Policy) -> Result<Applied, Error> {
        let applying = Applying {
            watch: &self.watch,
            policy,
            progress: RefCell::default(),
        };
        let mut rebase = Rebase {
            start: std::ptr::null_mut(),
            len: 0,
        };
        // SAFETY: the connection is open; the bytes are only read; the context lives until the call returns; the
        // out-pointers are ours.
        let code = unsafe {
            ffi::sqlite3changeset_apply_v2(
                self.raw(),
                changeset.len() as c_int,
                changeset.as_ptr().cast_mut().cast(),
                None,
                Some(on_conflict),
                (&raw const applying).cast_mut().cast(),
                &raw mut rebase.start,
                &raw mut rebase.len,
                0,
            )
        };
        let Progress { conflicts, refused } = applying.progress.take();
        match (code, refused) {
            (ffi::SQLITE_OK, _) => Ok(Applied { conflicts, rebase }),
            (_, Some(refused)) => Err(refused),
            (code, None) => Err(self.error(code)),
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
}

/// A changeset is being applied.
struct Applying<'a> {
    watch: &'a Watch,
    policy: Policy,
    progress: RefCell<Progress>,
}

#[derive(Default)]
struct Progress {
    conflicts: i64,
    /// Why no more is to be applied.
    refused: Option<Error>,
}

impl Applying<'_> {
    /// What to do with a change that does not fit.
    fn decide(&self, conflict: c_int, table: &str) -> c_int {
        let progress = &mut *self.progress.borrow_mut();
        progress.conflicts += 1;
        if self.watch.verdict().is_some() {
            progress.refused = Some(Error::code(ffi::SQLITE_INTERRUPT));
            return ffi::SQLITE_CHANGESET_ABORT;
        }
        match (self.policy, conflict) {
            // Only these two have a row that could be overwritten.
            (Policy::Replace, ffi::SQLITE_CHANGESET_DATA | ffi::SQLITE_CHANGESET_CONFLICT) => {
                ffi::SQLITE_CHANGESET_REPLACE
            }
            // All changes have been made: leaving this one out would leave it in.
            (Policy::Replace, ffi::SQLITE_CHANGESET_FOREIGN_KEY) | (Policy::Abort, _) => {
                progress.refused = Some(refusal(conflict, table));
                ffi::SQLITE_CHANGESET_ABORT
            }
            (Policy::Omit | Policy::Replace, _) => ffi::SQLITE_CHANGESET_OMIT,
        }
    }
}

fn refusal(conflict: c_int, table: &str) -> Error {
    let reason = match conflict {
        ffi::SQLITE_CHANGESET_DATA => "the row has other values",
        ffi::SQLITE_CHANGESET_NOTFOUND => "the row is not there",
        ffi::SQLITE_CHANGESET_CONFLICT => "a row with this key is there already",
        ffi::SQLITE_CHANGESET_CONSTRAINT => "it violates a constraint",
        _ => {
            return Error {
                message: b"FOREIGN KEY constraint failed: the changes leave rows without a parent"
                    .to_vec(),
                ..Error::code(ffi::SQLITE_CONSTRAINT_FOREIGNKEY)
            };
        }
    };
    Error {
        message: format!("a change of table {table} does not fit: {reason}").into_bytes(),
        ..Error::code(ffi::SQLITE_ABORT)
    }
}

unsafe extern "C" fn on_conflict(
    applying: *mut c_void,
    conflict: c_int,
    change: *mut ffi::sqlite3_changeset_iter,
) -> c_int {
    // SAFETY: `apply` passes it, and waits for the end.
    let applying = unsafe { &*applying.cast::<Applying<'_>>() };
    let decide = || {
        // Foreign keys are no change's own.
        let table = match conflict {
            ffi::SQLITE_CHANGESET_FOREIGN_KEY => String::new(),
            // SAFETY: on a change.
            _ => String::from_utf8_lossy(unsafe { table_of(change) }).into_owned(),
        };
        applying.decide(conflict, &table)
    };
    catch_unwind(AssertUnwindSafe(decide)).unwrap_or(ffi::SQLITE_CHANGESET_ABORT)
}

/// # Safety
/// The iterator is on a change, and the name is used only until its next step.
unsafe fn table_of<'a>(change: *mut ffi::sqlite3_changeset_iter) -> &'a [u8] {
    let mut name = std::ptr::null();
    let (mut columns, mut operation) = (0, 0);
    // SAFETY: as the caller says; the out-pointers are ours, and the last may be NULL.
    unsafe {
        let none = std::ptr::null_mut();
        ffi::sqlite3changeset_op(
            change,
            &raw mut name,
            &raw mut columns,
            &raw mut operation,
            none,
        );
        if name.is_null() {
            &[]
        } else {
            CStr::from_ptr(name).to_bytes()
        }
    }
}

/// A table as a changeset sees it.
#[derive(PartialEq, Eq)]
pub(crate) struct Table {
    /// In lower case.
    name: Vec<u8>,
    /// For each column, whether it belongs to the primary key.
    keys: Vec<u8>,
}

/// Walks through the changes of a changeset.
struct Changes(*mut ffi::sqlite3_changeset_iter);

impl Changes {
    fn new(changeset: &[u8]) -> Result<Self, c_int> {
        let mut raw = std::ptr::null_mut();
        let start = changeset.as_ptr().cast_mut().cast();
        // SAFETY: so many readable bytes, which outlive the iterator: it stays inside of `tables`.
        let code =
            unsafe { ffi::sqlite3changeset_start(&raw mut raw, changeset.len() as c_int, start) };
        match code {
            ffi::SQLITE_OK => Ok(Self(raw)),
            code => Err(code),
        }
    }

    fn next(&mut self) -> Result<bool, c_int> {
        // SAFETY: a live iterator.
        match unsafe { ffi::sqlite3changeset_next(self.0) } {
            ffi::SQLITE_ROW => Ok(true),
            ffi::SQLITE_DONE => Ok(false),
            code => Err(code),
        }
    }

    fn table(&self) -> Table {
        let mut keys = std::ptr::null_mut();
        let mut columns = 0;
        // SAFETY: on a change; name and keys are copied before the next one.
        unsafe {
            ffi::sqlite3changeset_pk(self.0, &raw mut keys, &raw mut columns);
            Table {
                name: table_of(self.0).to_ascii_lowercase(),
                keys: match keys.is_null() {
                    true => Vec::new(),
                    false => std::slice::from_raw_parts(keys, columns as usize).to_vec(),
                },
            }
        }
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        // SAFETY: the last use.
        unsafe { ffi::sqlite3changeset_finalize(self.0) };
    }
}

/// Looks through a changeset from anywhere: an error if it is malformed, which SQLite does not tell of everywhere.
pub(crate) fn tables(changeset: &[u8], watch: &Watch) -> Result<Vec<Table>, Error> {
    let mut changes = Changes::new(changeset).map_err(Error::code)?;
    let mut tables: Vec<Table> = Vec::new();
    while changes.next().map_err(malformed)? {
        if watch.verdict().is_some() {
            return Err(Error::code(ffi::SQLITE_INTERRUPT));
        }
        let table = changes.table();
        if tables.last() != Some(&table) {
            tables.push(table);
        }
    }
    Ok(tables)
}

fn malformed(code: c_int) -> Error {
    match code {
        ffi::SQLITE_CORRUPT => Error {
            message: b"the changeset is malformed".to_vec(),
            ..Error::code(code)
        },
        _ => Error::code(code),
    }
}

/// The changeset that undoes another, which was looked through with `tables`.
pub(crate) fn invert(changeset: &[u8], watch: &Watch, bytes_max: u64) -> Result<Vec<u8>, Error> {
    let mut input = changeset;
    let make = |context| {
        // SAFETY: the contexts of `on_input` and `on_output`, which live until the call returns.
        unsafe {
            let input = (&raw mut input).cast();
            ffi::sqlite3changeset_invert_strm(Some(on_input), input, Some(on_output), context)
        }
    };
    Output::new(watch, bytes_max).filled_by(make, malformed)
}

/// A changeset as if it had been made after another was applied, which left `rebase`; both were looked through
/// with `tables`.
pub(crate) fn rebase(
    (changeset, its_tables): (&[u8], &[Table]),
    (rebase, other_tables): (&[u8], &[Table]),
    watch: &Watch,
    bytes_max: u64,
) -> Result<Vec<u8>, Error> {
    // SQLite would read the rows of the one as if they were those of the other.
    let differ = |table: &Table| {
        let mut others = other_tables.iter();
        others.any(|other| other.name == table.name && other.keys != table.keys)
    };
    if its_tables.iter().any(differ) {
        return Err(Error {
            message: b"changeset and rebase have different columns for the same table".to_vec(),
            ..Error::code(ffi::SQLITE_SCHEMA)
        });
    }
    let rebaser = Rebaser::new(rebase)?;
    let mut input = changeset;
    let make = |context| {
        // SAFETY: a live rebaser; the contexts of `on_input` and `on_output`, which live until the call returns.
        unsafe {
            let input = (&raw mut input).cast();
            let (on_input, on_output) = (Some(on_input as _), Some(on_output as _));
            ffi::sqlite3rebaser_rebase_strm(rebaser.0, on_input, input, on_output, context)
        }
    };
    let rebased = Output::new(watch, bytes_max).filled_by(make, malformed)?;
    match input.is_empty() {
        true => Ok(rebased),
        // What SQLite does not tell: it stopped because there was no memory.
        false => Err(Error::code(ffi::SQLITE_NOMEM)),
    }
}

struct Rebaser(*mut ffi::sqlite3_rebaser);

impl Rebaser {
    fn new(rebase: &[u8]) -> Result<Self, Error> {
        let mut rebaser = Self(std::ptr::null_mut());
        // SAFETY: the out-pointer is ours; so many readable bytes, which are copied.
        let code = unsafe {
            match ffi::sqlite3rebaser_create(&raw mut rebaser.0) {
                ffi::SQLITE_OK => {
                    let (len, start) = (rebase.len() as c_int, rebase.as_ptr().cast());
                    ffi::sqlite3rebaser_configure(rebaser.0, len, start)
                }
                code => code,
            }
        };
        match code {
            ffi::SQLITE_OK => Ok(rebaser),
            code => Err(malformed(code)),
        }
    }
}

impl Drop for Rebaser {
    fn drop(&mut self) {
        // SAFETY: the last use; NULL is accepted.
        unsafe { ffi::sqlite3rebaser_delete(self.0) };
    }
}

/// SQLite wants the next bytes of what it reads.
unsafe extern "C" fn on_input(rest: *mut c_void, into: *mut c_void, len: *mut c_int) -> c_int {
    // SAFETY: whoever registered it passes a slice of its own; `into` has room for so many bytes.
    unsafe {
        let rest = &mut *rest.cast::<&[u8]>();
        let (next, after) = rest.split_at(rest.len().min((*len).max(0) as usize));
        std::ptr::copy_nonoverlapping(next.as_ptr(), into.cast(), next.len());
        *len = next.len() as c_int;
        *rest = after;
    }
    ffi::SQLITE_OK
}

/// What SQLite makes, chunk by chunk, up to a size.
struct Output<'a> {
    bytes: Vec<u8>,
    bytes_max: u64,
    watch: &'a Watch,
    refused: Option<Error>,
}

impl<'a> Output<'a> {
    fn new(watch: &'a Watch, bytes_max: u64) -> Self {
        Self {
            bytes: Vec::new(),
            bytes_max,
            watch,
            refused: None,
        }
    }

    /// `make` gets the context of `on_output`.
    fn filled_by(
        mut self,
        make: impl FnOnce(*mut c_void) -> c_int,
        explain: impl FnOnce(c_int) -> Error,
    ) -> Result<Vec<u8>, Error> {
        let code = make((&raw mut self).cast());
        match (code, self.refused) {
            (_, Some(refused)) => Err(refused),
            (ffi::SQLITE_OK, None) => Ok(self.bytes),
            (code, None) => Err(explain(code)),
        }
    }

    fn take(&mut self, chunk: &[u8]) -> Result<(), Error> {
        if self.watch.verdict().is_some() {
            return Err(Error::code(ffi::SQLITE_INTERRUPT));
        }
        if (self.bytes.len() + chunk.len()) as u64 > self.bytes_max {
            return Err(Error::new(
                SIDELITE_ERR_TOO_BIG,
                "the changeset grows beyond max_result_bytes: raise the limit",
            ));
        }
        let room = self.bytes.try_reserve(chunk.len());
        room.map_err(|_| Error::code(SIDELITE_ERR_NO_MEMORY))?;
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }
}

unsafe extern "C" fn on_output(output: *mut c_void, chunk: *const c_void, len: c_int) -> c_int {
    // SAFETY: `filled_by` passes it; SQLite says that the chunk has so many bytes, and it makes none that are empty.
    let (output, chunk) = unsafe {
        (
            &mut *output.cast::<Output<'_>>(),
            std::slice::from_raw_parts(chunk.cast(), len as usize),
        )
    };
    let taken = catch_unwind(AssertUnwindSafe(|| output.take(chunk)));
    match taken.unwrap_or_else(|_| Err(Error::code(ffi::SQLITE_INTERNAL))) {
        Ok(()) => ffi::SQLITE_OK,
        Err(error) => {
            output.refused = Some(error);
            ffi::SQLITE_ABORT
        }
    }
}
