//! What a request brings along: its SQL, values and names, copied into one allocation or, under STATIC, left with the host.

use super::command::SIDELITE_DESCRIBE;
use super::plain;
use super::request::*;
use super::status::*;
use super::value::*;
use crate::text::Sql;
use smallvec::SmallVec;
use std::ffi::{CString, c_char};

/// A value as the SQLite edge binds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ValueRef<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'a [u8]),
    Blob(&'a [u8]),
    /// So many zero bytes; it only goes in.
    Zeroblob(u64),
}

/// A value of one's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Value {
    #[default]
    Null,
    Integer(i64),
    Real(f64),
    Text(Box<[u8]>),
    Blob(Box<[u8]>),
    Zeroblob(u64),
}

impl Value {
    /// TEXT as a message; nothing of all else.
    pub(crate) fn words(&self) -> &[u8] {
        match self {
            Self::Text(text) => text,
            _ => b"",
        }
    }

    /// Checks and copies a value of the host's.
    ///
    /// # Safety
    /// TEXT and BLOB point to `len` readable bytes, or NULL.
    pub(crate) unsafe fn copy(
        value: &sidelite_value,
        any_text: bool,
        bytes_max: u64,
    ) -> Result<Self, i32> {
        // SAFETY: passed on.
        unsafe { check(std::slice::from_ref(value), any_text, bytes_max) }?;
        let row = Row {
            values: std::slice::from_ref(value),
            copied: None,
        };
        Ok(Self::of(row.get(0)))
    }

    pub(crate) fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(integer) => Self::Integer(integer),
            ValueRef::Real(real) => Self::Real(real),
            ValueRef::Text(text) => Self::Text(text.into()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.into()),
            ValueRef::Zeroblob(len) => Self::Zeroblob(len),
        }
    }

    pub(crate) fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Integer(integer) => ValueRef::Integer(*integer),
            Self::Real(real) => ValueRef::Real(*real),
            Self::Text(text) => ValueRef::Text(text),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
            Self::Zeroblob(len) => ValueRef::Zeroblob(*len),
        }
    }
}

/// Small requests have their payload in the box that they travel in: nothing else to allocate, nothing to chase.
type Units = SmallVec<[sidelite_value; 10]>;

pub(crate) struct Payload {
    storage: Storage,
    pub(crate) ncols: usize,
    pub(crate) nrows: usize,
    pub(crate) names: Option<Box<[CString]>>,
}

enum Storage {
    /// The values, then the SQL with a NUL and the bytes of TEXT and BLOB, in units of 16 bytes. Offsets count from the start.
    Copied {
        units: Units,
        sql_at: usize,
        sql_len: usize,
    },
    /// The host's own memory, which it promised to leave alone until the final event. SQL without a NUL is copied.
    Static {
        sql: StaticSql,
        values: *const sidelite_value,
    },
}

enum StaticSql {
    Copied(Vec<u8>),
    /// With its NUL.
    Borrowed(*const u8, usize),
}

// SAFETY: copied storage is owned; static storage is only read, by one thread at a time, and the host keeps it
// unchanged until the final event (SIDELITE_STATIC).
unsafe impl Send for Payload {}

impl Default for Payload {
    /// Neither SQL nor values.
    fn default() -> Self {
        Self {
            storage: Storage::Static {
                sql: StaticSql::Copied(vec![0]),
                values: std::ptr::null(),
            },
            ncols: 0,
            nrows: 1,
            names: None,
        }
    }
}

