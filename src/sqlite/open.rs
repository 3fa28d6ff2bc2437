//! Opening: flags, options, and the two words HARDENED and UNTRUSTED.

use super::{Database, VERSION_MIN};
use crate::authorize::Rules;
use crate::error::Error;
use crate::ffi::conn::*;
use crate::ffi::status::{SIDELITE_ERR_BAD_TEXT, SIDELITE_ERR_MISUSE, SIDELITE_ERR_UNSUPPORTED};
use crate::transaction::Isolation;
use crate::watch::Watch;
use hashlink::LruCache;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, ffi};
use std::borrow::Cow;
use std::cell::RefCell;
use std::ffi::{CStr, CString, OsStr, c_int};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::rc::Rc;

// Since SQLite 3.49; the bindings to a system's SQLite are older.
const ENABLE_ATTACH_CREATE: c_int = 1020;
const ENABLE_ATTACH_WRITE: c_int = 1021;

/// What `sidelite_open` was asked for, checked, with the defaults filled in.
pub(crate) struct Options {
    pub(crate) path: CString,
    pub(crate) flags: u32,
    pub(crate) vfs: Option<CString>,
    pub(crate) busy_timeout_ms: i32,
    pub(crate) statement_cache: usize,
    /// An index of `JOURNAL_MODES`.
    pub(crate) journal_mode: usize,
    /// An index of `SYNCHRONOUS`.
    pub(crate) synchronous: usize,
    pub(crate) isolation: Isolation,
    pub(crate) rules: Rules,
    pub(crate) pragmas: Vec<CString>,
}

pub(crate) const JOURNAL_MODES: [&str; 7] =
    ["", "delete", "truncate", "persist", "memory", "wal", "off"];
pub(crate) const SYNCHRONOUS: [&str; 5] = ["", "OFF", "NORMAL", "FULL", "EXTRA"];

impl Options {
    fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    fn is_hardened(&self) -> bool {
        self.has(SIDELITE_OPEN_HARDENED | SIDELITE_OPEN_UNTRUSTED)
    }

    fn is_shared_in_memory(&self) -> bool {
        self.has(SIDELITE_OPEN_MEMORY) && self.has(SIDELITE_OPEN_SHARED_CACHE)
    }

    /// The name as SQLite wants it, which shares what is in memory only under a URI.
    fn name(&self) -> Cow<'_, [u8]> {
        let path = self.path.as_bytes();
        if !self.is_shared_in_memory() || self.has(SIDELITE_OPEN_URI) && path.starts_with(b"file:")
        {
            return path.into();
        }
        let escaped: String = path.iter().map(|byte| format!("%{byte:02X}")).collect();
        format!("file:{escaped}?mode=memory&cache=shared")
            .into_bytes()
            .into()
    }

    fn open_flags(&self) -> OpenFlags {
        let mut flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags |= match (
            self.has(SIDELITE_OPEN_READONLY),
            self.has(SIDELITE_OPEN_NO_CREATE),
        ) {
            (true, _) => OpenFlags::SQLITE_OPEN_READ_ONLY,
            (false, true) => OpenFlags::SQLITE_OPEN_READ_WRITE,
            (false, false) => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        };
        if self.is_shared_in_memory() {
            flags |= OpenFlags::SQLITE_OPEN_URI;
        }
        for (flag, sqlite) in [
            (SIDELITE_OPEN_URI, OpenFlags::SQLITE_OPEN_URI),
            (SIDELITE_OPEN_MEMORY, OpenFlags::SQLITE_OPEN_MEMORY),
            (SIDELITE_OPEN_NOFOLLOW, OpenFlags::SQLITE_OPEN_NOFOLLOW),
            (
                SIDELITE_OPEN_SHARED_CACHE,
                OpenFlags::SQLITE_OPEN_SHARED_CACHE,
            ),
        ] {
            if self.has(flag) {
                flags |= sqlite;
            }
        }
        flags
    }
}

