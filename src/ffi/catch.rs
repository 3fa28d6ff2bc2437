//! Catches a C++ exception, which Rust itself cannot: `catch_unwind` ends the process when it meets one.
//!
//! A function in between tells the unwinder, by a personality of its own, that what others throw goes no further. That is
//! written for x86-64 alone; elsewhere such an exception ends the process.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What it returns; None if it panicked, or if an exception left it, which is gone.
pub(super) fn caught<R>(run: impl FnOnce() -> R) -> Option<R> {
    let mut task = Task {
        run: Some(run),
        value: None,
    };
    let (function, argument) = (function_of(&task), (&raw mut task).cast());
    // SAFETY: the function is that of this task. The exception is nobody else's any more.
    let catch = || unsafe {
        let exception = call(function, argument);
        if !exception.is_null() {
            delete(exception);
        }
    };
    catch_unwind(AssertUnwindSafe(catch)).ok()?;
    task.value
}

struct Task<F, R> {
    run: Option<F>,
    value: Option<R>,
}

/// Returns NULL.
type Function = unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void;

/// The function that runs such a task.
fn function_of<F: FnOnce() -> R, R>(_: &Task<F, R>) -> Function {
    run::<F, R>
}

/// # Safety
/// The task is one of these types.
unsafe extern "C-unwind" fn run<F: FnOnce() -> R, R>(task: *mut c_void) -> *mut c_void {
    // SAFETY: as the caller says.
    let task = unsafe { &mut *task.cast::<Task<F, R>>() };
    task.value = task.run.take().map(|run| run());
    std::ptr::null_mut()
}

#[cfg(not(target_arch = "x86_64"))]
unsafe fn call(function: Function, argument: *mut c_void) -> *mut c_void {
    // SAFETY: as the caller says.
    unsafe { function(argument) }
}

#[cfg(not(target_arch = "x86_64"))]
unsafe fn delete(_exception: *mut c_void) {}

#[cfg(target_arch = "x86_64")]
use x86_64::{_Unwind_DeleteException as delete, call};

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use super::Function;
    use std::arch::naked_asm;
    use std::ffi::{c_int, c_void};

    // As the ABI of the unwinder has them: itanium-cxx-abi.github.io/cxx-abi/abi-eh.html.
    const SEARCH_PHASE: c_int = 1;
    const FORCED: c_int = 8;
    const HANDLER_FOUND: c_int = 6;
    const INSTALL_CONTEXT: c_int = 7;
    const CONTINUE_UNWIND: c_int = 8;
    /// As the standard library writes it; older ones wrote it the other way round.
    const CLASS_OF_RUST: u64 = u64::from_ne_bytes(*b"MOZ\0RUST");
    /// Where a function returns its value: RAX, by its number in DWARF.
    const VALUE: c_int = 0;

    unsafe extern "C" {
        pub(super) fn _Unwind_DeleteException(exception: *mut c_void);
        fn _Unwind_SetGR(context: *mut c_void, register: c_int, value: usize);
    }

    /// Calls the function. When it throws, it is as if it had returned the exception.
    #[unsafe(naked)]
    pub(super) unsafe extern "C-unwind" fn call(
        function: Function,
        argument: *mut c_void,
    ) -> *mut c_void {
        naked_asm!(
            ".cfi_startproc",
            ".cfi_personality 0x1b, {personality}",
            "push rbp",
            ".cfi_def_cfa_offset 16",
            ".cfi_offset rbp, -16",
            "mov rbp, rsp",
            ".cfi_def_cfa_register rbp",
            "mov rax, rdi",
            "mov rdi, rsi",
            "call rax",
            "endbr64",
            "pop rbp",
            ".cfi_def_cfa rsp, 8",
            "ret",
            ".cfi_endproc",
            personality = sym personality,
        )
    }

    /// Asked by the unwinder when an exception reaches `call`: on its way to look for who takes it, and when it is there.
    unsafe extern "C" fn personality(
        _version: c_int,
        actions: c_int,
        class: u64,
        exception: *mut c_void,
        context: *mut c_void,
    ) -> c_int {
        let is_rust = [class, class.swap_bytes()].contains(&CLASS_OF_RUST);
        if is_rust || actions & FORCED != 0 {
            return CONTINUE_UNWIND;
        }
        if actions & SEARCH_PHASE != 0 {
            return HANDLER_FOUND;
        }
        // SAFETY: the unwinder passes its own context, in which `call` goes on behind its call of the function.
        unsafe { _Unwind_SetGR(context, VALUE, exception as usize) };
        INSTALL_CONTEXT
    }
}
