//! From completions to C: queues, poll, dispatch.

use super::callback::{self, WakeFunction};
use super::event::sidelite_event;
use super::os::{self, Signal};
use super::queue::*;
use super::status::*;
use super::{inside, plain, quiet};
use crate::host::{HostQueue, QUEUES};
use crate::queue::{Attended, Unavailable};
use crate::request::Event;
use crate::wait;
use crate::wake::HostWake;
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn queue_of(handle: *const sidelite_queue) -> Result<Arc<HostQueue>, i32> {
    QUEUES.get(handle.addr() as u64)
}

/// # Safety
/// The pointers are NULL or valid as the header says.
pub(super) unsafe fn queue_new(
    config: *const sidelite_queue_config,
    out: *mut *mut sidelite_queue,
) -> Result<i32, i32> {
    if !plain::is_aligned(out) {
        return Err(SIDELITE_ERR_MISUSE);
    }
    // SAFETY: not NULL, aligned, and writable as the caller says.
    unsafe { out.write(std::ptr::null_mut()) };
    let mut wake = None;
    let mut is_direct = false;
    if !config.is_null() {
        // SAFETY: not NULL, and as long as its size says.
        let config = unsafe { plain::read(config) }?;
        if config.flags & !SIDELITE_QUEUE_DIRECT != 0 || config.reserved != [0; 2] {
            return Err(SIDELITE_ERR_UNSUPPORTED);
        }
        wake = WakeFunction::new(config.wake, config.wake_data);
        is_direct = config.flags & SIDELITE_QUEUE_DIRECT != 0;
        if wake.is_some() && is_direct {
            return Err(SIDELITE_ERR_MISUSE);
        }
    }
    quiet::install();
    os::watch_forks();
    let wake = wake.map_or_else(
        || HostWake::Descriptor(Mutex::new(None)),
        HostWake::Function,
    );
    let queue = QUEUES.insert(|handle| Arc::new(HostQueue::new(handle, wake, is_direct)))?;
    // SAFETY: as above.
    unsafe { out.write(queue.handle as usize as *mut sidelite_queue) };
    Ok(SIDELITE_OK)
}

pub(super) fn queue_fd(handle: *const sidelite_queue) -> Result<i64, i32> {
    let queue = queue_of(handle)?;
    let HostWake::Descriptor(signal) = &queue.queue.wake else {
        return Err(SIDELITE_ERR_MISUSE);
    };
    if queue.is_direct {
        return Err(SIDELITE_ERR_MISUSE);
    }
    let mut signal = signal.lock();
    if let Some(signal) = &*signal {
        return Ok(signal.fd().into());
    }
    let fd = signal
        .insert(Signal::new().map_err(|_| SIDELITE_ERR_NO_FD)?)
        .fd();
    drop(signal);
    queue.queue.repeat_wake();
    Ok(fd.into())
}

/// # Safety
/// `out` is writable for `capacity` events.
pub(super) unsafe fn poll(
    handle: *const sidelite_queue,
    out: *mut sidelite_event,
    capacity: u32,
    timeout_ms: i32,
) -> Result<i32, i32> {
    let until = until(timeout_ms, capacity);
    // SAFETY: `out` is as the caller says.
    unsafe { take(handle, out, capacity, timeout_ms != 0, until) }
}

/// # Safety
/// `out` is writable for `capacity` events.
pub(super) unsafe fn look(
    handle: *const sidelite_queue,
    out: *mut sidelite_event,
    capacity: u32,
) -> Result<i32, i32> {
    // SAFETY: `out` is as the caller says.
    unsafe { take(handle, out, capacity, true, None) }
}

/// # Safety
/// `out` is writable for `capacity` events.
unsafe fn take(
    handle: *const sidelite_queue,
    out: *mut sidelite_event,
    capacity: u32,
    is_looking: bool,
    until: Option<Option<Instant>>,
) -> Result<i32, i32> {
    let queue = queue_of(handle)?;
    if queue.is_direct || capacity > 0 && !plain::is_aligned(out) {
        return Err(SIDELITE_ERR_MISUSE);
    }
    let capacity = capacity.min(i32::MAX as u32) as usize;
    // What has arrived while it looked is taken before it stops attending: no wake is made for it.
    let _attended = match is_looking && capacity > 0 {
        true => look_for_arrivals(&queue),
        false => None,
    };
    let mut drain = queue.queue.drain(capacity, until).map_err(code_of)?;
    let mut count = 0;
    while let Some(event) = drain.next() {
        event.take();
        // SAFETY: the drain gives at most `capacity` events, for which there is room.
        unsafe { out.add(count).write(callback::face(event)) };
        count += 1;
    }
    Ok(count as i32)
}