impl Database {
    /// Opens the file and applies all options; on an error it is closed again.
    pub(crate) fn open(options: &Options, watch: Rc<Watch>) -> Result<Self, Error> {
        let version = rusqlite::version_number();
        if version < VERSION_MIN {
            let text = format!(
                "SQLite {} loses commits in WAL mode; 3.51.3 or newer is needed",
                super::version().to_string_lossy()
            );
            return Err(Error::new(SIDELITE_ERR_UNSUPPORTED, text));
        }
        let name = options.name();
        let path = Path::new(OsStr::from_bytes(&name));
        refuse_fifo(path)?;
        let connection = match &options.vfs {
            Some(vfs) => {
                Connection::open_with_flags_and_vfs(path, options.open_flags(), vfs.as_c_str())
            }
            None => Connection::open_with_flags(path, options.open_flags()),
        };
        let connection = connection.map_err(error_of)?;
        let cache = (options.statement_cache > 0).then(|| LruCache::new(options.statement_cache));
        let database = Self {
            cache: RefCell::new(cache),
            blobs: RefCell::default(),
            sessions: RefCell::default(),
            connection: Rc::new(connection),
            watch,
            is_hardened: options.is_hardened(),
        };
        database.look_at_file()?;
        database.install_busy_handler();
        database.install_progress_handler();
        database.install_wal_hook();
        database.configure(options)?;
        Ok(database)
    }

    /// SQLite looks at a file when it is first used. Looking at once tells a host that opens no database, or what it
    /// cannot read, about it. A file that others have locked is none of these, and no reason to wait.
    fn look_at_file(&self) -> Result<(), Error> {
        // SAFETY: the connection is open; without a busy handler it does not wait.
        unsafe { ffi::sqlite3_busy_timeout(self.raw(), 0) };
        match self.pragma("schema_version") {
            Err(error) if !matches!(error.code & 0xff, ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED) => {
                Err(error)
            }
            _ => Ok(()),
        }
    }

    fn configure(&self, options: &Options) -> Result<(), Error> {
        // SAFETY: the connection is open. Extension loading starts enabled for C in SQLite builds that have it.
        unsafe { ffi::sqlite3_enable_load_extension(self.raw(), 0) };
        if options.has(SIDELITE_OPEN_EXTENSIONS) {
            self.set(ffi::SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, true)?;
        }
        let foreign_keys = options.has(SIDELITE_OPEN_FOREIGN_KEYS) || options.is_hardened();
        self.set(ffi::SQLITE_DBCONFIG_ENABLE_FKEY, foreign_keys)?;
        if options.is_hardened() {
            self.harden()?;
        }
        if options.has(SIDELITE_OPEN_UNTRUSTED) {
            self.distrust_file()?;
        }
        if options.journal_mode > 0 {
            self.set_journal_mode(JOURNAL_MODES[options.journal_mode])?;
        }
        if options.synchronous > 0 {
            self.pragma(&format!("synchronous={}", SYNCHRONOUS[options.synchronous]))?;
        }
        for pragma in &options.pragmas {
            self.pragma(&pragma.to_string_lossy())?;
        }
        if options.has(SIDELITE_OPEN_UNTRUSTED) {
            self.limit_sql()?;
        }
        self.watch.hooks.set_rules(options.rules.clone(), self);
        Ok(())
    }

