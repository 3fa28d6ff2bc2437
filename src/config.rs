//! Limits, switches, checkpoints, extensions.

use crate::command::{Arguments, misuse, table};
use crate::error::Error;
use crate::exec::{Done, Runner};
use crate::ffi::payload::ValueRef;
use crate::request::Work;
use crate::sqlite::Database;
use rusqlite::ffi::{SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, SQLITE_ERROR};

pub(crate) fn limit(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["limit", "value"])?;
    let limit = arguments.required_integer(0)?;
    let value = arguments.integer(1)?;
    if value.is_some_and(|value| value < 0) {
        return Err(misuse("argument value must not be below 0"));
    }
    let value = value.map(|value| value.min(i32::MAX.into()) as i32);
    let before = i32::try_from(limit)
        .ok()
        .and_then(|limit| runner.database.limit(limit, value))
        .ok_or_else(|| misuse(format!("there is no limit {limit}")))?;
    if value.is_some() {
        // SQLite looks at limits as it prepares.
        runner.database.forget_statements();
    }
    one(runner, "value", before.into())
}

pub(crate) fn db_config(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["option", "value"])?;
    let option = arguments.required_integer(0)?;
    if !Database::is_switch(option) {
        return Err(misuse(format!("there is no switch {option}")));
    }
    let is_extensions = option == i64::from(SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION);
    let highest = if is_extensions { 2 } else { 1 };
    let value = match arguments.integer(1)? {
        None => None,
        Some(_) => Some(arguments.choice(1, 0..=highest, 0)?),
    };
    if is_extensions && value.is_some() {
        runner.database.enable_sql_extensions(value == Some(2))?;
    }
    let now = runner
        .database
        .switch(option as i32, value.map(|value| value > 0))?;
    one(runner, "value", now.into())
}

fn one(runner: &mut Runner<'_>, name: &str, value: i64) -> Result<Done, Error> {
    table(runner, &[name], [vec![ValueRef::Integer(value)]]).map(Done::rows)
}

pub(crate) fn checkpoint(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["mode", "schema"])?;
    let mode = arguments.choice(0, 0..=3, 0)?;
    let schema = arguments.text(1)?;
    runner.watch.outbox.flush();
    let (log, checkpointed) = runner.database.checkpoint(schema.as_deref(), mode as i32)?;
    let row = [log, checkpointed].map(|frames| ValueRef::Integer(frames.into()));
    table(runner, &["log", "checkpointed"], [row.to_vec()]).map(Done::rows)
}

pub(crate) fn autocheckpoint(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["pages"])?;
    let default = crate::sqlite::AUTOCHECKPOINT_PAGES;
    let pages = arguments.choice(0, 0..=i32::MAX.into(), default.into())?;
    runner.watch.observers.set_autocheckpoint(pages as i32);
    Ok(Done::default())
}

pub(crate) fn load_extension(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["path", "entry"])?;
    let (path, entry) = (arguments.required_text(0)?, arguments.text(1)?);
    let is_on = runner
        .database
        .switch(SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, None)?;
    if !is_on {
        return Err(Error {
            sqlite_code: SQLITE_ERROR,
            ..Error::new(
                SQLITE_ERROR,
                "loading extensions is switched off: open with SIDELITE_OPEN_EXTENSIONS",
            )
        });
    }
    runner.database.load_extension(&path, entry.as_deref())?;
    Ok(Done::default())
}

pub(crate) fn set_last_insert_rowid(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["rowid"])?;
    let rowid = arguments.required_integer(0)?;
    runner.database.set_last_insert_rowid(rowid);
    Ok(Done::default())
}
