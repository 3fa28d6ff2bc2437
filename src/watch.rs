//! What SQLite's handlers ask while a statement runs: go on? wait for the lock?
//!
//! It belongs to one worker and is used on its thread alone. Cancel and deadline are judged against the requests that
//! run at the moment, so no neighbour is ever hit; `sqlite3_interrupt`, which hits whatever runs, is not used for them.
//! While a function waits for its host, requests may run inside the one that called it: these are judged by
//! themselves, and end with those around them.

use crate::conn::{CANCELLED_BY_CLOSE, Conn};
use crate::error::Error;
use crate::ffi::status::{SIDELITE_ERR_CANCELLED, SIDELITE_ERR_TIMEOUT};
use crate::hooks::Hooks;
use crate::observe::Observers;
use crate::outbox::Outbox;
use crate::request::ReplyTo;
use rusqlite::ffi::{SQLITE_BUSY, SQLITE_INTERRUPT};
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) struct Watch {
    conn: Arc<Conn>,
    pub(crate) outbox: Outbox,
    pub(crate) observers: Observers,
    pub(crate) hooks: Hooks,
    busy_timeout_ms: Cell<i32>,
    judged: RefCell<Judged>,
    /// The requests around the one that runs, outermost first.
    outer: RefCell<Vec<Judged>>,
    lock_wait_began: Cell<Option<Instant>>,
}

/// The requests that run: one, or an ATOMIC array.
struct Judged {
    first: i64,
    last: i64,
    deadline: Option<Instant>,
    /// The foreign queue of the request.
    reply_to: Option<Arc<ReplyTo>>,
    /// How often the connection had been interrupted when they began.
    interrupts: u64,
    verdict: Option<Verdict>,
    /// What a function of the host's failed with: SQLite only passes on a part of it.
    failure: Option<Error>,
    /// One of these failed because of the verdict.
    is_told: bool,
}

/// Why a running request is to end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Cancelled(i64),
    TimedOut,
    Interrupted,
}

impl Verdict {
    pub(crate) fn code(self) -> i32 {
        match self {
            Self::Cancelled(_) => SIDELITE_ERR_CANCELLED,
            Self::TimedOut => SIDELITE_ERR_TIMEOUT,
            Self::Interrupted => SQLITE_INTERRUPT,
        }
    }
}

impl Judged {
    fn new(first: i64, last: i64, deadline: Option<Instant>) -> Self {
        Self {
            first,
            last,
            deadline,
            reply_to: None,
            interrupts: u64::MAX,
            verdict: None,
            failure: None,
            is_told: false,
        }
    }

    /// Nothing: what runs now must finish, such as a ROLLBACK.
    fn nothing() -> Self {
        Self::new(i64::MAX, i64::MAX, None)
    }

    /// Once there is a verdict, it stays.
    fn verdict(&mut self, conn: &Conn) -> Option<Verdict> {
        if self.verdict.is_none() {
            self.verdict = self.judge(conn);
        }
        self.verdict
    }

    fn judge(&self, conn: &Conn) -> Option<Verdict> {
        if let Some(id) = conn.cancelled_among(self.first, self.last) {
            return Some(Verdict::Cancelled(id));
        }
        if self.interrupts < conn.interrupts() {
            return Some(Verdict::Interrupted);
        }
        let is_lost = |reply_to: &Arc<ReplyTo>| reply_to.is_lost();
        if self.reply_to.as_ref().is_some_and(is_lost) {
            return Some(Verdict::Cancelled(self.first));
        }
        let is_over = self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline);
        is_over.then_some(Verdict::TimedOut)
    }
}

impl Watch {
    pub(crate) fn new(conn: Arc<Conn>) -> Self {
        Self {
            outbox: Outbox::new(Arc::clone(&conn.queue)),
            observers: Observers::new(),
            hooks: Hooks::new(),
            conn,
            busy_timeout_ms: Cell::new(0),
            judged: RefCell::new(Judged::nothing()),
            outer: RefCell::default(),
            lock_wait_began: Cell::new(None),
        }
    }

    pub(crate) fn busy_timeout_ms(&self) -> i32 {
        self.busy_timeout_ms.get()
    }

    pub(crate) fn set_busy_timeout_ms(&self, timeout: i32) {
        self.busy_timeout_ms.set(timeout);
    }

    pub(crate) fn count_cache(&self, hit: bool) {
        self.conn.counters.cached(hit);
    }

    /// From here on these requests are judged; `interrupts` as the connection counted them when they began.
    pub(crate) fn begin(&self, first: i64, last: i64, deadline: Option<Instant>, interrupts: u64) {
        self.judged.replace(Judged {
            interrupts,
            ..Judged::new(first, last, deadline)
        });
    }

    pub(crate) fn set_reply_to(&self, reply_to: Option<Arc<ReplyTo>>) {
        self.judged.borrow_mut().reply_to = reply_to;
    }

    /// The deadline of the member of an ATOMIC array whose turn it is.
    pub(crate) fn set_deadline(&self, deadline: Option<Instant>) {
        self.judged.borrow_mut().deadline = deadline;
    }

    /// The opening is judged: only a close in CANCEL mode ends it.
    pub(crate) fn begin_opening(&self) {
        self.begin(CANCELLED_BY_CLOSE, CANCELLED_BY_CLOSE, None, u64::MAX);
    }

    /// What was judged before something had to be run in spite of it.
    pub(crate) fn keep(&self, verdict: Option<Verdict>) {
        self.judged.borrow_mut().verdict = verdict;
    }

    /// Nothing is judged any more.
    pub(crate) fn end(&self) {
        self.judged.replace(Judged::nothing());
    }

