//! The SQLite edge: the other place, beside `ffi`, that may say `unsafe`. What it gives to the middle is safe.

mod api;
mod backup;
mod blob;
mod collation;
mod config;
mod describe;
mod fork;
mod function;
mod hooks;
mod image;
mod observe;
mod open;
mod session;
mod statement;
mod wal;

pub(crate) use api::routines;
pub(crate) use backup::{Copy, End, Lent, Progress};
pub(crate) use blob::{Blob, Cell};
pub(crate) use config::COUNTERS;
pub(crate) use describe::Column;
pub(crate) use fork::{after_fork, before_fork};
pub(crate) use observe::Wanted;
pub(crate) use open::{JOURNAL_MODES, Options, SYNCHRONOUS};
pub(crate) use session::{Policy, Session, invert, rebase, tables};
pub(crate) use statement::{Cursor, Statement, is_putting_away};
pub(crate) use wal::AUTOCHECKPOINT_PAGES;

use crate::error::Error;
use crate::text::{self, Sql, Verb};
use crate::watch::Watch;
use hashlink::LruCache;
use rusqlite::ffi;
use std::cell::{RefCell, RefMut};
use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::rc::Rc;

/// The WAL reset race (3.7.0 to 3.51.2) silently loses commits, and 3.51.0 deadlocks on concurrent open and close.
const VERSION_MIN: i32 = 3_051_003;

/// VM instructions between two looks at cancel and deadline: some ten microseconds.
pub(crate) const PROGRESS_STEPS: c_int = 1000;

/// Prepared statements by their text.
type Cache = LruCache<Box<[u8]>, Rc<Statement>>;

/// An open connection, used by its worker alone; also from within a statement that runs, by a function that it calls.
pub(crate) struct Database {
    /// Dropped first: statements hold the connection open.
    cache: RefCell<Option<Cache>>,
    /// Open blobs, by their handles; dropped before the connection, too.
    blobs: RefCell<HashMap<i64, Rc<Blob>>>,
    /// Sessions, likewise.
    sessions: RefCell<HashMap<i64, Rc<Session>>>,
    connection: Rc<rusqlite::Connection>,
    watch: Rc<Watch>,
    /// Functions of the host's are for its own SQL unless it says that they are harmless.
    is_hardened: bool,
}

/// A statement that is ready to run, or nothing but blanks, and where the next one begins.
pub(crate) struct Prepared<'p> {
    pub(crate) cursor: Option<Cursor<'p>>,
    pub(crate) tail: usize,
}

impl Database {
    pub(crate) fn interrupter(&self) -> rusqlite::InterruptHandle {
        self.connection.get_interrupt_handle()
    }

    fn raw(&self) -> *mut ffi::sqlite3 {
        // SAFETY: the handle is not closed behind rusqlite's back, and used on this thread alone.
        unsafe { self.connection.handle() }
    }

