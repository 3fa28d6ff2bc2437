//! From C to connections: opening, submitting, closing, statistics.

use super::callback::{InlineFunction, RunFunction, Target};
use super::command::*;
use super::conn::*;
use super::event::sidelite_callback;
use super::function::*;
use super::payload::{Payload, Value};
use super::plain;
use super::queue::sidelite_queue;
use super::request::*;
use super::status::*;
use super::value::sidelite_value;
use crate::account::Limits;
use crate::authorize::{RULE_COLUMNS, Rules};
use crate::chain::Chain;
use crate::conn::{CONNS, Conn, Opening};
use crate::error::RESERVED_CODES;
use crate::function::{Definition, Inline};
use crate::host::QUEUES;
use crate::request::{Command, Event, Kind, Reply, ReplyTo, Work};
use crate::sqlite::{JOURNAL_MODES, Options, SYNCHRONOUS};
use crate::text;
use crate::transaction::Isolation;
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
        let first = chain.first();
        let fits = |first: &Event| has_atomic(first) && lane_of(first) == request.lane;
        if is_atomic && index > 0 && !first.is_some_and(fits) {
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

fn lane_of(event: &Event) -> i64 {
    event.work.as_ref().map_or(0, |work| work.lane)
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
    const KNOWN: u32 = SIDELITE_STATIC
        | SIDELITE_ATOMIC
        | SIDELITE_NO_CACHE
        | SIDELITE_MULTI
        | SIDELITE_COMMIT_FIRST;
    if request.flags & !KNOWN != 0 || request.reserved != [0; 2] {
        return Err(SIDELITE_ERR_UNSUPPORTED);
    }
    if request.lane != 0 && !conn.has_lane(request.lane) {
        return Err(SIDELITE_ERR_BAD_HANDLE);
    }
    let kind = kind_of(request)?;
    check_shape(request, &kind)?;
    // SAFETY: passed on.
    let payload = unsafe { Payload::new(request, conn.any_text, conn.account.limits.bytes_max) }?;
    let is_atomic = atomic.is_some();
    if let Some(savepoints) = atomic {
        check_atomic(&payload, &kind, savepoints)?;
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
        lane: request.lane,
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
        number => Kind::Command(command_of(number).ok_or(SIDELITE_ERR_UNSUPPORTED)?),
    })
}

fn command_of(number: u32) -> Option<Command> {
    Some(match number {
        SIDELITE_LEASE => Command::Lease,
        SIDELITE_RELEASE => Command::Release,
        SIDELITE_COMMIT => Command::Commit,
        SIDELITE_ROLLBACK => Command::Rollback,
        SIDELITE_ISOLATION => Command::Isolation,
        SIDELITE_DESCRIBE => Command::Describe,
        SIDELITE_DUMP => Command::Dump,
        SIDELITE_SCRIPT_FILE => Command::ScriptFile,
        SIDELITE_BACKUP => Command::Backup,
        SIDELITE_RESTORE => Command::Restore,
        SIDELITE_SERIALIZE => Command::Serialize,
        SIDELITE_DESERIALIZE => Command::Deserialize,
        SIDELITE_BLOB_OPEN => Command::BlobOpen,
        SIDELITE_BLOB_READ => Command::BlobRead,
        SIDELITE_BLOB_WRITE => Command::BlobWrite,
        SIDELITE_BLOB_REOPEN => Command::BlobReopen,
        SIDELITE_BLOB_CLOSE => Command::BlobClose,
        SIDELITE_SESSION_OPEN => Command::SessionOpen,
        SIDELITE_SESSION_CHANGES => Command::SessionChanges,
        SIDELITE_SESSION_CLOSE => Command::SessionClose,
        SIDELITE_CHANGESET_APPLY => Command::ChangesetApply,
        SIDELITE_CHANGESET_INVERT => Command::ChangesetInvert,
        SIDELITE_CHANGESET_REBASE => Command::ChangesetRebase,
        SIDELITE_OBSERVE => Command::Observe,
        SIDELITE_AUTHORIZE => Command::Authorize,
        SIDELITE_LIMIT => Command::Limit,
        SIDELITE_DB_CONFIG => Command::DbConfig,
        SIDELITE_CHECKPOINT => Command::Checkpoint,
        SIDELITE_AUTOCHECKPOINT => Command::Autocheckpoint,
        SIDELITE_LOAD_EXTENSION => Command::LoadExtension,
        SIDELITE_STATUS => Command::Status,
        SIDELITE_SET_LAST_INSERT_ROWID => Command::SetLastInsertRowid,
        _ => return None,
    })
}

