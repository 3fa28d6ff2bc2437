//! The worker: a connection's own thread, and the loop that is its life.
//!
//! All its state can be reached while a statement runs, because functions that the host answers wait inside statements:
//! the loop then goes on in there, for requests of that call alone.

use crate::conn::{Conn, Message};
use crate::error::Error;
use crate::exec::Runner;
use crate::fault;
use crate::ffi::event::*;
use crate::ffi::request::SIDELITE_ATOMIC;
use crate::ffi::status::*;
use crate::ffi::{inside, quiet};
use crate::job::{Job, Step};
use crate::lane::{CALLS_MAX, Lanes, Turn, Unanswered};
use crate::loan::Loan;
use crate::request::{Command, Outcome, Pending, Reply, Work};
use crate::result::Scratch;
use crate::sqlite::{Database, Options};
use crate::transaction::{self, Fence, Isolation};
use crate::wait::Inbox;
use crate::watch::Watch;
use crossbeam_channel::Receiver;
use rusqlite::ffi::SQLITE_BUSY;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Steps that a job makes before what was submitted after it: the chunks of the default window.
const FIRST_STEPS: u32 = 2;

/// A sleep that others end is looked after so often, all the same.
const LOAN_CHECK: Duration = Duration::from_secs(1);

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
            conn,
            inbox: RefCell::new(Inbox::new(inbox)),
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
            self.conn.goes_astray(id, None);
            self.conn.passes(id);
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
        self.judge(&request, self.conn.interrupts());
        if let Some(error) = self.refusal(&[&request]) {
            let never_began = matches!(error.code, SIDELITE_ERR_CANCELLED | SIDELITE_ERR_TIMEOUT)
                && !self.is_in_transaction()
                && transaction::leaves_open(work, false);
            if never_began && work.lane == 0 {
                self.raise_fence();
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

    /// Ends a lease by the host's will.
    fn release(&self, request: Pending) {
        self.end_lease();
        self.complete(request, Outcome::default());
    }

    /// Ends a lease whose transaction is over, whose time is up, that was cancelled, or that nobody can use any more.
    fn settle_lease(&self) {
        let Some(lease) = self.lanes.lease() else {
            return;
        };
        if self.lanes.is_in_call() {
            return;
        }
        let is_over = lease.has_transaction && !self.is_in_transaction()
            || lease.until.is_some_and(|until| Instant::now() >= until)
            || self.conn.cancelled_among(lease.id, lease.id).is_some()
            || self.closing.borrow().is_some()
            || self.database().is_none();
        if is_over {
            self.end_lease();
        }
    }

    /// Ends the lease; what it has not committed is rolled back.
    fn end_lease(&self) {
        let Some(lease) = self.lanes.lease() else {
            return;
        };
        if self.is_in_transaction() && !lease.was_open {
            self.stop_jobs_of(lease.id);
            self.watch.end();
            self.contained(None, |runner| {
                transaction::roll_back(runner);
                Outcome::default()
            });
        }
        for job in self.jobs.borrow_mut().iter_mut() {
            if job.lane == lease.id {
                job.lane = 0;
            }
        }
        self.lanes.end_lease();
        self.conn.lease_ends(lease.id);
        self.keep_in_transaction();
    }

    /// Lends the database to those who asked for it, when nobody has a lease and no call waits.
    fn serve_loans(&self) {
        while self.turn_of(0) == Turn::Now {
            let loan = self.loans.borrow_mut().pop_front();
            match loan {
                Some(loan) => self.lend(&loan),
                None => return,
            }
        }
    }

    fn lend(&self, loan: &Loan) {
        if self.borrowed.get() > 0 {
            let text = "the target connection is itself copying to another";
            return loan.refuse(Error {
                message: text.into(),
                ..Error::code(SQLITE_BUSY)
            });
        }
        let Some(database) = self.database() else {
            return loan.refuse(transaction::aborted("the target connection is not open"));
        };
        self.watch.outbox.flush();
        if database.lend().is_some_and(|lent| loan.grant(lent)) {
            self.wait_for_return(loan);
        }
        database.is_back();
    }

    /// Sleeps while another thread has the database; a close in CANCEL mode wants it back soon.
    fn wait_for_return(&self, loan: &Loan) {
        while !loan.is_returned() {
            let is_closing = self.conn.is_cancelled_by_close();
            if is_closing {
                loan.recall();
            }
            let is_over = || loan.is_returned() || !is_closing && self.conn.is_cancelled_by_close();
            self.conn.sleep_unless(Instant::now() + LOAN_CHECK, is_over);
        }
    }

    /// Counts the loans that this connection has asked for.
    pub(crate) fn borrows(&self, more: bool) {
        let borrowed = self.borrowed.get();
        self.borrowed.set(match more {
            true => borrowed + 1,
            false => borrowed.saturating_sub(1),
        });
    }

    pub(crate) fn rc(&self) -> Result<Rc<Self>, Error> {
        let me = self.me.upgrade();
        me.ok_or_else(|| Error::code(SIDELITE_ERR_ABORTED))
    }

    fn begin_job(&self, request: Pending) {
        let was_open = self.is_in_transaction();
        let mut begun = None;
        let mut outcome =
            self.contained(Some(&request), |runner| match runner.begin_task(&request) {
                Ok(task) => {
                    begun = Some(task);
                    Outcome::default()
                }
                Err(error) => Outcome::failed(runner.watch.explain(error)),
            });
        match begun {
            Some(task) => {
                let id = request.id();
                let lane = request.work().lane;
                self.conn.goes_astray(id, None);
                // What is passive is not interrupted: it does not run.
                let interrupts = match task.is_passive() {
                    true => u64::MAX,
                    false => self.conn.interrupts(),
                };
                let mut job = Some(Job {
                    request,
                    task,
                    lane,
                    interrupts,
                });
                // Its first steps come in their place. Then it is parked, and takes turns with requests.
                for _ in 0..FIRST_STEPS {
                    job = job.and_then(|job| match job.task.is_ready() {
                        true => self.advance(job),
                        false => Some(job),
                    });
                }
                self.jobs.borrow_mut().extend(job);
                self.conn.passes(id);
            }
            None => {
                self.settle(was_open, request.work(), 0, &mut outcome);
                self.complete(request, outcome);
            }
        }
    }

    fn can_advance(&self, job: &Job) -> bool {
        job.task.is_ready() && self.turn_of(job.lane) == Turn::Now
    }

    /// Ends jobs that are to end, and lets one that is ready go on: between requests, so that neither keeps the other
    /// waiting.
    fn serve_jobs(&self) {
        if self.jobs.borrow().is_empty() || self.is_in_hook.get() {
            return;
        }
        self.stop_jobs(|job| self.reason_to_stop(job));
        let mut jobs = self.jobs.borrow_mut();
        let ready = jobs.iter().position(|job| self.can_advance(job));
        let ready = ready.and_then(|index| jobs.remove(index));
        drop(jobs);
        if let Some(job) = ready {
            let job = self.advance(job);
            self.jobs.borrow_mut().extend(job);
        }
        self.watch.end();
    }

    fn pop_job(&self) -> Option<Job> {
        self.jobs.borrow_mut().pop_front()
    }

    fn stop_jobs(&self, reason: impl Fn(&Job) -> Option<Error>) {
        let count = self.jobs.borrow().len();
        for _ in 0..count {
            let Some(job) = self.pop_job() else {
                return;
            };
            match reason(&job) {
                Some(error) => self.stop(job, Outcome::failed(error)),
                None => self.jobs.borrow_mut().push_back(job),
            }
        }
    }

    fn stop_jobs_of(&self, lane: i64) {
        self.stop_jobs(|job| {
            let text = "the lease, or the call, that this request belonged to has ended";
            (job.lane == lane).then(|| transaction::aborted(text))
        });
    }

    fn reason_to_stop(&self, job: &Job) -> Option<Error> {
        if self.database().is_none() {
            return Some(transaction::aborted(
                "another request hit a defect inside sidelite",
            ));
        }
        self.judge(&job.request, job.interrupts);
        self.watch
            .verdict()
            .map(|verdict| Error::code(verdict.code()))
    }

    /// Makes a job's next step.
    fn advance(&self, mut job: Job) -> Option<Job> {
        let was_open = self.is_in_transaction();
        self.judge(&job.request, job.interrupts);
        let mut part = None;
        let mut is_over = false;
        let mut outcome = self.contained(None, |runner| match job.task.step(runner) {
            Step::Part(block) => {
                part = Some(block);
                Outcome::default()
            }
            Step::Silent => Outcome::default(),
            Step::End(outcome) => {
                is_over = true;
                *outcome
            }
        });
        if let Some(block) = part {
            self.watch.outbox.push(job.request.part(block));
        } else if is_over || outcome.error.is_some() {
            self.settle(was_open, job.request.work(), 0, &mut outcome);
            self.stop(job, outcome);
            return None;
        }
        Some(job)
    }

    /// The task is dropped before its end is told: it holds no lock any more.
    fn stop(&self, job: Job, outcome: Outcome) {
        let Job { request, task, .. } = job;
        drop(task);
        self.finish(request, outcome);
    }

    fn is_in_transaction(&self) -> bool {
        self.database()
            .is_some_and(|database| database.is_in_transaction())
    }

    /// A reply counts while its call waits.
    fn receive(&self, reply: Reply) {
        if self.lanes.waits_for(reply.call) {
            self.replies.borrow_mut().push(reply);
        }
    }

    /// An error when so many calls wait inside one another that one more is not to be trusted.
    pub(crate) fn check_depth_of_calls(&self) -> Result<(), Error> {
        match self.lanes.calls() < CALLS_MAX {
            true => Ok(()),
            false => Err(Error::new(
                SIDELITE_ERR_MISUSE,
                format!(
                    "{CALLS_MAX} calls wait inside one another: does a function call itself without end?"
                ),
            )),
        }
    }

    /// Inside a statement that runs: waits for the host's reply to a call. Requests of this call run meanwhile, all others
    /// wait. What runs can be cancelled, time out and be closed as at any time.
    pub(crate) fn wait_for_reply(
        &self,
        call: i64,
        until: Option<Instant>,
        takes_requests: bool,
    ) -> Result<Reply, Error> {
        self.lanes.begin_call(call, until);
        let was_in_hook = self.is_in_hook.replace(!takes_requests);
        let (first, last) = self.watch.running();
        if first != i64::MAX {
            (first..=last).for_each(|id| self.conn.goes_astray(id, None));
        }
        self.watch.dive();
        let result = loop {
            if let Some(error) = self.reason_to_give_up(until) {
                self.conn.end_call(call);
                break Err(error);
            }
            match self.take_reply(call) {
                Some(reply) => break Ok(reply),
                None => self.turn(),
            }
        };
        self.stop_jobs_of(call);
        self.watch.resurface();
        self.is_in_hook.set(was_in_hook);
        self.lanes.end_call();
        result
    }

    fn reason_to_give_up(&self, until: Option<Instant>) -> Option<Error> {
        if self.conn.queue.is_going() {
            return Some(transaction::aborted(
                "the queue that was to answer a call has been freed",
            ));
        }
        if self.database().is_none() {
            return Some(Error::code(SIDELITE_ERR_ABORTED));
        }
        if let Some(verdict) = self.watch.verdict_around() {
            return Some(Error::code(verdict.code()));
        }
        let is_over = until.is_some_and(|until| Instant::now() >= until);
        is_over.then(|| {
            Error::new(
                SIDELITE_ERR_TIMEOUT,
                "the host did not reply in time to a call",
            )
        })
    }

    /// Requests that were sent before the reply come first.
    fn take_reply(&self, call: i64) -> Option<Reply> {
        let mut replies = self.replies.borrow_mut();
        let at = replies.iter().position(|reply| reply.call == call)?;
        (!self.lanes.is_anybody_early(call)).then(|| replies.remove(at))
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
