//! What a request does: bind, step to the end, reset, and look at every code on the way.
//!
//! A statement that returns rows is stepped to SQLITE_DONE even when only the rows matter: an INSERT ... RETURNING
//! commits there and not at its rows.

use crate::conn::{Conn, Credit};
use crate::error::Error;
use crate::fault;
use crate::ffi::block::Block;
use crate::ffi::callback::RunFunction;
use crate::ffi::payload::{Payload, ValueRef};
use crate::ffi::request::{SIDELITE_COMMIT_FIRST, SIDELITE_MULTI, SIDELITE_NO_CACHE};
use crate::ffi::status::{SIDELITE_ERR_PANIC, SIDELITE_ERR_TOO_BIG};
use crate::job::Task;
use crate::request::{Command, Kind, Outcome, Pending, Work};
use crate::result::{Head, Rows, Scratch};
use crate::sqlite::{Cursor, Database, Prepared};
use crate::stream::Stream;
use crate::text::{self, Sql, Verb};
use crate::watch::Watch;
use crate::worker::Worker;
use crate::{backup, command, dump, function, observe, transaction};
use rusqlite::ffi::SQLITE_RANGE;
use std::ffi::CString;
use std::sync::Arc;

/// What running a request needs.
pub(crate) struct Runner<'a> {
    pub(crate) worker: &'a Worker,
    pub(crate) database: &'a Database,
    pub(crate) watch: &'a Watch,
    pub(crate) conn: &'a Conn,
    pub(crate) scratch: &'a mut Scratch,
    /// The request that runs, unless it is of an ATOMIC array.
    pub(crate) request: Option<&'a Pending>,
    /// Where in its text the request is, for scripts.
    pub(crate) position: usize,
}