/// Combinations that can never be right.
fn check_shape(request: &sidelite_request, kind: &Kind) -> Result<(), i32> {
    let is_multi = request.flags & SIDELITE_MULTI != 0;
    let commits_first = request.flags & SIDELITE_COMMIT_FIRST != 0;
    let is_single = request.nrows <= 1;
    let may_commit_first = match kind {
        Kind::Script | Kind::Command(Command::ScriptFile) => true,
        _ => !commits_first,
    };
    let is_right = match kind {
        Kind::Execute | Kind::Fetch => !is_multi || is_single,
        Kind::Stream => !is_multi && is_single,
        Kind::Script | Kind::Run(_) => !is_multi && request.ncols == 0,
        Kind::Command(Command::Release) => !is_multi && request.ncols == 0 && request.lane != 0,
        Kind::Command(Command::Authorize | Command::SessionOpen) => !is_multi,
        Kind::Command(_) | Kind::Define(_) => !is_multi && is_single,
    };
    if is_right && may_commit_first {
        Ok(())
    } else {
        Err(SIDELITE_ERR_MISUSE)
    }
}

/// What may stand in an ATOMIC array: nothing that ends its transaction or outlives it.
fn check_atomic(payload: &Payload, kind: &Kind, savepoints: &mut Vec<Vec<u8>>) -> Result<(), i32> {
    let is_right = match kind {
        Kind::Execute | Kind::Fetch | Kind::Script => {
            text::stays_inside(payload.sql().bytes(), savepoints)
        }
        Kind::Command(
            Command::BlobWrite | Command::ChangesetApply | Command::SetLastInsertRowid,
        ) => true,
        _ => false,
    };
    if is_right {
        Ok(())
    } else {
        Err(SIDELITE_ERR_MISUSE)
    }
}

/// # Safety
/// The pointers are NULL or valid as the header says.
pub(super) unsafe fn function(
    handle: *const sidelite_conn,
    config: *const sidelite_function_config,
    callback: sidelite_callback,
    user_data: *mut c_void,
) -> Result<i64, i32> {
    let conn = conn(handle)?;
    // SAFETY: passed on.
    let config = unsafe { plain::read(config) }?;
    let target = Target::new(callback, user_data);
    // SAFETY: the config's own pointers are valid as the header says.
    let definition = unsafe { definition_of(&config, target) }?;
    let mut event = Event::new(Arc::clone(&conn), target);
    event.work = Some(Work {
        kind: Kind::Define(Box::new(definition)),
        flags: 0,
        payload: Payload::default(),
        deadline: None,
        lane: 0,
        chunk_rows: 0,
        window: 0,
    });
    let bytes = event.payload_bytes();
    conn.submit(Chain::of(event), bytes)
}

/// # Safety
/// The config's pointers are NULL or valid as the header says.
unsafe fn definition_of(
    config: &sidelite_function_config,
    target: Target,
) -> Result<Definition, i32> {
    const KNOWN: u32 = SIDELITE_FUNCTION_DETERMINISTIC
        | SIDELITE_FUNCTION_DIRECTONLY
        | SIDELITE_FUNCTION_INNOCUOUS
        | SIDELITE_FUNCTION_REMOVE;
    if config.flags & !KNOWN != 0 || config.reserved != [0; 2] {
        return Err(SIDELITE_ERR_UNSUPPORTED);
    }
    // SAFETY: NULL or NUL-terminated, as the caller says.
    let name = unsafe { plain::c_string(config.name) };
    check_function(config, name.is_some())?;
    let name = name.unwrap_or_default();
    name.to_str().map_err(|_| SIDELITE_ERR_BAD_TEXT)?;
    let inline = |function| InlineFunction::new(function, config.context);
    Ok(Definition {
        kind: config.kind,
        flags: config.flags,
        n_args: config.n_args,
        name: name.to_owned(),
        inline: inline(config.call).map(|call| Inline {
            call,
            last: inline(config.last),
            value: inline(config.value),
            inverse: inline(config.inverse),
        }),
        target,
        batch_rows: match config.batch_rows {
            0 => 512,
            rows => rows,
        },
        reply_timeout: (config.reply_timeout_ms > 0)
            .then(|| Duration::from_millis(config.reply_timeout_ms.into())),
    })
}

