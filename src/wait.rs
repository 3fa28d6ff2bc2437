//! Waiting for the next message: looking for a few microseconds first, when that has been paying off.
//!
//! Waking a thread that sleeps on another CPU costs 15 to 30 microseconds, more than most requests take. So a worker whose
//! messages have been arriving fast looks a little longer before it sleeps, and yields while it looks; one that
//! then slept for long looks half as long the next time. With one CPU nothing comes while it looks: it lets the others go
//! first, a few times, which costs less than a sleep and a wake.
//!
//! Where others want the CPU, a yield gives it away for milliseconds: after looks that took so long more and more are left
//! out. The channel's own ways to wait yield, too, and so the worker sleeps beside it.

use crate::conn::{Conn, Message};
use crossbeam_channel::{Receiver, TryRecvError};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Rounds of looking: a few microseconds while others let us.
pub(crate) const ROUNDS_MAX: u32 = 40;
/// The same with one CPU.
const ROUNDS_MAX_ALONE: u32 = 4;
/// The first rounds only pause, for longer and longer; the others pause and yield.
const ROUNDS_WITHOUT_YIELD: u32 = 4;
/// A sleep that ends so soon would better have been spent looking.
const SHORT_SLEEP: Duration = Duration::from_micros(50);
/// Others had the CPU during a look that took so long.
const LONG_LOOK: Duration = Duration::from_micros(200);
/// How many looks are left out at most after one that took so long, and after one that found nothing.
const PASSES_MAX: u32 = 1023;
const MISSES_MAX: u32 = 63;

pub(crate) struct Inbox {
    conn: Arc<Conn>,
    messages: Receiver<Message>,
    rounds: u32,
    patience: Patience,
}

impl Inbox {
    pub(crate) fn new(conn: Arc<Conn>, messages: Receiver<Message>) -> Self {
        Self {
            conn,
            messages,
            rounds: 0,
            patience: Patience::default(),
        }
    }

    /// What is there already.
    pub(crate) fn take(&self) -> Option<Message> {
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
        let message = self.conn.sleep_until(deadline, || self.take());
        self.rounds = match began.elapsed() < SHORT_SLEEP {
            true => (2 * self.rounds + 1).min(ROUNDS_MAX),
            false => self.rounds / 2,
        };
        message.unwrap_or(Message::Nudge)
    }

    fn look(&mut self) -> Option<Message> {
        if self.rounds == 0 || self.patience.passes() {
            return None;
        }
        let began = Instant::now();
        let message = look(self.rounds, || self.take());
        if message.is_some() {
            self.rounds = (self.rounds + 1).min(ROUNDS_MAX);
        }
        // Those that find nothing get shorter by themselves.
        self.patience.judge(true, began.elapsed());
        message
    }
}

/// Whether to look at all. After looks that have not paid off more and more are left out.
#[derive(Default)]
pub(crate) struct Patience {
    /// How many looks are left out after the next that does not pay off, and how many of them are left.
    passes: u32,
    passes_left: u32,
}

impl Patience {
    /// Whether this look is left out.
    pub(crate) fn passes(&mut self) -> bool {
        let passes = self.passes_left > 0;
        self.passes_left -= u32::from(passes);
        passes
    }

    pub(crate) fn judge(&mut self, has_found: bool, took: Duration) {
        let is_long = took > LONG_LOOK;
        if has_found && !is_long {
            self.passes -= self.passes.div_ceil(16);
            return;
        }
        let most = if is_long { PASSES_MAX } else { MISSES_MAX };
        if self.passes < most {
            self.passes = 2 * self.passes + 1;
        }
        self.passes_left = self.passes;
    }
}

/// Looks for what is about to come, for so many rounds at most.
pub(crate) fn look<R>(rounds: u32, mut find: impl FnMut() -> Option<R>) -> Option<R> {
    let (rounds, without_yield) = match is_alone() {
        true => (rounds.min(ROUNDS_MAX_ALONE), 0),
        false => (rounds, ROUNDS_WITHOUT_YIELD),
    };
    for round in 0..rounds {
        if let Some(found) = find() {
            return Some(found);
        }
        for _ in 0..1 << round.min(without_yield) {
            std::hint::spin_loop();
        }
        if round >= without_yield {
            std::thread::yield_now();
        }
    }
    find()
}

/// Whether this process may use one CPU only. Asked once: the answer reads files.
pub(crate) fn is_alone() -> bool {
    static CPUS: OnceLock<usize> = OnceLock::new();
    let cpus = CPUS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from));
    *cpus == 1
}
