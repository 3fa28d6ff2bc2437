//! Requests with arguments: what their values mean, and who serves them.

use crate::error::Error;
use crate::exec::{Done, Runner};
use crate::ffi::block::Block;
use crate::ffi::payload::{Row, ValueRef};
use crate::ffi::status::SIDELITE_ERR_MISUSE;
use crate::request::{Command, Work};
use crate::result;
use crate::{authorize, backup, blob, config, describe, image, script, session, transaction};
use std::ffi::CString;

/// Runs a request with arguments that is done in one go.
pub(crate) fn run(command: Command, runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    match command {
        Command::Lease => transaction::lease(runner, work),
        Command::Commit => {
            Arguments::of(work, &[])?;
            transaction::commit(runner)
        }
        Command::Rollback => {
            Arguments::of(work, &[])?;
            transaction::rollback(runner)
        }
        Command::Isolation => transaction::isolate(runner, work),
        Command::Describe => describe::describe(runner, work),
        Command::Status => describe::status(runner, work),
        Command::ScriptFile => script::file(runner, work),
        Command::Restore => backup::restore(runner, work),
        Command::Serialize => image::serialize(runner, work),
        Command::Deserialize => image::deserialize(runner, work),
        Command::BlobOpen => blob::open(runner, work),
        Command::BlobRead => blob::read(runner, work),
        Command::BlobWrite => blob::write(runner, work),
        Command::BlobReopen => blob::reopen(runner, work),
        Command::BlobClose => blob::close(runner, work),
        Command::SessionOpen => session::open(runner, work),
        Command::SessionChanges => session::changes(runner, work),
        Command::SessionClose => session::close(runner, work),
        Command::ChangesetApply => session::apply(runner, work),
        Command::ChangesetInvert => session::invert(runner, work),
        Command::ChangesetRebase => session::rebase(runner, work),
        Command::Authorize => authorize::authorize(runner, work),
        Command::Limit => config::limit(runner, work),
        Command::DbConfig => config::db_config(runner, work),
        Command::Checkpoint => config::checkpoint(runner, work),
        Command::Autocheckpoint => config::autocheckpoint(runner, work),
        Command::LoadExtension => config::load_extension(runner, work),
        Command::SetLastInsertRowid => config::set_last_insert_rowid(runner, work),
        // The worker's own, or not done in one go.
        Command::Release | Command::Backup | Command::Dump | Command::Observe => {
            Err(Error::code(SIDELITE_ERR_MISUSE))
        }
    }
}

/// The arguments of a request: by position, or by name. What is missing is NULL, and means the default.
pub(crate) struct Arguments<'a> {
    names: &'static [&'static str],
    /// The column of each, if it was given.
    columns: Vec<Option<usize>>,
    row: Row<'a>,
}

impl<'a> Arguments<'a> {
    /// Those of the first row of values.
    pub(crate) fn of(work: &'a Work, names: &'static [&'static str]) -> Result<Self, Error> {
        Self::of_row(work, 0, names)
    }

    /// An error for names that are not known, and for more values than there are arguments.
    pub(crate) fn of_row(
        work: &'a Work,
        row: usize,
        names: &'static [&'static str],
    ) -> Result<Self, Error> {
        let payload = &work.payload;
        let columns = match &payload.names {
            Some(given) => {
                check_names(given, names)?;
                let column_of = |name: &&str| given.iter().position(|given| is_named(given, name));
                names.iter().map(column_of).collect()
            }
            None if payload.ncols > 0 && names.is_empty() => {
                return Err(misuse("arguments were given, and it takes none"));
            }
            None if payload.ncols > names.len() => {
                return Err(misuse(format!(
                    "{} arguments were given, there are {}: {}",
                    payload.ncols,
                    names.len(),
                    names.join(", ")
                )));
            }
            None => (0..names.len())
                .map(|index| (index < payload.ncols).then_some(index))
                .collect(),
        };
        Ok(Self {
            names,
            columns,
            row: payload.row(row),
        })
    }

