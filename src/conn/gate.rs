//! The gate that requests pass on their way to the worker, who sleeps behind it.

use super::{Conn, Message};
use crate::request::Event;
use crossbeam_channel::Sender;
use parking_lot::MutexGuard;
use std::sync::atomic::Ordering;
use std::thread::{self, Thread};
use std::time::Instant;

/// Requests enter one submit at a time: ids and places in the channel are given together.
pub(super) struct Gate {
    sender: Sender<Message>,
    /// The worker, when it has found nothing and is to be woken. It parks: a condition variable of parking_lot's would
    /// be found locked by a child of fork.
    sleeper: Option<Thread>,
    pub(super) is_closing: bool,
    /// Its memory is reserved when the connection is opened.
    pub(super) closed_event: Option<Box<Event>>,
}

impl Gate {
    pub(super) fn new(sender: Sender<Message>) -> Self {
        Self {
            sender,
            sleeper: None,
            is_closing: false,
            closed_event: None,
        }
    }
}

impl Conn {
    /// Sends, and wakes the worker if it sleeps. It leaves its end only after Close, which the gate lets nothing follow.
    pub(super) fn send(&self, mut gate: MutexGuard<'_, Gate>, message: Message) {
        let _ = gate.sender.send(message);
        let sleeper = gate.sleeper.take();
        drop(gate);
        if let Some(worker) = sleeper {
            worker.unpark();
        }
    }

    /// The worker sleeps until there is a message to take; `None` when the time has come before.
    pub(crate) fn sleep_until(
        &self,
        deadline: Option<Instant>,
        take: impl Fn() -> Option<Message>,
    ) -> Option<Message> {
        loop {
            let mut gate = self.gate.lock();
            let message = take();
            let is_late = deadline.is_some_and(|until| Instant::now() >= until);
            if message.is_some() || is_late {
                gate.sleeper = None;
                return message;
            }
            gate.sleeper = Some(thread::current());
            drop(gate);
            match deadline {
                Some(until) => {
                    thread::park_timeout(until.saturating_duration_since(Instant::now()))
                }
                None => thread::park(),
            }
        }
    }

    /// Makes the worker look around. One nudge on its way is enough.
    pub(crate) fn nudge(&self) {
        if !self.is_nudged.swap(true, Ordering::AcqRel) {
            self.send(self.gate.lock(), Message::Nudge);
        }
    }

    /// The worker has the nudge, and looks after this.
    pub(crate) fn nudge_arrived(&self) {
        // A swap, not a store: what was cancelled before the nudge must be seen after it.
        self.is_nudged.swap(false, Ordering::AcqRel);
    }
}
