//! To come.

use crate::error::Error;
use crate::exec::{Done, Runner};
use crate::ffi::status::SIDELITE_ERR_UNSUPPORTED;
use crate::job::Task;
use crate::request::{Pending, Work};

pub(crate) fn backup(_runner: &mut Runner<'_>, _request: &Pending) -> Result<Box<dyn Task>, Error> {
    Err(Error::code(SIDELITE_ERR_UNSUPPORTED))
}

pub(crate) fn restore(_runner: &mut Runner<'_>, _work: &Work) -> Result<Done, Error> {
    Err(Error::code(SIDELITE_ERR_UNSUPPORTED))
}

pub(crate) fn lend(_runner: &mut Runner<'_>, _work: &Work) -> Result<Done, Error> {
    Err(Error::code(SIDELITE_ERR_UNSUPPORTED))
}
