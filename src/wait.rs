//! Waiting for the next message: looking for a few microseconds first, when that has been paying off.
//!
//! Waking a thread that sleeps on another CPU costs 15 to 30 microseconds, more than most requests take. So a worker whose
//! messages have been arriving fast looks a little longer before it sleeps, and yields while it looks; one that
//! then slept for long looks half as long the next time. With one CPU it never looks.

use crate::conn::Message;
use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Rounds of looking: a few microseconds while others let us.
pub(crate) const ROUNDS_MAX: u32 = 40;
/// The first rounds only pause, for longer and longer; the others pause and yield.
const ROUNDS_WITHOUT_YIELD: u32 = 4;
/// A sleep that ends so soon would better have been spent looking.
const SHORT_SLEEP: Duration = Duration::from_micros(50);

pub(crate) struct Inbox {
    messages: Receiver<Message>,
    rounds: u32,
    rounds_max: u32,
}

impl Inbox {
    pub(crate) fn new(messages: Receiver<Message>) -> Self {
        Self {
            messages,
            rounds: 0,
            rounds_max: if is_alone() { 0 } else { ROUNDS_MAX },
        }
    }

    /// What is there already.
    pub(crate) fn take(&mut self) -> Option<Message> {
        match self.messages.try_recv() {
            Ok(message) => Some(message),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Message::Close(None)),
        }
    }

    /// Waits for a message; a nudge when the deadline comes first.
    pub(crate) fn wait(&mut self, deadline: Option<Instant>) -> Message {
        if let Some(message) = self.look() {
            return message;
        }
        let began = Instant::now();
        let message = match deadline {
            Some(deadline) => self.messages.recv_deadline(deadline),
            None => self
                .messages
                .recv()
                .map_err(|_| RecvTimeoutError::Disconnected),
        };
        self.rounds = match began.elapsed() < SHORT_SLEEP {
            true => (2 * self.rounds + 1).min(self.rounds_max),
            false => self.rounds / 2,
        };
        message.unwrap_or_else(|error| match error {
            RecvTimeoutError::Timeout => Message::Nudge,
            RecvTimeoutError::Disconnected => Message::Close(None),
        })
    }

    fn look(&mut self) -> Option<Message> {
        let message = look(self.rounds, || self.take());
        if message.is_some() {
            self.rounds = (self.rounds + 1).min(self.rounds_max);
        }
        message
    }
}

/// Looks for what is about to come, for so many rounds at most.
pub(crate) fn look<R>(rounds: u32, mut find: impl FnMut() -> Option<R>) -> Option<R> {
    for round in 0..rounds {
        if let Some(found) = find() {
            return Some(found);
        }
        for _ in 0..1 << round.min(ROUNDS_WITHOUT_YIELD) {
            std::hint::spin_loop();
        }
        if round >= ROUNDS_WITHOUT_YIELD {
            std::thread::yield_now();
        }
    }
    None
}

/// Whether this process may use one CPU only. Asked once: the answer reads files.
pub(crate) fn is_alone() -> bool {
    static CPUS: OnceLock<usize> = OnceLock::new();
    let cpus = CPUS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from));
    *cpus == 1
}
