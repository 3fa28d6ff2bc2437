//! Incremental blobs: cells read and written in parts, by handles that live until they are closed or the connection is.

use crate::command::{Arguments, misuse, table};
use crate::error::Error;
use crate::exec::{Done, Runner};
use crate::ffi::payload::ValueRef;
use crate::ffi::status::{SIDELITE_ERR_NO_MEMORY, SIDELITE_ERR_TOO_BIG};
use crate::request::Work;
use crate::sqlite::{Blob, Cell};
use std::rc::Rc;

pub(crate) fn open(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["table", "column", "rowid", "writable", "schema"])?;
    let (table, column) = (arguments.required_text(0)?, arguments.required_text(1)?);
    let rowid = arguments.required_integer(2)?;
    let is_writable = arguments.choice(3, 0..=1, 0)? == 1;
    let schema = arguments.text_or(4, "main")?;
    let cell = Cell {
        schema: &schema,
        table: &table,
        column: &column,
        rowid,
    };
    let blob = runner.database.open_blob(&cell, is_writable)?;
    let size = blob.size();
    let handle = runner.request_id()?;
    runner.database.blobs().insert(handle, Rc::new(blob));
    opened(runner, handle, size)
}

fn opened(runner: &mut Runner<'_>, handle: i64, size: usize) -> Result<Done, Error> {
    let row = vec![ValueRef::Integer(handle), ValueRef::Integer(size as i64)];
    table(runner, &["blob", "size"], [row]).map(Done::rows)
}

/// The blob that an argument names.
fn blob(runner: &Runner<'_>, arguments: &Arguments<'_>) -> Result<(i64, Rc<Blob>), Error> {
    let handle = arguments.required_integer(0)?;
    let blob = runner.database.blobs().get(&handle).map(Rc::clone);
    match blob {
        Some(blob) => Ok((handle, blob)),
        None => Err(misuse(format!(
            "{handle} is no blob that is open: use what BLOB_OPEN returned, until BLOB_CLOSE"
        ))),
    }
}

pub(crate) fn read(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["blob", "offset", "length"])?;
    let (_, blob) = blob(runner, &arguments)?;
    let offset = arguments.integer_or(1, 0)?;
    let rest = (blob.size() as i64).saturating_sub(offset).max(0);
    let length = arguments.integer_or(2, rest)?;
    check_range(&blob, offset, length)?;
    if length as u64 > runner.conn.result_bytes_max {
        return Err(Error::new(
            SIDELITE_ERR_TOO_BIG,
            "the part is larger than max_result_bytes: read it in smaller ones",
        ));
    }
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(length as usize)
        .map_err(|_| Error::code(SIDELITE_ERR_NO_MEMORY))?;
    bytes.resize(length as usize, 0);
    runner
        .database
        .read_blob(&blob, &mut bytes, offset as usize)?;
    table(runner, &["data"], [vec![ValueRef::Blob(&bytes)]]).map(Done::rows)
}

pub(crate) fn write(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["blob", "data", "offset"])?;
    let (_, blob) = blob(runner, &arguments)?;
    let data = match arguments.get(1) {
        ValueRef::Blob(bytes) | ValueRef::Text(bytes) => bytes,
        _ => return Err(arguments.mistyped(1, "a BLOB or a TEXT")),
    };
    let offset = arguments.integer_or(2, 0)?;
    check_range(&blob, offset, data.len() as i64)?;
    runner.watch.outbox.flush();
    runner.database.write_blob(&blob, data, offset as usize)?;
    Ok(Done::default())
}

/// One whose row has changed has no size any more; SQLite has the better word for it.
fn check_range(blob: &Blob, offset: i64, length: i64) -> Result<(), Error> {
    let size = blob.size() as i64;
    let is_inside = offset >= 0
        && length >= 0
        && offset
            .checked_add(length)
            .is_some_and(|end| end <= size || size == 0);
    match is_inside && offset <= i64::from(i32::MAX) && length <= i64::from(i32::MAX) {
        true => Ok(()),
        false => Err(Error {
            sqlite_code: rusqlite::ffi::SQLITE_ERROR,
            ..Error::new(
                rusqlite::ffi::SQLITE_ERROR,
                format!(
                    "{length} bytes from {offset} on are outside of the blob, which has {size} bytes"
                ),
            )
        }),
    }
}

pub(crate) fn reopen(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["blob", "rowid"])?;
    let (handle, blob) = blob(runner, &arguments)?;
    runner
        .database
        .reopen_blob(&blob, arguments.required_integer(1)?)?;
    opened(runner, handle, blob.size())
}

pub(crate) fn close(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["blob"])?;
    let (handle, blob) = blob(runner, &arguments)?;
    runner.database.blobs().remove(&handle);
    runner.watch.outbox.flush();
    match Rc::into_inner(blob) {
        Some(blob) => runner.database.close_blob(blob)?,
        None => {
            return Err(misuse(
                "the blob is being used by the statement around this call",
            ));
        }
    }
    Ok(Done::default())
}
