//! Transactions: the rollback fence, arrays that are one transaction, leases, and transactions that begin by themselves.

use crate::command::{self, Arguments};
use crate::error::Error;
use crate::exec::{Done, Runner};
use crate::ffi::event::*;
use crate::ffi::status::{SIDELITE_ERR_ABORTED, SIDELITE_ERR_MISUSE};
use crate::lane::Lease;
use crate::request::{Command, Outcome, Pending, Work};
use crate::sqlite::{Cursor, Database};
use crate::text::{self, Verb};
use crate::watch::Verdict;
use rusqlite::ffi::{SQLITE_TXN_NONE, SQLITE_TXN_READ, SQLITE_TXN_WRITE};
use std::ffi::CStr;
use std::time::{Duration, Instant};

/// The fence: after an involuntary rollback, what was submitted for the lost transaction must not run in autocommit.
#[derive(Default)]
pub(crate) struct Fence {
    /// Requests up to this id are behind the fence.
    until: Option<i64>,
}

impl Fence {
    pub(crate) fn raise(&mut self, last_id: i64) {
        self.until = self.until.max(Some(last_id));
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

/// Which transactions begin by themselves, or with a lease: in the order of SIDELITE_BEGIN_.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Isolation {
    #[default]
    None,
    Deferred,
    Immediate,
    Exclusive,
    /// For the isolation alone: one is open at any time.
    Always,
}

impl Isolation {
    pub(crate) fn of(number: i64) -> Option<Self> {
        let all = [
            Self::None,
            Self::Deferred,
            Self::Immediate,
            Self::Exclusive,
            Self::Always,
        ];
        all.get(usize::try_from(number).ok()?).copied()
    }

    fn begin(self) -> Option<&'static CStr> {
        match self {
            Self::None => None,
            Self::Deferred | Self::Always => Some(c"BEGIN DEFERRED"),
            Self::Immediate => Some(c"BEGIN IMMEDIATE"),
            Self::Exclusive => Some(c"BEGIN EXCLUSIVE"),
        }
    }

    pub(crate) fn commits_before_scripts(self) -> bool {
        matches!(self, Self::Deferred | Self::Immediate | Self::Exclusive)
    }
}

/// What every final event tells of the transaction.
pub(crate) fn flags(database: &Database) -> u32 {
    if !database.is_in_transaction() {
        return 0;
    }
    let state = match database.transaction_state() {
        SQLITE_TXN_WRITE => SIDELITE_EVENT_WRITING,
        SQLITE_TXN_READ => SIDELITE_EVENT_READING,
        _ => 0,
    };
    SIDELITE_EVENT_IN_TRANSACTION | state
}

/// Before a statement is stepped: begins the transaction that its connection's isolation wants.
pub(crate) fn begin_before(cursor: &Cursor<'_>, runner: &mut Runner<'_>) -> Result<(), Error> {
    if *cursor.verb() != Verb::Write {
        return Ok(());
    }
    match runner.worker.isolation().begin() {
        Some(begin) if !runner.database.is_in_transaction() => control(begin, runner),
        _ => Ok(()),
    }
}

/// Begins the transaction that is to be open at any time.
pub(crate) fn begin_next(runner: &mut Runner<'_>) -> Outcome {
    match control(c"BEGIN DEFERRED", runner) {
        Ok(()) => Outcome::default(),
        Err(error) => Outcome::failed(error),
    }
}

pub(crate) fn commit(runner: &mut Runner<'_>) -> Result<Done, Error> {
    end_if_open(c"COMMIT", runner)
}

pub(crate) fn rollback(runner: &mut Runner<'_>) -> Result<Done, Error> {
    end_if_open(c"ROLLBACK", runner)
}

fn end_if_open(sql: &CStr, runner: &mut Runner<'_>) -> Result<Done, Error> {
    if runner.database.is_in_transaction() {
        control(sql, runner)?;
    }
    Ok(Done::default())
}

/// Another isolation from here on.
pub(crate) fn isolate(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["mode"])?;
    let isolation = isolation_of(&arguments, 0, Isolation::None, Isolation::Always)?;
    if isolation == Isolation::None {
        commit(runner)?;
    }
    runner.worker.set_isolation(isolation);
    Ok(Done::default())
}