    pub(crate) fn blobs(&self) -> RefMut<'_, HashMap<i64, Rc<Blob>>> {
        self.blobs.borrow_mut()
    }

    pub(crate) fn sessions(&self) -> RefMut<'_, HashMap<i64, Rc<Session>>> {
        self.sessions.borrow_mut()
    }

    fn check(&self, code: c_int) -> Result<(), Error> {
        match code {
            ffi::SQLITE_OK => Ok(()),
            code => Err(self.error(code)),
        }
    }

    /// The raw `sqlite3 *`, for the host's RUN functions.
    pub(crate) fn as_ptr(&self) -> *mut c_void {
        self.raw().cast()
    }

    /// 0 for none, 1 when it has read, 2 when it has written: the highest of all attached databases.
    pub(crate) fn transaction_state(&self) -> c_int {
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_txn_state(self.raw(), std::ptr::null()) }
    }

    pub(crate) fn is_in_transaction(&self) -> bool {
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_get_autocommit(self.raw()) == 0 }
    }

    /// Rows changed by the last INSERT, UPDATE or DELETE.
    pub(crate) fn changes(&self) -> i64 {
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_changes64(self.raw()) }
    }

    pub(crate) fn total_changes(&self) -> i64 {
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_total_changes64(self.raw()) }
    }

    pub(crate) fn last_insert_rowid(&self) -> i64 {
        self.connection.last_insert_rowid()
    }

    /// A statement from the cache, or a fresh one: the first of `sql`, of which nothing may follow.
    pub(crate) fn cached<'p>(&self, sql: Sql<'_>) -> Result<Prepared<'p>, Error> {
        let (is_caching, found) = match &mut *self.cache.borrow_mut() {
            None => (false, None),
            Some(cache) => (true, cache.get(sql.bytes()).map(Rc::clone)),
        };
        match found {
            // The cache's, and ours.
            Some(statement) if Rc::strong_count(&statement) == 2 => {
                self.watch.count_cache(true);
                Ok(Prepared {
                    cursor: Some(Cursor::new(statement)),
                    tail: sql.bytes().len(),
                })
            }
            // One that a paused stream runs is left alone.
            Some(_) => self.prepare_single(sql),
            None if is_caching => self.prepare_to_cache(sql),
            None => self.prepare_single(sql),
        }
    }

    fn prepare_to_cache<'p>(&self, sql: Sql<'_>) -> Result<Prepared<'p>, Error> {
        self.watch.count_cache(false);
        let prepared = self.prepare_with(sql, ffi::SQLITE_PREPARE_PERSISTENT)?;
        refuse_tail(sql, &prepared)?;
        if let (Some(cache), Some(cursor)) = (&mut *self.cache.borrow_mut(), &prepared.cursor)
            // Many PRAGMAs take effect, and find their answer, when they are prepared.
            && *cursor.verb() != Verb::Pragma
        {
            cache.insert(sql.bytes().into(), cursor.statement());
        }
        Ok(prepared)
    }

    /// A statement of its own; a tail is refused.
    pub(crate) fn prepare_single<'p>(&self, sql: Sql<'_>) -> Result<Prepared<'p>, Error> {
        let prepared = self.prepare(sql)?;
        refuse_tail(sql, &prepared)?;
        Ok(prepared)
    }

    /// The first statement of `sql`.
    pub(crate) fn prepare<'p>(&self, sql: Sql<'_>) -> Result<Prepared<'p>, Error> {
        self.watch.count_cache(false);
        self.prepare_with(sql, 0)
    }

    /// PRAGMAs about the busy timeout and automatic checkpoints work as they are prepared, so SQLite's own handlers stand in
    /// meanwhile.
    fn prepare_with<'p>(&self, sql: Sql<'_>, flags: u32) -> Result<Prepared<'p>, Error> {
        let prepare = |database: &Self| database.prepare_raw(sql, flags);
        if text::verb(sql.bytes()) != Verb::Pragma {
            prepare(self)
        } else if mentions(sql.bytes(), b"busy_timeout") {
            self.with_own_busy_timeout(prepare)
        } else if mentions(sql.bytes(), b"wal_autocheckpoint") {
            self.with_own_autocheckpoint(prepare)
        } else {
            prepare(self)
        }
    }

    fn prepare_raw<'p>(&self, sql: Sql<'_>, flags: u32) -> Result<Prepared<'p>, Error> {
        let mut statement = std::ptr::null_mut();
        let mut tail = std::ptr::null();
        let text = sql.bytes_with_nul();
        let start = text.as_ptr().cast::<c_char>();
        // SAFETY: `text` has `len` readable bytes (below 2 GiB, checked at submit); the out-pointers are ours.
        let code = unsafe {
            let len = text.len() as c_int;
            ffi::sqlite3_prepare_v3(
                self.raw(),
                start,
                len,
                flags,
                &raw mut statement,
                &raw mut tail,
            )
        };
        if code != ffi::SQLITE_OK {
            return Err(self.error(code));
        }
        let tail = match tail.is_null() {
            true => sql.bytes().len(),
            // SAFETY: the tail points into the text.
            false => unsafe { tail.offset_from_unsigned(start) },
        };
        // SAFETY: just made by this connection, and nobody else's.
        let statement =
            unsafe { Statement::new(statement, Rc::clone(&self.connection), &text[..tail]) };
        Ok(Prepared {
            cursor: statement.map(|statement| Cursor::new(Rc::new(statement))),
            tail,
        })
    }

    /// What SQLite says about the failure of its last call, which returned `code`.
    pub(crate) fn error(&self, code: c_int) -> Error {
        let db = self.raw();
        // SAFETY: the connection is open, and the message is copied before the next call on it.
        unsafe {
            let is_last = ffi::sqlite3_extended_errcode(db) == code
                || ffi::sqlite3_errcode(db) == code & 0xff;
            let message = if is_last {
                CStr::from_ptr(ffi::sqlite3_errmsg(db))
            } else {
                code_text(code)
            };
            let is_io = matches!(
                code & 0xff,
                ffi::SQLITE_IOERR | ffi::SQLITE_CANTOPEN | ffi::SQLITE_FULL
            );
            Error {
                code,
                sqlite_code: code,
                message: message.to_bytes().to_vec(),
                sql_offset: if is_last {
                    ffi::sqlite3_error_offset(db)
                } else {
                    -1
                },
                system_errno: if is_io {
                    ffi::sqlite3_system_errno(db)
                } else {
                    0
                },
            }
        }
    }

    /// Runs `body` with SQLite's own busy handler in place of ours, and then takes over the timeout that was set: the
    /// PRAGMA would silently replace the handler that makes lock waits cancellable.
    fn with_own_busy_timeout<R>(&self, body: impl FnOnce(&Self) -> R) -> R {
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_busy_timeout(self.raw(), self.watch.busy_timeout_ms()) };
        let result = body(self);
        if let Ok(timeout) = self.answer_of(c"PRAGMA busy_timeout") {
            self.watch.set_busy_timeout_ms(timeout as i32);
        }
        self.install_busy_handler();
        result
    }

    /// The same for automatic checkpoints.
    fn with_own_autocheckpoint<R>(&self, body: impl FnOnce(&Self) -> R) -> R {
        let observers = &self.watch.observers;
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_wal_autocheckpoint(self.raw(), observers.autocheckpoint()) };
        let result = body(self);
        if let Ok(pages) = self.answer_of(c"PRAGMA wal_autocheckpoint") {
            observers.set_autocheckpoint(pages as i32);
        }
        self.install_wal_hook();
        result
    }

    fn answer_of(&self, pragma: &CStr) -> Result<i64, Error> {
        let prepared = self
            .watch
            .hooks
            .unasked(|| self.prepare_raw(pragma.into(), 0));
        let Some(mut cursor) = prepared?.cursor else {
            return Ok(0);
        };
        cursor.step().map_err(|code| self.error(code))?;
        Ok(cursor.integer(0))
    }

    fn install_busy_handler(&self) {
        let watch = Rc::as_ptr(&self.watch).cast_mut().cast();
        // SAFETY: `self.watch` outlives the connection, which drops its handler when it closes.
        unsafe { ffi::sqlite3_busy_handler(self.raw(), Some(on_busy), watch) };
    }

    pub(crate) fn install_progress_handler(&self) {
        let watch = Rc::as_ptr(&self.watch).cast_mut().cast();
        let steps = self.watch.hooks.progress_steps();
        // SAFETY: as above.
        unsafe { ffi::sqlite3_progress_handler(self.raw(), steps, Some(on_progress), watch) };
    }

    /// Finalizes what is cached and closes the file.
    pub(crate) fn close(self) -> Result<(), Error> {
        let Self {
            cache,
            blobs,
            sessions,
            connection,
            watch,
            ..
        } = self;
        drop(cache);
        drop(blobs);
        drop(sessions);
        let connection = Rc::into_inner(connection).ok_or_else(|| Error::code(ffi::SQLITE_BUSY))?;
        let result = connection
            .close()
            .map_err(|(_, error)| open::error_of(error));
        drop(watch);
        result
    }
}

