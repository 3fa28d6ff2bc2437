//! A connection as all threads see it: what is out, the gate that requests pass, and what is to be cancelled.

mod cancel;
mod gate;

use crate::account::{Account, Counters, Limits};
use crate::chain::Chain;
use crate::ffi::block::Pool;
use crate::ffi::callback::Target;
use crate::ffi::event::{SIDELITE_EVENT_CLOSED, SIDELITE_EVENT_OPENED, SIDELITE_EVENT_WRITABLE};
use crate::ffi::os;
use crate::ffi::request::SIDELITE_UNLIMITED;
use crate::ffi::status::*;
use crate::handle::Table;
use crate::host::HostQueue;
use crate::loan::Loan;
use crate::request::{Command, Event, Kind, Pending, Reply, Work};
use crate::sqlite::Options;
use crate::worker::Worker;
use cancel::Cancels;
use crossbeam_channel::Receiver;
use gate::Gate;
use parking_lot::{Condvar, Mutex};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};

pub(crate) static CONNS: Table<Conn> = Table::new(2);

/// SQLite's main threads have as much; a long LIKE pattern inside SQLite's default limits overflows Rust's 2 MiB.
const STACK_BYTES: usize = 8 << 20;

/// Calls have ids of their own, above those of requests.
const FIRST_CALL: i64 = 1 << 52;

/// An id above all requests: a close in CANCEL mode cancels up to it, the opening included.
pub(crate) const CANCELLED_BY_CLOSE: i64 = i64::MAX - 1;

/// What goes to the worker.
pub(crate) enum Message {
    /// One submit: requests in order, which stay together.
    Requests(Chain<Event>),
    /// Credit was granted, or something cancelled: look around.
    Nudge,
    /// What the host answers to a call.
    Reply(Reply),
    /// Another connection wants to copy to this one.
    Lend(Arc<Loan>),
    /// The last message but nudges. The CLOSED event, unless nobody wants it.
    Close(Option<Pending>),
}

pub(crate) struct Conn {
    pub(crate) handle: u64,
    pub(crate) queue: Arc<HostQueue>,
    /// Gets the events of the connection itself.
    pub(crate) target: Target,
    pub(crate) any_text: bool,
    pub(crate) result_bytes_max: u64,
    pub(crate) account: Account,
    pub(crate) counters: Counters,
    pub(crate) pool: Arc<Pool>,
    gate: Mutex<Gate>,
    /// The last id given out.
    last_id: AtomicI64,
    /// Requests up to this id have ended, but for those astray.
    ended_id: AtomicI64,
    /// Requests up to this id have begun, or never will, but for those detained.
    begun_id: AtomicI64,
    /// Requests that wait for their lane, behind the back of others that have begun.
    detained: Mutex<HashSet<i64>>,
    /// Requests that end out of order, until they have: paused streams, with their credit, what waits for its lane, and
    /// what runs while a call inside it waits.
    astray: Mutex<HashMap<i64, Option<Arc<Credit>>>>,
    /// Whether `astray` holds anything, to be seen without its lock.
    has_astray: AtomicBool,
    /// Leases that have not ended, by the ids of their requests.
    leases: Mutex<HashSet<i64>>,
    /// Calls that wait for the host's reply, and whether requests may run inside them.
    calls: Mutex<Vec<(i64, bool)>>,
    last_call: AtomicI64,
    /// Grows with everything that may end a wait.
    cancellations: AtomicU64,
    /// How often everything that runs was interrupted.
    interrupts: AtomicU64,
    cancels: Mutex<Cancels>,
    /// Rings when `cancels` changes, for waits on a lock.
    cancels_changed: Condvar,
    /// Requests up to this id are cancelled.
    cancelled_upto: AtomicI64,
    /// Whether `cancels` holds anything, to be seen without its lock.
    has_cancels: AtomicBool,
    is_poisoned: AtomicBool,
    is_nudged: AtomicBool,
    owes_writable: AtomicBool,
    interrupter: Mutex<Option<rusqlite::InterruptHandle>>,
}

/// Chunks that a stream may still send.
pub(crate) struct Credit(AtomicU32);

