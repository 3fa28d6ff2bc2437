//! To come.

use crate::error::Error;
use crate::exec::{Done, Runner};
use crate::ffi::status::SIDELITE_ERR_UNSUPPORTED;
use crate::request::Work;

pub(crate) fn open(_runner: &mut Runner<'_>, _work: &Work) -> Result<Done, Error> {
    Err(Error::code(SIDELITE_ERR_UNSUPPORTED))
}

pub(crate) fn changes(_runner: &mut Runner<'_>, _work: &Work) -> Result<Done, Error> {
    Err(Error::code(SIDELITE_ERR_UNSUPPORTED))
}

pub(crate) fn close(_runner: &mut Runner<'_>, _work: &Work) -> Result<Done, Error> {
    Err(Error::code(SIDELITE_ERR_UNSUPPORTED))
}

pub(crate) fn apply(_runner: &mut Runner<'_>, _work: &Work) -> Result<Done, Error> {
    Err(Error::code(SIDELITE_ERR_UNSUPPORTED))
}

pub(crate) fn invert(_runner: &mut Runner<'_>, _work: &Work) -> Result<Done, Error> {
    Err(Error::code(SIDELITE_ERR_UNSUPPORTED))
}

pub(crate) fn rebase(_runner: &mut Runner<'_>, _work: &Work) -> Result<Done, Error> {
    Err(Error::code(SIDELITE_ERR_UNSUPPORTED))
}
