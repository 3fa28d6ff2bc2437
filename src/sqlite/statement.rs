//! A prepared statement, and the cursor that runs it once.

use crate::ffi::payload::ValueRef;
use crate::result::Head;
use crate::text::{self, Verb};
use rusqlite::ffi;
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char, c_int};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::rc::Rc;

thread_local! {
    /// The statement that is being stepped on this thread: the innermost, when a function of its has another run.
    static STEPPING: Cell<*mut ffi::sqlite3_stmt> = const { Cell::new(std::ptr::null_mut()) };
}

/// Whether the statement that is being stepped has come to its end, and so has committed what it had to. SQLite asks its
/// progress handler once more then, and would say that it was interrupted.
pub(super) fn has_halted() -> bool {
    let statement = STEPPING.get();
    // SAFETY: it is being stepped, and so lives.
    !statement.is_null() && unsafe { ffi::sqlite3_stmt_busy(statement) == 0 }
}

/// A prepared statement. It holds its connection open.
pub(crate) struct Statement {
    raw: NonNull<ffi::sqlite3_stmt>,
    parameters: c_int,
    readonly: bool,
    /// By its text.
    verb: Verb<Box<[u8]>>,
    /// The head of its results, and after how many repreparations it was made.
    head: RefCell<Option<(c_int, Rc<Head>)>>,
    _connection: Rc<rusqlite::Connection>,
}

impl Statement {
    /// None for what SQLite makes of blanks and comments.
    ///
    /// # Safety
    /// `raw` was made by this connection and belongs to the caller.
    pub(super) unsafe fn new(
        raw: *mut ffi::sqlite3_stmt,
        connection: Rc<rusqlite::Connection>,
        sql: &[u8],
    ) -> Option<Self> {
        let raw = NonNull::new(raw)?;
        // SAFETY: a live statement.
        let (parameters, readonly) = unsafe {
            (
                ffi::sqlite3_bind_parameter_count(raw.as_ptr()),
                ffi::sqlite3_stmt_readonly(raw.as_ptr()) != 0,
            )
        };
        Some(Self {
            raw,
            parameters,
            readonly,
            verb: text::verb(sql).into_owned(),
            head: RefCell::new(None),
            _connection: connection,
        })
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        // SAFETY: the last reference; the connection is still open.
        unsafe { ffi::sqlite3_finalize(self.raw.as_ptr()) };
    }
}

/// One run of a statement. Dropping it resets the statement and unbinds the values that it points to, which need to live
/// for `'p`.
pub(crate) struct Cursor<'p> {
    statement: Rc<Statement>,
    /// It was stepped, and not yet reset.
    is_running: bool,
    /// TEXT or BLOB is bound, whose memory will go.
    has_pointers: bool,
    /// A cell's bytes could not be had.
    is_short_of_memory: Cell<bool>,
    bound: PhantomData<&'p [u8]>,
}

impl<'p> Cursor<'p> {
    /// The statement must not be run by another cursor: the cache gives it out once.
    pub(super) fn new(statement: Rc<Statement>) -> Self {
        Self {
            statement,
            is_running: false,
            has_pointers: false,
            is_short_of_memory: Cell::new(false),
            bound: PhantomData,
        }
    }

    pub(super) fn statement(&self) -> Rc<Statement> {
        Rc::clone(&self.statement)
    }

    pub(super) fn raw(&self) -> *mut ffi::sqlite3_stmt {
        self.statement.raw.as_ptr()
    }

    pub(crate) fn parameters(&self) -> usize {
        self.statement.parameters as usize
    }

    pub(crate) fn is_readonly(&self) -> bool {
        self.statement.readonly
    }

    /// What its text says that it does to transactions.
    pub(crate) fn verb(&self) -> &Verb<Box<[u8]>> {
        &self.statement.verb
    }

    /// The name of a parameter, from 1, with its prefix; None for a bare `?`.
    pub(crate) fn parameter_name(&self, index: usize) -> Option<&CStr> {
        // SAFETY: a live statement; the name lives as long as it.
        unsafe {
            let name = ffi::sqlite3_bind_parameter_name(self.raw(), index as c_int);
            (!name.is_null()).then(|| CStr::from_ptr(name))
        }
    }

    /// Binds a parameter, from 1, to a value that stays where it is.
    #[inline]
    pub(crate) fn bind(&mut self, index: usize, value: ValueRef<'p>) -> Result<(), c_int> {
        // SAFETY: the value lives until the cursor is dropped, which unbinds it.
        unsafe { self.bind_with(index, value, None) }
    }

