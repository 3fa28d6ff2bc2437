//! To come.

use crate::error::Error;
use crate::exec::{Done, Runner};
use crate::ffi::status::SIDELITE_ERR_UNSUPPORTED;
use crate::request::Work;

pub(crate) fn authorize(_runner: &mut Runner<'_>, _work: &Work) -> Result<Done, Error> {
    Err(Error::code(SIDELITE_ERR_UNSUPPORTED))
}

/// decision, action, first, second, schema, trigger.
pub(crate) const RULE_COLUMNS: usize = 6;
