//! SQLite's authorizer.

use super::Database;
use crate::authorize::{Access, Decision};
use crate::watch::Watch;
use rusqlite::ffi;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

impl Database {
    /// With it set, what was prepared before is prepared, and judged, anew.
    pub(crate) fn set_authorizer(&self, is_wanted: bool) {
        let watch: *mut c_void = Rc::as_ptr(&self.watch).cast_mut().cast();
        // SAFETY: `self.watch` outlives the connection.
        unsafe {
            ffi::sqlite3_set_authorizer(self.raw(), is_wanted.then_some(on_access as _), watch)
        };
    }
}

unsafe extern "C" fn on_access(
    watch: *mut c_void,
    action: c_int,
    first: *const c_char,
    second: *const c_char,
    schema: *const c_char,
    trigger: *const c_char,
) -> c_int {
    // SAFETY: registered with the watch of this connection, which outlives it; the names are NULL or NUL-terminated, and
    // live until we return.
    let (watch, names) = unsafe {
        let names = [first, second, schema, trigger]
            .map(|name| (!name.is_null()).then(|| CStr::from_ptr(name).to_bytes()));
        (&*watch.cast::<Watch>(), names)
    };
    let access = Access {
        action: action.into(),
        names,
    };
    let decide = || watch.hooks.authorize(&access);
    match catch_unwind(AssertUnwindSafe(decide)) {
        Ok(Ok(Decision::Allow)) => ffi::SQLITE_OK,
        Ok(Ok(Decision::Ignore)) => ffi::SQLITE_IGNORE,
        Ok(Ok(Decision::Deny)) | Err(_) => ffi::SQLITE_DENY,
        Ok(Err(error)) => {
            watch.fail(error);
            ffi::SQLITE_DENY
        }
    }
}
