//! Completion queues as C sees them: one per host loop.

use super::event::sidelite_event;
use super::{deliver, guard};
use std::ffi::c_void;

/// A completion queue: finished work waits in it until the host drains it. The pointer is an id in pointer's clothing,
/// as with `sidelite_conn`.
pub struct sidelite_queue;

/// Queue flag: no draining; each callback runs on the connection's thread the moment its event is made. For hosts that
/// are thread-safe themselves. Callbacks of different connections run at the same time, and one that blocks blocks its
/// connection. The sharp tool.
pub const SIDELITE_QUEUE_DIRECT: u32 = 1 << 0;

/// The host's wake function: `uv_async_send`, `ev_async_send`, `PostMessage`, ... It runs on a connection's thread, or
/// inside poll, look or dispatch when events are left over, and means: drain this queue soon. It must not block, and no
/// exception may leave it.
pub type sidelite_wake_function = Option<unsafe extern "C-unwind" fn(wake_data: *mut c_void)>;

/// How a queue wakes its host. Zero the struct and set `struct_size`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sidelite_queue_config {
    /// sizeof(sidelite_queue_config).
    pub struct_size: u32,
    /// SIDELITE_QUEUE_DIRECT or 0.
    pub flags: u32,
    /// Called once for many completions, or NULL.
    pub wake: sidelite_wake_function,
    /// Passed to it.
    pub wake_data: *mut c_void,
    /// Zero.
    pub reserved: [u64; 2],
}

const _: () = assert!(size_of::<sidelite_queue_config>() == 40);

/// Makes a completion queue.
///
/// - `config`: NULL for a queue with a descriptor on demand.
/// - `out`: set to the handle, 0 on failure. Not NULL.
///
/// Returns 0, MISUSE (NULL `out`; a wake function together with DIRECT), UNSUPPORTED (unknown flag, non-zero reserved
/// field or tail), NO_MEMORY (65,535 queues are alive). Free it with `sidelite_queue_free`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sidelite_queue_new(
    config: *const sidelite_queue_config,
    out: *mut *mut sidelite_queue,
) -> i32 {
    // SAFETY: the caller's pointers are valid or NULL, as documented.
    guard::status(|| unsafe { deliver::queue_new(config, out) })
}

/// The queue's descriptor, made at the first call (eventfd on Linux, a pipe elsewhere).
///
/// Wait on it for readability, with epoll, kqueue, poll, `uv_poll`, `add_reader`, GLib; never read or close it. It is
/// level-triggered: readable from the moment an event waits until a poll or dispatch has taken the last. Spurious
/// readability is possible. It closes with the queue.
///
/// Returns the descriptor (>= 0), BAD_HANDLE, FORKED, MISUSE (a queue with a wake function or DIRECT), NO_FD (the
/// process has no descriptor left; the queue can still be polled). Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn sidelite_queue_fd(queue: *mut sidelite_queue) -> i64 {
    guard::code(|| deliver::queue_fd(queue))
}

/// Takes events out of the queue into the caller's array, without calling their callbacks. The way for bindings: one
/// call for many completions.
///
/// First it frees the results of the events that the previous poll or dispatch gave (those not kept).
///
/// - `out`, `capacity`: where to write, and how many at most. NULL with 0 only frees.
/// - `timeout_ms`: how long to wait when there is nothing: 0 not at all, -1 for ever.
///
/// Returns the number of events written, 0 when the time passed; or BAD_HANDLE (also when the queue is freed
/// meanwhile), FORKED, MISUSE (inside this queue's own dispatch; while another thread polls or dispatches it; a DIRECT
/// queue; NULL with a capacity). One thread at a time; which one may change.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sidelite_poll(
    queue: *mut sidelite_queue,
    out: *mut sidelite_event,
    capacity: u32,
    timeout_ms: i32,
) -> i32 {
    // SAFETY: `out` is writable for `capacity` events, as documented.
    guard::status(|| unsafe { deliver::poll(queue, out, capacity, timeout_ms) })
}

/// Takes events as `sidelite_poll` does without waiting; when there are none, it looks for a few microseconds for what
/// is about to come.
///
/// For a host that has sent one request and has nothing else to do at the moment: to be woken costs more than most
/// requests take. What comes while it looks makes no wake. It yields the CPU meanwhile. After looks that have found
/// nothing, and where others want the CPU and a yield takes long, more and more are left out, so that it may be called
/// whenever one request is out alone; a call that is left out only polls.
///
/// Returns as `sidelite_poll`, and is meant wherever a poll is spoken of.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sidelite_look(
    queue: *mut sidelite_queue,
    out: *mut sidelite_event,
    capacity: u32,
) -> i32 {
    // SAFETY: `out` is writable for `capacity` events, as documented.
    guard::status(|| unsafe { deliver::look(queue, out, capacity) })
}

/// Takes events and runs their callbacks here, on the calling thread. Does not wait.
///
/// - `max_events`: at most so many; 0 for all that are there when it starts.
/// - `budget_us`: start no further callback after so many microseconds; 0 for no limit. At least one runs. What is left
///   keeps the descriptor readable or calls the wake function again.
///
/// Returns the number of events taken (those without a callback count), or BAD_HANDLE, FORKED, MISUSE as
/// `sidelite_poll`. When a C++ exception leaves a callback it passes through this function; that event is taken, the
/// rest come with the next call.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn sidelite_dispatch(
    queue: *mut sidelite_queue,
    max_events: u32,
    budget_us: u32,
) -> i32 {
    // Not inside a guard: a foreign exception of a callback must pass. Deliver guards its own parts.
    deliver::dispatch(queue, max_events, budget_us)
}

/// Ends the dispatch that called this callback: it starts no further callback.
///
/// What is left waits for the next poll or dispatch, and keeps the descriptor readable or calls the wake function again.
/// For a callback that takes away what the next one would need: it detaches the queue from its loop, or frees a scene.
///
/// Returns 0; MISUSE (not inside a callback that this queue's dispatch called on this thread; a DIRECT queue); BAD_HANDLE;
/// FORKED.
#[unsafe(no_mangle)]
pub extern "C" fn sidelite_dispatch_stop(queue: *mut sidelite_queue) -> i32 {
    guard::status(|| deliver::dispatch_stop(queue))
}

/// Frees a queue: closes its connections in CANCEL mode, waits for their threads, and drops events not yet taken.
///
/// After it has succeeded, neither the wake function nor any callback of this queue runs again: what a host calls
/// before its interpreter or its loop goes away. Closing the connections first and draining to CLOSED loses no event.
///
/// - `timeout_ms`: how long to wait for the threads; 0 not at all, -1 for ever.
///
/// Returns the number of events never delivered (>= 0), the handle is then gone; TIMEOUT: some thread is still busy, no
/// new event is accepted, call again; BAD_HANDLE; FORKED; MISUSE (inside a callback of this queue, or a RUN function of
/// its connections). Results that were kept stay valid.
#[unsafe(no_mangle)]
pub extern "C" fn sidelite_queue_free(queue: *mut sidelite_queue, timeout_ms: i32) -> i32 {
    guard::status(|| deliver::queue_free(queue, timeout_ms))
}
