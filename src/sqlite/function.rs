//! Functions of the host's, as SQLite calls them: on the worker's thread, inside a statement.

use super::Database;
use super::statement::value_of;
use crate::error::Error;
use crate::ffi::callback::{InlineFunction, lend};
use crate::ffi::function::*;
use crate::ffi::payload::{Value, ValueRef};
use crate::ffi::status::{SIDELITE_ERR_CANCELLED, SIDELITE_ERR_MISUSE, SIDELITE_ERR_TIMEOUT};
use crate::ffi::value::*;
use crate::function::{Definition, Group, Host, Inline};
use crate::watch::Watch;
use rusqlite::ffi;
use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// What SQLite keeps for a function, until it is replaced or the connection closes.
struct Registered {
    watch: Rc<Watch>,
    callee: Callee,
}

enum Callee {
    Inline(Inline),
    Host(Rc<Host>),
}

/// So many arguments of an INLINE function need no memory of their own.
const FEW: usize = 8;

impl Database {
    pub(crate) fn create_function(
        &self,
        definition: &Definition,
        host: Rc<Host>,
        watch: Rc<Watch>,
    ) -> Result<(), Error> {
        let is_removal = definition.has(SIDELITE_FUNCTION_REMOVE);
        let is_window = definition.kind == SIDELITE_FUNCTION_WINDOW;
        let is_aggregate = definition.is_aggregate();
        let is_inline = definition.inline.is_some();
        let callee = definition.inline.map_or(Callee::Host(host), Callee::Inline);
        let registered = match is_removal {
            true => std::ptr::null_mut(),
            false => Box::into_raw(Box::new(Registered { watch, callee })).cast(),
        };
        let destroy = (!is_removal).then_some(destroy::<Registered> as unsafe extern "C" fn(_));
        let (name, flags) = (definition.name.as_ptr(), self.flags_of(definition));
        let scalar = match definition.n_args {
            _ if !is_inline => call_host,
            // The usual ones without a loop.
            1 => call_inline_with::<1>,
            2 => call_inline_with::<2>,
            3 => call_inline_with::<3>,
            _ => call_inline,
        };
        // SAFETY: the connection is open. SQLite owns `registered` from here on, and destroys it also when it fails.
        let code = unsafe {
            if is_aggregate && !is_removal {
                ffi::sqlite3_create_window_function(
                    self.raw(),
                    name,
                    definition.n_args,
                    flags,
                    registered,
                    Some(step),
                    Some(last),
                    is_window.then_some(value as unsafe extern "C" fn(_)),
                    is_window.then_some(inverse as Function),
                    destroy,
                )
            } else {
                ffi::sqlite3_create_function_v2(
                    self.raw(),
                    name,
                    definition.n_args,
                    flags,
                    registered,
                    (!is_removal).then_some(scalar),
                    None,
                    None,
                    destroy,
                )
            }
        };
        self.check(code)
    }

    fn flags_of(&self, definition: &Definition) -> c_int {
        let is_innocuous = definition.has(SIDELITE_FUNCTION_INNOCUOUS);
        let is_direct = definition.has(SIDELITE_FUNCTION_DIRECTONLY);
        let mut flags = ffi::SQLITE_UTF8;
        if definition.has(SIDELITE_FUNCTION_DETERMINISTIC) {
            flags |= ffi::SQLITE_DETERMINISTIC;
        }
        if is_direct || self.is_hardened && !is_innocuous {
            flags |= ffi::SQLITE_DIRECTONLY;
        }
        if is_innocuous {
            flags |= ffi::SQLITE_INNOCUOUS;
        }
        flags
    }
}

type Function =
    unsafe extern "C" fn(*mut ffi::sqlite3_context, c_int, *mut *mut ffi::sqlite3_value);

/// SQLite lets go of what it was given.
pub(super) unsafe extern "C" fn destroy<T>(data: *mut c_void) {
    // SAFETY: made by `Box::into_raw` of this type, and given back once.
    drop(unsafe { Box::from_raw(data.cast::<T>()) });
}

