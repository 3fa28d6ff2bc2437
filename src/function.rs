//! Functions that SQL calls: how they were described, and how a HOST one is answered.
//!
//! A call of a HOST function is an event; the statement that made it waits in `Worker::wait_for_reply`. Rows of a group
//! go out many at a time, since nobody needs an answer before the group's value is wanted.

use crate::error::Error;
use crate::exec::{Done, Runner};
use crate::ffi::block::Block;
use crate::ffi::callback::{InlineFunction, Target};
use crate::ffi::function::*;
use crate::ffi::payload::{Value, ValueRef};
use crate::ffi::status::SIDELITE_ERR_ABORTED;
use crate::hooks;
use crate::request::{Call, Event};
use crate::result::{Head, Rows, Scratch};
use crate::sqlite::is_putting_away;
use crate::worker::Worker;
use std::ffi::CString;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

/// A batch of rows ends at so many bytes, too.
const BATCH_BYTES_MAX: u64 = 64 << 10;

/// What the host registers.
#[derive(Clone)]
pub(crate) struct Definition {
    pub(crate) kind: u32,
    pub(crate) flags: u32,
    pub(crate) n_args: i32,
    pub(crate) name: CString,
    pub(crate) inline: Option<Inline>,
    /// HOST: who gets the calls.
    pub(crate) target: Target,
    pub(crate) batch_rows: u32,
    pub(crate) reply_timeout: Option<Duration>,
}

/// Its INLINE functions.
#[derive(Clone, Copy)]
pub(crate) struct Inline {
    pub(crate) call: InlineFunction,
    pub(crate) last: Option<InlineFunction>,
    pub(crate) value: Option<InlineFunction>,
    pub(crate) inverse: Option<InlineFunction>,
}

impl Definition {
    pub(crate) fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    pub(crate) fn is_aggregate(&self) -> bool {
        matches!(
            self.kind,
            SIDELITE_FUNCTION_AGGREGATE | SIDELITE_FUNCTION_WINDOW
        )
    }
}

/// Registers, replaces or removes what SQL calls.
pub(crate) fn define(runner: &mut Runner<'_>, definition: &Definition) -> Result<Done, Error> {
    let (database, watch) = (runner.database, runner.worker.watch_rc());
    match definition.kind {
        SIDELITE_FUNCTION_SCALAR | SIDELITE_FUNCTION_AGGREGATE | SIDELITE_FUNCTION_WINDOW => {
            let host = Host::new(runner, definition, true);
            database.create_function(definition, host, watch)?;
        }
        SIDELITE_FUNCTION_COLLATION => {
            let hook = Hook::new(runner, definition);
            database.create_collation(definition, hook, watch)?;
        }
        _ => return hooks::define(runner, definition),
    }
    Ok(Done::default())
}

/// A function of the host's without groups, INLINE or HOST alike.
#[derive(Clone)]
pub(crate) enum Hook {
    Inline(InlineFunction),
    Host(Rc<Host>),
}

impl Hook {
    /// No requests run inside of its calls.
    pub(crate) fn new(runner: &Runner<'_>, definition: &Definition) -> Self {
        match &definition.inline {
            Some(inline) => Self::Inline(inline.call),
            None => Self::Host(Host::new(runner, definition, false)),
        }
    }

    pub(crate) fn call(&self, args: &[ValueRef<'_>]) -> Result<Value, Error> {
        match self {
            Self::Inline(function) => function.call_for_value(args),
            Self::Host(host) => host.scalar(args.len(), args.iter().copied()),
        }
    }
}

/// A function that the host answers on its own loop.
pub(crate) struct Host {
    worker: Weak<Worker>,
    target: Target,
    takes_requests: bool,
    batch_rows: u32,
    reply_timeout: Option<Duration>,
}

impl Host {
    fn new(runner: &Runner<'_>, definition: &Definition, takes_requests: bool) -> Rc<Self> {
        Rc::new(Self {
            worker: runner.worker.weak(),
            target: definition.target,
            takes_requests,
            batch_rows: definition.batch_rows,
            reply_timeout: definition.reply_timeout,
        })
    }

    pub(crate) fn scalar<'v>(
        &self,
        count: usize,
        args: impl Iterator<Item = ValueRef<'v>>,
    ) -> Result<Value, Error> {
        let worker = self.worker()?;
        let mut scratch = Scratch::new();
        let mut rows = self.batch(&worker, count, &mut scratch)?;
        rows.push(args).map_err(Error::code)?;
        let rows = rows.finish(&mut scratch).map_err(Error::code)?;
        self.ask(&worker, SIDELITE_CALL_SCALAR, 0, rows)
    }

    fn worker(&self) -> Result<Rc<Worker>, Error> {
        self.worker
            .upgrade()
            .ok_or_else(|| Error::code(SIDELITE_ERR_ABORTED))
    }

    /// An empty result with so many columns, which have no names.
    fn batch(&self, worker: &Worker, count: usize, scratch: &mut Scratch) -> Result<Rows, Error> {
        let head = Head::new(std::iter::repeat_n(&b""[..], count));
        let conn = worker.conn();
        Rows::new(&conn.pool, scratch, &head, conn.result_bytes_max).map_err(Error::code)
    }

