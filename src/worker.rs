//! The worker: a connection's own thread, and the loop that is its life.
//!
//! All its state can be reached while a statement runs, because functions that the host answers wait inside statements:
//! the loop then goes on in there, for requests of that call alone.

mod calls;
mod jobs;
mod leases;
mod loans;

use crate::conn::{Conn, Message};
use crate::error::Error;
use crate::exec::Runner;
use crate::fault;
use crate::ffi::block::Block;
use crate::ffi::event::*;
use crate::ffi::request::SIDELITE_ATOMIC;
use crate::ffi::status::*;
use crate::ffi::{inside, quiet};
use crate::job::Job;
use crate::lane::{Lanes, Turn, Unanswered};
use crate::loan::Loan;
use crate::request::{Command, Outcome, Pending, Reply, Work};
use crate::result::Scratch;
use crate::sqlite::{Database, Options};
use crate::transaction::{self, Fence, Isolation};
use crate::wait::Inbox;
use crate::watch::Watch;
use crossbeam_channel::Receiver;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::sync::Arc;

pub(crate) struct Worker {
    me: Weak<Self>,
    conn: Arc<Conn>,
    inbox: RefCell<Inbox>,
    watch: Rc<Watch>,
    session: RefCell<Session>,
    lanes: Lanes,
    jobs: RefCell<VecDeque<Job>>,
    /// Replies to calls that wait further out.
    replies: RefCell<Vec<Reply>>,
    /// A hook waits for its reply: SQLite is in the middle of something, and no statement may be run or ended.
    is_in_hook: Cell<bool>,
    fence: RefCell<Fence>,
    isolation: Cell<Isolation>,
    scratch: Cell<Scratch>,
    /// Connections that want to copy to this one.
    loans: RefCell<VecDeque<Arc<Loan>>>,
    /// Loans that this one has asked for, or has.
    borrowed: Cell<u32>,
    last_group: Cell<i64>,
    /// It is to close, when nothing is left to do.
    closing: RefCell<Option<Option<Pending>>>,
}

/// What requests are run on.
enum Session {
    Open(Rc<Database>),
    /// It could not be opened, and every request ends with the reason.
    Failed(Error),
    /// After a panic nothing is certain any more; the database is only kept to be closed.
    Poisoned(Option<Rc<Database>>),
}