    pub(crate) fn get(&self, index: usize) -> ValueRef<'a> {
        self.columns[index].map_or(ValueRef::Null, |column| self.row.get(column))
    }

    /// None for NULL.
    pub(crate) fn integer(&self, index: usize) -> Result<Option<i64>, Error> {
        match self.get(index) {
            ValueRef::Null => Ok(None),
            ValueRef::Integer(integer) => Ok(Some(integer)),
            _ => Err(self.mistyped(index, "an INTEGER")),
        }
    }

    pub(crate) fn integer_or(&self, index: usize, default: i64) -> Result<i64, Error> {
        Ok(self.integer(index)?.unwrap_or(default))
    }

    pub(crate) fn required_integer(&self, index: usize) -> Result<i64, Error> {
        self.integer(index)?
            .ok_or_else(|| self.mistyped(index, "an INTEGER"))
    }

    /// One of a few numbers.
    pub(crate) fn choice(
        &self,
        index: usize,
        choices: std::ops::RangeInclusive<i64>,
        default: i64,
    ) -> Result<i64, Error> {
        let choice = self.integer_or(index, default)?;
        match choices.contains(&choice) {
            true => Ok(choice),
            false => Err(misuse(format!(
                "argument {}: {choice} is none of {} to {}",
                self.names[index],
                choices.start(),
                choices.end()
            ))),
        }
    }

    /// TEXT as SQLite wants names; None for NULL.
    pub(crate) fn text(&self, index: usize) -> Result<Option<CString>, Error> {
        match self.get(index) {
            ValueRef::Null => Ok(None),
            ValueRef::Text(text) => CString::new(text)
                .map(Some)
                .map_err(|_| self.mistyped(index, "a TEXT without NUL")),
            _ => Err(self.mistyped(index, "a TEXT")),
        }
    }

    pub(crate) fn text_or(&self, index: usize, default: &str) -> Result<CString, Error> {
        Ok(self
            .text(index)?
            .unwrap_or_else(|| CString::new(default).unwrap_or_default()))
    }

    pub(crate) fn required_text(&self, index: usize) -> Result<CString, Error> {
        self.text(index)?
            .ok_or_else(|| self.mistyped(index, "a TEXT"))
    }

    pub(crate) fn required_blob(&self, index: usize) -> Result<&'a [u8], Error> {
        match self.get(index) {
            ValueRef::Blob(bytes) => Ok(bytes),
            _ => Err(self.mistyped(index, "a BLOB")),
        }
    }

    pub(crate) fn mistyped(&self, index: usize, wanted: &str) -> Error {
        misuse(format!("argument {} must be {wanted}", self.names[index]))
    }
}

/// As a parameter of SQL, it may have its prefix.
fn is_named(given: &CString, name: &str) -> bool {
    let given = given.as_bytes();
    let bare = match given {
        [b':' | b'@' | b'$', bare @ ..] => bare,
        _ => given,
    };
    bare == name.as_bytes()
}

fn check_names(given: &[CString], names: &[&str]) -> Result<(), Error> {
    let stranger = given
        .iter()
        .find(|given| !names.iter().any(|name| is_named(given, name)));
    match stranger {
        None => Ok(()),
        Some(stranger) => Err(misuse(format!(
            "there is no argument {}, but: {}",
            stranger.to_string_lossy(),
            names.join(", ")
        ))),
    }
}

pub(crate) fn misuse(text: impl Into<String>) -> Error {
    Error::new(SIDELITE_ERR_MISUSE, text)
}

/// The answer of a request: columns by name, and rows.
pub(crate) fn table<'v>(
    runner: &mut Runner<'_>,
    names: &[&str],
    rows: impl IntoIterator<Item = Vec<ValueRef<'v>>>,
) -> Result<Block, Error> {
    let conn = runner.conn;
    result::table(
        &conn.pool,
        runner.scratch,
        names,
        rows,
        conn.result_bytes_max,
    )
}
