//! Completions on their way out: handed to the queue in groups, so that one wake serves many.
//!
//! A group goes when the worker runs out of work, when it is large or old, and before anything that may take long:
//! a commit, a wait for a lock, a statement that runs for more than a thousand VM instructions.

use crate::chain::Chain;
use crate::host::HostQueue;
use crate::request::Event;
use crate::wait;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

const GROUP_MAX: usize = 16;
/// The same with one CPU: the host cannot work on what is done meanwhile, and each group makes both take turns.
const GROUP_ALONE_MAX: usize = 64;
/// The same, while the host looks for arrivals and need not be woken.
const GROUP_ATTENDED_MAX: usize = 4;
/// How often the clock is read, in events.
const CLOCK_EVERY: usize = 4;
const AGE_MAX: Duration = Duration::from_micros(100);

pub(crate) struct Outbox {
    queue: Arc<HostQueue>,
    /// Newest first.
    events: RefCell<Chain<Event>>,
    since: Cell<Option<Instant>>,
    group_max: usize,
}

impl Outbox {
    pub(crate) fn new(queue: Arc<HostQueue>) -> Self {
        Self {
            queue,
            events: RefCell::new(Chain::new()),
            since: Cell::new(None),
            group_max: match wait::is_alone() {
                true => GROUP_ALONE_MAX,
                false => GROUP_MAX,
            },
        }
    }

    pub(crate) fn push(&self, event: Box<Event>) {
        if event.reply_to.is_some() || self.queue.is_direct {
            return event.deliver();
        }
        let count = {
            let mut events = self.events.borrow_mut();
            events.push(event);
            events.len()
        };
        let is_attended = count >= GROUP_ATTENDED_MAX && self.queue.queue.is_attended();
        if count >= self.group_max
            || is_attended
            || (count % CLOCK_EVERY == 1 && self.is_old(count))
        {
            self.flush();
        }
    }

    fn is_old(&self, count: usize) -> bool {
        let now = Instant::now();
        if count == 1 {
            self.since.set(Some(now));
        }
        self.since.get().is_some_and(|since| now - since > AGE_MAX)
    }

    pub(crate) fn flush(&self) {
        let events = self.events.borrow_mut().take();
        if !events.is_empty() {
            self.queue.deliver(events.reversed());
        }
    }
}
