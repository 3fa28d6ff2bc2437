//! From C to connections: opening, submitting, closing, statistics.

use super::callback::{RunFunction, Target};
use super::conn::*;
use super::event::sidelite_callback;
use super::payload::Payload;
use super::plain;
use super::queue::sidelite_queue;
use super::request::*;
use super::status::*;
use crate::account::Limits;
use crate::chain::Chain;
use crate::conn::{CONNS, Conn, Opening};
use crate::host::QUEUES;
use crate::request::{Event, Kind, ReplyTo, Work};
use crate::sqlite::{JOURNAL_MODES, Options, SYNCHRONOUS};
use crate::text;
use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) fn conn(handle: *const sidelite_conn) -> Result<Arc<Conn>, i32> {
    CONNS.get(handle.addr() as u64)
}

/// # Safety
/// The pointers are NULL or valid as the header says.
pub(super) unsafe fn requests(
    handle: *const sidelite_conn,
    requests: *const sidelite_request,
    count: u32,
) -> Result<i64, i32> {
    let conn = conn(handle)?;
    if count == 0 {
        return Err(SIDELITE_ERR_MISUSE);
    }
    if u64::from(count) > conn.account.limits.requests_max {
        return Err(SIDELITE_ERR_TOO_BIG);
    }
    // SAFETY: the caller passes at least one request.
    let stride = unsafe { plain::struct_size(requests) }?;
    if count > 1 && !stride.is_multiple_of(align_of::<sidelite_request>()) {
        return Err(SIDELITE_ERR_MISUSE);
    }
    let mut chain = Chain::new();
    let mut bytes = 0;
    let mut is_atomic = false;
    let mut savepoints = Vec::new();
    for index in 0..count as usize {
        // SAFETY: the array has `count` requests, `stride` bytes apart.
        let request = unsafe { plain::read(requests.byte_add(index * stride)) }?;
        if request.struct_size as usize != stride {
            return Err(SIDELITE_ERR_MISUSE);
        }
        is_atomic |= request.flags & SIDELITE_ATOMIC != 0;
        if is_atomic
            && index > 0
            && chain
                .first()
                .is_some_and(|first: &Event| !has_atomic(first))
        {
            return Err(SIDELITE_ERR_MISUSE);
        }
        // SAFETY: the request's own pointers are valid as the header says.
        let event = unsafe { event_of(&conn, &request, is_atomic.then_some(&mut savepoints)) }?;
        bytes += event.payload_bytes();
        chain.push(event);
    }
    conn.submit(chain, bytes)
}

/// ATOMIC holds for a whole array and is said on its first request; on the others it may be repeated.
fn has_atomic(event: &Event) -> bool {
    event
        .work
        .as_ref()
        .is_some_and(|work| work.has(SIDELITE_ATOMIC))
}

/// Checks and takes over one request; `atomic` has the savepoints that an ATOMIC array has opened so far.
///
/// # Safety
/// The request's pointers are valid as the header says.
unsafe fn event_of(
    conn: &Arc<Conn>,
    request: &sidelite_request,
    atomic: Option<&mut Vec<Vec<u8>>>,
) -> Result<Box<Event>, i32> {
    const KNOWN: u32 = SIDELITE_STATIC | SIDELITE_ATOMIC | SIDELITE_NO_CACHE | SIDELITE_MULTI;
    if request.flags & !KNOWN != 0 || request.lane != 0 || request.reserved != [0; 2] {
        return Err(SIDELITE_ERR_UNSUPPORTED);
    }
    let kind = kind_of(request)?;
    check_shape(request, kind)?;
    // SAFETY: passed on.
    let payload = unsafe { Payload::new(request, conn.any_text, conn.account.limits.bytes_max) }?;
    let is_atomic = atomic.is_some();
    if let Some(savepoints) = atomic {
        check_atomic(&payload, kind, savepoints)?;
    }
    let target = Target::new(request.callback, request.user_data);
    let mut event = Event::new(Arc::clone(conn), target);
    if !request.reply_to.is_null() {
        let queue = QUEUES.get(request.reply_to.addr() as u64)?;
        event.reply_to = Some(ReplyTo::new(queue, conn).ok_or(SIDELITE_ERR_BAD_HANDLE)?);
    }
    event.work = Some(Work {
        kind,
        flags: request.flags | if is_atomic { SIDELITE_ATOMIC } else { 0 },
        payload,
        deadline: deadline_of(request.timeout_ms),
        chunk_rows: request.chunk_rows,
        window: if request.window == 0 {
            2
        } else {
            request.window
        },
    });
    Ok(event)
}