impl Payload {
    /// Checks and takes over what a request points to.
    ///
    /// # Safety
    /// The request's pointers are NULL or valid as the header says, until the call returns or, under STATIC, the
    /// final event.
    pub(super) unsafe fn new(
        request: &sidelite_request,
        any_text: bool,
        bytes_max: u64,
    ) -> Result<Self, i32> {
        let ncols = request.ncols as usize;
        let nrows = request.nrows.max(1) as usize;
        let count = ncols.checked_mul(nrows).ok_or(SIDELITE_ERR_TOO_BIG)?;
        // SAFETY: the caller's promise about `sql`.
        let sql = unsafe { sql_of(request) }?;
        // SAFETY: the caller's promise about `names`.
        let names = unsafe { names_of(request.names, ncols) }?;
        // One more for the NUL. What is left to the host is not counted.
        let is_static = request.flags & SIDELITE_STATIC != 0;
        let fixed = (count as u64)
            .saturating_mul(16)
            .saturating_add(sql.len() as u64 + 1);
        let bytes_max = if is_static { u64::MAX } else { bytes_max };
        let bytes_max = fixed
            .checked_add(bytes_of_names(names.as_deref()))
            .and_then(|taken| bytes_max.checked_sub(taken))
            .ok_or(SIDELITE_ERR_TOO_BIG)?;
        // SAFETY: the caller's promise about `values`.
        let values = unsafe { plain::array(request.values, count) }?;
        // SAFETY: the caller's promise about what the values point to.
        let bytes = unsafe { check(values, any_text, bytes_max) }?;
        let storage = match is_static {
            true => Storage::Static {
                sql: static_sql(request, sql),
                values: request.values,
            },
            // SAFETY: `check` found the values sound, and this is what they need.
            false => unsafe { copy(sql, values, (fixed + bytes) as usize) }?,
        };
        Ok(Self {
            storage,
            ncols,
            nrows,
            names,
        })
    }

    /// Bytes of memory held.
    pub(crate) fn bytes(&self) -> u64 {
        match &self.storage {
            Storage::Copied { units, .. } => {
                16 * units.len() as u64 + bytes_of_names(self.names.as_deref())
            }
            Storage::Static { .. } => 0,
        }
    }

    pub(crate) fn sql(&self) -> Sql<'_> {
        Sql::with_nul(match &self.storage {
            Storage::Copied {
                units,
                sql_at,
                sql_len,
            } => &bytes_of(units)[*sql_at..=sql_at + sql_len],
            Storage::Static {
                sql: StaticSql::Copied(sql),
                ..
            } => sql,
            Storage::Static {
                sql: StaticSql::Borrowed(sql, len),
                ..
            } => {
                // SAFETY: the host keeps the text until the final event; this payload does not outlive it.
                unsafe { std::slice::from_raw_parts(*sql, *len) }
            }
        })
    }

    /// A row of values; `row` is below `nrows`.
    #[inline]
    pub(crate) fn row(&self, row: usize) -> Row<'_> {
        let range = row * self.ncols..(row + 1) * self.ncols;
        match &self.storage {
            Storage::Copied { units, .. } => Row {
                values: &units[range],
                copied: Some(bytes_of(units)),
            },
            Storage::Static { .. } if self.ncols == 0 => Row {
                values: &[],
                copied: None,
            },
            Storage::Static { values, .. } => {
                assert!(row < self.nrows);
                // SAFETY: in range of the host's array, which it keeps until the final event.
                let values =
                    unsafe { std::slice::from_raw_parts(values.add(range.start), range.len()) };
                Row {
                    values,
                    copied: None,
                }
            }
        }
    }
}

/// A row of values that were checked.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    values: &'a [sidelite_value],
    /// What offsets of TEXT and BLOB count from; None for pointers of the host.
    copied: Option<&'a [u8]>,
}