impl Runner<'_> {
    /// Runs a request that completes in one go: every kind but a stream.
    pub(crate) fn run(&mut self, work: &Work) -> Outcome {
        let result = match &work.kind {
            Kind::Run(function) => self.call(*function),
            Kind::Script => self.script(work),
            Kind::Define(definition) => function::define(self, definition),
            Kind::Command(command) => command::run(*command, self, work),
            Kind::Execute | Kind::Fetch | Kind::Stream if work.has(SIDELITE_MULTI) => {
                self.multi(work)
            }
            Kind::Execute | Kind::Fetch | Kind::Stream => self.single(work),
        };
        match result {
            Ok(done) => Outcome {
                changes: done.changes,
                rows: done.rows,
                ..Outcome::default()
            },
            Err(error) => Outcome::failed(self.watch.explain(error)),
        }
    }

    /// Begins a request that takes turns with others.
    pub(crate) fn begin_task(&mut self, request: &Pending) -> Result<Box<dyn Task>, Error> {
        let work = request.work();
        let credit = self.conn.credit(request.id());
        let credit = credit.unwrap_or_else(|| Arc::new(Credit::new(0)));
        match work.kind {
            Kind::Command(Command::Dump) => dump::dump(self, work, credit),
            Kind::Command(Command::Backup) => backup::backup(self, request),
            Kind::Command(Command::Observe) => observe::observe(self, request),
            _ => Ok(Box::new(Stream::begin(work, credit, self)?)),
        }
    }

    fn call(&mut self, function: RunFunction) -> Result<Done, Error> {
        self.watch.outbox.flush();
        let before = self.database.total_changes();
        match function.call(self.database.as_ptr()) {
            None => Err(Error::new(
                SIDELITE_ERR_PANIC,
                "the function of this request panicked, or threw an exception",
            )),
            Some(0) => Ok(Done {
                changes: self.database.total_changes() - before,
                rows: None,
            }),
            Some(code) if code > 0 => Err(self.database.error(code)),
            Some(code) => Err(Error::of_host(code, b"")),
        }
    }

    fn single(&mut self, work: &Work) -> Result<Done, Error> {
        let prepared = self.prepared(work)?;
        let mut collector = Collector::new(self.conn, rows_wanted(work));
        if let Some(mut cursor) = prepared.cursor {
            check_count(&cursor, &work.payload)?;
            for row in 0..work.payload.nrows {
                bind(&mut cursor, &work.payload, row, 0)
                    .map_err(|fault| fault.explain(self.database))?;
                self.run_to_end(&mut cursor, &mut collector)?;
            }
        }
        collector.finish(self.scratch)
    }

    /// The one statement of a request.
    pub(crate) fn prepared<'p>(&mut self, work: &Work) -> Result<Prepared<'p>, Error> {
        let sql = work.payload.sql();
        match work.has(SIDELITE_NO_CACHE) {
            true => self.database.prepare_single(sql),
            false => self.database.cached(sql),
        }
    }

    /// Several statements, parameters spread over them in order; the rows of the last.
    fn multi(&mut self, work: &Work) -> Result<Done, Error> {
        let payload = &work.payload;
        let mut collector = Collector::new(self.conn, rows_wanted(work));
        let mut used = 0;
        self.statements(payload.sql(), |runner, cursor| {
            collector.restart(runner.scratch);
            if payload.names.is_none() {
                check_available(cursor, payload.ncols - used)?;
            }
            bind(cursor, payload, 0, used).map_err(|fault| fault.explain(runner.database))?;
            used += if payload.names.is_none() {
                cursor.parameters()
            } else {
                0
            };
            runner.run_to_end(cursor, &mut collector)
        })?;
        if payload.names.is_none() && used != payload.ncols {
            return Err(wrong_count(used, payload.ncols));
        }
        collector.finish(self.scratch)
    }

    fn script(&mut self, work: &Work) -> Result<Done, Error> {
        self.commit_before_script(work)?;
        self.run_script(work.payload.sql())
    }

    /// As the isolation or the request wants it.
    pub(crate) fn commit_before_script(&mut self, work: &Work) -> Result<(), Error> {
        let commits_first = self.worker.isolation().commits_before_scripts();
        if commits_first || work.has(SIDELITE_COMMIT_FIRST) {
            transaction::commit(self)?;
        }
        Ok(())
    }

    /// For handles of what a request opens.
    pub(crate) fn request_id(&self) -> Result<i64, Error> {
        let request = self.request.map(Pending::id);
        request.ok_or_else(|| Error::code(crate::ffi::status::SIDELITE_ERR_MISUSE))
    }

    /// All statements of a text, without parameters.
    pub(crate) fn run_script(&mut self, sql: Sql<'_>) -> Result<Done, Error> {
        let mut collector = Collector::new(self.conn, 0);
        self.statements(sql, |runner, cursor| {
            check_available(cursor, 0)?;
            runner.run_as_it_is(cursor, &mut collector)
        })?;
        collector.finish(self.scratch)
    }

    /// Prepares and runs one statement after another; error offsets count from the start of the text.
    fn statements<'p>(
        &mut self,
        sql: Sql<'_>,
        mut run: impl FnMut(&mut Runner<'_>, &mut Cursor<'p>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.position = 0;
        while !text::is_blank(sql.from(self.position).bytes()) {
            let start = self.position;
            if start > 0 && self.watch.verdict().is_some() {
                return Err(Error::code(rusqlite::ffi::SQLITE_INTERRUPT));
            }
            let moved = |mut error: Error| {
                error.sql_offset += if error.sql_offset < 0 {
                    0
                } else {
                    start as i32
                };
                error
            };
            let Prepared { cursor, tail } =
                self.database.prepare(sql.from(start)).map_err(moved)?;
            if let Some(mut cursor) = cursor {
                run(self, &mut cursor).map_err(moved)?;
            }
            self.position = start + tail;
        }
        Ok(())
    }

    /// Runs a statement to its end.
    fn run_to_end(
        &mut self,
        cursor: &mut Cursor<'_>,
        collector: &mut Collector<'_>,
    ) -> Result<(), Error> {
        transaction::begin_before(cursor, self)?;
        self.run_as_it_is(cursor, collector)
    }

    /// The same without a transaction that begins by itself: a script says where it wants one.
    fn run_as_it_is(
        &mut self,
        cursor: &mut Cursor<'_>,
        collector: &mut Collector<'_>,
    ) -> Result<(), Error> {
        fault::point("exec.step");
        self.flush_before_commit(cursor);
        let changed = self.watched(cursor, |runner, cursor| {
            runner.step_to_end(cursor, collector)
        })?;
        if changed {
            collector.changes += self.database.changes();
        }
        Ok(())
    }

    /// Runs a statement with those who observe changes told how it ended; whether it changed something.
    pub(crate) fn watched<'c, R>(
        &mut self,
        cursor: &mut Cursor<'c>,
        run: impl FnOnce(&mut Self, &mut Cursor<'c>) -> Result<R, Error>,
    ) -> Result<bool, Error> {
        let observers = &self.watch.observers;
        let is_readonly = cursor.is_readonly();
        let (mark, before) = match is_readonly {
            true => (0, 0),
            false => (observers.mark(), self.database.total_changes()),
        };
        let result = run(self, cursor);
        if result.is_err() {
            // What it had done is undone, or kept, only now.
            cursor.abandon();
        }
        let has_changed = !is_readonly && self.database.total_changes() != before;
        match result {
            Ok(_) => observers.statement_done(cursor.verb()),
            Err(error) => {
                if !is_readonly {
                    observers.statement_failed(mark, has_changed);
                }
                return Err(error);
            }
        }
        observers.settle(self.database, &self.watch.outbox);
        Ok(has_changed)
    }

    /// Steps to SQLITE_DONE, or to the last row that is wanted of a statement that only reads, and resets.
    fn step_to_end(
        &mut self,
        cursor: &mut Cursor<'_>,
        collector: &mut Collector<'_>,
    ) -> Result<(), Error> {
        loop {
            let has_row = cursor.step().map_err(|code| self.database.error(code))?;
            collector.step(cursor, has_row, self.scratch)?;
            if !has_row || (collector.is_full() && cursor.is_readonly()) {
                break;
            }
        }
        cursor.reset().map_err(|code| self.database.error(code))?;
        self.watch.check_collations()
    }

    /// A commit may wait for the disk: what is done already should not wait with it.
    fn flush_before_commit(&self, cursor: &Cursor<'_>) {
        let commits = !cursor.is_readonly() && !self.database.is_in_transaction();
        if commits || *cursor.verb() == Verb::End {
            self.watch.outbox.flush();
        }
    }
}

