//! Observation: what happens on a connection, told to whoever asked.
//!
//! Changes are collected while their transaction is open, and go out when it has been committed. What is rolled back is
//! taken off again: all of it, what came after a savepoint, or what a statement had done before it failed.

use crate::command::{Arguments, misuse};
use crate::error::Error;
use crate::exec::{Done, Runner};
use crate::ffi::command::*;
use crate::ffi::event::SIDELITE_EVENT_CHANGE;
use crate::ffi::function::*;
use crate::ffi::payload::{Value, ValueRef};
use crate::function::{Definition, Hook};
use crate::job::{Step, Task};
use crate::outbox::Outbox;
use crate::request::{Outcome, Parts, Pending};
use crate::sqlite::{AUTOCHECKPOINT_PAGES, Database, Wanted};
use crate::text::Verb;
use crate::watch::Watch;
use rusqlite::ffi::{SQLITE_DELETE, SQLITE_INSERT, SQLITE_UPDATE};
use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::rc::Rc;
use std::time::Instant;

/// An event has so many rows at most.
const ROWS_MAX: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Insert,
    Update,
    Delete,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    fn code(self) -> i64 {
        i64::from(match self {
            Self::Insert => SQLITE_INSERT,
            Self::Update => SQLITE_UPDATE,
            Self::Delete => SQLITE_DELETE,
        })
    }
}

/// A change of a row.
pub(crate) struct Change {
    pub(crate) operation: Operation,
    pub(crate) schema: Rc<CStr>,
    pub(crate) table: Rc<CStr>,
    pub(crate) old_rowid: Option<i64>,
    pub(crate) rowid: Option<i64>,
    pub(crate) columns: usize,
    /// None for an INSERT, or when nobody wants them.
    pub(crate) old: Vec<Value>,
    pub(crate) new: Vec<Value>,
}

/// What a statement took.
pub(crate) struct Profile {
    pub(crate) nanoseconds: i64,
    pub(crate) vm_steps: i64,
    pub(crate) fullscan_steps: i64,
    pub(crate) sorts: i64,
}

/// Somebody who asked, and for what.
struct Observer {
    what: u32,
    parts: Parts,
    /// Why an event could not be made: the observation has a hole, and ends.
    broken: RefCell<Option<Error>>,
}

impl Observer {
    fn wants(&self, what: u32) -> bool {
        self.what & what != 0
    }

    fn tell<'v>(
        &self,
        outbox: &Outbox,
        flags: u32,
        names: &[&str],
        rows: impl IntoIterator<Item = Vec<ValueRef<'v>>>,
    ) {
        match self.parts.table(flags, names, rows) {
            Ok(event) => outbox.push(event),
            Err(error) => {
                self.broken.borrow_mut().get_or_insert(error);
            }
        }
    }
}

pub(crate) struct Observers {
    observers: RefCell<Vec<Rc<Observer>>>,
    hooks: RefCell<DataHooks>,
    /// Changes of the transaction that is open.
    pending: RefCell<Vec<Change>>,
    /// Savepoints, and how many changes there were.
    savepoints: RefCell<Vec<(Box<[u8]>, usize)>>,
    /// A commit has begun, and may still fail.
    is_committing: Cell<bool>,
    has_rolled_back: Cell<bool>,
    /// Logs that have grown, and their pages.
    logs: RefCell<Vec<(Box<CStr>, i32)>>,
    /// Statements that run, and since when: SQLite's own clock counts milliseconds.
    running: RefCell<Vec<(usize, Instant)>>,
    wants_values: Cell<bool>,
    wants_changes: Cell<bool>,
    autocheckpoint: Cell<i32>,
}

/// The host's own hooks.
#[derive(Default)]
struct DataHooks {
    update: Option<Hook>,
    preupdate: Option<Hook>,
    commit: Option<Hook>,
    rollback: Option<Hook>,
    wal: Option<Hook>,
}

