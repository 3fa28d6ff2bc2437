//! What SQLite's handlers ask while a statement runs: go on? wait for the lock?
//!
//! It belongs to one worker and is used on its thread alone. Cancel and deadline are judged against the requests that
//! run at the moment, so no neighbour is ever hit; `sqlite3_interrupt`, which hits whatever runs, is not used for them.

use crate::conn::{CANCELLED_BY_CLOSE, Conn};
use crate::error::Error;
use crate::ffi::status::{SIDELITE_ERR_CANCELLED, SIDELITE_ERR_TIMEOUT};
use crate::outbox::Outbox;
use crate::request::ReplyTo;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) struct Watch {
    conn: Arc<Conn>,
    pub(crate) outbox: Outbox,
    busy_timeout_ms: Cell<i32>,
    /// The requests that run: one, or an ATOMIC array.
    first: Cell<i64>,
    last: Cell<i64>,
    deadline: Cell<Option<Instant>>,
    /// The foreign queue of the request that runs.
    reply_to: RefCell<Option<Arc<ReplyTo>>>,
    verdict: Cell<Option<Verdict>>,
    lock_wait_began: Cell<Option<Instant>>,
}

/// Why a running request is to end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Cancelled(i64),
    TimedOut,
}

impl Verdict {
    pub(crate) fn code(self) -> i32 {
        match self {
            Self::Cancelled(_) => SIDELITE_ERR_CANCELLED,
            Self::TimedOut => SIDELITE_ERR_TIMEOUT,
        }
    }
}

impl Watch {
    pub(crate) fn new(conn: Arc<Conn>) -> Self {
        Self {
            outbox: Outbox::new(Arc::clone(&conn.queue)),
            conn,
            busy_timeout_ms: Cell::new(0),
            first: Cell::new(0),
            last: Cell::new(0),
            deadline: Cell::new(None),
            reply_to: RefCell::new(None),
            verdict: Cell::new(None),
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

    /// From here on these requests are judged.
    pub(crate) fn begin(&self, first: i64, last: i64, deadline: Option<Instant>) {
        self.first.set(first);
        self.last.set(last);
        self.deadline.set(deadline);
        self.verdict.set(None);
        self.reply_to.take();
    }

    pub(crate) fn set_reply_to(&self, reply_to: Option<Arc<ReplyTo>>) {
        self.reply_to.replace(reply_to);
    }

    /// The deadline of the member of an ATOMIC array whose turn it is.
    pub(crate) fn set_deadline(&self, deadline: Option<Instant>) {
        self.deadline.set(deadline);
    }

    /// The opening is judged: only a close in CANCEL mode ends it.
    pub(crate) fn begin_opening(&self) {
        self.begin(CANCELLED_BY_CLOSE, CANCELLED_BY_CLOSE, None);
    }

    /// What was judged before something had to be run in spite of it.
    pub(crate) fn keep(&self, verdict: Option<Verdict>) {
        self.verdict.set(verdict);
    }

    /// Nothing is judged: what runs now must finish, such as a ROLLBACK.
    pub(crate) fn end(&self) {
        self.begin(i64::MAX, i64::MAX, None);
    }

    /// Whether the requests that run are to end, and why.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        if self.verdict.get().is_none() {
            self.verdict.set(self.judge());
        }
        self.verdict.get()
    }

    fn judge(&self) -> Option<Verdict> {
        if let Some(id) = self.conn.cancelled_among(self.first.get(), self.last.get()) {
            return Some(Verdict::Cancelled(id));
        }
        if self
            .reply_to
            .borrow()
            .as_ref()
            .is_some_and(|reply_to| reply_to.is_lost())
        {
            return Some(Verdict::Cancelled(self.first.get()));
        }
        let is_over = self
            .deadline
            .get()
            .is_some_and(|deadline| Instant::now() >= deadline);
        is_over.then_some(Verdict::TimedOut)
    }

    /// The progress handler: whether to stop the statement.
    pub(crate) fn interrupts(&self) -> bool {
        self.outbox.flush();
        self.verdict().is_some()
    }

    /// The busy handler: sleeps a little and says whether to try for the lock again. The steps are SQLite's own.
    pub(crate) fn waits_for_lock(&self, times: i32) -> bool {
        const DELAYS_MS: [u64; 12] = [1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100];
        self.outbox.flush();
        let now = Instant::now();
        if times == 0 {
            self.lock_wait_began.set(Some(now));
        }
        let began = self.lock_wait_began.get().unwrap_or(now);
        let give_up = began + Duration::from_millis(self.busy_timeout_ms.get().max(0) as u64);
        if self.verdict().is_some() || now >= give_up {
            return false;
        }
        let step = DELAYS_MS[(times.max(0) as usize).min(DELAYS_MS.len() - 1)];
        let wake_up = (now + Duration::from_millis(step)).min(give_up);
        let wake_up = self
            .deadline
            .get()
            .map_or(wake_up, |deadline| deadline.min(wake_up));
        self.conn
            .sleep_unless_cancelled(self.first.get(), self.last.get(), wake_up);
        self.verdict().is_none()
    }

    /// A statement failed: as it was told to, or by itself.
    pub(crate) fn explain(&self, error: Error) -> Error {
        const INTERRUPT: i32 = rusqlite::ffi::SQLITE_INTERRUPT;
        const BUSY: i32 = rusqlite::ffi::SQLITE_BUSY;
        let was_told = matches!(error.sqlite_code & 0xff, INTERRUPT | BUSY);
        match self.verdict.get() {
            Some(verdict) if was_told => Error {
                code: verdict.code(),
                message: Vec::new(),
                ..error
            },
            // Closing interrupts beside the handlers, and then everything is cancelled.
            None if error.sqlite_code & 0xff == INTERRUPT && self.verdict().is_some() => Error {
                code: SIDELITE_ERR_CANCELLED,
                message: Vec::new(),
                ..error
            },
            _ => error,
        }
    }
}
