//! What belongs to the host: its callbacks and the pointers it wants back. Here, and only here, host code is called.

use super::catch;
use super::conn::sidelite_conn;
use super::event::{sidelite_callback, sidelite_event};
use super::function::sidelite_inline_function;
use super::payload::{Value, ValueRef};
use super::queue::sidelite_wake_function;
use super::request::sidelite_run_function;
use super::status::SIDELITE_ERR_MISUSE;
use super::value::*;
use crate::error::Error;
use crate::request::Event;
use smallvec::SmallVec;
use std::cell::Cell;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A pointer that the host gave to get it back.
#[derive(Clone, Copy)]
pub(crate) struct UserData(pub(super) *mut c_void);

// SAFETY: sidelite never looks behind the pointer. The host gets it back where it chose to: on the thread that
// drains, or, with DIRECT queues and RUN, on the connection's thread, as the header says.
unsafe impl Send for UserData {}
// SAFETY: as above; the value itself is only copied.
unsafe impl Sync for UserData {}

/// Whom to tell.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(super) callback: sidelite_callback,
    pub(super) user_data: UserData,
}

impl Target {
    pub(super) fn new(callback: sidelite_callback, user_data: *mut c_void) -> Self {
        Self {
            callback,
            user_data: UserData(user_data),
        }
    }
}

/// The C face of an event; its result pointer is valid as long as `event`.
pub(super) fn face(event: &Event) -> sidelite_event {
    sidelite_event {
        id: event.id,
        user_data: event.target.user_data.0,
        callback: event.target.callback,
        result: event
            .result
            .as_ref()
            .map_or(std::ptr::null(), |block| block.as_ptr()),
        code: event.code,
        flags: event.flags,
        changes: event.changes,
        last_insert_rowid: event.last_insert_rowid,
        conn: event.conn.handle as usize as *mut sidelite_conn,
    }
}

/// Calls the event's callback; what it throws passes through.
pub(super) fn call(event: &sidelite_event) {
    if let Some(callback) = event.callback {
        // SAFETY: the host gave this function for events, to be called with them on this thread.
        unsafe { callback(event, event.user_data) };
    }
}

/// Calls the event's callback on the connection's thread, for a DIRECT queue. A panic of a host in Rust ends here; a
/// foreign exception aborts the process, as Rust cannot catch it.
pub(crate) fn call_directly(queue: u64, event: &Event) {
    let face = face(event);
    let _ = catch_unwind(AssertUnwindSafe(|| {
        super::inside::direct(queue, || call(&face))
    }));
}

/// The host's wake function.
pub(crate) struct WakeFunction {
    function: unsafe extern "C-unwind" fn(*mut c_void),
    data: UserData,
}

impl WakeFunction {
    pub(super) fn new(function: sidelite_wake_function, data: *mut c_void) -> Option<Self> {
        function.map(|function| Self {
            function,
            data: UserData(data),
        })
    }

    pub(crate) fn call(&self) {
        super::inside::wake(|| {
            // SAFETY: the host gave this function to be called on any thread until the queue is freed, and
            // `queue_free` waits for the calls that are on.
            unsafe { (self.function)(self.data.0) }
        });
    }
}

/// The host's function of a RUN request.
#[derive(Clone, Copy)]
pub(crate) struct RunFunction {
    function: unsafe extern "C-unwind" fn(*mut c_void, *mut c_void) -> i32,
    context: UserData,
}

impl RunFunction {
    pub(super) fn new(function: sidelite_run_function, context: *mut c_void) -> Result<Self, i32> {
        let function = function.ok_or(SIDELITE_ERR_MISUSE)?;
        Ok(Self {
            function,
            context: UserData(context),
        })
    }

    /// Runs it on the connection's thread. None: it panicked, or threw, which harms nobody else.
    pub(crate) fn call(&self, db: *mut c_void) -> Option<i32> {
        // SAFETY: the host gave this function to be called once on the connection's thread; `db` is open and used by nobody
        // else meanwhile.
        catch::caught(|| unsafe { (self.function)(db, self.context.0) })
    }
}

/// One of the host's functions that are called on the connection's thread.
#[derive(Clone, Copy)]
pub(crate) struct InlineFunction {
    function: unsafe extern "C-unwind" fn(
        *mut c_void,
        *mut *mut c_void,
        *const sidelite_value,
        u32,
        *mut sidelite_value,
    ) -> i32,
    context: UserData,
}

impl InlineFunction {
    pub(super) fn new(function: sidelite_inline_function, context: *mut c_void) -> Option<Self> {
        function.map(|function| Self {
            function,
            context: UserData(context),
        })
    }

    /// Calls it. What unwinds out of it aborts the process, at the border to SQLite at the latest: catching it would cost
    /// more than many a function.
    ///
    /// # Safety
    /// The arguments' bytes are readable, and `group` is NULL or a place for a pointer of the host's.
    #[inline(always)]
    pub(crate) unsafe fn call(
        &self,
        group: *mut *mut c_void,
        args: &[sidelite_value],
        value: &mut sidelite_value,
    ) -> i32 {
        // SAFETY: the host gave this function to be called on the connection's thread.
        unsafe {
            (self.function)(
                self.context.0,
                group,
                args.as_ptr(),
                args.len() as u32,
                value,
            )
        }
    }

    /// Calls it outside of any group, for a value of one's own.
    pub(crate) fn call_for_value(&self, args: &[ValueRef<'_>]) -> Result<Value, Error> {
        let args: SmallVec<[sidelite_value; 8]> = args.iter().copied().map(lend).collect();
        let mut value = lend(ValueRef::Null);
        // SAFETY: the arguments' bytes are borrowed until it returns.
        let code = unsafe { self.call(std::ptr::null_mut(), &args, &mut value) };
        // SAFETY: the host says that the value's bytes are readable when the function has returned.
        let value = unsafe { Value::copy(&value, true, i32::MAX as u64) };
        match (code, value) {
            (0, Ok(value)) => Ok(value),
            (0, Err(refused)) => Err(Error::code(refused)),
            (code, value) => Err(Error::of_host(code, value.unwrap_or_default().words())),
        }
    }
}

/// A value as C sees it, whose bytes are borrowed.
pub(crate) fn lend(value: ValueRef<'_>) -> sidelite_value {
    let (r#type, len, r#as) = match value {
        ValueRef::Null => (SIDELITE_NULL, 0, sidelite_value_as { integer: 0 }),
        ValueRef::Integer(integer) => (SIDELITE_INTEGER, 0, sidelite_value_as { integer }),
        ValueRef::Real(real) => (SIDELITE_REAL, 0, sidelite_value_as { real }),
        ValueRef::Text(bytes) => (SIDELITE_TEXT, bytes.len(), borrowed(bytes)),
        ValueRef::Blob(bytes) => (SIDELITE_BLOB, bytes.len(), borrowed(bytes)),
        ValueRef::Zeroblob(len) => (
            SIDELITE_ZEROBLOB,
            0,
            sidelite_value_as {
                integer: len as i64,
            },
        ),
    };
    sidelite_value {
        r#type,
        len: len as u32,
        r#as,
    }
}

fn borrowed(bytes: &[u8]) -> sidelite_value_as {
    sidelite_value_as {
        data: bytes.as_ptr().cast(),
    }
}

thread_local! {
    /// Whether this thread is inside a host's wake function.
    pub(super) static IN_WAKE: Cell<bool> = const { Cell::new(false) };
}