impl Observers {
    pub(crate) fn new() -> Self {
        Self {
            observers: RefCell::default(),
            hooks: RefCell::default(),
            pending: RefCell::default(),
            savepoints: RefCell::default(),
            is_committing: Cell::new(false),
            has_rolled_back: Cell::new(false),
            logs: RefCell::default(),
            running: RefCell::default(),
            wants_values: Cell::new(false),
            wants_changes: Cell::new(false),
            autocheckpoint: Cell::new(AUTOCHECKPOINT_PAGES),
        }
    }

    /// After how many pages in a log a checkpoint is due; 0 for never.
    pub(crate) fn autocheckpoint(&self) -> i32 {
        self.autocheckpoint.get()
    }

    pub(crate) fn set_autocheckpoint(&self, pages: i32) {
        self.autocheckpoint.set(pages);
    }

    /// Whether the hook before changes is ours.
    pub(crate) fn wants_changes(&self) -> bool {
        self.wants_changes.get()
    }

    pub(crate) fn wants_values(&self) -> bool {
        self.wants_values.get()
    }

    fn is_wanted(&self, what: u32) -> bool {
        self.observers
            .borrow()
            .iter()
            .any(|observer| observer.wants(what))
    }

    /// Sets the hooks that are needed from now on.
    fn refresh(&self, database: &Database) {
        let hooks = self.hooks.borrow();
        let has_preupdate = hooks.preupdate.is_some();
        let wants_values = self.is_wanted(SIDELITE_OBSERVE_VALUES) || has_preupdate;
        let wants_changes = wants_values || self.is_wanted(SIDELITE_OBSERVE_CHANGES);
        let ends = SIDELITE_OBSERVE_COMMITS | SIDELITE_OBSERVE_ROLLBACKS;
        let has_end_hooks = hooks.commit.is_some() || hooks.rollback.is_some();
        if wants_changes && !self.wants_changes.get() {
            database.forget_statements();
        }
        self.wants_values.set(wants_values);
        self.wants_changes.set(wants_changes);
        database.set_hooks(Wanted {
            changes: wants_changes,
            updates: hooks.update.is_some(),
            ends: wants_changes || self.is_wanted(ends) || has_end_hooks,
            trace: self.is_wanted(SIDELITE_OBSERVE_TRACE),
            profile: self.is_wanted(SIDELITE_OBSERVE_PROFILE),
        });
    }

    // What SQLite tells.

    /// A row is about to change.
    pub(crate) fn change(&self, change: Change) {
        let hook = self.hooks.borrow().preupdate.clone();
        if let Some(hook) = hook {
            let _ = hook.call(&preupdate_arguments(&change));
        }
        if self.is_wanted(SIDELITE_OBSERVE_CHANGES | SIDELITE_OBSERVE_VALUES) {
            self.pending.borrow_mut().push(change);
        }
    }

    pub(crate) fn row_changed(&self, operation: i32, schema: &CStr, table: &CStr, rowid: i64) {
        let hook = self.hooks.borrow().update.clone();
        if let Some(hook) = hook {
            let _ = hook.call(&[
                ValueRef::Integer(operation.into()),
                ValueRef::Text(schema.to_bytes()),
                ValueRef::Text(table.to_bytes()),
                ValueRef::Integer(rowid),
            ]);
        }
    }

    /// A transaction is about to commit: whether it may.
    pub(crate) fn commits(&self) -> Result<bool, Error> {
        let hook = self.hooks.borrow().commit.clone();
        let is_allowed = match hook {
            None => true,
            Some(hook) => matches!(hook.call(&[])?, Value::Null | Value::Integer(0)),
        };
        self.is_committing.set(is_allowed);
        Ok(is_allowed)
    }

    pub(crate) fn rolls_back(&self) {
        self.is_committing.set(false);
        self.has_rolled_back.set(true);
        self.pending.borrow_mut().clear();
        self.savepoints.borrow_mut().clear();
        let hook = self.hooks.borrow().rollback.clone();
        if let Some(hook) = hook {
            let _ = hook.call(&[]);
        }
    }

