//! Serialize and deserialize: a database as one BLOB, and back.

use crate::command::{Arguments, misuse, table};
use crate::error::Error;
use crate::exec::{Done, Runner, too_big};
use crate::ffi::payload::ValueRef;
use crate::ffi::status::SIDELITE_ERR_TOO_BIG;
use crate::request::Work;
use rusqlite::ffi::SQLITE_NOTADB;

/// What every database file begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

pub(crate) fn serialize(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["schema"])?;
    let schema = arguments.text_or(0, "main")?;
    let image = runner.database.serialize(&schema)?;
    if image.bytes().len() > i32::MAX as usize {
        return Err(too_big(SIDELITE_ERR_TOO_BIG));
    }
    table(runner, &["image"], [vec![ValueRef::Blob(image.bytes())]]).map(Done::rows)
}

pub(crate) fn deserialize(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["image", "schema", "readonly"])?;
    let image = arguments.required_blob(0)?;
    let schema = arguments.text_or(1, "main")?;
    let is_readonly = arguments.choice(2, 0..=1, 0)? == 1;
    // SQLite takes anything, gives the old database up for it, and finds out later.
    if !image.is_empty() && !image.starts_with(MAGIC) {
        return Err(Error::code(SQLITE_NOTADB));
    }
    if runner.database.is_in_transaction() {
        return Err(misuse(
            "a database cannot be replaced inside of a transaction: commit or roll back first",
        ));
    }
    runner.database.deserialize(&schema, image, is_readonly)?;
    runner.database.check_schema(&schema)?;
    Ok(Done::default())
}