impl Worker {
    pub(crate) fn new(conn: Arc<Conn>, inbox: Receiver<Message>) -> Rc<Self> {
        Rc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            watch: Rc::new(Watch::new(Arc::clone(&conn))),
            inbox: RefCell::new(Inbox::new(Arc::clone(&conn), inbox)),
            conn,
            session: RefCell::new(Session::Poisoned(None)),
            lanes: Lanes::default(),
            jobs: RefCell::default(),
            replies: RefCell::default(),
            is_in_hook: Cell::new(false),
            fence: RefCell::default(),
            isolation: Cell::default(),
            scratch: Cell::default(),
            loans: RefCell::default(),
            borrowed: Cell::new(0),
            last_group: Cell::new(0),
            closing: RefCell::new(None),
        })
    }

    /// The life of a connection. Host code that runs here is inside the queue, which it cannot free.
    pub(crate) fn run(&self, options: &Options, opened: Pending) {
        let queue = self.conn.queue.handle;
        let _ = inside::dispatch(queue, || {
            quiet::quietly(|| {
                self.open(options, opened);
                while !self.is_through() {
                    // What can panic is contained where it is. Should anything else, the thread still owes events.
                    if catch_unwind(AssertUnwindSafe(|| self.turn())).is_err() {
                        self.poison();
                    }
                }
                self.close();
            });
        });
    }

    /// One message, and what it makes possible.
    fn turn(&self) {
        match self.next() {
            Message::Requests(requests) => self.requests(Unanswered(requests)),
            Message::Nudge => self.look_around(),
            Message::Reply(reply) => self.receive(reply),
            Message::Lend(loan) => self.loans.borrow_mut().push_back(loan),
            Message::Close(closed) => *self.closing.borrow_mut() = Some(closed),
        }
        self.settle_lease();
        self.serve_loans();
        self.serve_jobs();
    }

    fn is_through(&self) -> bool {
        self.closing.borrow().is_some()
            && self.jobs.borrow().iter().all(|job| job.task.is_passive())
            && self.lanes.lease().is_none()
            && !self.lanes.is_anybody_waiting()
    }

    fn look_around(&self) {
        self.conn.nudge_arrived();
        if let Some(event) = self.conn.owed_writable() {
            self.watch.outbox.push(event);
        }
    }

    /// The next message. Before it sleeps, what is done goes out; it does not sleep while a job can go on.
    fn next(&self) -> Message {
        if let Some(requests) = self.lanes.admit(|lane| self.conn.has_lane(lane)) {
            return Message::Requests(requests.into_chain());
        }
        if let Some(message) = self.inbox.borrow_mut().take() {
            return message;
        }
        self.watch.outbox.flush();
        let jobs = self.jobs.borrow();
        if jobs.iter().any(|job| self.can_advance(job)) {
            return Message::Nudge;
        }
        let deadline = match self.is_in_hook.get() {
            true => None,
            false => jobs.iter().filter_map(Job::deadline).min(),
        };
        drop(jobs);
        let lease = self.lanes.lease().and_then(|lease| lease.until);
        let calls = self.lanes.calls_until();
        let deadline = [deadline, lease, calls, self.watch.deadline()]
            .into_iter()
            .flatten()
            .min();
        self.inbox.borrow_mut().wait(deadline)
    }

    fn open(&self, options: &Options, opened: Pending) {
        self.watch.set_busy_timeout_ms(options.busy_timeout_ms);
        self.watch.begin_opening();
        let open = || {
            fault::point("worker.open");
            Database::open(options, Rc::clone(&self.watch))
        };
        let result = catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|_| Err(panicked()));
        let outcome = match result {
            Ok(database) => {
                self.conn.set_interrupter(database.interrupter());
                self.session.replace(Session::Open(Rc::new(database)));
                self.isolation.set(options.isolation);
                Outcome::default()
            }
            Err(error) => {
                let error = self.watch.explain(error);
                self.session.replace(Session::Failed(error.clone()));
                Outcome::failed(error)
            }
        };
        self.watch.end();
        self.tell_end(opened, outcome);
    }

    /// One submit, or what is left of it.
    fn requests(&self, mut requests: Unanswered) {
        if requests.is_atomic() {
            return match self.turn_of(requests.lane()) {
                Turn::Now => self.atomic(requests),
                Turn::Later => self.detain(requests),
                Turn::Never => self.refuse_all(requests),
            };
        }
        while let Some(request) = requests.next() {
            match self.turn_of(request.work().lane) {
                Turn::Now => self.request(request),
                Turn::Later => self.detain(Unanswered::one(request)),
                Turn::Never => self.refuse(request),
            }
        }
    }

    fn turn_of(&self, lane: i64) -> Turn {
        self.lanes.turn_of(lane, |lane| self.conn.has_lane(lane))
    }

    fn detain(&self, requests: Unanswered) {
        for id in requests.ids() {
            self.conn.detains(id);
        }
        self.lanes.detain(requests);
    }

    fn refuse_all(&self, mut requests: Unanswered) {
        while let Some(request) = requests.next() {
            self.refuse(request);
        }
    }

    /// Ends a request whose lane has ended. To release it is what has happened.
    fn refuse(&self, request: Pending) {
        let outcome = match request.work().is(Command::Release) {
            true => Outcome::default(),
            false => Outcome::not_run(transaction::aborted(
                "the lease, or the call, that this request belonged to has ended",
            )),
        };
        self.complete(request, outcome);
    }

    fn request(&self, request: Pending) {
        let work = request.work();
        if work.is(Command::Release) {
            return self.release(request);
        }
        self.conn.begins(request.id(), request.id());
        self.judge(&request, self.conn.interrupts());
        if let Some(error) = self.refusal(&[&request]) {
            let never_began = matches!(error.code, SIDELITE_ERR_CANCELLED | SIDELITE_ERR_TIMEOUT)
                && !self.is_in_transaction()
                && transaction::leaves_open(work, false);
            if never_began && work.lane == 0 {
                let last = self.conn.last_believer(request.id());
                self.fence.borrow_mut().raise(last);
            }
            return self.complete(request, Outcome::not_run(error));
        }
        if work.takes_turns() {
            return self.begin_job(request);
        }
        let was_open = self.is_in_transaction();
        let mut position = 0;
        let mut outcome = self.contained(Some(&request), |runner| {
            let outcome = runner.run(work);
            position = runner.position;
            outcome
        });
        self.settle(was_open, work, position, &mut outcome);
        self.complete(request, outcome);
    }

    /// From here on this request is judged, by cancel, deadline, interrupt and the queue that it replies to.
    fn judge(&self, request: &Pending, interrupts: u64) {
        let (id, work) = (request.id(), request.work());
        let lease = self.lanes.lease().filter(|lease| lease.id == work.lane);
        let until = lease.and_then(|lease| lease.until);
        let deadline = [work.deadline, until].into_iter().flatten().min();
        self.watch.begin(id, id, deadline, interrupts);
        self.watch.set_reply_to(request.reply_to());
    }

    /// Why requests cannot even begin.
    fn refusal(&self, requests: &[&Pending]) -> Option<Error> {
        match &*self.session.borrow() {
            Session::Failed(error) => return Some(error.clone()),
            Session::Poisoned(_) => {
                return Some(transaction::aborted(
                    "an earlier request hit a defect inside sidelite",
                ));
            }
            Session::Open(_) => {}
        }
        // Each must pass the fence, which ends with the last of the lost transaction.
        let mut is_fenced = false;
        for request in requests {
            is_fenced |= self.fence.borrow_mut().stops(request.id(), request.work());
        }
        if let Some(verdict) = self.watch.verdict() {
            return Some(Error::code(verdict.code()));
        }
        is_fenced.then(|| {
            transaction::aborted("the transaction that this request belonged to was rolled back")
        })
    }

    fn atomic(&self, mut requests: Unanswered) {
        let mut array = Vec::with_capacity(requests.0.len());
        while let Some(request) = requests.next() {
            array.push(request);
        }
        let (first, last) = (array[0].id(), array[array.len() - 1].id());
        let deadline = array[0].work().deadline;
        self.conn.begins(first, last);
        self.watch
            .begin(first, last, deadline, self.conn.interrupts());
        let refusal = self.refusal(&array.iter().collect::<Vec<_>>());
        let was_open = self.is_in_transaction();
        let mut outcomes = match refusal {
            Some(error) => transaction::refused(&array, error, self.watch.verdict()),
            None => self.contained_array(&array),
        };
        let failed = outcomes.iter_mut().find(|outcome| outcome.is_culprit());
        if let Some(outcome) = failed {
            self.settle_loss(was_open, was_open, array[0].work(), outcome);
        }
        for (request, outcome) in array.into_iter().zip(outcomes) {
            self.complete(request, outcome);
        }
    }

    fn contained_array(&self, array: &[Pending]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let outcome = self.contained(None, |runner| {
            outcomes = transaction::run_atomic(array, runner);
            Outcome::default()
        });
        match outcome.error {
            Some(error) => transaction::refused(array, error, None),
            None => outcomes,
        }
    }

    /// Runs requests; a panic ends them with PANIC and poisons the connection.
    fn contained(
        &self,
        request: Option<&Pending>,
        run: impl FnOnce(&mut Runner<'_>) -> Outcome,
    ) -> Outcome {
        let Some(database) = self.database() else {
            return Outcome::not_run(Error::code(SIDELITE_ERR_ABORTED));
        };
        let mut scratch = self.scratch.take();
        let mut runner = Runner {
            worker: self,
            database: &database,
            watch: &self.watch,
            conn: &self.conn,
            scratch: &mut scratch,
            request,
            position: 0,
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| run(&mut runner))).unwrap_or_else(|_| {
            self.poison();
            Outcome::failed(panicked())
        });
        self.scratch.set(scratch);
        outcome
    }

    fn database(&self) -> Option<Rc<Database>> {
        match &*self.session.borrow() {
            Session::Open(database) => Some(Rc::clone(database)),
            _ => None,
        }
    }

    fn poison(&self) {
        self.conn.poison();
        let session = self.session.replace(Session::Poisoned(None));
        if let Session::Open(database) = session {
            self.session.replace(Session::Poisoned(Some(database)));
        }
    }

    /// Looks at what a failed request has done to the transaction that was open before it, or that it began.
    fn settle(&self, was_open: bool, work: &Work, position: usize, outcome: &mut Outcome) {
        if outcome.error.is_some() {
            let was_open_still = was_open && !transaction::has_ended(work, position);
            let should_be_open = transaction::leaves_open(work, was_open);
            self.settle_loss(was_open_still, should_be_open, work, outcome);
        }
    }

    /// Raises the fence when a transaction should be open after a failure, and is not. That of a lease ends the lease.
    fn settle_loss(
        &self,
        was_open: bool,
        should_be_open: bool,
        work: &Work,
        outcome: &mut Outcome,
    ) {
        if self.is_in_transaction() {
            return;
        }
        if was_open {
            outcome.flags |= SIDELITE_EVENT_ROLLED_BACK;
        }
        let is_leased = self
            .lanes
            .lease()
            .is_some_and(|lease| lease.id == work.lane);
        if should_be_open && !is_leased {
            self.raise_fence();
        }
    }

    fn raise_fence(&self) {
        self.fence.borrow_mut().raise(self.conn.last_id());
    }

    /// Ends a request in its place.
    fn complete(&self, request: Pending, outcome: Outcome) {
        self.conn.passes(request.id());
        self.finish(request, outcome);
    }

    /// Ends a request.
    fn finish(&self, request: Pending, outcome: Outcome) {
        if request.work().is(Command::Lease) && outcome.error.is_some() {
            self.conn.lease_ends(request.id());
        }
        self.conn.ends(request.id());
        self.watch.end();
        self.tell_end(request, outcome);
    }

    /// Tells a part of a request, with the state of the connection as it is then.
    fn tell_part(&self, request: &Pending, rows: Block) {
        let mut part = request.part(rows);
        if let Some(database) = self.database() {
            part.last_insert_rowid = database.last_insert_rowid();
            part.flags |= transaction::flags(&database);
        }
        self.watch.outbox.push(part);
    }

    /// Tells the end of a request, with the state of the connection after it.
    fn tell_end(&self, request: Pending, mut outcome: Outcome) {
        if let Some(database) = self.database() {
            self.watch.observers.settle(&database, &self.watch.outbox);
            self.keep_in_transaction();
            outcome
                .last_insert_rowid
                .get_or_insert(database.last_insert_rowid());
            outcome.flags |= transaction::flags(&database);
            self.conn.counters.changed(database.total_changes());
        }
        self.watch.outbox.push(request.complete(outcome));
    }

    /// Under the isolation that has a transaction open at all times, begins the next.
    fn keep_in_transaction(&self) {
        let is_due = self.isolation.get() == Isolation::Always
            && !self.lanes.is_in_call()
            && self.lanes.lease().is_none()
            && !self.is_in_transaction();
        if is_due {
            self.contained(None, transaction::begin_next);
        }
    }

    pub(crate) fn isolation(&self) -> Isolation {
        self.isolation.get()
    }

    pub(crate) fn set_isolation(&self, isolation: Isolation) {
        self.isolation.set(isolation);
    }

    pub(crate) fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    pub(crate) fn conn(&self) -> &Arc<Conn> {
        &self.conn
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// For what may outlive it.
    pub(crate) fn weak_database(&self) -> Weak<Database> {
        self.database()
            .map_or_else(Weak::new, |database| Rc::downgrade(&database))
    }

    pub(crate) fn watch_rc(&self) -> Rc<Watch> {
        Rc::clone(&self.watch)
    }

    /// An id for the rows of a group, which an aggregate of the host's keeps its state by.
    pub(crate) fn next_group(&self) -> i64 {
        self.last_group.set(self.last_group.get() + 1);
        self.last_group.get()
    }

    pub(crate) fn weak(&self) -> Weak<Self> {
        Weak::clone(&self.me)
    }

    pub(crate) fn rc(&self) -> Result<Rc<Self>, Error> {
        let me = self.me.upgrade();
        me.ok_or_else(|| Error::code(SIDELITE_ERR_ABORTED))
    }

    fn is_in_transaction(&self) -> bool {
        self.database()
            .is_some_and(|database| database.is_in_transaction())
    }

    /// Closes the file; CLOSED is the last thing that the host hears.
    fn close(&self) {
        for loan in self.loans.take() {
            loan.refuse(Error::new(
                SIDELITE_ERR_CLOSED,
                "the target connection closes",
            ));
        }
        while let Some(job) = self.pop_job() {
            self.stop(job, Outcome::default());
        }
        let database = match self.session.replace(Session::Poisoned(None)) {
            Session::Open(database) => Some(database),
            Session::Poisoned(database) => database,
            Session::Failed(_) => None,
        };
        let database = database.and_then(Rc::into_inner);
        let close = || database.map_or(Ok(()), Database::close);
        let result = catch_unwind(AssertUnwindSafe(close)).unwrap_or_else(|_| Err(panicked()));
        self.conn.pool.close();
        match self.closing.take().flatten() {
            Some(closed) => {
                let outcome = Outcome {
                    error: result.err(),
                    ..Outcome::default()
                };
                self.watch.outbox.push(closed.complete(outcome));
            }
            None => self.conn.forget(),
        }
        self.watch.outbox.flush();
    }
}

impl Unanswered {
    fn is_atomic(&self) -> bool {
        let first = self.0.first().and_then(|event| event.work.as_ref());
        first.is_some_and(|work| work.has(SIDELITE_ATOMIC))
    }
}

fn panicked() -> Error {
    Error::new(SIDELITE_ERR_PANIC, quiet::last_panic())
}