fn isolation_of(
    arguments: &Arguments<'_>,
    index: usize,
    default: Isolation,
    last: Isolation,
) -> Result<Isolation, Error> {
    let number = arguments.choice(index, 0..=last as i64, default as i64)?;
    Ok(Isolation::of(number).unwrap_or(default))
}

/// Takes the connection for the requests of one lane.
pub(crate) fn lease(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["mode", "hold_ms"])?;
    let mode = isolation_of(&arguments, 0, Isolation::Deferred, Isolation::Exclusive)?;
    let hold_ms = arguments.integer(1)?.filter(|&hold_ms| hold_ms > 0);
    let Some(request) = runner.request else {
        return Err(Error::code(SIDELITE_ERR_MISUSE));
    };
    if runner.worker.lanes().is_in_call() || work.lane != 0 {
        return Err(command::misuse(
            "a lease cannot be taken inside of another, or inside of a call",
        ));
    }
    // The transaction that is always open has nothing in it yet: it gives way.
    let is_vacant = runner.worker.isolation() == Isolation::Always
        && runner.database.is_in_transaction()
        && runner.database.transaction_state() == SQLITE_TXN_NONE;
    if is_vacant {
        commit(runner)?;
    }
    let was_open = runner.database.is_in_transaction();
    if let Some(begin) = mode.begin() {
        control(begin, runner)?;
    }
    let hold = hold_ms.map(|hold_ms| Duration::from_millis(hold_ms as u64));
    runner.worker.lanes().begin_lease(Lease {
        id: request.id(),
        has_transaction: mode != Isolation::None,
        was_open,
        until: hold.and_then(|hold| Instant::now().checked_add(hold)),
    });
    Ok(Done::default())
}

/// Rolls back what is open, whatever is cancelled.
pub(crate) fn roll_back(runner: &mut Runner<'_>) {
    if runner.database.is_in_transaction() {
        let _ = control(c"ROLLBACK", runner);
    }
}

/// Whether a transaction would be open after a request that succeeds.
pub(crate) fn leaves_open(work: &Work, is_open: bool) -> bool {
    if work.is(Command::Commit) || work.is(Command::Rollback) {
        return false;
    }
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
    let (begin, commit) = frame(nested);
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
        undo(nested, runner);
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

/// A statement that frames what the host wants done. Rules and limits are for the host's statements: a ROLLBACK that must
/// be is not theirs to forbid.
fn control(sql: &CStr, runner: &mut Runner<'_>) -> Result<(), Error> {
    let (database, watch) = (runner.database, runner.watch);
    let is_judged = watch.hooks.has_authorizer();
    watch.hooks.unasked(|| {
        let prepared = database.unlimited(|| match is_judged {
            // What was not judged must not be found by the host's statements.
            true => database.prepare_single(sql.into()),
            false => database.cached(sql.into()),
        });
        watch.outbox.flush();
        let Some(mut cursor) = prepared?.cursor else {
            return Ok(());
        };
        let result = runner.watched(&mut cursor, |runner, cursor| {
            let stepped = cursor.step().and_then(|_| cursor.reset());
            stepped.map_err(|code| runner.database.error(code))
        });
        result.map(drop).map_err(|error| watch.explain(error))
    })
}

/// What begins and ends something that is all or nothing.
fn frame(nested: bool) -> (&'static CStr, &'static CStr) {
    match nested {
        true => (c"SAVEPOINT sidelite_atomic", c"RELEASE sidelite_atomic"),
        false => (c"BEGIN IMMEDIATE", c"COMMIT"),
    }
}

/// Does something that is all or nothing, as an array of its own would be.
pub(crate) fn whole<R>(
    runner: &mut Runner<'_>,
    run: impl FnOnce(&mut Runner<'_>) -> Result<R, Error>,
) -> Result<R, Error> {
    let nested = runner.database.is_in_transaction();
    let (begin, commit) = frame(nested);
    control(begin, runner)?;
    let result = run(runner).and_then(|done| control(commit, runner).map(|()| done));
    result.map_err(|error| {
        let error = runner.watch.explain(error);
        undo(nested, runner);
        error
    })
}

/// Undoes the array. Some errors have done so already.
fn undo(nested: bool, runner: &mut Runner<'_>) {
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
