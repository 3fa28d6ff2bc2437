//! Reading what the host filled: structs that carry their size, C strings, arrays.

use super::conn::{sidelite_open_config, sidelite_stats};
use super::function::sidelite_function_config;
use super::queue::sidelite_queue_config;
use super::request::sidelite_request;
use super::status::{SIDELITE_ERR_MISUSE, SIDELITE_ERR_UNSUPPORTED};
use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;

/// A struct of the header that begins with `uint32_t struct_size`.
///
/// # Safety
/// All zeroes must be a value of the type, and any bytes a host writes into its fields too.
pub(super) unsafe trait Sized32: Copy {}

// SAFETY: integers, raw pointers, optional function pointers and unions of them.
unsafe impl Sized32 for sidelite_open_config {}
// SAFETY: as above.
unsafe impl Sized32 for sidelite_queue_config {}
// SAFETY: as above.
unsafe impl Sized32 for sidelite_request {}
// SAFETY: as above.
unsafe impl Sized32 for sidelite_function_config {}
// SAFETY: as above.
unsafe impl Sized32 for sidelite_stats {}

/// No version of the structs will be as large: a larger size is memory that was not filled.
const STRUCT_SIZE_MAX: usize = 4096;

/// Whether a pointer can be what the host says it is.
pub(super) fn is_aligned<T>(pointer: *const T) -> bool {
    !pointer.is_null() && pointer.addr().is_multiple_of(align_of::<T>())
}

/// The `struct_size` of a struct.
///
/// # Safety
/// `pointer` is NULL or points to a `struct_size`.
pub(super) unsafe fn struct_size<T: Sized32>(pointer: *const T) -> Result<usize, i32> {
    if !is_aligned(pointer) {
        return Err(SIDELITE_ERR_MISUSE);
    }
    // SAFETY: aligned, not NULL, and every such struct begins with this field.
    let size = unsafe { pointer.cast::<u32>().read() } as usize;
    if !(size_of::<u32>()..=STRUCT_SIZE_MAX).contains(&size) {
        return Err(SIDELITE_ERR_MISUSE);
    }
    Ok(size)
}

/// Reads a struct: what a shorter one lacks is zero, what a longer one has beyond must be zero.
///
/// # Safety
/// `pointer` is NULL or points to `struct_size` readable bytes.
pub(super) unsafe fn read<T: Sized32>(pointer: *const T) -> Result<T, i32> {
    // SAFETY: passed on.
    let size = unsafe { struct_size(pointer) }?;
    let mut value = MaybeUninit::<T>::zeroed();
    let known = size.min(size_of::<T>());
    // SAFETY: `known` bytes are readable there and fit here.
    unsafe {
        std::ptr::copy_nonoverlapping(pointer.cast::<u8>(), value.as_mut_ptr().cast::<u8>(), known)
    };
    // SAFETY: the rest of the struct is readable as the host says.
    let tail = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>().add(known), size - known) };
    if tail.iter().any(|&byte| byte != 0) {
        return Err(SIDELITE_ERR_UNSUPPORTED);
    }
    // SAFETY: zeroes and the host's bytes are a value, as `Sized32` says.
    Ok(unsafe { value.assume_init() })
}

/// Bytes of a NUL-terminated string, or None for NULL.
///
/// # Safety
/// `string` is NULL or NUL-terminated, and lives as long as `'a` is used.
pub(super) unsafe fn c_string<'a>(string: *const c_char) -> Option<&'a CStr> {
    // SAFETY: not NULL, and terminated, as the caller says.
    (!string.is_null()).then(|| unsafe { CStr::from_ptr(string) })
}

/// An array; NULL is allowed when it is empty.
///
/// # Safety
/// `pointer` is NULL or points to `len` values that live as long as `'a` is used.
pub(super) unsafe fn array<'a, T>(pointer: *const T, len: usize) -> Result<&'a [T], i32> {
    if len == 0 {
        return Ok(&[]);
    }
    if !is_aligned(pointer) || len > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(SIDELITE_ERR_MISUSE);
    }
    // SAFETY: aligned, not NULL, within the address space, and readable as the caller says.
    Ok(unsafe { std::slice::from_raw_parts(pointer, len) })
}