/// The arguments of a call.
///
/// # Safety
/// `argv` has `argc` live values, whose bytes are used only while the call lasts.
unsafe fn arguments<'a>(
    argc: c_int,
    argv: *mut *mut ffi::sqlite3_value,
    is_short_of_memory: &Cell<bool>,
) -> impl Iterator<Item = ValueRef<'a>> {
    (0..argc as usize).map(move |index| {
        // SAFETY: as the caller says.
        unsafe { value_of(*argv.add(index), is_short_of_memory) }
    })
}

/// # Safety
/// The context is that of a call.
#[inline]
unsafe fn registered<'a>(context: *mut ffi::sqlite3_context) -> &'a Registered {
    // SAFETY: registered with one, which lives until after the call.
    unsafe { &*ffi::sqlite3_user_data(context).cast::<Registered>() }
}

unsafe extern "C" fn call_inline(
    context: *mut ffi::sqlite3_context,
    argc: c_int,
    argv: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: SQLite passes a live context and live arguments.
    unsafe {
        let registered = registered(context);
        if let Callee::Inline(inline) = &registered.callee {
            let group = std::ptr::null_mut();
            run_inline(context, &registered.watch, inline.call, group, argc, argv);
        }
    }
}

/// As `call_inline`, for so many arguments.
unsafe extern "C" fn call_inline_with<const N: usize>(
    context: *mut ffi::sqlite3_context,
    _: c_int,
    argv: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: SQLite passes a live context and as many live arguments as the function was registered for.
    unsafe {
        let registered = registered(context);
        if let Callee::Inline(inline) = &registered.callee {
            let mut places = [const { MaybeUninit::uninit() }; N];
            let (watch, group) = (&registered.watch, std::ptr::null_mut());
            lend_and_call(context, watch, inline.call, group, &mut places, argv);
        }
    }
}

/// Calls an INLINE function and gives its value to SQLite.
///
/// # Safety
/// The context and the arguments are those of a call; `group` is NULL or the group's place.
#[inline(always)]
unsafe fn run_inline(
    context: *mut ffi::sqlite3_context,
    watch: &Watch,
    function: InlineFunction,
    group: *mut *mut c_void,
    argc: c_int,
    argv: *mut *mut ffi::sqlite3_value,
) {
    let mut few = [const { MaybeUninit::<sidelite_value>::uninit() }; FEW];
    // SAFETY: passed on; there is room for the arguments.
    unsafe {
        match few.get_mut(..argc as usize) {
            Some(places) => lend_and_call(context, watch, function, group, places, argv),
            None => run_inline_with_many(context, watch, function, group, argc, argv),
        }
    }
}

/// # Safety
/// As for `run_inline`.
#[cold]
unsafe fn run_inline_with_many(
    context: *mut ffi::sqlite3_context,
    watch: &Watch,
    function: InlineFunction,
    group: *mut *mut c_void,
    argc: c_int,
    argv: *mut *mut ffi::sqlite3_value,
) {
    let mut places = Vec::new();
    places.resize_with(argc as usize, MaybeUninit::uninit);
    // SAFETY: passed on; there is room for the arguments.
    unsafe { lend_and_call(context, watch, function, group, &mut places, argv) };
}