    /// What runs from here on runs inside of what was judged so far, until `resurface`.
    pub(crate) fn dive(&self) {
        let around = self.judged.replace(Judged::nothing());
        self.outer.borrow_mut().push(around);
    }

    pub(crate) fn resurface(&self) {
        if let Some(around) = self.outer.borrow_mut().pop() {
            self.judged.replace(around);
        }
    }

    /// The ids of what runs.
    pub(crate) fn running(&self) -> (i64, i64) {
        let judged = self.judged.borrow();
        (judged.first, judged.last)
    }

    /// The request that runs, or the first of an array; 0 when it is none of the host's.
    pub(crate) fn running_request(&self) -> i64 {
        match self.running().0 {
            i64::MAX => 0,
            id => id,
        }
    }

    /// When the first of what runs times out.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let outer = self.outer.borrow();
        let all = outer.iter().map(|judged| judged.deadline);
        all.chain([self.judged.borrow().deadline]).flatten().min()
    }

    /// Whether the requests that run are to end, and why: for a reason of their own, or with those around them.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        let verdict = self.judged.borrow_mut().verdict(&self.conn);
        verdict.or_else(|| self.verdict_around())
    }

    /// Whether the requests around the one that runs are to end.
    pub(crate) fn verdict_around(&self) -> Option<Verdict> {
        let mut outer = self.outer.borrow_mut();
        outer
            .iter_mut()
            .find_map(|judged| judged.verdict(&self.conn))
    }

    /// A function of the host's failed; the statement that called it fails with this.
    pub(crate) fn fail(&self, failure: Error) {
        // A verdict explains itself, whatever SQLite makes of it.
        let is_told = self
            .verdict()
            .is_some_and(|verdict| verdict.code() == failure.code);
        let mut judged = self.judged.borrow_mut();
        match is_told {
            true => judged.is_told = true,
            false => {
                judged.failure.get_or_insert(failure);
            }
        }
    }

    pub(crate) fn has_failure(&self) -> bool {
        self.judged.borrow().failure.is_some()
    }

    /// At the end of a statement: SQLite takes no error from a collation, so one that failed is told here.
    pub(crate) fn check_collations(&self) -> Result<(), Error> {
        match self.has_failure() {
            true => Err(Error::code(SQLITE_INTERRUPT)),
            false => Ok(()),
        }
    }

    /// The progress handler: whether to stop the statement.
    pub(crate) fn interrupts(&self) -> bool {
        self.outbox.flush();
        self.verdict().is_some() || self.has_failure() || self.progress_says_stop()
    }

    /// What must finish, such as a ROLLBACK, is not for the host to stop.
    fn progress_says_stop(&self) -> bool {
        if self.running_request() == 0 {
            return false;
        }
        self.hooks.progress_says_stop().unwrap_or_else(|error| {
            self.fail(error);
            true
        })
    }

    /// The busy handler: sleeps a little and says whether to try for the lock again. The steps are SQLite's own.
    pub(crate) fn waits_for_lock(&self, times: i32) -> bool {
        self.outbox.flush();
        let now = Instant::now();
        if times == 0 {
            self.lock_wait_began.set(Some(now));
        }
        let wake_up = match self.hooks.busy_delay(times) {
            None => self.next_try(times, now),
            // A host may have taken its time to say.
            Some(Ok(delay)) => delay.and_then(|delay| Instant::now().checked_add(delay)),
            Some(Err(error)) => {
                self.fail(error);
                None
            }
        };
        let Some(wake_up) = wake_up else {
            return false;
        };
        if self.verdict().is_some() {
            return false;
        }
        let wake_up = self
            .deadline()
            .map_or(wake_up, |deadline| deadline.min(wake_up));
        self.sleep(wake_up);
        self.verdict().is_none()
    }

    /// When to try again without a busy handler of the host's; None to give up.
    fn next_try(&self, times: i32, now: Instant) -> Option<Instant> {
        const DELAYS_MS: [u64; 12] = [1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100];
        let began = self.lock_wait_began.get().unwrap_or(now);
        let give_up = began + Duration::from_millis(self.busy_timeout_ms.get().max(0) as u64);
        let step = DELAYS_MS[(times.max(0) as usize).min(DELAYS_MS.len() - 1)];
        (now < give_up).then(|| (now + Duration::from_millis(step)).min(give_up))
    }

    /// Sleeps until then, or until what runs is to end.
    pub(crate) fn sleep(&self, until: Instant) {
        self.conn.sleep_unless(until, || self.verdict().is_some());
    }

    /// A statement failed: as it was told to, or by itself.
    pub(crate) fn explain(&self, error: Error) -> Error {
        if let Some(failure) = self.judged.borrow_mut().failure.take() {
            return Error {
                sqlite_code: error.sqlite_code,
                sql_offset: error.sql_offset,
                ..failure
            };
        }
        let (verdict, is_told) = {
            let judged = self.judged.borrow();
            (judged.verdict, judged.is_told)
        };
        let is_interrupt = is_told || error.sqlite_code & 0xff == SQLITE_INTERRUPT;
        let was_told = is_interrupt || error.sqlite_code & 0xff == SQLITE_BUSY;
        match verdict {
            Some(verdict) if was_told => Error {
                code: verdict.code(),
                message: Vec::new(),
                ..error
            },
            // Those around it are to end; or closing interrupts beside the handlers, and then everything is cancelled.
            None if is_interrupt && self.verdict().is_some() => Error {
                code: self.verdict().map_or(SIDELITE_ERR_CANCELLED, Verdict::code),
                message: Vec::new(),
                ..error
            },
            _ => error,
        }
    }
}
