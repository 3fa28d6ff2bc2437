//! Lanes: whose turn it is. A lease keeps the connection for its own requests, a call of a function for those that the
//! host sends to run inside it; everybody else waits, in order.

use crate::chain::Chain;
use crate::request::{Event, Pending};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::Range;
use std::time::Instant;

/// Calls that may wait inside one another, each on the stack of the one around it.
pub(crate) const CALLS_MAX: usize = 16;

#[derive(Default)]
pub(crate) struct Lanes(RefCell<State>);

#[derive(Default)]
struct State {
    lease: Option<Lease>,
    /// Calls that wait for their reply, innermost last, and until when.
    calls: Vec<(i64, Option<Instant>)>,
    /// Requests of no lane, while somebody else has the connection.
    waiting: VecDeque<Unanswered>,
    /// Requests of lanes whose turn has not come.
    early: VecDeque<Unanswered>,
}

/// The connection is one task's own.
#[derive(Clone, Copy)]
pub(crate) struct Lease {
    /// The id of the request that took it, by which others name it.
    pub(crate) id: i64,
    /// It began a transaction, with which it ends.
    pub(crate) has_transaction: bool,
    /// A transaction was open before it, and is not its own to roll back.
    pub(crate) was_open: bool,
    pub(crate) until: Option<Instant>,
}

/// When a request may run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Now,
    Later,
    /// Its lane has ended.
    Never,
}

/// Requests that still owe their events, whatever happens to those before them. One, several, or an ATOMIC array.
pub(crate) struct Unanswered(pub(crate) Chain<Event>);

impl Unanswered {
    pub(crate) fn next(&mut self) -> Option<Pending> {
        self.0.pop().map(Pending::new)
    }

    pub(crate) fn one(request: Pending) -> Self {
        Self(Chain::of(request.suspend()))
    }

    /// They are somebody else's to answer now.
    pub(crate) fn into_chain(mut self) -> Chain<Event> {
        self.0.take()
    }

    /// Those of one submit count on.
    pub(crate) fn ids(&self) -> Range<i64> {
        let first = self.0.first().map_or(0, |event| event.id);
        first..first + self.0.len() as i64
    }

    pub(crate) fn lane(&self) -> i64 {
        let first = self.0.first().and_then(|event| event.work.as_ref());
        first.map_or(0, |work| work.lane)
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        while self.next().is_some() {}
    }
}

impl Lanes {
    /// `is_known` tells a lane that has not begun from one that has ended.
    pub(crate) fn turn_of(&self, lane: i64, is_known: impl Fn(i64) -> bool) -> Turn {
        self.0.borrow().turn_of(lane, is_known)
    }

    /// Takes in what must wait.
    pub(crate) fn detain(&self, requests: Unanswered) {
        let mut state = self.0.borrow_mut();
        match requests.lane() {
            0 => state.waiting.push_back(requests),
            _ => state.early.push_back(requests),
        }
    }

    /// What has waited, and need not any more.
    pub(crate) fn admit(&self, is_known: impl Fn(i64) -> bool) -> Option<Unanswered> {
        let mut state = self.0.borrow_mut();
        let is_due = |early: &Unanswered| state.turn_of(early.lane(), &is_known) != Turn::Later;
        if let Some(at) = state.early.iter().position(is_due) {
            return state.early.remove(at);
        }
        match state.turn_of(0, is_known) {
            Turn::Now => state.waiting.pop_front(),
            _ => None,
        }
    }

    /// Whether requests of a lane wait for their turn.
    pub(crate) fn is_anybody_early(&self, lane: i64) -> bool {
        let state = self.0.borrow();
        state.early.iter().any(|early| early.lane() == lane)
    }

    pub(crate) fn is_anybody_waiting(&self) -> bool {
        let state = self.0.borrow();
        !state.waiting.is_empty() || !state.early.is_empty()
    }

    pub(crate) fn lease(&self) -> Option<Lease> {
        self.0.borrow().lease
    }

    pub(crate) fn begin_lease(&self, lease: Lease) {
        self.0.borrow_mut().lease = Some(lease);
    }

    pub(crate) fn end_lease(&self) {
        self.0.borrow_mut().lease = None;
    }

    pub(crate) fn begin_call(&self, call: i64, until: Option<Instant>) {
        self.0.borrow_mut().calls.push((call, until));
    }

    /// How many calls wait.
    pub(crate) fn calls(&self) -> usize {
        self.0.borrow().calls.len()
    }

    /// When the first of the calls has waited long enough.
    pub(crate) fn calls_until(&self) -> Option<Instant> {
        let state = self.0.borrow();
        state.calls.iter().filter_map(|&(_, until)| until).min()
    }

    pub(crate) fn end_call(&self) {
        self.0.borrow_mut().calls.pop();
    }

    pub(crate) fn is_in_call(&self) -> bool {
        !self.0.borrow().calls.is_empty()
    }

    pub(crate) fn waits_for(&self, call: i64) -> bool {
        self.0
            .borrow()
            .calls
            .iter()
            .any(|&(waiting, _)| waiting == call)
    }
}

impl State {
    fn turn_of(&self, lane: i64, is_known: impl Fn(i64) -> bool) -> Turn {
        if let Some(&(call, _)) = self.calls.last() {
            return if lane == call { Turn::Now } else { Turn::Later };
        }
        match (self.lease, lane) {
            (None, 0) => Turn::Now,
            (Some(_), 0) => Turn::Later,
            (Some(lease), lane) if lease.id == lane => Turn::Now,
            (_, lane) if is_known(lane) => Turn::Later,
            _ => Turn::Never,
        }
    }
}
