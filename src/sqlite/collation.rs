//! Collations of the host's, as SQLite calls them: on the worker's thread, inside a statement.

use super::Database;
use super::function::destroy;
use crate::error::Error;
use crate::ffi::function::SIDELITE_FUNCTION_REMOVE;
use crate::ffi::payload::{Value, ValueRef};
use crate::ffi::status::{SIDELITE_ERR_MISUSE, SIDELITE_ERR_PANIC};
use crate::function::{Definition, Hook};
use crate::watch::Watch;
use rusqlite::ffi;
use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

impl Database {
    pub(crate) fn create_collation(
        &self,
        definition: &Definition,
        hook: Hook,
        watch: Rc<Watch>,
    ) -> Result<(), Error> {
        let is_removal = definition.has(SIDELITE_FUNCTION_REMOVE);
        let collation = match is_removal {
            true => std::ptr::null_mut(),
            false => Box::into_raw(Box::new(Collation { watch, hook })),
        };
        // SAFETY: the connection is open. SQLite owns `collation` when this succeeds.
        let code = unsafe {
            ffi::sqlite3_create_collation_v2(
                self.raw(),
                definition.name.as_ptr(),
                ffi::SQLITE_UTF8,
                collation.cast(),
                (!is_removal).then_some(compare as unsafe extern "C" fn(_, _, _, _, _) -> _),
                (!is_removal).then_some(destroy::<Collation> as unsafe extern "C" fn(_)),
            )
        };
        if code != ffi::SQLITE_OK && !collation.is_null() {
            // SAFETY: unlike with functions, it is still ours when this fails.
            drop(unsafe { Box::from_raw(collation) });
        }
        self.check(code)
    }
}

/// A collation of the host's.
struct Collation {
    watch: Rc<Watch>,
    hook: Hook,
}

/// SQLite takes no error from a collation: the statement is stopped by other means, and fails at its end at the latest.
unsafe extern "C" fn compare(
    collation: *mut c_void,
    left_len: c_int,
    left: *const c_void,
    right_len: c_int,
    right: *const c_void,
) -> c_int {
    // SAFETY: registered with one, which lives until after the call; the texts have these lengths.
    let (collation, left, right) = unsafe {
        (
            &*collation.cast::<Collation>(),
            text_of(left, left_len),
            text_of(right, right_len),
        )
    };
    if collation.watch.has_failure() {
        return 0;
    }
    let compare = || {
        collation
            .hook
            .call(&[ValueRef::Text(left), ValueRef::Text(right)])
    };
    match catch_unwind(AssertUnwindSafe(compare)) {
        Ok(Ok(Value::Integer(order))) => order.signum() as c_int,
        Ok(Ok(_)) => {
            let text = "a collation must return an INTEGER";
            collation.watch.fail(Error::new(SIDELITE_ERR_MISUSE, text));
            0
        }
        Ok(Err(error)) => {
            collation.watch.fail(error);
            0
        }
        Err(_) => {
            collation.watch.fail(Error::code(SIDELITE_ERR_PANIC));
            0
        }
    }
}

/// # Safety
/// NULL, or `len` readable bytes.
unsafe fn text_of<'a>(text: *const c_void, len: c_int) -> &'a [u8] {
    match text.is_null() {
        true => &[],
        // SAFETY: as the caller says.
        false => unsafe { std::slice::from_raw_parts(text.cast(), len as usize) },
    }
}
