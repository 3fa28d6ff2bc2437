//! SQLite's hooks for what happens to data, and to statements. Each has one place in SQLite, which the watch shares out.

use super::Database;
use super::describe::expanded_sql;
use super::statement::value_of;
use crate::ffi::payload::Value;
use crate::observe::{Change, Operation, Profile};
use crate::watch::Watch;
use rusqlite::ffi;
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// Which hooks are wanted.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Before each change of a row.
    pub(crate) changes: bool,
    /// SQLite's update hook, for the host's own.
    pub(crate) updates: bool,
    pub(crate) ends: bool,
    pub(crate) trace: bool,
    pub(crate) profile: bool,
}

impl Database {
    /// Sets the hooks that are wanted, and takes the others away.
    pub(crate) fn set_hooks(&self, wanted: Wanted) {
        let watch: *mut c_void = Rc::as_ptr(&self.watch).cast_mut().cast();
        let mut mask = 0;
        if wanted.trace || wanted.profile {
            mask |= ffi::SQLITE_TRACE_STMT;
        }
        if wanted.profile {
            mask |= ffi::SQLITE_TRACE_PROFILE;
        }
        // SAFETY: `self.watch` outlives the connection, which drops its hooks when it closes. A session has no hook of its own
        // while `changes` is wanted: `observe.rs` and `session.rs` keep them apart.
        unsafe {
            let db = self.raw();
            if wanted.changes {
                ffi::sqlite3_preupdate_hook(db, Some(on_change), watch);
            } else if self.sessions().is_empty() {
                ffi::sqlite3_preupdate_hook(db, None, std::ptr::null_mut());
            }
            ffi::sqlite3_update_hook(db, wanted.updates.then_some(on_update as _), watch);
            ffi::sqlite3_commit_hook(db, wanted.ends.then_some(on_commit as _), watch);
            ffi::sqlite3_rollback_hook(db, wanted.ends.then_some(on_rollback as _), watch);
            let trace = (mask > 0).then_some(on_trace as _);
            ffi::sqlite3_trace_v2(db, mask as c_uint, trace, watch);
        }
    }

    /// Statements that were prepared so far are prepared anew: SQLite decides then whether a DELETE looks at its rows.
    pub(crate) fn forget_statements(&self) {
        if let Some(cache) = &mut *self.cache.borrow_mut() {
            cache.clear();
        }
    }

    /// False for WITHOUT ROWID tables.
    pub(crate) fn has_rowid(&self, schema: &CStr, table: &CStr) -> bool {
        let none: *mut c_void = std::ptr::null_mut();
        // SAFETY: the connection is open; the names are NUL-terminated; nothing is written.
        let code = unsafe {
            ffi::sqlite3_table_column_metadata(
                self.raw(),
                schema.as_ptr(),
                table.as_ptr(),
                c"rowid".as_ptr(),
                none.cast(),
                none.cast(),
                none.cast(),
                none.cast(),
                none.cast(),
            )
        };
        code == ffi::SQLITE_OK
    }
}

/// # Safety
/// Registered with the watch of this connection, which outlives it.
unsafe fn watch_of<'a>(watch: *mut c_void) -> &'a Watch {
    // SAFETY: as the caller says; called on the worker's thread.
    unsafe { &*watch.cast::<Watch>() }
}

/// A panic must not unwind through SQLite.
fn contained<R: Default>(run: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_default()
}

unsafe extern "C" fn on_change(
    watch: *mut c_void,
    db: *mut ffi::sqlite3,
    operation: c_int,
    schema: *const c_char,
    table: *const c_char,
    old_rowid: i64,
    new_rowid: i64,
) {
    // SAFETY: SQLite calls it before a change, with NUL-terminated names, and lets us ask for values meanwhile.
    unsafe {
        let watch = watch_of(watch);
        let is_blob = ffi::sqlite3_preupdate_blobwrite(db) >= 0;
        let operation = match operation {
            ffi::SQLITE_INSERT => Operation::Insert,
            // A part of a BLOB is written: told as the end of the old row.
            ffi::SQLITE_DELETE if !is_blob => Operation::Delete,
            _ => Operation::Update,
        };
        let values = |has: bool, get: Getter| match has && watch.observers.wants_values() {
            true => (0..ffi::sqlite3_preupdate_count(db))
                .map(|column| preupdate_value(db, column, get))
                .collect(),
            false => Vec::new(),
        };
        let old = values(operation != Operation::Insert, ffi::sqlite3_preupdate_old);
        let has_new = operation != Operation::Delete && !is_blob;
        let new = values(has_new, ffi::sqlite3_preupdate_new);
        contained(|| {
            watch.observers.change(Change {
                operation,
                schema: CStr::from_ptr(schema).into(),
                table: CStr::from_ptr(table).into(),
                old_rowid: (operation != Operation::Insert).then_some(old_rowid),
                rowid: (operation != Operation::Delete).then_some(if is_blob {
                    old_rowid
                } else {
                    new_rowid
                }),
                columns: ffi::sqlite3_preupdate_count(db) as usize,
                old,
                new,
            });
        });
    }
}