    /// Binds a parameter to a copy of a value.
    pub(crate) fn bind_copy(&mut self, index: usize, value: ValueRef<'_>) -> Result<(), c_int> {
        // SAFETY: SQLITE_TRANSIENT has SQLite copy it now.
        unsafe { self.bind_with(index, value, ffi::SQLITE_TRANSIENT()) }
    }

    /// # Safety
    /// Without a destructor that copies, the value lives until it is unbound.
    #[inline]
    unsafe fn bind_with(
        &mut self,
        index: usize,
        value: ValueRef<'_>,
        destructor: ffi::sqlite3_destructor_type,
    ) -> Result<(), c_int> {
        let (raw, index) = (self.raw(), index as c_int);
        self.has_pointers |= matches!(value, ValueRef::Text(_) | ValueRef::Blob(_));
        // SAFETY: a live statement that is not running; pointers and lengths belong together, and an empty slice's
        // pointer is not NULL, which would bind NULL.
        let code = unsafe {
            match value {
                ValueRef::Null => ffi::sqlite3_bind_null(raw, index),
                ValueRef::Integer(integer) => ffi::sqlite3_bind_int64(raw, index, integer),
                ValueRef::Real(real) => ffi::sqlite3_bind_double(raw, index, real),
                ValueRef::Zeroblob(len) => ffi::sqlite3_bind_zeroblob64(raw, index, len),
                ValueRef::Text(text) => ffi::sqlite3_bind_text64(
                    raw,
                    index,
                    text.as_ptr().cast(),
                    text.len() as u64,
                    destructor,
                    ffi::SQLITE_UTF8 as u8,
                ),
                ValueRef::Blob(bytes) => ffi::sqlite3_bind_blob64(
                    raw,
                    index,
                    bytes.as_ptr().cast(),
                    bytes.len() as u64,
                    destructor,
                ),
            }
        };
        if code == ffi::SQLITE_OK {
            Ok(())
        } else {
            Err(code)
        }
    }

    /// Steps: true with a row, false at the end.
    #[inline]
    pub(crate) fn step(&mut self) -> Result<bool, c_int> {
        self.is_running = true;
        let outer = STEPPING.replace(self.raw());
        // SAFETY: a live statement, used on its connection's thread.
        let code = unsafe { ffi::sqlite3_step(self.raw()) };
        STEPPING.set(outer);
        match code {
            ffi::SQLITE_ROW => Ok(true),
            ffi::SQLITE_DONE => Ok(false),
            code => Err(code),
        }
    }

    /// Resets for the next row of values; its code must be looked at, for it may be where a commit fails.
    pub(crate) fn reset(&mut self) -> Result<(), c_int> {
        self.is_running = false;
        // SAFETY: a live statement.
        match unsafe { ffi::sqlite3_reset(self.raw()) } {
            ffi::SQLITE_OK => Ok(()),
            code => Err(code),
        }
    }

    /// Resets a run that has failed, or will not go on.
    pub(crate) fn abandon(&mut self) {
        if std::mem::replace(&mut self.is_running, false) {
            // SAFETY: a live statement. What it returns is the error that is known.
            putting_away(|| unsafe {
                ffi::sqlite3_reset(self.raw());
            });
        }
    }

    /// Column names, right from the first step on: a schema change shows only then.
    pub(crate) fn column_names(&self) -> impl Iterator<Item = &[u8]> {
        // SAFETY: a live statement and a column of it.
        self.column_texts(|raw, column| unsafe { ffi::sqlite3_column_name(raw, column) })
            .map(Option::unwrap_or_default)
    }

    /// The types that the columns were declared with; None for what is no column of a table.
    fn declared_types(&self) -> impl Iterator<Item = Option<&[u8]>> {
        // SAFETY: a live statement and a column of it.
        self.column_texts(|raw, column| unsafe { ffi::sqlite3_column_decltype(raw, column) })
    }

    fn column_texts(
        &self,
        text: impl Fn(*mut ffi::sqlite3_stmt, c_int) -> *const c_char,
    ) -> impl Iterator<Item = Option<&[u8]>> {
        (0..self.column_count()).map(move |column| {
            let text = text(self.raw(), column);
            // SAFETY: NULL, or a text that lives until the next step, for which the cursor is borrowed.
            (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_bytes())
        })
    }

    /// Header, column names and types of a result, made once for each preparation; right from the first step on.
    pub(crate) fn head(&self) -> Rc<Head> {
        // SAFETY: a live statement.
        let prepared =
            unsafe { ffi::sqlite3_stmt_status(self.raw(), ffi::SQLITE_STMTSTATUS_REPREPARE, 0) };
        let mut cached = self.statement.head.borrow_mut();
        match &*cached {
            Some((at, head)) if *at == prepared => Rc::clone(head),
            _ => {
                let head = Head::new(self.column_names()).with_types(self.declared_types());
                let head = Rc::new(head);
                *cached = Some((prepared, Rc::clone(&head)));
                head
            }
        }
    }

