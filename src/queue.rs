//! The completion queue: where workers leave events and the host picks them up.
//!
//! It knows nothing of SQLite or of events, only of chained boxes and of a wake. One lock guards the arrivals; host
//! code never runs under it. What must hold, and is model-checked in `tests/loom.rs`:
//!
//! - While boxes wait and nobody drains or attends, a wake is outstanding (`signalled`): a producer that finds none makes
//!   one, a drain that leaves something behind keeps or renews it, and so does who stops attending. The drain withdraws
//!   the wake *under the lock that producers take*, before it is known to have taken everything, so none is lost; a
//!   spurious one may remain.
//! - Every box is handed out once, or counted as undelivered when the queue closes.
//! - After `close` has returned no wake runs: producers announce a wake under the lock (`waking`) before they make it.

use crate::chain::{Chain, Link};
use crate::sync::{AtomicUsize, Condvar, Mutex, Ordering};
use std::time::Instant;

/// How a queue makes its host look.
pub(crate) trait Wake {
    /// Makes the host look, soon. Returns whether there is anybody to wake.
    fn signal(&self) -> bool;
    /// Withdraws what can be withdrawn; called when everything was taken.
    fn clear(&self);
    /// A wake that the host has consumed by waking up, so that a partial drain must make another one.
    fn is_one_shot(&self) -> bool;
}

pub(crate) struct Queue<T: Link, W: Wake> {
    state: Mutex<State<T>>,
    /// A poll sleeps here for arrivals.
    arrived: Condvar,
    /// `close` sleeps here until producers, wakes and the drain are through.
    quiet: Condvar,
    /// How many wait, for a poll that looks without the lock.
    waiting_hint: AtomicUsize,
    /// How many polls look at this moment: a producer owes no wake, and need not wait for company.
    attended: AtomicUsize,
    pub(crate) wake: W,
}

struct State<T: Link> {
    /// Newest first.
    arrivals: Chain<T>,
    /// Away while a drain is on.
    consumer: Option<Consumer<T>>,
    signalled: bool,
    sleeping: bool,
    closed: bool,
    /// Wakes being made at this moment.
    waking: u32,
    /// Producers that may still push.
    producers: u32,
    undelivered: u64,
    stats: QueueStats,
}

/// What belongs to the one who drains.
struct Consumer<T: Link> {
    /// Taken from the arrivals, not yet handed out; oldest first.
    ready: Chain<T>,
    /// Handed out by the last poll: the host may read them until the next.
    delivered: Chain<T>,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct QueueStats {
    pub(crate) events: u64,
    pub(crate) wakes: u64,
    pub(crate) polls: u64,
    pub(crate) producers: u32,
}

/// What a producer owes after it has left boxes.
#[must_use]
pub(crate) enum Owed {
    Nothing,
    /// A poll that sleeps.
    Sleeper,
    /// A wake, which was announced.
    Wake,
}

/// Why a queue cannot be drained now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// It is being drained: by this thread further up the stack, or by another.
    Busy,
    Closed,
}

impl<T: Link, W: Wake> Queue<T, W> {
    pub(crate) fn new(wake: W) -> Self {
        Self {
            state: Mutex::new(State {
                arrivals: Chain::new(),
                consumer: Some(Consumer {
                    ready: Chain::new(),
                    delivered: Chain::new(),
                }),
                signalled: false,
                sleeping: false,
                closed: false,
                waking: 0,
                producers: 0,
                undelivered: 0,
                stats: QueueStats::default(),
            }),
            arrived: Condvar::new(),
            quiet: Condvar::new(),
            waiting_hint: AtomicUsize::new(0),
            attended: AtomicUsize::new(0),
            wake,
        }
    }

    /// Counts one more producer; false when the queue is closed.
    pub(crate) fn attach(&self) -> bool {
        let mut state = self.state.lock();
        if !state.closed {
            state.producers += 1;
        }
        !state.closed
    }

    pub(crate) fn detach(&self) {
        let mut state = self.state.lock();
        state.producers -= 1;
        self.settle(&state);
    }

    /// Takes over boxes, oldest first, and wakes the host unless a wake is out already.
    pub(crate) fn push(&self, boxes: Chain<T>) {
        let owed = self.enqueue(boxes);
        self.fulfil(owed);
    }