/// As SQLite's SQLITE_MAX_FUNCTION_ARG; a build of it may allow fewer.
const ARGUMENTS_MAX: i32 = 1000;

/// Combinations that can never be right.
fn check_function(config: &sidelite_function_config, has_name: bool) -> Result<(), i32> {
    let is_inline = config.call.is_some();
    let is_removal = config.flags & SIDELITE_FUNCTION_REMOVE != 0;
    let has_no_traits = config.flags & !SIDELITE_FUNCTION_REMOVE == 0;
    let (is_aggregate, is_window) = match config.kind {
        SIDELITE_FUNCTION_AGGREGATE => (true, false),
        SIDELITE_FUNCTION_WINDOW => (true, true),
        _ => (false, false),
    };
    let has_right_functions = config.last.is_some() == (is_inline && is_aggregate)
        && config.value.is_some() == (is_inline && is_window)
        && config.inverse.is_some() == (is_inline && is_window);
    let is_right = match config.kind {
        SIDELITE_FUNCTION_SCALAR | SIDELITE_FUNCTION_AGGREGATE | SIDELITE_FUNCTION_WINDOW => {
            has_name && (-1..=ARGUMENTS_MAX).contains(&config.n_args)
        }
        SIDELITE_FUNCTION_COLLATION => has_name && has_no_traits,
        SIDELITE_FUNCTION_AUTHORIZER
        | SIDELITE_FUNCTION_PROGRESS
        | SIDELITE_FUNCTION_BUSY
        | SIDELITE_FUNCTION_COMMIT => !has_name && has_no_traits,
        SIDELITE_FUNCTION_UPDATE
        | SIDELITE_FUNCTION_PREUPDATE
        | SIDELITE_FUNCTION_ROLLBACK
        | SIDELITE_FUNCTION_WAL => !has_name && has_no_traits && (is_inline || is_removal),
        _ => return Err(SIDELITE_ERR_UNSUPPORTED),
    };
    if is_right && (has_right_functions || is_removal) {
        Ok(())
    } else {
        Err(SIDELITE_ERR_MISUSE)
    }
}

/// # Safety
/// `value` is NULL or valid as the header says.
pub(super) unsafe fn reply(
    handle: *const sidelite_conn,
    call: i64,
    value: *const sidelite_value,
    code: i32,
) -> Result<i32, i32> {
    let conn = conn(handle)?;
    if RESERVED_CODES.contains(&code) {
        return Err(SIDELITE_ERR_MISUSE);
    }
    let bytes_max = conn.account.limits.bytes_max;
    let value = match value.is_null() {
        true => Value::Null,
        false if !plain::is_aligned(value) => return Err(SIDELITE_ERR_MISUSE),
        // SAFETY: not NULL, aligned, and its bytes are readable as the caller says.
        false => unsafe { Value::copy(&*value, conn.any_text, bytes_max) }?,
    };
    conn.reply(Reply { call, code, value })
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
        | SIDELITE_OPEN_EXTENSIONS
        | SIDELITE_OPEN_ANY_TEXT;
    // SAFETY: zeroes are a value of the struct: integers and pointers.
    let config = config.unwrap_or_else(|| unsafe { std::mem::zeroed() });
    if config.flags & !KNOWN != 0 || config.reserved != [0; 2] {
        return Err(SIDELITE_ERR_UNSUPPORTED);
    }
    let (journal_mode, synchronous) = (config.journal_mode as usize, config.synchronous as usize);
    let isolation = Isolation::of(config.isolation.into()).ok_or(SIDELITE_ERR_MISUSE)?;
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
        isolation,
        // SAFETY: an array of `authorizer_rules` rows, as the caller says.
        rules: unsafe { rules_of(&config) }?,
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

/// # Safety
/// The config's rules are NULL or valid as the header says.
unsafe fn rules_of(config: &sidelite_open_config) -> Result<Rules, i32> {
    let count = config.authorizer_rules as usize;
    let count = count
        .checked_mul(RULE_COLUMNS)
        .ok_or(SIDELITE_ERR_TOO_BIG)?;
    // SAFETY: passed on.
    let values = unsafe { plain::array(config.authorizer, count) }?;
    let copies = values.iter().map(|value| {
        // SAFETY: its bytes are readable as the caller says.
        unsafe { Value::copy(value, false, i32::MAX as u64) }
    });
    let copies = copies.collect::<Result<Vec<_>, _>>()?;
    Rules::of(&copies).map_err(|error| error.code)
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
                total_changes: counted.total_changes,
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
