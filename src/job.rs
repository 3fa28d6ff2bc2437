//! Jobs: requests that take turns with others, step by step, such as streams that wait for credit and backups.

use crate::exec::Runner;
use crate::ffi::block::Block;
use crate::request::{Outcome, Pending};
use std::time::Instant;

/// What a request does that is not done in one go.
pub(crate) trait Task {
    /// Whether its next step can be made now: a stream has credit, a backup has slept enough.
    fn is_ready(&self) -> bool;

    /// When to look again, if time alone makes it ready.
    fn ready_at(&self) -> Option<Instant> {
        None
    }

    /// Whether it has no end of its own, and ends with the connection.
    fn is_passive(&self) -> bool {
        false
    }

    /// Makes its next step.
    fn step(&mut self, runner: &mut Runner<'_>) -> Step;
}

/// What a task has to say after a step.
pub(crate) enum Step {
    /// An event of its own, not the last.
    Part(Block),
    /// The same, and the end right behind it.
    LastPart(Block, Box<Outcome>),
    /// Nothing yet.
    Silent,
    End(Box<Outcome>),
}

/// A task that has begun, and the request that it answers.
pub(crate) struct Job {
    pub(crate) request: Pending,
    pub(crate) task: Box<dyn Task>,
    pub(crate) lane: i64,
    /// How often the connection had been interrupted when it began.
    pub(crate) interrupts: u64,
}

impl Job {
    pub(crate) fn deadline(&self) -> Option<Instant> {
        [self.request.work().deadline, self.task.ready_at()]
            .into_iter()
            .flatten()
            .min()
    }
}
