//! To come.

use crate::error::Error;
use crate::exec::Runner;
use crate::ffi::status::SIDELITE_ERR_UNSUPPORTED;
use crate::job::Task;
use crate::outbox::Outbox;
use crate::request::Pending;
use crate::sqlite::{AUTOCHECKPOINT_PAGES, Database};
use std::cell::Cell;
use std::ffi::CStr;

pub(crate) struct Observers {
    autocheckpoint: Cell<i32>,
}

impl Observers {
    pub(crate) fn new() -> Self {
        Self {
            autocheckpoint: Cell::new(AUTOCHECKPOINT_PAGES),
        }
    }

    /// After how many pages in a log a checkpoint is due; 0 for never.
    pub(crate) fn autocheckpoint(&self) -> i32 {
        self.autocheckpoint.get()
    }

    pub(crate) fn set_autocheckpoint(&self, pages: i32) {
        self.autocheckpoint.set(pages);
    }

    /// A transaction was committed to a write-ahead log.
    pub(crate) fn log_grew(&self, _schema: &CStr, _pages: i32) {}

    /// After each statement, and before the end of a request is told: what was committed goes out.
    pub(crate) fn settle(&self, _database: &Database, _outbox: &Outbox) {}
}

pub(crate) fn observe(
    _runner: &mut Runner<'_>,
    _request: &Pending,
) -> Result<Box<dyn Task>, Error> {
    Err(Error::code(SIDELITE_ERR_UNSUPPORTED))
}
