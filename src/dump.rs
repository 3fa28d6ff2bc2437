//! To come.

use crate::conn::Credit;
use crate::error::Error;
use crate::exec::Runner;
use crate::ffi::status::SIDELITE_ERR_UNSUPPORTED;
use crate::job::Task;
use crate::request::Work;
use std::sync::Arc;

pub(crate) fn dump(
    _runner: &mut Runner<'_>,
    _work: &Work,
    _credit: Arc<Credit>,
) -> Result<Box<dyn Task>, Error> {
    Err(Error::code(SIDELITE_ERR_UNSUPPORTED))
}
