//! Sessions: recorded changes as changesets, which can be applied elsewhere, undone and rebased.

use crate::command::{Arguments, misuse, table};
use crate::error::Error;
use crate::exec::{Done, Runner};
use crate::ffi::payload::ValueRef;
use crate::request::Work;
use crate::sqlite::{self, Changeset, Policy, Session};
use std::rc::Rc;

pub(crate) fn open(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    const NAMES: &[&str] = &["table", "schema"];
    let arguments = Arguments::of(work, NAMES)?;
    let schema = arguments.text_or(1, "main")?;
    if runner.watch.observers.wants_changes() {
        return Err(misuse(
            "changes are being observed: a session cannot record them at the same time",
        ));
    }
    let session = runner.database.create_session(&schema)?;
    for row in 0..work.payload.nrows {
        let arguments = Arguments::of_row(work, row, NAMES)?;
        session.attach(arguments.text(0)?.as_deref())?;
    }
    let handle = runner.request_id()?;
    runner.database.sessions().insert(handle, Rc::new(session));
    table(runner, &["session"], [vec![ValueRef::Integer(handle)]]).map(Done::rows)
}

/// The session that an argument names.
fn session(runner: &Runner<'_>, arguments: &Arguments<'_>) -> Result<(i64, Rc<Session>), Error> {
    let handle = arguments.required_integer(0)?;
    let session = runner.database.sessions().get(&handle).map(Rc::clone);
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
    let changeset = session.changes(as_patchset)?;
    answer(runner, &changeset)
}

fn answer(runner: &mut Runner<'_>, changeset: &Changeset) -> Result<Done, Error> {
    let row = vec![ValueRef::Blob(changeset.bytes())];
    table(runner, &["changeset"], [row]).map(Done::rows)
}

pub(crate) fn close(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["session"])?;
    let (handle, _) = session(runner, &arguments)?;
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
    let before = runner.database.total_changes();
    let applied = runner.database.apply(changeset, policy)?;
    let row = vec![
        ValueRef::Integer(applied.conflicts),
        ValueRef::Blob(applied.rebase.bytes()),
    ];
    let rows = table(runner, &["conflicts", "rebase"], [row])?;
    Ok(Done {
        changes: runner.database.total_changes() - before,
        rows: Some(rows),
    })
}

pub(crate) fn invert(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["changeset"])?;
    let inverted = sqlite::invert(arguments.required_blob(0)?)?;
    answer(runner, &inverted)
}

pub(crate) fn rebase(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["changeset", "rebase"])?;
    let (changeset, rebase) = (arguments.required_blob(0)?, arguments.required_blob(1)?);
    let rebased = sqlite::rebase(changeset, rebase)?;
    answer(runner, &rebased)
}
