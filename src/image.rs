//! To come.

use crate::error::Error;
use crate::exec::{Done, Runner};
use crate::ffi::status::SIDELITE_ERR_UNSUPPORTED;
use crate::request::Work;

pub(crate) fn serialize(_runner: &mut Runner<'_>, _work: &Work) -> Result<Done, Error> {
    Err(Error::code(SIDELITE_ERR_UNSUPPORTED))
}

pub(crate) fn deserialize(_runner: &mut Runner<'_>, _work: &Work) -> Result<Done, Error> {
    Err(Error::code(SIDELITE_ERR_UNSUPPORTED))
}