    /// The first half of a push, in which no host code runs: a caller may hold a lock of its own. What it returns must be
    /// fulfilled.
    pub(crate) fn enqueue(&self, mut boxes: Chain<T>) -> Owed {
        let mut state = self.state.lock();
        if state.closed {
            state.undelivered += boxes.len() as u64;
            drop(state);
            return Owed::Nothing;
        }
        while let Some(node) = boxes.pop() {
            state.arrivals.push(node);
        }
        self.hint(&state);
        if state.sleeping {
            state.sleeping = false;
            Owed::Sleeper
        } else if self.is_attended() {
            Owed::Nothing
        } else {
            state.owe_wake()
        }
    }

    /// The second half.
    pub(crate) fn fulfil(&self, owed: Owed) {
        match owed {
            Owed::Nothing => {}
            Owed::Sleeper => {
                self.arrived.notify_one();
            }
            Owed::Wake => self.make_wake(),
        }
    }

    /// Makes a wake that is owed though none was made, because there was nobody to wake when it came due.
    pub(crate) fn repeat_wake(&self) {
        let mut state = self.state.lock();
        if state.signalled && !state.closed {
            state.waking += 1;
            drop(state);
            self.make_wake();
        }
    }

    /// Runs the wake, which was announced under the lock.
    fn make_wake(&self) {
        let woke = self.wake.signal();
        let mut state = self.state.lock();
        state.waking -= 1;
        state.stats.wakes += u64::from(woke);
        self.settle(&state);
    }

    fn settle(&self, state: &State<T>) {
        if state.closed {
            self.quiet.notify_all();
        }
    }

    /// While a drain is on, its consumer's are not counted.
    fn hint(&self, state: &State<T>) {
        let ready = state
            .consumer
            .as_ref()
            .map_or(0, |consumer| consumer.ready.len());
        self.waiting_hint
            .store(ready + state.arrivals.len(), Ordering::Release);
    }

    /// Whether something waits, as far as can be seen without the lock.
    pub(crate) fn has_arrivals(&self) -> bool {
        self.waiting_hint.load(Ordering::Acquire) > 0
    }

    /// Tells producers that somebody looks for arrivals, until it is dropped. A wake for what is left is made then.
    pub(crate) fn attend(&self) -> Attended<'_, T, W> {
        self.attended.fetch_add(1, Ordering::Relaxed);
        Attended(self)
    }

    /// A producer sees under the lock that nobody attends any more, or has left its boxes before.
    fn stop_attending(&self) {
        self.attended.fetch_sub(1, Ordering::Relaxed);
        let owed = self.state.lock().owe_wake();
        self.fulfil(owed);
    }

    pub(crate) fn is_attended(&self) -> bool {
        self.attended.load(Ordering::Relaxed) > 0
    }

    /// Begins a drain of at most `capacity` boxes; what it hands out stays alive until the next drain begins.
    ///
    /// `until`: sleep so long for a first arrival; `None` does not wait, `Some(None)` waits for ever.
    pub(crate) fn drain(
        &self,
        capacity: usize,
        until: Option<Option<Instant>>,
    ) -> Result<Drain<'_, T, W>, Unavailable> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Unavailable::Closed);
        }
        let mut consumer = state.consumer.take().ok_or(Unavailable::Busy)?;
        state.stats.polls += 1;
        if let Some(until) = until {
            while consumer.ready.is_empty() && state.arrivals.is_empty() && !state.closed {
                state.sleeping = true;
                let timed_out = match until {
                    Some(instant) => self.arrived.wait_until(&mut state, instant).timed_out(),
                    None => {
                        self.arrived.wait(&mut state);
                        false
                    }
                };
                if timed_out {
                    break;
                }
            }
            state.sleeping = false;
            if state.closed {
                state.consumer = Some(consumer);
                self.settle(&state);
                return Err(Unavailable::Closed);
            }
        }
        let mut later = Chain::new();
        if consumer.ready.len() < capacity {
            later = state.arrivals.take();
            self.waiting_hint.store(0, Ordering::Release);
        }
        let available = consumer.ready.len() + later.len();
        let leaves = available > capacity || !state.arrivals.is_empty();
        if !leaves {
            state.signalled = false;
            self.wake.clear();
        }
        drop(state);
        let delivered = consumer.delivered.take();
        let drain = Drain {
            queue: self,
            consumer: Some(consumer),
            later,
            left: capacity.min(available),
        };
        // After the guard exists, since dropping what was delivered may push: a connection may become writable.
        drop(delivered);
        Ok(drain)
    }

    /// Puts the consumer back and renews the wake when something is left.
    fn end_drain(&self, mut consumer: Consumer<T>, handed_out: u64) {
        let mut state = self.state.lock();
        state.stats.events += handed_out;
        if state.closed {
            state.undelivered += consumer.ready.len() as u64;
            let ready = consumer.ready.take();
            state.consumer = Some(consumer);
            self.settle(&state);
            drop(state);
            drop(ready);
            return;
        }
        let left = !consumer.ready.is_empty() || !state.arrivals.is_empty();
        state.consumer = Some(consumer);
        self.hint(&state);
        if left && (!state.signalled || self.wake.is_one_shot()) {
            state.signalled = true;
            state.waking += 1;
            drop(state);
            self.make_wake();
        }
    }

    /// Refuses boxes and producers from now on.
    pub(crate) fn refuse(&self) {
        self.state.lock().closed = true;
    }

    /// Refuses boxes from now on, then waits until no producer is attached, no wake runs and nobody drains.
    ///
    /// Returns how many boxes were never handed out, or `None` when the time passed: the queue stays closed, and
    /// another call waits on.
    pub(crate) fn close(&self, until: Option<Instant>) -> Option<u64> {
        let mut state = self.state.lock();
        state.closed = true;
        let mut arrivals = state.arrivals.take();
        state.undelivered += arrivals.len() as u64;
        if let Some(consumer) = &mut state.consumer {
            let ready = consumer.ready.take();
            state.undelivered += ready.len() as u64;
            drop(state);
            drop(ready);
        } else {
            drop(state);
        }
        while arrivals.pop().is_some() {}
        self.arrived.notify_all();
        let mut state = self.state.lock();
        while state.producers > 0 || state.waking > 0 || state.consumer.is_none() {
            let timed_out = match until {
                Some(instant) => self.quiet.wait_until(&mut state, instant).timed_out(),
                None => {
                    self.quiet.wait(&mut state);
                    false
                }
            };
            if timed_out {
                return None;
            }
        }
        let delivered = state
            .consumer
            .as_mut()
            .map(|consumer| consumer.delivered.take());
        let undelivered = state.undelivered;
        drop(state);
        drop(delivered);
        Some(undelivered)
    }

    pub(crate) fn stats(&self) -> QueueStats {
        let state = self.state.lock();
        QueueStats {
            producers: state.producers,
            ..state.stats
        }
    }
}