    /// A transaction was committed to a write-ahead log.
    pub(crate) fn log_grew(&self, schema: &CStr, pages: i32) {
        if self.is_wanted(SIDELITE_OBSERVE_WAL) {
            self.logs.borrow_mut().push((schema.into(), pages));
        }
        let hook = self.hooks.borrow().wal.clone();
        if let Some(hook) = hook {
            let pages = ValueRef::Integer(pages.into());
            let _ = hook.call(&[ValueRef::Text(schema.to_bytes()), pages]);
        }
    }

    /// A statement, known by its address, begins to run.
    pub(crate) fn clock_starts(&self, statement: usize) {
        let mut running = self.running.borrow_mut();
        running.retain(|&(other, _)| other != statement);
        running.push((statement, Instant::now()));
    }

    /// For how long it has run; None when it began before anybody wanted to know.
    pub(crate) fn clock_stops(&self, statement: usize) -> Option<i64> {
        let mut running = self.running.borrow_mut();
        let at = running.iter().position(|&(other, _)| other == statement)?;
        let (_, began) = running.swap_remove(at);
        Some(began.elapsed().as_nanos() as i64)
    }

    pub(crate) fn statement_begins(&self, watch: &Watch, sql: &[u8]) {
        let names = ["event", "request", "sql"];
        let row = vec![
            ValueRef::Text(b"trace"),
            ValueRef::Integer(watch.running_request()),
            ValueRef::Text(sql),
        ];
        self.tell_all(SIDELITE_OBSERVE_TRACE, &watch.outbox, 0, &names, &row);
    }

    pub(crate) fn statement_ends(&self, watch: &Watch, sql: &[u8], profile: &Profile) {
        let names = [
            "event",
            "request",
            "sql",
            "nanoseconds",
            "vm_steps",
            "fullscan_steps",
            "sorts",
        ];
        let row = vec![
            ValueRef::Text(b"profile"),
            ValueRef::Integer(watch.running_request()),
            ValueRef::Text(sql),
            ValueRef::Integer(profile.nanoseconds),
            ValueRef::Integer(profile.vm_steps),
            ValueRef::Integer(profile.fullscan_steps),
            ValueRef::Integer(profile.sorts),
        ];
        self.tell_all(SIDELITE_OBSERVE_PROFILE, &watch.outbox, 0, &names, &row);
    }

    // What the runner tells.

    /// Where the changes of a statement begin.
    pub(crate) fn mark(&self) -> usize {
        self.pending.borrow().len()
    }

    /// A statement failed. What it had changed was undone, unless SQLite counts it as kept.
    pub(crate) fn statement_failed(&self, mark: usize, is_kept: bool) {
        if !is_kept {
            self.pending.borrow_mut().truncate(mark);
        }
    }

    /// A statement has done what it says.
    pub(crate) fn statement_done(&self, verb: &Verb<Box<[u8]>>) {
        let is_named =
            |savepoint: &(Box<[u8]>, usize), name: &[u8]| savepoint.0.eq_ignore_ascii_case(name);
        let savepoints = &mut *self.savepoints.borrow_mut();
        match verb {
            Verb::Savepoint(name) => savepoints.push((name.clone(), self.mark())),
            Verb::Release(name) => {
                let at = savepoints
                    .iter()
                    .rposition(|savepoint| is_named(savepoint, name));
                savepoints.truncate(at.unwrap_or(savepoints.len()));
            }
            Verb::RollbackTo(name) => {
                if let Some(at) = savepoints
                    .iter()
                    .rposition(|savepoint| is_named(savepoint, name))
                {
                    savepoints.truncate(at + 1);
                    self.pending.borrow_mut().truncate(savepoints[at].1);
                }
            }
            Verb::End => savepoints.clear(),
            _ => {}
        }
    }