    /// Posts a call and waits for its reply.
    fn ask(&self, worker: &Worker, which: i32, group: i64, rows: Block) -> Result<Value, Error> {
        worker.check_depth_of_calls()?;
        let call = worker.conn().begin_call(self.takes_requests);
        self.post(worker, call, which, group, Some(rows));
        let until = self
            .reply_timeout
            .and_then(|timeout| Instant::now().checked_add(timeout));
        let reply = worker.wait_for_reply(call, until, self.takes_requests)?;
        match reply.code {
            0 => Ok(reply.value),
            code => Err(Error::of_host(code, reply.value.words())),
        }
    }

    fn post(&self, worker: &Worker, id: i64, which: i32, group: i64, rows: Option<Block>) {
        let request = worker.watch().running_request();
        let call = Call {
            id,
            which,
            group,
            request,
        };
        let event = Event::call(worker.conn(), self.target, &call, rows);
        worker.watch().outbox.push(event);
    }
}

/// The rows of one group on their way to the host.
pub(crate) struct Group {
    host: Rc<Host>,
    id: i64,
    count: usize,
    rows: Option<Rows>,
    /// What the rows are: SIDELITE_CALL_STEP or SIDELITE_CALL_INVERSE.
    sort: i32,
    scratch: Scratch,
    has_failed: bool,
}

impl Group {
    /// A group of calls with so many arguments.
    pub(crate) fn new(host: Rc<Host>, count: usize) -> Result<Self, Error> {
        let id = host.worker()?.next_group();
        Ok(Self {
            host,
            id,
            count,
            rows: None,
            sort: SIDELITE_CALL_STEP,
            scratch: Scratch::new(),
            has_failed: false,
        })
    }

    /// A row has come in.
    pub(crate) fn step<'v>(
        &mut self,
        args: impl Iterator<Item = ValueRef<'v>>,
    ) -> Result<(), Error> {
        self.add(SIDELITE_CALL_STEP, args)
    }

    /// The oldest row leaves.
    pub(crate) fn inverse<'v>(
        &mut self,
        args: impl Iterator<Item = ValueRef<'v>>,
    ) -> Result<(), Error> {
        self.add(SIDELITE_CALL_INVERSE, args)
    }

    /// The value at this moment.
    pub(crate) fn value(&mut self) -> Result<Value, Error> {
        let rows = self.rows_of(SIDELITE_CALL_STEP);
        let value = rows.and_then(|rows| self.ask(SIDELITE_CALL_VALUE, rows));
        self.noticing(value)
    }

    /// The value at the end; the host is told of the end in any case.
    pub(crate) fn finish(mut self) -> Result<Value, Error> {
        if self.is_lost() {
            self.end();
            return Ok(Value::Null);
        }
        match self.rows_of(SIDELITE_CALL_STEP) {
            Ok(rows) => self.ask(SIDELITE_CALL_FINAL, rows),
            Err(error) => {
                self.end();
                Err(error)
            }
        }
    }

    /// Nobody wants the value any more: the statement has failed, was stopped, or is only put away.
    fn is_lost(&self) -> bool {
        let is_stopped =
            |worker: Rc<Worker>| worker.watch().has_failure() || worker.watch().verdict().is_some();
        self.has_failed || is_putting_away() || self.host.worker().is_ok_and(is_stopped)
    }

    fn end(&self) {
        if let Ok(worker) = self.host.worker() {
            self.host.post(&worker, 0, SIDELITE_CALL_END, self.id, None);
        }
    }

    fn add<'v>(
        &mut self,
        sort: i32,
        args: impl Iterator<Item = ValueRef<'v>>,
    ) -> Result<(), Error> {
        let added = self.try_add(sort, args);
        self.noticing(added)
    }

    fn try_add<'v>(
        &mut self,
        sort: i32,
        args: impl Iterator<Item = ValueRef<'v>>,
    ) -> Result<(), Error> {
        if self.sort != sort {
            self.flush()?;
            self.sort = sort;
        }
        let worker = self.host.worker()?;
        let rows = match &mut self.rows {
            Some(rows) => rows,
            None => {
                let rows = self.host.batch(&worker, self.count, &mut self.scratch)?;
                self.rows.insert(rows)
            }
        };
        rows.push(args).map_err(Error::code)?;
        if rows.nrows() >= self.host.batch_rows || rows.bytes() >= BATCH_BYTES_MAX {
            self.flush()?;
        }
        Ok(())
    }

    /// Sends the rows that wait, if there are any.
    fn flush(&mut self) -> Result<(), Error> {
        match self.rows.take() {
            None => Ok(()),
            Some(rows) => {
                let rows = rows.finish(&mut self.scratch).map_err(Error::code)?;
                self.ask(self.sort, rows).map(drop)
            }
        }
    }

    /// The rows of one sort that wait, maybe none; those of the other go out first.
    fn rows_of(&mut self, sort: i32) -> Result<Block, Error> {
        if self.sort != sort {
            self.flush()?;
            self.sort = sort;
        }
        let rows = match self.rows.take() {
            Some(rows) => rows,
            None => {
                let worker = self.host.worker()?;
                self.host.batch(&worker, self.count, &mut self.scratch)?
            }
        };
        rows.finish(&mut self.scratch).map_err(Error::code)
    }

    fn ask(&self, which: i32, rows: Block) -> Result<Value, Error> {
        let worker = self.host.worker()?;
        self.host.ask(&worker, which, self.id, rows)
    }

    fn noticing<R>(&mut self, result: Result<R, Error>) -> Result<R, Error> {
        self.has_failed |= result.is_err();
        result
    }
}