/// # Safety
/// As for `run_inline`; there are as many places as arguments.
#[inline(always)]
unsafe fn lend_and_call(
    context: *mut ffi::sqlite3_context,
    watch: &Watch,
    function: InlineFunction,
    group: *mut *mut c_void,
    places: &mut [MaybeUninit<sidelite_value>],
    argv: *mut *mut ffi::sqlite3_value,
) {
    let is_short_of_memory = Cell::new(false);
    for (index, place) in places.iter_mut().enumerate() {
        // SAFETY: the argument is live, and its bytes are used only while the call lasts.
        unsafe { lend_argument(place, *argv.add(index), &is_short_of_memory) };
    }
    let mut value = lend(ValueRef::Null);
    // SAFETY: all arguments were written. The host says that its value's bytes are readable when the function has returned.
    unsafe {
        let args = std::slice::from_raw_parts(places.as_ptr().cast(), places.len());
        if is_short_of_memory.get() {
            return ffi::sqlite3_result_error_nomem(context);
        }
        match function.call(group, args, &mut value) {
            0 if value.r#type == SIDELITE_INTEGER => {
                ffi::sqlite3_result_int64(context, value.r#as.integer);
            }
            0 => give_inline(context, watch, &value),
            code => fail_inline(context, watch, code, &value),
        }
    }
}

/// Puts an argument, as C sees it, in its place. INTEGERs need no more than a look.
///
/// # Safety
/// The value is live, and its bytes are used only while the call lasts.
#[inline(always)]
unsafe fn lend_argument(
    place: &mut MaybeUninit<sidelite_value>,
    value: *mut ffi::sqlite3_value,
    is_short_of_memory: &Cell<bool>,
) {
    // SAFETY: as the caller says.
    unsafe {
        if ffi::sqlite3_value_type(value) == ffi::SQLITE_INTEGER {
            let integer = ffi::sqlite3_value_int64(value);
            place.write(lend(ValueRef::Integer(integer)));
        } else {
            lend_other(place, value, is_short_of_memory);
        }
    }
}

/// # Safety
/// As for `lend_argument`.
#[inline(never)]
unsafe fn lend_other(
    place: &mut MaybeUninit<sidelite_value>,
    value: *mut ffi::sqlite3_value,
    is_short_of_memory: &Cell<bool>,
) {
    // SAFETY: passed on.
    place.write(lend(unsafe { value_of(value, is_short_of_memory) }));
}

/// # Safety
/// A live context; the value's bytes are readable.
#[cold]
unsafe fn fail_inline(
    context: *mut ffi::sqlite3_context,
    watch: &Watch,
    code: i32,
    value: &sidelite_value,
) {
    // SAFETY: as the caller says.
    unsafe {
        let message = Value::copy(value, true, i32::MAX as u64).unwrap_or_default();
        fail(context, watch, Error::of_host(code, message.words()));
    }
}