    /// After each statement, and before the end of a request is told: what was committed goes out.
    pub(crate) fn settle(&self, database: &Database, outbox: &Outbox) {
        if self.has_rolled_back.replace(false) {
            self.tell_end(SIDELITE_OBSERVE_ROLLBACKS, "rollback", outbox);
        }
        // One that could not commit because others were in the way is still open.
        if self.is_committing.replace(false) && !database.is_in_transaction() {
            self.savepoints.borrow_mut().clear();
            self.tell_changes(database, outbox);
            self.tell_end(SIDELITE_OBSERVE_COMMITS, "commit", outbox);
        }
        if self.logs.borrow().is_empty() {
            return;
        }
        let logs = self.logs.take();
        for (schema, pages) in logs {
            let row = vec![
                ValueRef::Text(b"wal"),
                ValueRef::Text(schema.to_bytes()),
                ValueRef::Integer(pages.into()),
            ];
            let names = ["event", "schema", "pages"];
            let flags = SIDELITE_EVENT_CHANGE;
            self.tell_all(SIDELITE_OBSERVE_WAL, outbox, flags, &names, &row);
        }
    }

    fn tell_end(&self, what: u32, name: &str, outbox: &Outbox) {
        let row = vec![ValueRef::Text(name.as_bytes())];
        self.tell_all(what, outbox, SIDELITE_EVENT_CHANGE, &["event"], &row);
    }

    fn tell_all(
        &self,
        what: u32,
        outbox: &Outbox,
        flags: u32,
        names: &[&str],
        row: &[ValueRef<'_>],
    ) {
        // A DIRECT callback may end an observation.
        let observers = self.observers.borrow().clone();
        for observer in observers.iter().filter(|observer| observer.wants(what)) {
            observer.tell(outbox, flags, names, [row.to_vec()]);
        }
    }

    fn tell_changes(&self, database: &Database, outbox: &Outbox) {
        let mut changes = self.pending.take();
        for change in &mut changes {
            // SQLite has 0 for the rowid of a table without.
            let is_zero = change.old_rowid.unwrap_or(0) == 0 && change.rowid.unwrap_or(0) == 0;
            if is_zero && !database.has_rowid(&change.schema, &change.table) {
                change.old_rowid = None;
                change.rowid = None;
            }
        }
        let observers = self.observers.borrow().clone();
        let is_alike = |one: &Change, other: &Change| {
            one.table == other.table && one.schema == other.schema && one.columns == other.columns
        };
        for run in changes
            .chunk_by(is_alike)
            .flat_map(|run| run.chunks(ROWS_MAX))
        {
            for observer in &observers {
                let with_values = observer.wants(SIDELITE_OBSERVE_VALUES);
                if with_values || observer.wants(SIDELITE_OBSERVE_CHANGES) {
                    let columns = if with_values { run[0].columns } else { 0 };
                    let names = change_names(columns);
                    let names: Vec<_> = names.iter().map(String::as_str).collect();
                    let rows = run.iter().map(|change| change_row(change, columns));
                    observer.tell(outbox, SIDELITE_EVENT_CHANGE, &names, rows);
                }
            }
        }
    }

    fn remove(&self, observer: &Rc<Observer>) {
        self.observers
            .borrow_mut()
            .retain(|other| !Rc::ptr_eq(other, observer));
    }
}

fn change_names(columns: usize) -> Vec<String> {
    let fixed = ["event", "schema", "table", "old_rowid", "rowid"];
    let numbered = |prefix: &'static str| (1..=columns).map(move |n| format!("{prefix}_{n}"));
    let fixed = fixed.map(str::to_owned).into_iter();
    fixed
        .chain(numbered("old"))
        .chain(numbered("new"))
        .collect()
}

fn change_row(change: &Change, columns: usize) -> Vec<ValueRef<'_>> {
    let integer = |integer: Option<i64>| integer.map_or(ValueRef::Null, ValueRef::Integer);
    let mut row = vec![
        ValueRef::Text(change.operation.name().as_bytes()),
        ValueRef::Text(change.schema.to_bytes()),
        ValueRef::Text(change.table.to_bytes()),
        integer(change.old_rowid),
        integer(change.rowid),
    ];
    for values in [&change.old, &change.new] {
        row.extend((0..columns).map(|column| {
            let value = values.get(column);
            value.map_or(ValueRef::Null, Value::as_ref)
        }));
    }
    row
}