impl Credit {
    pub(crate) fn new(window: u32) -> Self {
        Self(AtomicU32::new(window))
    }

    fn grant(&self, chunks: u32) {
        let grant = |credit: u32| Some(credit.saturating_add(chunks));
        let _ = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, grant);
    }

    pub(crate) fn is_left(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }

    pub(crate) fn spend(&self) {
        let spend = |credit: u32| (credit != SIDELITE_UNLIMITED).then(|| credit.saturating_sub(1));
        let _ = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, spend);
    }
}

/// What is needed to open a connection.
pub(crate) struct Opening {
    pub(crate) options: Options,
    pub(crate) target: Target,
    pub(crate) any_text: bool,
    pub(crate) limits: Limits,
    pub(crate) result_bytes_max: u64,
}

impl Conn {
    /// Starts a connection. `publish` gets its handle before anything can complete.
    pub(crate) fn open(
        queue: Arc<HostQueue>,
        opening: Opening,
        publish: impl Fn(u64),
    ) -> Result<(), i32> {
        let Opening {
            options,
            target,
            any_text,
            limits,
            result_bytes_max,
        } = opening;
        let (sender, inbox) = crossbeam_channel::unbounded();
        let conn = CONNS.insert(|handle| {
            Arc::new(Self {
                handle,
                queue: Arc::clone(&queue),
                target,
                any_text,
                result_bytes_max,
                account: Account::new(limits),
                counters: Counters::default(),
                pool: Arc::default(),
                gate: Mutex::new(Gate::new(sender)),
                last_id: AtomicI64::new(0),
                begun_id: AtomicI64::new(0),
                detained: Mutex::default(),
                ended_id: AtomicI64::new(0),
                astray: Mutex::default(),
                has_astray: AtomicBool::new(false),
                leases: Mutex::default(),
                calls: Mutex::default(),
                last_call: AtomicI64::new(FIRST_CALL),
                cancellations: AtomicU64::new(0),
                interrupts: AtomicU64::new(0),
                cancels: Mutex::default(),
                cancels_changed: Condvar::new(),
                cancelled_upto: AtomicI64::new(0),
                has_cancels: AtomicBool::new(false),
                is_poisoned: AtomicBool::new(false),
                is_nudged: AtomicBool::new(false),
                owes_writable: AtomicBool::new(false),
                interrupter: Mutex::new(None),
            })
        })?;
        if !queue.enter(&conn) {
            CONNS.remove(conn.handle);
            return Err(SIDELITE_ERR_BAD_HANDLE);
        }
        publish(conn.handle);
        if let Err(code) = conn.start(options, inbox) {
            publish(0);
            queue.leave(&conn);
            CONNS.remove(conn.handle);
            return Err(code);
        }
        Ok(())
    }

    fn start(self: &Arc<Self>, options: Options, inbox: Receiver<Message>) -> Result<(), i32> {
        let mut opened = Event::new(Arc::clone(self), self.target);
        opened.flags = SIDELITE_EVENT_OPENED;
        let mut closed = Event::new(Arc::clone(self), self.target);
        closed.flags = SIDELITE_EVENT_CLOSED;
        // Before the thread starts: its first callback may close the connection.
        self.gate.lock().closed_event = Some(closed);
        let conn = Arc::clone(self);
        let spawned = os::with_signals_blocked(|| {
            let thread = std::thread::Builder::new()
                .name("sidelite".into())
                .stack_size(STACK_BYTES);
            thread.spawn(move || {
                let worker = Worker::new(Arc::clone(&conn), inbox);
                worker.run(&options, Pending::new(opened));
                drop(worker);
                let queue = Arc::clone(&conn.queue);
                queue.leave(&conn);
            })
        });
        spawned.map(drop).map_err(|_| {
            // It refers to the connection, which would keep itself alive.
            let closed = self.gate.lock().closed_event.take();
            drop(closed);
            SIDELITE_ERR_NO_THREAD
        })
    }