fn refuse_tail(sql: Sql<'_>, prepared: &Prepared) -> Result<(), Error> {
    if text::is_blank(sql.from(prepared.tail).bytes()) {
        return Ok(());
    }
    let mut error = Error::new(
        crate::ffi::status::SIDELITE_ERR_MISUSE,
        "more than one statement: run a script, or say MULTI to have the rows of the last",
    );
    error.sql_offset = prepared.tail as i32;
    Err(error)
}

/// SQLite asks every thousand VM instructions whether to go on.
extern "C" fn on_progress(watch: *mut c_void) -> c_int {
    // SAFETY: registered with the watch of this connection, which outlives it; called on the worker's thread.
    let watch = unsafe { &*watch.cast::<Watch>() };
    contain(|| !statement::has_halted() && watch.interrupts())
}

/// SQLite asks whether to try for a lock again, after so many times.
extern "C" fn on_busy(watch: *mut c_void, times: c_int) -> c_int {
    // SAFETY: as above.
    let watch = unsafe { &*watch.cast::<Watch>() };
    contain(|| watch.waits_for_lock(times))
}

/// A panic must not unwind through SQLite: it stops the statement instead.
fn contain(answer: impl FnOnce() -> bool) -> c_int {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(answer))
        .unwrap_or(true)
        .into()
}

pub(crate) fn version() -> &'static CStr {
    // SAFETY: a static string.
    unsafe { CStr::from_ptr(ffi::sqlite3_libversion()) }
}

/// SQLite's text for one of its result codes.
pub(crate) fn code_text(code: c_int) -> &'static CStr {
    // SAFETY: a static string for every code.
    unsafe { CStr::from_ptr(ffi::sqlite3_errstr(code)) }
}

/// Whether a word occurs in a text, in whatever case.
fn mentions(sql: &[u8], word: &[u8]) -> bool {
    sql.windows(word.len())
        .any(|part| part.eq_ignore_ascii_case(word))
}