/// What a request that succeeded leaves.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) changes: i64,
    pub(crate) rows: Option<Block>,
}

impl Done {
    /// Without changes.
    pub(crate) fn rows(rows: Block) -> Self {
        Self {
            changes: 0,
            rows: Some(rows),
        }
    }
}

/// How many rows of its statement a request wants.
fn rows_wanted(work: &Work) -> u32 {
    match (&work.kind, work.chunk_rows) {
        (Kind::Fetch, 0) => u32::MAX,
        (Kind::Fetch, rows) => rows,
        _ => 0,
    }
}

/// Rows as they come, as many as are wanted.
struct Collector<'a> {
    conn: &'a Conn,
    rows_wanted: u32,
    rows: Option<Rows>,
    changes: i64,
}

impl<'a> Collector<'a> {
    fn new(conn: &'a Conn, rows_wanted: u32) -> Self {
        Self {
            conn,
            rows_wanted,
            rows: None,
            changes: 0,
        }
    }

    /// After a step. The first one begins the result, since only then column names are certain.
    #[inline]
    fn step(
        &mut self,
        cursor: &Cursor<'_>,
        has_row: bool,
        scratch: &mut Scratch,
    ) -> Result<(), Error> {
        if self.rows_wanted == 0 {
            return Ok(());
        }
        let rows = match &mut self.rows {
            Some(rows) => rows,
            None => self.rows.insert(begin_rows(
                self.conn,
                cursor,
                scratch,
                self.conn.result_bytes_max,
            )?),
        };
        if has_row {
            rows.push(cursor.cells()).map_err(too_big)?;
            cursor.check_memory().map_err(Error::code)?;
        }
        Ok(())
    }

    /// Whether nobody wants more rows.
    fn is_full(&self) -> bool {
        self.rows
            .as_ref()
            .is_some_and(|rows| rows.nrows() >= self.rows_wanted)
    }

    fn restart(&mut self, scratch: &mut Scratch) {
        if let Some(rows) = self.rows.take() {
            let _ = rows.finish(scratch);
        }
    }

    fn finish(self, scratch: &mut Scratch) -> Result<Done, Error> {
        let rows = match self.rows {
            Some(rows) => Some(rows.finish(scratch).map_err(Error::code)?),
            None if self.rows_wanted > 0 => Some(empty(self.conn, scratch).map_err(Error::code)?),
            None => None,
        };
        Ok(Done {
            changes: self.changes,
            rows,
        })
    }
}