/// How long a poll may sleep.
fn until(timeout_ms: i32, capacity: u32) -> Option<Option<Instant>> {
    match timeout_ms {
        0 => None,
        _ if capacity == 0 => None,
        ..0 => Some(None),
        timeout => Some(Some(Instant::now() + Duration::from_millis(timeout as u64))),
    }
}

/// A host that waits for one answer is better off looking for it than being woken. When something comes while it does, it
/// attends still.
fn look_for_arrivals(queue: &HostQueue) -> Option<Attended<'_, Event, HostWake>> {
    let has_arrivals = || queue.queue.has_arrivals().then_some(());
    let mut patience = queue.patience.lock();
    if has_arrivals().is_some() || patience.passes() {
        return None;
    }
    let attended = queue.queue.attend();
    let began = Instant::now();
    let found = wait::look(wait::ROUNDS_MAX, has_arrivals);
    patience.judge(found.is_some(), began.elapsed());
    found.map(|()| attended)
}

fn code_of(unavailable: Unavailable) -> i32 {
    match unavailable {
        Unavailable::Busy => SIDELITE_ERR_MISUSE,
        Unavailable::Closed => SIDELITE_ERR_BAD_HANDLE,
    }
}

pub(super) fn dispatch(handle: *const sidelite_queue, max_events: u32, budget_us: u32) -> i32 {
    if inside::is_in_wake() {
        return SIDELITE_ERR_MISUSE;
    }
    let queue = match catch_unwind(|| queue_of(handle)) {
        Ok(Ok(queue)) if !queue.is_direct => queue,
        Ok(Ok(_)) => return SIDELITE_ERR_MISUSE,
        Ok(Err(code)) => return code,
        Err(_) => return SIDELITE_ERR_PANIC,
    };
    inside::dispatch(queue.handle, || {
        run_callbacks(&queue, max_events, budget_us)
    })
    .unwrap_or_else(|code| code)
}

/// Callbacks run outside of any guard, so that their exceptions pass; the drain ends when it is dropped on the way.
fn run_callbacks(queue: &HostQueue, max_events: u32, budget_us: u32) -> i32 {
    let capacity = if max_events == 0 {
        i32::MAX as u32
    } else {
        max_events.min(i32::MAX as u32)
    };
    let begin = || queue.queue.drain(capacity as usize, None);
    let mut drain = match guarded(begin) {
        Some(Ok(drain)) => drain,
        Some(Err(unavailable)) => return code_of(unavailable),
        None => return SIDELITE_ERR_PANIC,
    };
    let end = (budget_us > 0).then(|| Instant::now() + Duration::from_micros(budget_us.into()));
    let mut count = 0;
    loop {
        let face = guarded(|| {
            drain.next().map(|event| {
                event.take();
                callback::face(event)
            })
        });
        let Some(Some(face)) = face else { return count };
        count += 1;
        callback::call(&face);
        if inside::is_stopped() || end.is_some_and(|end| Instant::now() >= end) {
            return count;
        }
    }
}

pub(super) fn dispatch_stop(handle: *const sidelite_queue) -> Result<i32, i32> {
    let queue = queue_of(handle)?;
    if queue.is_direct || !inside::stop_dispatch_of(queue.handle) {
        return Err(SIDELITE_ERR_MISUSE);
    }
    Ok(SIDELITE_OK)
}

fn guarded<R>(body: impl FnOnce() -> R) -> Option<R> {
    quiet::quietly(|| catch_unwind(AssertUnwindSafe(body))).ok()
}

pub(super) fn queue_free(handle: *const sidelite_queue, timeout_ms: i32) -> Result<i32, i32> {
    let queue = queue_of(handle)?;
    if inside::is_in_dispatch_of(queue.handle) {
        return Err(SIDELITE_ERR_MISUSE);
    }
    queue.abandon_all();
    let until =
        (timeout_ms >= 0).then(|| Instant::now() + Duration::from_millis(timeout_ms as u64));
    let undelivered = queue.queue.close(until).ok_or(SIDELITE_ERR_TIMEOUT)?;
    match QUEUES.remove(queue.handle) {
        true => Ok(undelivered.min(i32::MAX as u64) as i32),
        // Another thread freed it at the same time.
        false => Err(SIDELITE_ERR_BAD_HANDLE),
    }
}
