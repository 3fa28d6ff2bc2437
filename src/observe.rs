//! To come.

use crate::error::Error;
use crate::exec::Runner;
use crate::ffi::status::SIDELITE_ERR_UNSUPPORTED;
use crate::job::Task;
use crate::outbox::Outbox;
use crate::request::Pending;
use crate::sqlite::Database;

pub(crate) struct Observers;

impl Observers {
    pub(crate) fn new() -> Self {
        Self
    }

    /// After each statement, and before the end of a request is told: what was committed goes out.
    pub(crate) fn settle(&self, _database: &Database, _outbox: &Outbox) {}
}

pub(crate) fn observe(
    _runner: &mut Runner<'_>,
    _request: &Pending,
) -> Result<Box<dyn Task>, Error> {
    Err(Error::code(SIDELITE_ERR_UNSUPPORTED))
}