type Getter = unsafe extern "C" fn(*mut ffi::sqlite3, c_int, *mut *mut ffi::sqlite3_value) -> c_int;

/// # Safety
/// Inside the hook that is called before a change.
unsafe fn preupdate_value(db: *mut ffi::sqlite3, column: c_int, get: Getter) -> Value {
    let mut value = std::ptr::null_mut();
    // SAFETY: the out-pointer is ours; the value is copied before the next call.
    unsafe {
        match get(db, column, &raw mut value) {
            ffi::SQLITE_OK => Value::of(value_of(value, &Cell::new(false))),
            _ => Value::Null,
        }
    }
}

unsafe extern "C" fn on_update(
    watch: *mut c_void,
    operation: c_int,
    schema: *const c_char,
    table: *const c_char,
    rowid: i64,
) {
    // SAFETY: SQLite passes NUL-terminated names.
    let (watch, schema, table) = unsafe {
        (
            watch_of(watch),
            CStr::from_ptr(schema),
            CStr::from_ptr(table),
        )
    };
    contained(|| watch.observers.row_changed(operation, schema, table, rowid));
}

/// Other than 0 turns the commit into a rollback.
unsafe extern "C" fn on_commit(watch: *mut c_void) -> c_int {
    // SAFETY: as above.
    let watch = unsafe { watch_of(watch) };
    let allows = contained(|| match watch.observers.commits() {
        Ok(allows) => allows,
        Err(error) => {
            watch.fail(error);
            false
        }
    });
    c_int::from(!allows)
}

unsafe extern "C" fn on_rollback(watch: *mut c_void) {
    // SAFETY: as above.
    let watch = unsafe { watch_of(watch) };
    contained(|| watch.observers.rolls_back());
}

unsafe extern "C" fn on_trace(
    event: c_uint,
    watch: *mut c_void,
    statement: *mut c_void,
    extra: *mut c_void,
) -> c_int {
    let statement = statement.cast::<ffi::sqlite3_stmt>();
    // SAFETY: SQLite passes a live statement, and a text or a number that belong to the event.
    unsafe {
        let watch = watch_of(watch);
        if event == ffi::SQLITE_TRACE_PROFILE as c_uint {
            let ran_for = contained(|| watch.observers.clock_stops(statement.addr()));
            let nanoseconds = ran_for.unwrap_or(*extra.cast::<i64>());
            let sql = expanded_sql(statement).unwrap_or_default();
            let count = |counter| i64::from(ffi::sqlite3_stmt_status(statement, counter, 0));
            let profile = Profile {
                nanoseconds,
                vm_steps: count(ffi::SQLITE_STMTSTATUS_VM_STEP),
                fullscan_steps: count(ffi::SQLITE_STMTSTATUS_FULLSCAN_STEP),
                sorts: count(ffi::SQLITE_STMTSTATUS_SORT),
            };
            contained(|| watch.observers.statement_ends(watch, &sql, &profile));
            return 0;
        }
        let text = CStr::from_ptr(extra.cast::<c_char>()).to_bytes();
        let sql = match text.starts_with(b"--") {
            // A trigger's begin.
            true => text.to_vec(),
            false => {
                reset_counters(statement);
                contained(|| watch.observers.clock_starts(statement.addr()));
                expanded_sql(statement).unwrap_or_default()
            }
        };
        contained(|| watch.observers.statement_begins(watch, &sql));
    }
    0
}

/// # Safety
/// A live statement.
unsafe fn reset_counters(statement: *mut ffi::sqlite3_stmt) {
    for counter in [
        ffi::SQLITE_STMTSTATUS_VM_STEP,
        ffi::SQLITE_STMTSTATUS_FULLSCAN_STEP,
        ffi::SQLITE_STMTSTATUS_SORT,
    ] {
        // SAFETY: as the caller says.
        unsafe { ffi::sqlite3_stmt_status(statement, counter, 1) };
    }
}