impl<'a> Row<'a> {
    #[inline]
    pub(crate) fn get(&self, column: usize) -> ValueRef<'a> {
        let value = &self.values[column];
        // SAFETY: every member of the union is plain bits, and the type, checked at submit, says which was written.
        unsafe {
            match value.r#type {
                SIDELITE_INTEGER => ValueRef::Integer(value.r#as.integer),
                SIDELITE_REAL => ValueRef::Real(value.r#as.real),
                SIDELITE_TEXT => ValueRef::Text(self.bytes(value)),
                SIDELITE_BLOB => ValueRef::Blob(self.bytes(value)),
                SIDELITE_ZEROBLOB => ValueRef::Zeroblob(value.r#as.integer as u64),
                _ => ValueRef::Null,
            }
        }
    }

    /// # Safety
    /// The value is TEXT or BLOB.
    #[inline]
    unsafe fn bytes(&self, value: &sidelite_value) -> &'a [u8] {
        match self.copied {
            // SAFETY: `copy` stored an offset.
            Some(bytes) => &bytes[unsafe { value.r#as.offset } as usize..][..value.len as usize],
            // SAFETY: a pointer of the host's, which keeps what it points to until the final event.
            None => unsafe { data_of(value) },
        }
    }
}

/// # Safety
/// TEXT or BLOB that was checked, and whose bytes live as long as `'a`.
unsafe fn data_of<'a>(value: &sidelite_value) -> &'a [u8] {
    if value.len == 0 {
        return &[];
    }
    // SAFETY: not NULL, since its length is not 0 and it was checked.
    unsafe { std::slice::from_raw_parts(value.r#as.data.cast(), value.len as usize) }
}

fn is_nul_terminated(request: &sidelite_request) -> bool {
    matches!(request.sql_len, 0 | SIDELITE_NUL_TERMINATED)
}

fn static_sql(request: &sidelite_request, sql: &[u8]) -> StaticSql {
    match is_nul_terminated(request) && !request.sql.is_null() {
        true => StaticSql::Borrowed(sql.as_ptr(), sql.len() + 1),
        false => StaticSql::Copied([sql, b"\0"].concat()),
    }
}

/// # Safety
/// `sql` is NULL, or `sql_len` bytes, or NUL-terminated when that says so.
unsafe fn sql_of<'a>(request: &sidelite_request) -> Result<&'a [u8], i32> {
    let wants_sql = matches!(
        request.kind,
        SIDELITE_EXECUTE | SIDELITE_FETCH | SIDELITE_STREAM | SIDELITE_SCRIPT | SIDELITE_DESCRIBE
    );
    if wants_sql == request.sql.is_null() && request.kind != SIDELITE_RUN {
        return Err(SIDELITE_ERR_MISUSE);
    }
    if request.sql.is_null() {
        return Ok(&[]);
    }
    let sql = if is_nul_terminated(request) {
        // SAFETY: the caller says it is terminated.
        unsafe { std::ffi::CStr::from_ptr(request.sql) }.to_bytes()
    } else if request.sql_len >= i32::MAX as u64 {
        return Err(SIDELITE_ERR_TOO_BIG);
    } else {
        // SAFETY: the caller says so many bytes are readable.
        unsafe { std::slice::from_raw_parts(request.sql.cast::<u8>(), request.sql_len as usize) }
    };
    if sql.len() >= i32::MAX as usize {
        return Err(SIDELITE_ERR_TOO_BIG);
    }
    if !is_nul_terminated(request) && sql.contains(&0) || !is_utf8(sql) {
        return Err(SIDELITE_ERR_BAD_TEXT);
    }
    Ok(sql)
}

/// Checks all values, their lengths before their bytes; returns how many bytes of TEXT and BLOB they have.
///
/// # Safety
/// TEXT and BLOB point to `len` readable bytes, or NULL.
unsafe fn check(values: &[sidelite_value], any_text: bool, bytes_max: u64) -> Result<u64, i32> {
    let mut bytes = 0u64;
    for value in values {
        match value.r#type {
            SIDELITE_NULL | SIDELITE_INTEGER | SIDELITE_REAL => {}
            SIDELITE_ZEROBLOB => {
                // SAFETY: the member that ZEROBLOB uses.
                let len = unsafe { value.r#as.integer };
                if !(0..=i64::from(i32::MAX)).contains(&len) {
                    return Err(SIDELITE_ERR_TOO_BIG);
                }
            }
            SIDELITE_TEXT | SIDELITE_BLOB => {
                // SAFETY: the member that TEXT and BLOB use.
                if value.len > 0 && unsafe { value.r#as.data }.is_null() {
                    return Err(SIDELITE_ERR_MISUSE);
                }
                bytes += u64::from(value.len);
                if value.len > i32::MAX as u32 || bytes > bytes_max {
                    return Err(SIDELITE_ERR_TOO_BIG);
                }
                // SAFETY: readable as the caller says.
                let data = unsafe { data_of(value) };
                let is_text = value.r#type == SIDELITE_TEXT && !any_text;
                if is_text && !is_utf8(data) {
                    return Err(SIDELITE_ERR_BAD_TEXT);
                }
            }
            _ => return Err(SIDELITE_ERR_MISUSE),
        }
    }
    Ok(bytes)
}

/// # Safety
/// `names` is NULL or an array of `ncols` NUL-terminated strings.
unsafe fn names_of(
    names: *const *const c_char,
    ncols: usize,
) -> Result<Option<Box<[CString]>>, i32> {
    if names.is_null() {
        return Ok(None);
    }
    // SAFETY: as the caller says.
    let names = unsafe { plain::array(names, ncols) }?;
    let copies = names.iter().map(|&name| {
        // SAFETY: as the caller says.
        let name = unsafe { plain::c_string(name) }.ok_or(SIDELITE_ERR_MISUSE)?;
        name.to_str().map_err(|_| SIDELITE_ERR_BAD_TEXT)?;
        Ok(name.to_owned())
    });
    copies.collect::<Result<_, _>>().map(Some)
}

fn bytes_of_names(names: Option<&[CString]>) -> u64 {
    names
        .unwrap_or_default()
        .iter()
        .map(|name| name.as_bytes_with_nul().len() as u64)
        .sum()
}

/// Copies SQL and values into one allocation.
///
/// # Safety
/// The values were checked, and `total` is 16 bytes for each plus the bytes of SQL, its NUL, TEXT and BLOB.
unsafe fn copy(sql: &[u8], values: &[sidelite_value], total: usize) -> Result<Storage, i32> {
    let count = total.div_ceil(16);
    let mut units = Units::new();
    units
        .try_reserve_exact(count)
        .map_err(|_| SIDELITE_ERR_NO_MEMORY)?;
    let zero = sidelite_value {
        r#type: 0,
        len: 0,
        r#as: sidelite_value_as { integer: 0 },
    };
    let sql_at = 16 * values.len();
    let mut at = sql_at + sql.len() + 1;
    let base = units.as_mut_ptr();
    // SAFETY: the allocation has `count` units, which hold `total` bytes: the values, then `sql`, then the bytes of
    // each TEXT and BLOB, in this order. The last unit is zeroed before it is partly written.
    unsafe {
        if let Some(last) = count.checked_sub(1) {
            base.add(last).write(zero);
        }
        std::ptr::copy_nonoverlapping(sql.as_ptr(), base.cast::<u8>().add(sql_at), sql.len());
        base.cast::<u8>().add(sql_at + sql.len()).write(0);
        for (index, value) in values.iter().enumerate() {
            let mut copied = *value;
            match value.r#type {
                SIDELITE_TEXT | SIDELITE_BLOB => {
                    let data = data_of(value);
                    std::ptr::copy_nonoverlapping(
                        data.as_ptr(),
                        base.cast::<u8>().add(at),
                        data.len(),
                    );
                    copied.r#as.offset = at as u64;
                    at += data.len();
                }
                SIDELITE_NULL => copied.r#as.integer = 0,
                _ => {}
            }
            base.add(index).write(copied);
        }
        units.set_len(count);
    }
    Ok(Storage::Copied {
        units,
        sql_at,
        sql_len: sql.len(),
    })
}

fn bytes_of(units: &[sidelite_value]) -> &[u8] {
    // SAFETY: `copy` initialised every byte of every unit.
    unsafe { std::slice::from_raw_parts(units.as_ptr().cast(), 16 * units.len()) }
}

/// Short ASCII is told much faster than UTF-8 is validated.
fn is_utf8(bytes: &[u8]) -> bool {
    bytes.is_ascii() || std::str::from_utf8(bytes).is_ok()
}
