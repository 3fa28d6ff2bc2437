//! Transactions: the rollback fence, and arrays that are one transaction.

use crate::error::Error;
use crate::exec::Runner;
use crate::ffi::event::SIDELITE_EVENT_NOT_RUN;
use crate::ffi::status::{SIDELITE_ERR_ABORTED, SIDELITE_ERR_MISUSE};
use crate::request::{Outcome, Pending, Work};
use crate::text;
use crate::watch::Verdict;
use std::ffi::CStr;

/// The fence: after an involuntary rollback, what was submitted for the lost transaction must not run in autocommit.
#[derive(Default)]
pub(crate) struct Fence {
    /// Requests up to this id are behind the fence.
    until: Option<i64>,
}

impl Fence {
    pub(crate) fn raise(&mut self, last_id: i64) {
        self.until = Some(last_id);
    }

    /// Whether the fence keeps a request from running. It ends with the request that would have ended the lost
    /// transaction, unless that would have begun another.
    pub(crate) fn stops(&mut self, id: i64, work: &Work) -> bool {
        let is_behind = self.until.is_some_and(|until| id <= until);
        if !is_behind || !leaves_open(work, true) {
            self.until = None;
        }
        is_behind
    }
}

/// Whether a transaction would be open after a request that succeeds.
pub(crate) fn leaves_open(work: &Work, is_open: bool) -> bool {
    text::leaves_open(work.payload.sql().bytes(), is_open)
}

/// Whether a request had ended the transaction that was open before it, when it came to a position in its text.
pub(crate) fn has_ended(work: &Work, position: usize) -> bool {
    text::ends_transaction(&work.payload.sql().bytes()[..position])
}

pub(crate) fn aborted(text: &str) -> Error {
    Error::new(SIDELITE_ERR_ABORTED, text)
}

/// Runs an ATOMIC array: all of it, or nothing. Returns an outcome for each request.
pub(crate) fn run_atomic(requests: &[Pending], runner: &mut Runner<'_>) -> Vec<Outcome> {
    let nested = runner.database.is_in_transaction();
    let (begin, commit) = match nested {
        true => (c"SAVEPOINT sidelite_atomic", c"RELEASE sidelite_atomic"),
        false => (c"BEGIN IMMEDIATE", c"COMMIT"),
    };
    let mut outcomes = Vec::with_capacity(requests.len());
    runner.watch.set_deadline(requests[0].work().deadline);
    let failure = match control(begin, runner) {
        Err(error) => Some((0, error)),
        Ok(()) => run_members(requests, &mut outcomes, runner).or_else(|| {
            control(commit, runner)
                .err()
                .map(|error| (requests.len() - 1, error))
        }),
    };
    if let Some((index, error)) = failure {
        let begun = outcomes.len();
        roll_back(nested, runner);
        outcomes = explain(requests, index, begun, error, runner.watch.verdict());
    }
    outcomes
}

/// Runs the members until one fails; which one, and why.
fn run_members(
    requests: &[Pending],
    outcomes: &mut Vec<Outcome>,
    runner: &mut Runner<'_>,
) -> Option<(usize, Error)> {
    for (index, request) in requests.iter().enumerate() {
        runner.watch.set_deadline(request.work().deadline);
        if let Some(verdict) = runner.watch.verdict() {
            return Some((index, Error::code(verdict.code())));
        }
        let mut outcome = runner.run(request.work());
        outcome.last_insert_rowid = Some(runner.database.last_insert_rowid());
        let error = outcome.error.take();
        outcomes.push(outcome);
        if let Some(error) = error {
            return Some((index, error));
        }
        if !runner.database.is_in_transaction() {
            let text = "a request of an ATOMIC array ended the array's transaction";
            return Some((index, Error::new(SIDELITE_ERR_MISUSE, text)));
        }
    }
    None
}

/// A statement that frames the array.
fn control(sql: &CStr, runner: &mut Runner<'_>) -> Result<(), Error> {
    runner.watch.outbox.flush();
    let Some(mut cursor) = runner.database.cached(sql.into())?.cursor else {
        return Ok(());
    };
    let result = cursor
        .step()
        .and_then(|_| cursor.reset())
        .map_err(|code| runner.database.error(code));
    result.map_err(|error| runner.watch.explain(error))
}

/// Undoes the array. Some errors have done so already.
fn roll_back(nested: bool, runner: &mut Runner<'_>) {
    let verdict = runner.watch.verdict();
    runner.watch.end();
    let undo: &[&CStr] = match nested {
        true => &[c"ROLLBACK TO sidelite_atomic", c"RELEASE sidelite_atomic"],
        false => &[c"ROLLBACK"],
    };
    for sql in undo {
        if runner.database.is_in_transaction() {
            let _ = control(sql, runner);
        }
    }
    runner.watch.keep(verdict);
}

/// An array of which nothing was begun.
pub(crate) fn refused(
    requests: &[Pending],
    error: Error,
    verdict: Option<Verdict>,
) -> Vec<Outcome> {
    explain(requests, 0, 0, error, verdict)
}

/// Who gets which error: the one that failed its own, everybody else ABORTED. A cancel hits the one it was meant for.
fn explain(
    requests: &[Pending],
    index: usize,
    begun: usize,
    error: Error,
    verdict: Option<Verdict>,
) -> Vec<Outcome> {
    let culprit = match verdict {
        Some(Verdict::Cancelled(id)) if error.code == Verdict::Cancelled(id).code() => requests
            .iter()
            .position(|request| request.id() == id)
            .unwrap_or(index),
        _ => index,
    };
    let outcome = |position: usize| {
        let error = match position == culprit {
            true => error.clone(),
            false => {
                aborted("another request of the ATOMIC array failed, and all of it was undone")
            }
        };
        let flags = if position < begun {
            0
        } else {
            SIDELITE_EVENT_NOT_RUN
        };
        Outcome {
            flags,
            ..Outcome::failed(error)
        }
    };
    (0..requests.len()).map(outcome).collect()
}
