//! Sessions: recorded changes as changesets, which can be applied elsewhere, undone and rebased.

use crate::command::{Arguments, misuse, table};
use crate::error::Error;
use crate::exec::{Done, Runner};
use crate::ffi::payload::ValueRef;
use crate::request::Work;
use crate::sqlite::{self, Policy, Session};
use crate::transaction;
use std::ffi::CStr;
use std::rc::Rc;

pub(crate) fn open(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    const NAMES: &[&str] = &["table", "schema"];
    let schema = Arguments::of(work, NAMES)?.text_or(1, "main")?;
    let handle = runner.request_id()?;
    if runner.watch.observers.wants_changes() {
        return Err(misuse(
            "changes are being observed: a session cannot record them at the same time",
        ));
    }
    let session = runner.database.create_session(&schema)?;
    for row in 0..work.payload.nrows {
        let arguments = Arguments::of_row(work, row, NAMES)?;
        check_schema(&arguments, &schema)?;
        session.attach(arguments.text(0)?.as_deref())?;
    }
    runner.database.forget_statements();
    runner.database.sessions().insert(handle, Rc::new(session));
    table(runner, &["session"], [vec![ValueRef::Integer(handle)]]).map(Done::rows)
}

/// A session is of one database.
fn check_schema(arguments: &Arguments<'_>, schema: &CStr) -> Result<(), Error> {
    match arguments.text(1)? {
        Some(other) if !other.to_bytes().eq_ignore_ascii_case(schema.to_bytes()) => Err(misuse(
            "argument schema must be the same for all tables: open a session for each schema",
        )),
        _ => Ok(()),
    }
}

/// The session that an argument names. A statement that waits for the host may be in the middle of recording: what reads
/// or ends a session has to wait for its end.
fn session(runner: &Runner<'_>, arguments: &Arguments<'_>) -> Result<(i64, Rc<Session>), Error> {
    let handle = arguments.required_integer(0)?;
    let session = runner.database.sessions().get(&handle).map(Rc::clone);
    if runner.worker.lanes().is_in_call() {
        return Err(misuse(
            "sessions cannot be used inside of a call: do it when the statement around it has ended",
        ));
    }
    match session {
        Some(session) => Ok((handle, session)),
        None => Err(misuse(format!(
            "{handle} is no session that is open: use what SESSION_OPEN returned, until SESSION_CLOSE"
        ))),
    }
}

pub(crate) fn changes(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["session", "patchset"])?;
    let (_, session) = session(runner, &arguments)?;
    let as_patchset = arguments.choice(1, 0..=1, 0)? == 1;
    runner.watch.outbox.flush();
    let bytes_max = runner.conn.result_bytes_max;
    let changeset = runner
        .database
        .changeset(&session, as_patchset, bytes_max)?;
    answer(runner, &changeset)
}

fn answer(runner: &mut Runner<'_>, changeset: &[u8]) -> Result<Done, Error> {
    let row = vec![ValueRef::Blob(changeset)];
    table(runner, &["changeset"], [row]).map(Done::rows)
}

pub(crate) fn close(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["session"])?;
    let (handle, _session) = session(runner, &arguments)?;
    runner.database.sessions().remove(&handle);
    Ok(Done::default())
}

pub(crate) fn apply(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["changeset", "conflict"])?;
    let changeset = arguments.required_blob(0)?;
    let policy = match arguments.choice(1, 0..=2, 0)? {
        0 => Policy::Abort,
        1 => Policy::Omit,
        _ => Policy::Replace,
    };
    runner.watch.outbox.flush();
    sqlite::tables(changeset, runner.watch)?;
    let before = runner.database.total_changes();
    // Its result belongs to the whole: what cannot be told is not done.
    let rows = transaction::whole(runner, |runner| {
        let applied = runner.database.apply(changeset, policy)?;
        runner.watch.check_collations()?;
        let row = vec![
            ValueRef::Integer(applied.conflicts),
            ValueRef::Blob(applied.rebase()),
        ];
        table(runner, &["conflicts", "rebase"], [row])
    })?;
    Ok(Done {
        changes: runner.database.total_changes() - before,
        rows: Some(rows),
    })
}

pub(crate) fn invert(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["changeset"])?;
    let changeset = full_changeset(&arguments)?;
    runner.watch.outbox.flush();
    sqlite::tables(changeset, runner.watch)?;
    let inverted = sqlite::invert(changeset, runner.watch, runner.conn.result_bytes_max)?;
    answer(runner, &inverted)
}

pub(crate) fn rebase(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["changeset", "rebase"])?;
    let (changeset, rebase) = (full_changeset(&arguments)?, arguments.required_blob(1)?);
    runner.watch.outbox.flush();
    let its_tables = sqlite::tables(changeset, runner.watch)?;
    let other_tables = sqlite::tables(rebase, runner.watch)?;
    let rebased = sqlite::rebase(
        (changeset, &its_tables),
        (rebase, &other_tables),
        runner.watch,
        runner.conn.result_bytes_max,
    )?;
    answer(runner, &rebased)
}

/// The first argument, which must not be a patchset.
fn full_changeset<'a>(arguments: &Arguments<'a>) -> Result<&'a [u8], Error> {
    match arguments.required_blob(0)? {
        [b'P', ..] => Err(misuse(
            "argument changeset is a patchset: only a changeset knows the old values",
        )),
        changeset => Ok(changeset),
    }
}