/// # Safety
/// A live context; the value's bytes are readable.
#[inline(never)]
unsafe fn give_inline(context: *mut ffi::sqlite3_context, watch: &Watch, value: &sidelite_value) {
    // SAFETY: the type says which member was written.
    unsafe {
        let value = match value.r#type {
            SIDELITE_NULL => ValueRef::Null,
            SIDELITE_INTEGER => ValueRef::Integer(value.r#as.integer),
            SIDELITE_REAL => ValueRef::Real(value.r#as.real),
            SIDELITE_ZEROBLOB => ValueRef::Zeroblob(value.r#as.integer as u64),
            SIDELITE_TEXT | SIDELITE_BLOB if value.len > 0 && value.r#as.data.is_null() => {
                return fail(context, watch, bad_value());
            }
            SIDELITE_TEXT => ValueRef::Text(bytes(value)),
            SIDELITE_BLOB => ValueRef::Blob(bytes(value)),
            _ => return fail(context, watch, bad_value()),
        };
        give(context, value);
    }
}

/// # Safety
/// TEXT or BLOB, with readable bytes.
unsafe fn bytes<'a>(value: &sidelite_value) -> &'a [u8] {
    match value.len {
        0 => &[],
        // SAFETY: as the caller says.
        len => unsafe { std::slice::from_raw_parts(value.r#as.data.cast(), len as usize) },
    }
}

fn bad_value() -> Error {
    Error::new(
        SIDELITE_ERR_MISUSE,
        "an INLINE function returned a value of unknown type, or NULL data with a length",
    )
}

/// Gives a value to SQLite, which copies it.
///
/// # Safety
/// A live context.
#[inline]
unsafe fn give(context: *mut ffi::sqlite3_context, value: ValueRef<'_>) {
    // SAFETY: SQLITE_TRANSIENT has SQLite copy bytes now; an empty slice's pointer is not NULL, which would be NULL.
    unsafe {
        match value {
            ValueRef::Null => ffi::sqlite3_result_null(context),
            ValueRef::Integer(integer) => ffi::sqlite3_result_int64(context, integer),
            ValueRef::Real(real) => ffi::sqlite3_result_double(context, real),
            ValueRef::Text(text) => ffi::sqlite3_result_text64(
                context,
                text.as_ptr().cast(),
                text.len() as u64,
                ffi::SQLITE_TRANSIENT(),
                ffi::SQLITE_UTF8 as u8,
            ),
            ValueRef::Blob(bytes) => ffi::sqlite3_result_blob64(
                context,
                bytes.as_ptr().cast(),
                bytes.len() as u64,
                ffi::SQLITE_TRANSIENT(),
            ),
            ValueRef::Zeroblob(len) => {
                if ffi::sqlite3_result_zeroblob64(context, len) != ffi::SQLITE_OK {
                    ffi::sqlite3_result_error_toobig(context);
                }
            }
        }
    }
}

/// Fails the statement. SQLite passes on its own codes and the text; the watch keeps what it does not.
///
/// # Safety
/// A live context.
#[cold]
unsafe fn fail(context: *mut ffi::sqlite3_context, watch: &Watch, error: Error) {
    let text = error.text();
    // SAFETY: the text is copied.
    unsafe {
        ffi::sqlite3_result_error(context, text.as_ptr().cast(), text.len() as c_int);
        ffi::sqlite3_result_error_code(context, sqlite_code(&error));
    }
    watch.fail(error);
}

/// The code that SQLite is given for an error: its own, or for a statement that is told to stop, INTERRUPT.
fn sqlite_code(error: &Error) -> c_int {
    match error.code {
        SIDELITE_ERR_CANCELLED | SIDELITE_ERR_TIMEOUT => ffi::SQLITE_INTERRUPT,
        code if code > 0 => code,
        _ => ffi::SQLITE_ERROR,
    }
}

/// Runs what may panic: SQLite must not be unwound through.
///
/// # Safety
/// A live context.
unsafe fn contained(
    context: *mut ffi::sqlite3_context,
    watch: &Watch,
    run: impl FnOnce() -> Result<Option<Value>, Error>,
) {
    let result = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        Err(Error::new(
            crate::ffi::status::SIDELITE_ERR_PANIC,
            crate::ffi::quiet::last_panic(),
        ))
    });
    // SAFETY: as the caller says.
    unsafe {
        match result {
            Ok(None) => {}
            Ok(Some(value)) => give(context, value.as_ref()),
            Err(error) => fail(context, watch, error),
        }
    }
}

unsafe extern "C" fn call_host(
    context: *mut ffi::sqlite3_context,
    argc: c_int,
    argv: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: SQLite passes a live context and live arguments.
    unsafe {
        let registered = registered(context);
        let Callee::Host(host) = &registered.callee else {
            return;
        };
        contained(context, &registered.watch, || {
            let is_short_of_memory = Cell::new(false);
            let args = arguments(argc, argv, &is_short_of_memory);
            host.scalar(argc as usize, args).map(Some)
        });
    }
}

/// The place that SQLite keeps for a group: the host's pointer, or ours to a `Group`. NULL before its first row, unless it
/// is to be made.
///
/// # Safety
/// The context is that of an aggregate's call.
unsafe fn place(context: *mut ffi::sqlite3_context, make: bool) -> *mut *mut c_void {
    let size = if make {
        size_of::<*mut c_void>() as c_int
    } else {
        0
    };
    // SAFETY: as the caller says; the memory is zeroed and aligned.
    unsafe { ffi::sqlite3_aggregate_context(context, size).cast() }
}

unsafe extern "C" fn step(
    context: *mut ffi::sqlite3_context,
    argc: c_int,
    argv: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: passed on.
    unsafe { row(context, argc, argv, false) }
}

unsafe extern "C" fn inverse(
    context: *mut ffi::sqlite3_context,
    argc: c_int,
    argv: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: passed on.
    unsafe { row(context, argc, argv, true) }
}

/// A row comes into a group, or leaves it.
///
/// # Safety
/// The context and the arguments are those of an aggregate's call.
unsafe fn row(
    context: *mut ffi::sqlite3_context,
    argc: c_int,
    argv: *mut *mut ffi::sqlite3_value,
    leaves: bool,
) {
    // SAFETY: as the caller says. The place holds what this registration put there: NULL, the host's pointer, or a group.
    unsafe {
        let Registered { watch, callee } = registered(context);
        let place = place(context, true);
        if place.is_null() {
            return ffi::sqlite3_result_error_nomem(context);
        }
        match callee {
            Callee::Inline(inline) => {
                let function = if leaves {
                    inline.inverse
                } else {
                    Some(inline.call)
                };
                if let Some(function) = function {
                    run_inline(context, watch, function, place, argc, argv);
                }
            }
            Callee::Host(host) => contained(context, watch, || {
                let is_short_of_memory = Cell::new(false);
                let args = arguments(argc, argv, &is_short_of_memory);
                let group = group(place, host, argc as usize)?;
                match leaves {
                    false => group.step(args)?,
                    true => group.inverse(args)?,
                }
                Ok(None)
            }),
        }
    }
}

/// The group in its place, made when it is not yet there.
///
/// # Safety
/// The place is NULL inside, or holds a group of this function's.
unsafe fn group<'a>(
    place: *mut *mut c_void,
    host: &Rc<Host>,
    count: usize,
) -> Result<&'a mut Group, Error> {
    // SAFETY: as the caller says; SQLite calls a group's functions one at a time.
    unsafe {
        if (*place).is_null() {
            let group = Group::new(Rc::clone(host), count)?;
            *place = Box::into_raw(Box::new(group)).cast();
        }
        Ok(&mut *(*place).cast::<Group>())
    }
}