    pub(super) fn column_count(&self) -> c_int {
        // SAFETY: a live statement.
        unsafe { ffi::sqlite3_column_count(self.raw()) }
    }

    /// The cells of the row that the last step gave.
    #[inline]
    pub(crate) fn cells(&self) -> impl Iterator<Item = ValueRef<'_>> {
        // SAFETY: a live statement; column numbers below the count.
        let count = unsafe { ffi::sqlite3_data_count(self.raw()) };
        (0..count).map(|column| self.cell(column))
    }

    pub(super) fn integer(&self, column: c_int) -> i64 {
        match self.cell(column) {
            ValueRef::Integer(integer) => integer,
            _ => 0,
        }
    }

    /// Whether all cells that were asked for could be had.
    pub(crate) fn check_memory(&self) -> Result<(), c_int> {
        if self.is_short_of_memory.get() {
            Err(ffi::SQLITE_NOMEM)
        } else {
            Ok(())
        }
    }

    /// A cell as text, as far as it needs no conversion but of an INTEGER.
    pub(crate) fn text(&self, column: c_int) -> Vec<u8> {
        match self.cell(column) {
            ValueRef::Text(text) => text.to_vec(),
            ValueRef::Integer(integer) => integer.to_string().into_bytes(),
            _ => Vec::new(),
        }
    }

    #[inline]
    fn cell(&self, column: c_int) -> ValueRef<'_> {
        // SAFETY: on a row. A value's bytes live until the next step or conversion, and the cursor is borrowed as long.
        unsafe {
            let value = ffi::sqlite3_column_value(self.raw(), column);
            value_of(value, &self.is_short_of_memory)
        }
    }
}

/// A value of SQLite's; `is_short_of_memory` is set when its bytes could not be had.
///
/// # Safety
/// The value is live, and its bytes are used only until its next conversion.
#[inline]
pub(super) unsafe fn value_of<'a>(
    value: *mut ffi::sqlite3_value,
    is_short_of_memory: &Cell<bool>,
) -> ValueRef<'a> {
    // SAFETY: as the caller says; text is asked for before its length, as SQLite wants it.
    unsafe {
        match ffi::sqlite3_value_type(value) {
            ffi::SQLITE_INTEGER => ValueRef::Integer(ffi::sqlite3_value_int64(value)),
            ffi::SQLITE_FLOAT => ValueRef::Real(ffi::sqlite3_value_double(value)),
            ffi::SQLITE_TEXT => {
                let text = ffi::sqlite3_value_text(value);
                ValueRef::Text(bytes_of(text, value, is_short_of_memory))
            }
            ffi::SQLITE_BLOB => {
                let bytes = ffi::sqlite3_value_blob(value);
                ValueRef::Blob(bytes_of(bytes.cast(), value, is_short_of_memory))
            }
            _ => ValueRef::Null,
        }
    }
}

/// # Safety
/// `start` is NULL or points to the value's bytes.
unsafe fn bytes_of<'a>(
    start: *const u8,
    value: *mut ffi::sqlite3_value,
    is_short_of_memory: &Cell<bool>,
) -> &'a [u8] {
    // SAFETY: a live value; asked for after the bytes, as SQLite wants it.
    let len = unsafe { ffi::sqlite3_value_bytes(value) } as usize;
    if start.is_null() {
        // Only an empty BLOB has no address.
        // SAFETY: a live value.
        let is_text = unsafe { ffi::sqlite3_value_type(value) } == ffi::SQLITE_TEXT;
        let is_short = is_text || len > 0 || is_short_of_memory.get();
        is_short_of_memory.set(is_short);
        return &[];
    }
    // SAFETY: as the caller says.
    unsafe { std::slice::from_raw_parts(start, len) }
}

thread_local! {
    static IS_PUTTING_AWAY: Cell<bool> = const { Cell::new(false) };
}

/// Whether a statement is being reset or finalized that has not come to its end: its groups have no value.
pub(crate) fn is_putting_away() -> bool {
    IS_PUTTING_AWAY.get()
}

fn putting_away(put_away: impl FnOnce()) {
    let before = IS_PUTTING_AWAY.replace(true);
    put_away();
    IS_PUTTING_AWAY.set(before);
}

impl Drop for Cursor<'_> {
    fn drop(&mut self) {
        self.abandon();
        if self.has_pointers {
            // SAFETY: a live statement that is not running.
            unsafe { ffi::sqlite3_clear_bindings(self.raw()) };
        }
    }
}
