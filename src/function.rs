//! Functions that SQL calls: how they were described, and how a HOST one is answered.

use crate::error::Error;
use crate::exec::{Done, Runner};
use crate::ffi::callback::{InlineFunction, Target};
use crate::ffi::function::*;
use crate::hooks;
use std::ffi::CString;
use std::time::Duration;

/// What the host registers.
#[derive(Clone)]
pub(crate) struct Definition {
    pub(crate) kind: u32,
    pub(crate) flags: u32,
    pub(crate) n_args: i32,
    pub(crate) name: CString,
    pub(crate) inline: Option<Inline>,
    /// HOST: who gets the calls.
    pub(crate) target: Target,
    pub(crate) batch_rows: u32,
    pub(crate) reply_timeout: Option<Duration>,
}

/// Its INLINE functions.
#[derive(Clone, Copy)]
pub(crate) struct Inline {
    pub(crate) call: InlineFunction,
    pub(crate) last: Option<InlineFunction>,
    pub(crate) value: Option<InlineFunction>,
    pub(crate) inverse: Option<InlineFunction>,
}

impl Definition {
    pub(crate) fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }
}

pub(crate) fn define(runner: &mut Runner<'_>, definition: &Definition) -> Result<Done, Error> {
    match definition.kind {
        SIDELITE_FUNCTION_SCALAR..=SIDELITE_FUNCTION_COLLATION => todo!(),
        _ => hooks::define(runner, definition),
    }
}