pub(crate) fn begin_rows(
    conn: &Conn,
    cursor: &Cursor<'_>,
    scratch: &mut Scratch,
    bytes_max: u64,
) -> Result<Rows, Error> {
    Rows::new(&conn.pool, scratch, &cursor.head(), bytes_max).map_err(Error::code)
}

/// The result of a text that is only blanks and comments.
pub(crate) fn empty(conn: &Conn, scratch: &mut Scratch) -> Result<Block, i32> {
    Rows::new(
        &conn.pool,
        scratch,
        &Head::new(std::iter::empty()),
        u64::MAX,
    )?
    .finish(scratch)
}

pub(crate) fn too_big(code: i32) -> Error {
    match code {
        SIDELITE_ERR_TOO_BIG => Error::new(
            code,
            "the result grows beyond max_result_bytes: use sidelite_stream, or raise the limit",
        ),
        _ => Error::code(code),
    }
}

/// A parameter that could not be bound.
pub(crate) enum BindFault {
    Sqlite(i32),
    Missing(CString),
}

impl BindFault {
    pub(crate) fn explain(self, database: &Database) -> Error {
        match self {
            Self::Sqlite(code) => database.error(code),
            Self::Missing(name) => {
                let name = name.to_string_lossy();
                Error {
                    sqlite_code: SQLITE_RANGE,
                    ..Error::new(SQLITE_RANGE, format!("no value for parameter {name}"))
                }
            }
        }
    }
}

/// Positional values must be as many as there are parameters; named ones are looked up.
pub(crate) fn check_count(cursor: &Cursor<'_>, payload: &Payload) -> Result<(), Error> {
    if payload.names.is_none() && cursor.parameters() != payload.ncols {
        return Err(wrong_count(cursor.parameters(), payload.ncols));
    }
    Ok(())
}

fn check_available(cursor: &Cursor<'_>, available: usize) -> Result<(), Error> {
    match cursor.parameters() > available {
        true => Err(wrong_count(cursor.parameters(), available)),
        false => Ok(()),
    }
}

fn wrong_count(wanted: usize, given: usize) -> Error {
    let text = format!("the statement has {wanted} parameters, but {given} values were given");
    Error {
        sqlite_code: SQLITE_RANGE,
        ..Error::new(SQLITE_RANGE, text)
    }
}

/// Binds a row of values, positional ones from the column `from` on.
#[inline]
pub(crate) fn bind<'p>(
    cursor: &mut Cursor<'p>,
    payload: &'p Payload,
    row: usize,
    from: usize,
) -> Result<(), BindFault> {
    bind_each(cursor, payload, row, from, |cursor, index, value| {
        cursor.bind(index, value)
    })
}

/// As `bind`, with copies: for a statement that may outlive this call.
pub(crate) fn bind_copies(
    cursor: &mut Cursor<'static>,
    payload: &Payload,
) -> Result<(), BindFault> {
    bind_each(cursor, payload, 0, 0, |cursor, index, value| {
        cursor.bind_copy(index, value)
    })
}

#[inline]
fn bind_each<'c, 'p>(
    cursor: &mut Cursor<'c>,
    payload: &'p Payload,
    row: usize,
    from: usize,
    mut bind: impl FnMut(&mut Cursor<'c>, usize, ValueRef<'p>) -> Result<(), i32>,
) -> Result<(), BindFault> {
    let row = payload.row(row);
    for index in 1..=cursor.parameters() {
        let column = match &payload.names {
            None => from + index - 1,
            Some(names) => column_named(cursor, index, names)?,
        };
        bind(cursor, index, row.get(column)).map_err(BindFault::Sqlite)?;
    }
    Ok(())
}

/// The column of a parameter's name, given with its prefix or without.
fn column_named(cursor: &Cursor<'_>, index: usize, names: &[CString]) -> Result<usize, BindFault> {
    let Some(name) = cursor.parameter_name(index) else {
        return Err(BindFault::Missing(
            CString::new(format!("?{index}")).unwrap_or_default(),
        ));
    };
    let full = name.to_bytes();
    let is_it = |given: &CString| given.to_bytes() == full || given.to_bytes() == &full[1..];
    names
        .iter()
        .position(is_it)
        .ok_or_else(|| BindFault::Missing(name.to_owned()))
}
