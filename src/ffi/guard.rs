//! What every export does around its body: refuse to run inside a wake function, and let no panic out.

use super::status::{SIDELITE_ERR_MISUSE, SIDELITE_ERR_PANIC};
use super::{inside, quiet};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// For functions that return a status.
pub(super) fn status(body: impl FnOnce() -> Result<i32, i32>) -> i32 {
    if inside::is_in_wake() {
        return SIDELITE_ERR_MISUSE;
    }
    plain(SIDELITE_ERR_PANIC, || {
        body().unwrap_or_else(|refused| refused)
    })
}

/// For functions that return an id or a descriptor, or a status.
pub(super) fn code(body: impl FnOnce() -> Result<i64, i32>) -> i64 {
    if inside::is_in_wake() {
        return SIDELITE_ERR_MISUSE.into();
    }
    plain(SIDELITE_ERR_PANIC.into(), || {
        body().unwrap_or_else(i64::from)
    })
}

/// For functions that cannot fail.
pub(super) fn plain<R>(after_panic: R, body: impl FnOnce() -> R) -> R {
    quiet::quietly(|| catch_unwind(AssertUnwindSafe(body))).unwrap_or(after_panic)
}