unsafe extern "C" fn value(context: *mut ffi::sqlite3_context) {
    // SAFETY: SQLite passes a live context of an aggregate; the place holds what this registration put there.
    unsafe {
        let Registered { watch, callee } = registered(context);
        let place = place(context, true);
        if place.is_null() {
            return ffi::sqlite3_result_error_nomem(context);
        }
        match callee {
            Callee::Inline(inline) => {
                if let Some(function) = inline.value {
                    run_inline(context, watch, function, place, 0, std::ptr::null_mut());
                }
            }
            Callee::Host(host) => {
                contained(context, watch, || group(place, host, 0)?.value().map(Some))
            }
        }
    }
}

/// The end of a group, also of one without rows, and of one whose statement has failed.
unsafe extern "C" fn last(context: *mut ffi::sqlite3_context) {
    // SAFETY: SQLite passes a live context of an aggregate; the place holds what this registration put there.
    unsafe {
        let Registered { watch, callee } = registered(context);
        let mut empty = std::ptr::null_mut();
        let kept = place(context, false);
        let place = if kept.is_null() { &raw mut empty } else { kept };
        match callee {
            Callee::Inline(inline) => {
                if let Some(function) = inline.last {
                    run_inline(context, watch, function, place, 0, std::ptr::null_mut());
                }
            }
            Callee::Host(host) => contained(context, watch, || {
                let group = match (*place).is_null() {
                    true => Group::new(Rc::clone(host), 0)?,
                    false => *Box::from_raw(place.replace(std::ptr::null_mut()).cast::<Group>()),
                };
                group.finish().map(Some)
            }),
        }
    }
}
