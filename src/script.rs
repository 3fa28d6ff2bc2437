//! Running the SQL in a file.

use crate::command::Arguments;
use crate::error::Error;
use crate::exec::{Done, Runner};
use crate::ffi::status::{SIDELITE_ERR_BAD_TEXT, SIDELITE_ERR_NO_MEMORY, SIDELITE_ERR_TOO_BIG};
use crate::request::Work;
use crate::text::Sql;
use rusqlite::ffi::SQLITE_CANTOPEN;
use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;

pub(crate) fn file(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["path"])?;
    let path = arguments.required_text(0)?;
    let sql = read(&path)?;
    runner.commit_before_script(work)?;
    runner.run_script(Sql::with_nul(&sql))
}

/// The text of a file, with a NUL behind it.
fn read(path: &CStr) -> Result<Vec<u8>, Error> {
    let cannot = |error: io::Error| cannot_open(path, &error);
    let name = OsStr::from_bytes(path.to_bytes());
    let metadata = std::fs::metadata(name).map_err(cannot)?;
    if !metadata.is_file() {
        // Reading a FIFO would wait for a writer, out of reach of any cancel.
        return Err(cannot_open(path, &io::Error::other("not a regular file")));
    }
    let mut sql = Vec::new();
    if metadata.len() >= i32::MAX as u64 {
        return Err(Error::code(SIDELITE_ERR_TOO_BIG));
    }
    sql.try_reserve_exact(metadata.len() as usize + 1)
        .map_err(|_| Error::code(SIDELITE_ERR_NO_MEMORY))?;
    let file = File::open(name).map_err(cannot)?;
    file.take(i32::MAX as u64)
        .read_to_end(&mut sql)
        .map_err(cannot)?;
    if sql.contains(&0) || std::str::from_utf8(&sql).is_err() {
        return Err(Error::code(SIDELITE_ERR_BAD_TEXT));
    }
    sql.push(0);
    Ok(sql)
}

fn cannot_open(path: &CStr, error: &io::Error) -> Error {
    Error {
        message: format!("cannot read {}: {error}", path.to_string_lossy()).into_bytes(),
        system_errno: error.raw_os_error().unwrap_or_default(),
        ..Error::code(SQLITE_CANTOPEN)
    }
}
