//! To come.

use crate::error::Error;
use crate::exec::{Done, Runner};
use crate::ffi::status::SIDELITE_ERR_UNSUPPORTED;
use crate::request::Work;

pub(crate) fn limit(_runner: &mut Runner<'_>, _work: &Work) -> Result<Done, Error> {
    Err(Error::code(SIDELITE_ERR_UNSUPPORTED))
}

pub(crate) fn db_config(_runner: &mut Runner<'_>, _work: &Work) -> Result<Done, Error> {
    Err(Error::code(SIDELITE_ERR_UNSUPPORTED))
}

pub(crate) fn checkpoint(_runner: &mut Runner<'_>, _work: &Work) -> Result<Done, Error> {
    Err(Error::code(SIDELITE_ERR_UNSUPPORTED))
}

pub(crate) fn autocheckpoint(_runner: &mut Runner<'_>, _work: &Work) -> Result<Done, Error> {
    Err(Error::code(SIDELITE_ERR_UNSUPPORTED))
}

pub(crate) fn load_extension(_runner: &mut Runner<'_>, _work: &Work) -> Result<Done, Error> {
    Err(Error::code(SIDELITE_ERR_UNSUPPORTED))
}

pub(crate) fn set_last_insert_rowid(_runner: &mut Runner<'_>, _work: &Work) -> Result<Done, Error> {
    Err(Error::code(SIDELITE_ERR_UNSUPPORTED))
}