fn kind_of(request: &sidelite_request) -> Result<Kind, i32> {
    Ok(match request.kind {
        SIDELITE_EXECUTE => Kind::Execute,
        SIDELITE_FETCH => Kind::Fetch,
        SIDELITE_STREAM => Kind::Stream,
        SIDELITE_SCRIPT => Kind::Script,
        SIDELITE_RUN => Kind::Run(RunFunction::new(request.run, request.context)?),
        _ => return Err(SIDELITE_ERR_UNSUPPORTED),
    })
}

/// Combinations that can never be right.
fn check_shape(request: &sidelite_request, kind: Kind) -> Result<(), i32> {
    let is_multi = request.flags & SIDELITE_MULTI != 0;
    let is_right = match kind {
        Kind::Execute | Kind::Fetch => !is_multi || request.nrows <= 1,
        Kind::Stream => !is_multi && request.nrows <= 1,
        Kind::Script | Kind::Run(_) => !is_multi && request.ncols == 0,
    };
    if is_right {
        Ok(())
    } else {
        Err(SIDELITE_ERR_MISUSE)
    }
}

/// What may stand in an ATOMIC array: nothing that ends its transaction or outlives it.
fn check_atomic(payload: &Payload, kind: Kind, savepoints: &mut Vec<Vec<u8>>) -> Result<(), i32> {
    let is_right = match kind {
        Kind::Stream | Kind::Run(_) => false,
        _ => text::stays_inside(payload.sql().bytes(), savepoints),
    };
    if is_right {
        Ok(())
    } else {
        Err(SIDELITE_ERR_MISUSE)
    }
}

fn deadline_of(timeout_ms: u32) -> Option<Instant> {
    (timeout_ms > 0).then(|| Instant::now() + Duration::from_millis(timeout_ms.into()))
}

/// # Safety
/// The pointers are NULL or valid as the header says.
pub(super) unsafe fn open(
    queue: *mut sidelite_queue,
    path: *const c_char,
    config: *const sidelite_open_config,
    callback: sidelite_callback,
    user_data: *mut c_void,
    out: *mut *mut sidelite_conn,
) -> Result<i32, i32> {
    if !plain::is_aligned(out) {
        return Err(SIDELITE_ERR_MISUSE);
    }
    let publish = |handle: u64| {
        // SAFETY: `out` is not NULL, aligned, and writable as the caller says, until open returns.
        unsafe { out.write(handle as usize as *mut sidelite_conn) };
    };
    publish(0);
    let queue = QUEUES.get(queue.addr() as u64)?;
    // SAFETY: passed on.
    let path = unsafe { plain::c_string(path) }.ok_or(SIDELITE_ERR_MISUSE)?;
    let config = match config.is_null() {
        true => None,
        // SAFETY: not NULL, and as long as its size says.
        false => Some(unsafe { plain::read(config) }?),
    };
    // SAFETY: the config's own pointers are valid as the header says.
    let opening = unsafe { opening_of(path.to_owned(), config, Target::new(callback, user_data)) }?;
    Conn::open(queue, opening, publish)?;
    Ok(SIDELITE_OK)
}

