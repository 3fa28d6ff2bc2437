//! To come.

use crate::error::Error;
use crate::exec::{Done, Runner};
use crate::ffi::status::SIDELITE_ERR_UNSUPPORTED;
use crate::function::Definition;
use std::time::Duration;

pub(crate) struct Hooks;

impl Hooks {
    pub(crate) fn new() -> Self {
        Self
    }

    /// The host's progress hook, which is asked beside our own handler.
    pub(crate) fn progress_says_stop(&self) -> bool {
        false
    }

    /// The host's busy hook: how long to wait before the next try, None within to give up; None when there is no hook.
    pub(crate) fn busy_delay(&self, _times: i32) -> Option<Option<Duration>> {
        None
    }
}

pub(crate) fn define(_runner: &mut Runner<'_>, _definition: &Definition) -> Result<Done, Error> {
    Err(Error::code(SIDELITE_ERR_UNSUPPORTED))
}