    /// Takes in requests, newest first, and gives them their ids and their places; or refuses them all.
    pub(crate) fn submit(&self, mut requests: Chain<Event>, bytes: u64) -> Result<i64, i32> {
        let count = requests.len();
        let gate = self.gate.lock();
        if gate.is_closing {
            return Err(SIDELITE_ERR_CLOSED);
        }
        if self.is_poisoned.load(Ordering::Relaxed) {
            return Err(SIDELITE_ERR_PANIC);
        }
        self.account.enter(count as u64, bytes)?;
        let before = self.last_id.load(Ordering::Relaxed);
        let mut id = before + count as i64;
        self.last_id.store(id, Ordering::Release);
        let mut ordered = Chain::new();
        while let Some(mut request) = requests.pop() {
            request.id = id;
            id -= 1;
            request.charge = request.payload_bytes();
            self.expect(&request);
            ordered.push(request);
        }
        self.counters.submitted(count as u64);
        self.send(gate, Message::Requests(ordered));
        Ok(before + 1)
    }

    /// A stream can be granted credit, and a lease be a lane, from submit on.
    fn expect(&self, request: &Event) {
        match &request.work {
            Some(work) if work.is_paced() => {
                let credit = Arc::new(Credit::new(work.window));
                self.goes_astray(request.id, Some(credit));
            }
            Some(Work {
                kind: Kind::Command(Command::Lease),
                ..
            }) => {
                self.leases.lock().insert(request.id);
            }
            _ => {}
        }
    }

    pub(crate) fn more(&self, id: i64, chunks: u32) -> Result<i32, i32> {
        if chunks == 0 {
            return Err(SIDELITE_ERR_MISUSE);
        }
        let credit = self.credit(id).ok_or(SIDELITE_ERR_BAD_HANDLE)?;
        credit.grant(chunks);
        self.nudge();
        Ok(SIDELITE_OK)
    }

    /// Whether requests may name this lane: it is a lease that has not ended, or a call that waits.
    pub(crate) fn has_lane(&self, lane: i64) -> bool {
        match lane >= FIRST_CALL {
            true => self.calls.lock().contains(&(lane, true)),
            false => self.leases.lock().contains(&lane),
        }
    }

    pub(crate) fn lease_ends(&self, id: i64) {
        self.leases.lock().remove(&id);
        self.forget_cancel(id);
    }

    /// A call that waits from now on.
    pub(crate) fn begin_call(&self, takes_requests: bool) -> i64 {
        let call = self.last_call.load(Ordering::Relaxed) + 1;
        self.last_call.store(call, Ordering::Relaxed);
        self.calls.lock().push((call, takes_requests));
        call
    }

    /// A call waits no longer; false when its reply is on the way.
    pub(crate) fn end_call(&self, call: i64) -> bool {
        let mut calls = self.calls.lock();
        let at = calls.iter().position(|&(waiting, _)| waiting == call);
        at.map(|at| calls.remove(at)).is_some()
    }

    /// The host's answer to a call; the first one counts.
    pub(crate) fn reply(&self, reply: Reply) -> Result<i32, i32> {
        if !self.end_call(reply.call) {
            return Err(SIDELITE_ERR_BAD_HANDLE);
        }
        self.send(self.gate.lock(), Message::Reply(reply));
        Ok(SIDELITE_OK)
    }

    /// Another connection asks for the database.
    pub(crate) fn ask_for_loan(&self, loan: Arc<Loan>) -> Result<(), i32> {
        let gate = self.gate.lock();
        if gate.is_closing {
            return Err(SIDELITE_ERR_CLOSED);
        }
        self.send(gate, Message::Lend(loan));
        Ok(())
    }

    /// A queue that requests of this connection reply to goes away: they are to end.
    pub(crate) fn reply_queue_goes(&self) {
        let cancels = self.cancels.lock();
        self.cancels_change();
        drop(cancels);
        self.nudge();
    }

    pub(crate) fn close(&self, cancel: bool, target: Target) -> Result<i32, i32> {
        self.shut(cancel, Some(target))?;
        Ok(SIDELITE_OK)
    }