/// Fills in the defaults.
///
/// # Safety
/// The config's pointers are NULL or valid as the header says.
unsafe fn opening_of(
    path: CString,
    config: Option<sidelite_open_config>,
    target: Target,
) -> Result<Opening, i32> {
    const KNOWN: u32 = SIDELITE_OPEN_READONLY
        | SIDELITE_OPEN_NO_CREATE
        | SIDELITE_OPEN_URI
        | SIDELITE_OPEN_MEMORY
        | SIDELITE_OPEN_NOFOLLOW
        | SIDELITE_OPEN_SHARED_CACHE
        | SIDELITE_OPEN_FOREIGN_KEYS
        | SIDELITE_OPEN_HARDENED
        | SIDELITE_OPEN_UNTRUSTED
        | SIDELITE_OPEN_ANY_TEXT;
    // SAFETY: zeroes are a value of the struct: integers and pointers.
    let config = config.unwrap_or_else(|| unsafe { std::mem::zeroed() });
    if config.flags & !KNOWN != 0 || config.reserved != [0; 4] {
        return Err(SIDELITE_ERR_UNSUPPORTED);
    }
    let (journal_mode, synchronous) = (config.journal_mode as usize, config.synchronous as usize);
    if journal_mode >= JOURNAL_MODES.len()
        || synchronous >= SYNCHRONOUS.len()
        || config.busy_timeout_ms < SIDELITE_NO_WAIT
    {
        return Err(SIDELITE_ERR_MISUSE);
    }
    // SAFETY: an array of `pragma_count` strings, as the caller says.
    let pragmas = unsafe { plain::array(config.pragmas, config.pragma_count as usize) }?;
    let pragmas = pragmas.iter().map(|&pragma| {
        // SAFETY: as above.
        unsafe { plain::c_string(pragma) }
            .map(ToOwned::to_owned)
            .ok_or(SIDELITE_ERR_MISUSE)
    });
    let options = Options {
        path,
        flags: config.flags,
        // SAFETY: NULL or NUL-terminated, as the caller says.
        vfs: unsafe { plain::c_string(config.vfs) }.map(ToOwned::to_owned),
        busy_timeout_ms: match config.busy_timeout_ms {
            0 => 5000,
            SIDELITE_NO_WAIT => 0,
            timeout => timeout,
        },
        statement_cache: match config.statement_cache {
            0 => 128,
            SIDELITE_NO_STATEMENT_CACHE => 0,
            size => size as usize,
        },
        journal_mode,
        synchronous,
        pragmas: pragmas.collect::<Result<_, _>>()?,
    };
    let or = |value: u64, default: u64| if value == 0 { default } else { value };
    Ok(Opening {
        options,
        target,
        any_text: config.flags & SIDELITE_OPEN_ANY_TEXT != 0,
        limits: Limits {
            requests_max: or(config.max_requests.into(), 16_384),
            bytes_max: or(config.max_bytes, 64 << 20),
        },
        result_bytes_max: or(config.max_result_bytes, 1 << 30),
    })
}

pub(super) fn close(
    handle: *const sidelite_conn,
    mode: u32,
    callback: sidelite_callback,
    user_data: *mut c_void,
) -> Result<i32, i32> {
    let conn = conn(handle)?;
    match mode {
        SIDELITE_CLOSE_DRAIN | SIDELITE_CLOSE_CANCEL => conn.close(
            mode == SIDELITE_CLOSE_CANCEL,
            Target::new(callback, user_data),
        ),
        _ => Err(SIDELITE_ERR_MISUSE),
    }
}

/// # Safety
/// `out` is NULL or writable for its `struct_size`.
pub(super) unsafe fn stat(handle: *const c_void, out: *mut sidelite_stats) -> Result<i32, i32> {
    let stats = stats_of(handle.addr() as u64)?;
    // SAFETY: passed on.
    let size = unsafe { plain::struct_size(out) }?;
    if size < 8 {
        return Err(SIDELITE_ERR_MISUSE);
    }
    let stats = sidelite_stats {
        struct_size: size as u32,
        ..stats
    };
    let known = size.min(size_of::<sidelite_stats>());
    // SAFETY: `out` is writable for its own size, which is not exceeded.
    unsafe {
        std::ptr::copy_nonoverlapping((&raw const stats).cast::<u8>(), out.cast::<u8>(), known)
    };
    Ok(SIDELITE_OK)
}

fn stats_of(handle: u64) -> Result<sidelite_stats, i32> {
    match CONNS.get(handle) {
        Ok(conn) => {
            let counted = conn.counters.read();
            Ok(sidelite_stats {
                outstanding: conn.account.requests() as u32,
                bytes: conn.account.bytes(),
                submitted: counted.submitted,
                completed: counted.completed,
                cache_hits: counted.cache_hits,
                cache_misses: counted.cache_misses,
                ..sidelite_stats::default()
            })
        }
        Err(SIDELITE_ERR_FORKED) => Err(SIDELITE_ERR_FORKED),
        Err(_) => {
            let stats = QUEUES.get(handle)?.queue.stats();
            Ok(sidelite_stats {
                outstanding: stats.producers,
                events: stats.events,
                wakes: stats.wakes,
                polls: stats.polls,
                ..sidelite_stats::default()
            })
        }
    }
}
