//! Limits, switches, checkpoints and counters.

use super::Database;
use crate::error::Error;
use rusqlite::ffi;
use std::ffi::{CStr, CString, c_int};

/// The switches of sqlite3_db_config that are on or off.
const SWITCHES: std::ops::RangeInclusive<c_int> =
    ffi::SQLITE_DBCONFIG_ENABLE_FKEY..=ENABLE_COMMENTS;
// Since SQLite 3.49; the bindings to a system's SQLite are older.
const ENABLE_COMMENTS: c_int = 1022;

/// Names of the counters of sqlite3_db_status, by their number.
pub(crate) const COUNTERS: [&str; 14] = [
    "lookaside_used",
    "cache_used",
    "schema_used",
    "stmt_used",
    "lookaside_hit",
    "lookaside_miss_size",
    "lookaside_miss_full",
    "cache_hit",
    "cache_miss",
    "cache_write",
    "deferred_fks",
    "cache_used_shared",
    "cache_spill",
    "tempbuf_spill",
];

impl Database {
    /// The limit as it was; None when there is no such limit.
    pub(crate) fn limit(&self, limit: i32, value: Option<i32>) -> Option<i32> {
        // SAFETY: the connection is open; any number may be given.
        let before = unsafe { ffi::sqlite3_limit(self.raw(), limit, value.unwrap_or(-1)) };
        (before >= 0).then_some(before)
    }

    /// Prepares what must be run, however low the host has set the limits.
    pub(crate) fn unlimited<R>(&self, prepare: impl FnOnce() -> R) -> R {
        let limits = [ffi::SQLITE_LIMIT_SQL_LENGTH, ffi::SQLITE_LIMIT_VDBE_OP];
        let before = limits.map(|limit| self.limit(limit, Some(c_int::MAX)));
        let prepared = prepare();
        for (limit, value) in limits.into_iter().zip(before) {
            self.limit(limit, value);
        }
        prepared
    }

    pub(crate) fn is_switch(option: i64) -> bool {
        c_int::try_from(option).is_ok_and(|option| SWITCHES.contains(&option))
    }

    /// Sets a switch, unless nothing is given, and says how it stands.
    pub(crate) fn switch(&self, option: c_int, on: Option<bool>) -> Result<bool, Error> {
        assert!(Self::is_switch(option.into()));
        let mut now: c_int = 0;
        let on = on.map_or(-1, c_int::from);
        // SAFETY: these options take an int and a pointer to one.
        self.check(unsafe { ffi::sqlite3_db_config(self.raw(), option, on, &raw mut now) })?;
        Ok(now != 0)
    }

    /// Loading of extensions, for C and for SQL.
    pub(crate) fn enable_sql_extensions(&self, on: bool) -> Result<(), Error> {
        // SAFETY: the connection is open.
        self.check(unsafe { ffi::sqlite3_enable_load_extension(self.raw(), c_int::from(on)) })
    }

    pub(crate) fn load_extension(&self, path: &CStr, entry: Option<&CStr>) -> Result<(), Error> {
        let mut message = std::ptr::null_mut();
        // SAFETY: the connection is open; the strings are NUL-terminated; the out-pointer is ours.
        let code = unsafe {
            ffi::sqlite3_load_extension(
                self.raw(),
                path.as_ptr(),
                entry.map_or(std::ptr::null(), CStr::as_ptr),
                &raw mut message,
            )
        };
        let text = match message.is_null() {
            true => CString::default(),
            // SAFETY: NUL-terminated, and ours to free.
            false => unsafe {
                let text = CStr::from_ptr(message).to_owned();
                ffi::sqlite3_free(message.cast());
                text
            },
        };
        match code {
            ffi::SQLITE_OK => Ok(()),
            code => Err(Error {
                message: text.into_bytes(),
                ..Error::code(code)
            }),
        }
    }

    /// Frames in the log, and how many of them are checkpointed; both -1 without a log.
    pub(crate) fn checkpoint(
        &self,
        schema: Option<&CStr>,
        mode: c_int,
    ) -> Result<(i32, i32), Error> {
        let (mut log, mut checkpointed) = (-1, -1);
        // SAFETY: the connection is open; the out-pointers are ours.
        self.check(unsafe {
            ffi::sqlite3_wal_checkpoint_v2(
                self.raw(),
                schema.map_or(std::ptr::null(), CStr::as_ptr),
                mode,
                &raw mut log,
                &raw mut checkpointed,
            )
        })?;
        Ok((log, checkpointed))
    }

    pub(crate) fn set_last_insert_rowid(&self, rowid: i64) {
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_set_last_insert_rowid(self.raw(), rowid) };
    }

    /// A counter's value and its highest; None when SQLite does not have it.
    pub(crate) fn counter(&self, counter: usize, reset: bool) -> Option<(i32, i32)> {
        let (mut now, mut highest) = (0, 0);
        // SAFETY: the connection is open; the out-pointers are ours.
        let code = unsafe {
            ffi::sqlite3_db_status(
                self.raw(),
                counter as c_int,
                &raw mut now,
                &raw mut highest,
                c_int::from(reset),
            )
        };
        (code == ffi::SQLITE_OK).then_some((now, highest))
    }

    /// The main database's file; empty for one without.
    pub(crate) fn filename(&self) -> Vec<u8> {
        // SAFETY: the connection is open; the name lives as long.
        unsafe {
            let name = ffi::sqlite3_db_filename(self.raw(), c"main".as_ptr());
            if name.is_null() {
                Vec::new()
            } else {
                CStr::from_ptr(name).to_bytes().to_vec()
            }
        }
    }

    pub(crate) fn is_readonly(&self) -> bool {
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_db_readonly(self.raw(), c"main".as_ptr()) == 1 }
    }
}