fn preupdate_arguments(change: &Change) -> Vec<ValueRef<'_>> {
    let integer = |integer: Option<i64>| integer.map_or(ValueRef::Null, ValueRef::Integer);
    let mut arguments = vec![
        ValueRef::Integer(change.operation.code()),
        ValueRef::Text(change.schema.to_bytes()),
        ValueRef::Text(change.table.to_bytes()),
        integer(change.old_rowid),
        integer(change.rowid),
        ValueRef::Integer(change.columns as i64),
    ];
    arguments.extend(change.old.iter().chain(&change.new).map(Value::as_ref));
    arguments
}

/// An observation, which has no end of its own.
struct Observation {
    watch: Rc<Watch>,
    database: std::rc::Weak<Database>,
    observer: Rc<Observer>,
}

pub(crate) fn observe(runner: &mut Runner<'_>, request: &Pending) -> Result<Box<dyn Task>, Error> {
    const ALL: u32 = (SIDELITE_OBSERVE_PROFILE << 1) - 1;
    let arguments = Arguments::of(request.work(), &["what"])?;
    let what = arguments.choice(0, 1..=ALL.into(), 0)? as u32;
    let wants_changes = what & (SIDELITE_OBSERVE_CHANGES | SIDELITE_OBSERVE_VALUES) != 0;
    if wants_changes {
        refuse_with_sessions(runner)?;
    }
    let observer = Rc::new(Observer {
        what,
        parts: request.parts(),
        broken: RefCell::new(None),
    });
    let observation = Observation {
        watch: runner.worker.watch_rc(),
        database: runner.worker.weak_database(),
        observer: Rc::clone(&observer),
    };
    let observers = &runner.watch.observers;
    observers.observers.borrow_mut().push(observer);
    observers.refresh(runner.database);
    Ok(Box::new(observation))
}

fn refuse_with_sessions(runner: &Runner<'_>) -> Result<(), Error> {
    match runner.database.sessions().is_empty() {
        true => Ok(()),
        false => Err(misuse(
            "a session is open: changes cannot be observed at the same time",
        )),
    }
}

impl Task for Observation {
    fn is_ready(&self) -> bool {
        self.observer.broken.borrow().is_some()
    }

    fn is_passive(&self) -> bool {
        true
    }

    fn step(&mut self, _: &mut Runner<'_>) -> Step {
        match self.observer.broken.take() {
            Some(error) => Step::End(Box::new(Outcome::failed(error))),
            None => Step::Silent,
        }
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        let observers = &self.watch.observers;
        observers.remove(&self.observer);
        if let Some(database) = self.database.upgrade() {
            observers.refresh(&database);
        }
    }
}

/// Sets or removes one of the host's own hooks.
pub(crate) fn define(runner: &mut Runner<'_>, definition: &Definition) -> Result<Done, Error> {
    let is_removal = definition.has(SIDELITE_FUNCTION_REMOVE);
    if definition.kind == SIDELITE_FUNCTION_PREUPDATE && !is_removal {
        refuse_with_sessions(runner)?;
    }
    let hook = (!is_removal).then(|| Hook::new(runner, definition));
    let observers = &runner.watch.observers;
    let mut hooks = observers.hooks.borrow_mut();
    let place = match definition.kind {
        SIDELITE_FUNCTION_UPDATE => &mut hooks.update,
        SIDELITE_FUNCTION_PREUPDATE => &mut hooks.preupdate,
        SIDELITE_FUNCTION_COMMIT => &mut hooks.commit,
        SIDELITE_FUNCTION_ROLLBACK => &mut hooks.rollback,
        _ => &mut hooks.wal,
    };
    *place = hook;
    drop(hooks);
    observers.refresh(runner.database);
    Ok(Done::default())
}