impl<T: Link> State<T> {
    /// Announces a wake, if something has arrived and none is out.
    fn owe_wake(&mut self) -> Owed {
        if self.signalled || self.closed || self.arrivals.is_empty() {
            return Owed::Nothing;
        }
        self.signalled = true;
        self.waking += 1;
        Owed::Wake
    }
}

/// Somebody looks for arrivals.
pub(crate) struct Attended<'a, T: Link, W: Wake>(&'a Queue<T, W>);

impl<T: Link, W: Wake> Drop for Attended<'_, T, W> {
    fn drop(&mut self) {
        self.0.stop_attending();
    }
}

/// One drain. Dropping it, also when a callback's exception passes, ends it.
pub(crate) struct Drain<'a, T: Link, W: Wake> {
    queue: &'a Queue<T, W>,
    consumer: Option<Consumer<T>>,
    /// Newest first; becomes `ready` when that is empty.
    later: Chain<T>,
    left: usize,
}

impl<T: Link, W: Wake> Drain<'_, T, W> {
    /// The next box, which stays alive until the next drain of this queue begins.
    pub(crate) fn next(&mut self) -> Option<&mut T> {
        if self.left == 0 {
            return None;
        }
        let consumer = self.consumer.as_mut()?;
        if consumer.ready.is_empty() {
            consumer.ready = self.later.take().reversed();
        }
        let node = consumer.ready.pop()?;
        self.left -= 1;
        consumer.delivered.push(node);
        consumer.delivered.first_mut()
    }
}

impl<T: Link, W: Wake> Drop for Drain<'_, T, W> {
    fn drop(&mut self) {
        let Some(mut consumer) = self.consumer.take() else {
            return;
        };
        let handed_out = consumer.delivered.len() as u64;
        if !self.later.is_empty() {
            // Everything of `ready` was older.
            let mut older = consumer.ready.take().reversed();
            let mut all = self.later.take().reversed();
            while let Some(node) = older.pop() {
                all.push(node);
            }
            consumer.ready = all;
        }
        self.queue.end_drain(consumer, handed_out);
    }
}