    fn harden(&self) -> Result<(), Error> {
        self.set(ffi::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        self.set(ffi::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        self.set(ffi::SQLITE_DBCONFIG_DQS_DML, false)?;
        self.set(ffi::SQLITE_DBCONFIG_DQS_DDL, false)?;
        self.pragma("mmap_size=0").map(drop)
    }

    fn distrust_file(&self) -> Result<(), Error> {
        self.set(ffi::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
        self.set(ffi::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
        self.set(ENABLE_ATTACH_CREATE, false)?;
        self.set(ENABLE_ATTACH_WRITE, false)?;
        self.pragma("cell_size_check=ON")?;
        match self.pragma("quick_check(1)")? {
            verdict if verdict == b"ok" => Ok(()),
            verdict => Err(Error {
                message: verdict,
                ..Error::code(ffi::SQLITE_CORRUPT)
            }),
        }
    }

    /// The table of sqlite.org/security.html.
    fn limit_sql(&self) -> Result<(), Error> {
        for (limit, value) in [
            (Limit::SQLITE_LIMIT_LENGTH, 1_000_000),
            (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
            (Limit::SQLITE_LIMIT_COLUMN, 100),
            (Limit::SQLITE_LIMIT_EXPR_DEPTH, 10),
            (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 3),
            (Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
            (Limit::SQLITE_LIMIT_FUNCTION_ARG, 8),
            (Limit::SQLITE_LIMIT_ATTACHED, 0),
            (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
            (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 10),
            (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 10),
        ] {
            self.connection.set_limit(limit, value).map_err(error_of)?;
        }
        Ok(())
    }

    fn set(&self, option: c_int, on: bool) -> Result<(), Error> {
        // SAFETY: these options take an int and a pointer that may be NULL.
        let code = unsafe {
            ffi::sqlite3_db_config(
                self.raw(),
                option,
                c_int::from(on),
                std::ptr::null_mut::<c_int>(),
            )
        };
        if code == ffi::SQLITE_OK {
            Ok(())
        } else {
            Err(self.error(code))
        }
    }

    /// A database in memory keeps its journal there, whatever is asked for.
    fn set_journal_mode(&self, mode: &str) -> Result<(), Error> {
        let now = self.pragma(&format!("journal_mode={mode}"))?;
        if now == mode.as_bytes() || now == b"memory" {
            return Ok(());
        }
        let now = String::from_utf8_lossy(&now).into_owned();
        Err(Error::new(
            ffi::SQLITE_ERROR,
            format!("journal mode could not be set to {mode}, it is {now}"),
        ))
    }

    /// Looks into a database for the first time; an error if it is none.
    pub(crate) fn check_schema(&self, schema: &CStr) -> Result<(), Error> {
        let quoted = schema.to_string_lossy().replace('"', "\"\"");
        self.prepared_pragma(&format!("PRAGMA \"{quoted}\".schema_version"))
            .map(drop)
    }

    /// Runs a PRAGMA; the text of its first cell, or nothing.
    fn pragma(&self, pragma: &str) -> Result<Vec<u8>, Error> {
        self.prepared_pragma(&format!("PRAGMA {pragma}"))
    }

    fn prepared_pragma(&self, sql: &str) -> Result<Vec<u8>, Error> {
        let sql = CString::new(sql).map_err(|_| Error::code(SIDELITE_ERR_BAD_TEXT))?;
        let Some(mut cursor) = self.prepare_single(sql.as_c_str().into())?.cursor else {
            return Ok(Vec::new());
        };
        let mut text = None;
        while cursor.step().map_err(|code| self.error(code))? {
            text.get_or_insert_with(|| cursor.text(0));
        }
        cursor.reset().map_err(|code| self.error(code))?;
        Ok(text.unwrap_or_default())
    }
}

/// Opening a FIFO to read it waits for a writer, out of reach of any cancel.
pub(super) fn refuse_fifo(path: &Path) -> Result<(), Error> {
    let is_fifo = std::fs::metadata(path).is_ok_and(|file| file.file_type().is_fifo());
    match is_fifo {
        true => Err(Error {
            message: b"unable to open database file: it is a FIFO".to_vec(),
            ..Error::code(ffi::SQLITE_CANTOPEN)
        }),
        false => Ok(()),
    }
}

/// rusqlite's error as ours.
pub(super) fn error_of(error: rusqlite::Error) -> Error {
    match error {
        rusqlite::Error::SqliteFailure(ffi::Error { extended_code, .. }, message) => Error {
            code: extended_code,
            sqlite_code: extended_code,
            message: message.unwrap_or_default().into_bytes(),
            sql_offset: -1,
            system_errno: 0,
        },
        other => Error::new(SIDELITE_ERR_MISUSE, other.to_string()),
    }
}