    /// Closes without an event, when the queue goes away.
    pub(crate) fn abandon(&self) {
        if self.shut(true, None).is_err() {
            self.cancel_upto(CANCELLED_BY_CLOSE);
            self.nudge();
        }
    }

    fn shut(&self, cancel: bool, target: Option<Target>) -> Result<(), i32> {
        let mut gate = self.gate.lock();
        if std::mem::replace(&mut gate.is_closing, true) {
            return Err(SIDELITE_ERR_CLOSED);
        }
        let closed = gate
            .closed_event
            .take()
            .zip(target)
            .map(|(mut event, target)| {
                event.target = target;
                Pending::new(event)
            });
        if cancel {
            self.cancel_upto(CANCELLED_BY_CLOSE);
            // Beside our own handlers: they do not reach into a checkpoint. Nobody else is hit: all is cancelled.
            if let Some(interrupter) = &*self.interrupter.lock() {
                interrupter.interrupt();
            }
        }
        self.send(gate, Message::Close(closed));
        Ok(())
    }

    /// An event has left the queue, to the host or for good.
    pub(crate) fn event_taken(&self, event: &Event) {
        let requests = u64::from(event.is_final_of_request());
        if event.flags & SIDELITE_EVENT_CLOSED != 0 {
            CONNS.remove(self.handle);
        } else if requests + event.charge > 0 {
            self.account.leave(requests, event.charge);
            if self.account.became_writable() {
                self.tell_writable();
            }
        }
    }

    /// Before CLOSED, and of a DIRECT queue on the connection's own thread.
    fn tell_writable(&self) {
        if self.queue.is_direct {
            self.owes_writable.store(true, Ordering::Release);
            return self.nudge();
        }
        let Some(event) = self.writable_event() else {
            return;
        };
        let gate = self.gate.lock();
        if !gate.is_closing {
            let owed = self.queue.queue.enqueue(Chain::of(event));
            drop(gate);
            self.queue.queue.fulfil(owed);
        }
    }

    /// For a DIRECT queue: the worker is to tell.
    pub(crate) fn owed_writable(&self) -> Option<Box<Event>> {
        let is_owed = self.owes_writable.swap(false, Ordering::AcqRel);
        (is_owed && !self.gate.lock().is_closing).then(|| self.writable_event())?
    }

    fn writable_event(&self) -> Option<Box<Event>> {
        let mut event = Event::new(CONNS.get(self.handle).ok()?, self.target);
        event.flags = SIDELITE_EVENT_WRITABLE;
        Some(event)
    }

    // What the worker asks and tells.

    pub(crate) fn last_id(&self) -> i64 {
        self.last_id.load(Ordering::Acquire)
    }

    pub(crate) fn set_interrupter(&self, interrupter: rusqlite::InterruptHandle) {
        *self.interrupter.lock() = Some(interrupter);
    }

    /// The handle ends without a CLOSED event.
    pub(crate) fn forget(&self) {
        CONNS.remove(self.handle);
    }

    pub(crate) fn poison(&self) {
        self.is_poisoned.store(true, Ordering::Relaxed);
    }

    pub(crate) fn credit(&self, id: i64) -> Option<Arc<Credit>> {
        self.astray.lock().get(&id).cloned().flatten()
    }

    /// A request will end out of order.
    pub(crate) fn goes_astray(&self, id: i64, credit: Option<Arc<Credit>>) {
        let mut astray = self.astray.lock();
        self.has_astray.store(true, Ordering::Release);
        astray.entry(id).or_insert(credit);
    }

    /// A request has ended, maybe out of order.
    pub(crate) fn ends(&self, id: i64) {
        if self.has_astray.load(Ordering::Acquire) {
            let mut astray = self.astray.lock();
            astray.remove(&id);
            self.has_astray.store(!astray.is_empty(), Ordering::Release);
            self.detained.lock().remove(&id);
        }
        self.forget_cancel(id);
    }

    /// A request has ended, or goes on out of order.
    pub(crate) fn passes(&self, id: i64) {
        if id > self.ended_id.load(Ordering::Relaxed) {
            self.ended_id.store(id, Ordering::Release);
        }
    }
}
