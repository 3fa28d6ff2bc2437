//! Where on the stack this thread is: in a wake function, or in a callback of which queues.

use super::callback::IN_WAKE;
use super::status::SIDELITE_ERR_MISUSE;
use std::cell::Cell;

/// How many dispatches may be nested on one thread, each of another queue.
const NESTING_MAX: usize = 16;

#[derive(Clone, Copy)]
struct Nesting {
    queues: [u64; NESTING_MAX],
    depth: usize,
    /// A bit for each dispatch that is to start no further callback.
    stopped: u16,
}

const _: () = assert!(NESTING_MAX <= u16::BITS as usize);

thread_local! {
    static NESTING: Cell<Nesting> = const { Cell::new(Nesting { queues: [0; NESTING_MAX], depth: 0, stopped: 0 }) };
}

/// Takes back what was entered, also when an exception passes.
struct Left<F: FnMut()>(F);

impl<F: FnMut()> Drop for Left<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

pub(super) fn wake(call: impl FnOnce()) {
    let before = IN_WAKE.replace(true);
    let _left = Left(|| IN_WAKE.set(before));
    call();
}

pub(super) fn is_in_wake() -> bool {
    IN_WAKE.get()
}

/// Runs callbacks of a queue; MISUSE when they are nested too deep.
pub(crate) fn dispatch<R>(queue: u64, run: impl FnOnce() -> R) -> Result<R, i32> {
    let mut nesting = NESTING.get();
    if nesting.depth == NESTING_MAX {
        return Err(SIDELITE_ERR_MISUSE);
    }
    nesting.queues[nesting.depth] = queue;
    nesting.stopped &= !(1 << nesting.depth);
    nesting.depth += 1;
    NESTING.set(nesting);
    let _left = Left(|| {
        let mut nesting = NESTING.get();
        nesting.depth -= 1;
        NESTING.set(nesting);
    });
    Ok(run())
}

/// Runs a DIRECT callback. These cannot nest: they run at the bottom of a connection's thread.
pub(super) fn direct(queue: u64, run: impl FnOnce()) {
    let _ = dispatch(queue, run);
}

pub(super) fn is_in_dispatch_of(queue: u64) -> bool {
    let nesting = NESTING.get();
    nesting.queues[..nesting.depth].contains(&queue)
}

/// Marks the dispatch of this queue that is on the stack; false without one.
pub(super) fn stop_dispatch_of(queue: u64) -> bool {
    let mut nesting = NESTING.get();
    let level = nesting.queues[..nesting.depth]
        .iter()
        .position(|&dispatched| dispatched == queue);
    if let Some(level) = level {
        nesting.stopped |= 1 << level;
        NESTING.set(nesting);
    }
    level.is_some()
}

/// Whether the innermost dispatch is to start no further callback.
pub(super) fn is_stopped() -> bool {
    let nesting = NESTING.get();
    nesting.depth > 0 && nesting.stopped & 1 << (nesting.depth - 1) != 0
}
