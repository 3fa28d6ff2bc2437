//! The worker: a connection's own thread, and the loop that is its life.

use crate::chain::Chain;
use crate::conn::{Conn, Message};
use crate::error::Error;
use crate::exec::Runner;
use crate::fault;
use crate::ffi::event::*;
use crate::ffi::request::SIDELITE_ATOMIC;
use crate::ffi::status::*;
use crate::ffi::{inside, quiet};
use crate::request::{Event, Kind, Outcome, Pending, Work};
use crate::result::Scratch;
use crate::sqlite::{Database, Options};
use crate::stream::{Step, Stream};
use crate::transaction::{self, Fence};
use crate::wait::Inbox;
use crate::watch::Watch;
use crossbeam_channel::Receiver;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// Chunks that a stream sends before what was submitted after it: those of the default window.
const FIRST_CHUNKS: u32 = 2;

pub(crate) struct Worker {
    conn: Arc<Conn>,
    inbox: Inbox,
    watch: Rc<Watch>,
    session: Session,
    streams: VecDeque<Running>,
    fence: Fence,
    scratch: Scratch,
    /// It is to close, when its streams have ended.
    closing: Option<Option<Pending>>,
}

/// A stream that has begun, and the request that it answers.
struct Running {
    request: Pending,
    stream: Stream,
}

impl Running {
    fn has_credit(&self) -> bool {
        self.stream.has_credit()
    }

    fn deadline(&self) -> Option<Instant> {
        self.request.work().deadline
    }
}

/// Requests that still owe their events, whatever happens to those before them.
struct Unanswered(Chain<Event>);

impl Unanswered {
    fn is_atomic(&self) -> bool {
        let first = self.0.first().and_then(|event| event.work.as_ref());
        first.is_some_and(|work| work.has(SIDELITE_ATOMIC))
    }

    fn next(&mut self) -> Option<Pending> {
        self.0.pop().map(Pending::new)
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        while self.next().is_some() {}
    }
}

/// What requests are run on.
enum Session {
    Open(Database),
    /// It could not be opened, and every request ends with the reason.
    Failed(Error),
    /// After a panic nothing is certain any more; the database is only kept to be closed.
    Poisoned(Option<Database>),
}

impl Worker {
    pub(crate) fn new(conn: Arc<Conn>, inbox: Receiver<Message>) -> Self {
        Self {
            watch: Rc::new(Watch::new(Arc::clone(&conn))),
            conn,
            inbox: Inbox::new(inbox),
            session: Session::Poisoned(None),
            streams: VecDeque::new(),
            fence: Fence::default(),
            scratch: Scratch::new(),
            closing: None,
        }
    }

    /// The life of a connection. Host code that runs here is inside the queue, which it cannot free.
    pub(crate) fn run(mut self, options: &Options, opened: Pending) {
        let queue = self.conn.queue.handle;
        let _ = inside::dispatch(queue, || {
            quiet::quietly(|| {
                self.open(options, opened);
                let closed = loop {
                    // What can panic is contained where it is. Should anything else, the thread still owes events.
                    match catch_unwind(AssertUnwindSafe(|| self.turn())) {
                        Ok(None) => {}
                        Ok(Some(closed)) => break closed,
                        Err(_) => self.poison(),
                    }
                };
                self.close(closed);
            });
        });
    }

    /// One message; CLOSED's event once the connection is to close and has nothing left to do.
    fn turn(&mut self) -> Option<Option<Pending>> {
        match self.next() {
            Message::Requests(requests) => self.requests(requests),
            Message::Nudge => self.look_around(),
            Message::Close(closed) => self.closing = Some(closed),
        }
        self.serve_streams();
        self.closing.take_if(|_| self.streams.is_empty())
    }

    fn look_around(&mut self) {
        self.conn.nudge_arrived();
        if let Some(event) = self.conn.owed_writable() {
            self.watch.outbox.push(event);
        }
    }

    /// The next message. Before it sleeps, what is done goes out; it does not sleep while a stream can go on.
    fn next(&mut self) -> Message {
        if let Some(message) = self.inbox.take() {
            return message;
        }
        self.watch.outbox.flush();
        if self.streams.iter().any(Running::has_credit) {
            return Message::Nudge;
        }
        let deadline = self.streams.iter().filter_map(Running::deadline).min();
        self.inbox.wait(deadline)
    }

    fn open(&mut self, options: &Options, opened: Pending) {
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
                self.session = Session::Open(database);
                Outcome::default()
            }
            Err(error) => {
                let error = self.watch.explain(error);
                self.session = Session::Failed(error.clone());
                Outcome::failed(error)
            }
        };
        self.watch.end();
        self.watch.outbox.push(opened.complete(outcome));
    }

    /// One submit.
    fn requests(&mut self, requests: Chain<Event>) {
        let mut requests = Unanswered(requests);
        if requests.is_atomic() {
            let mut array = Vec::with_capacity(requests.0.len());
            while let Some(request) = requests.next() {
                array.push(request);
            }
            return self.atomic(array);
        }
        while let Some(request) = requests.next() {
            self.request(request);
        }
    }

    fn request(&mut self, request: Pending) {
        let work = request.work();
        self.judge(&request);
        if let Some(error) = self.refusal(&[&request]) {
            let never_began = matches!(error.code, SIDELITE_ERR_CANCELLED | SIDELITE_ERR_TIMEOUT)
                && !self.is_in_transaction()
                && transaction::leaves_open(work, false);
            if never_began {
                self.fence.raise(self.conn.last_id());
            }
            return self.complete(request, Outcome::not_run(error));
        }
        if matches!(work.kind, Kind::Stream) {
            return self.begin_stream(request);
        }
        let was_open = self.is_in_transaction();
        let mut position = 0;
        let mut outcome = self.contained(|runner| {
            let outcome = runner.run(work);
            position = runner.position;
            outcome
        });
        self.settle(was_open, work, position, &mut outcome);
        self.complete(request, outcome);
    }

    /// From here on this request is judged, by cancel, deadline and the queue that it replies to.
    fn judge(&self, request: &Pending) {
        let id = request.id();
        self.watch.begin(id, id, request.work().deadline);
        self.watch.set_reply_to(request.reply_to());
    }

    /// Why requests cannot even begin.
    fn refusal(&mut self, requests: &[&Pending]) -> Option<Error> {
        match &self.session {
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
            is_fenced |= self.fence.stops(request.id(), request.work());
        }
        if let Some(verdict) = self.watch.verdict() {
            return Some(Error::code(verdict.code()));
        }
        is_fenced.then(|| {
            transaction::aborted("the transaction that this request belonged to was rolled back")
        })
    }

    fn atomic(&mut self, array: Vec<Pending>) {
        let (first, last) = (array[0].id(), array[array.len() - 1].id());
        self.watch.begin(first, last, array[0].work().deadline);
        let refusal = self.refusal(&array.iter().collect::<Vec<_>>());
        let was_open = self.is_in_transaction();
        let mut outcomes = match refusal {
            Some(error) => transaction::refused(&array, error, self.watch.verdict()),
            None => self.contained_array(&array),
        };
        let failed = outcomes.iter_mut().find(|outcome| outcome.is_culprit());
        if let Some(outcome) = failed {
            self.settle_loss(was_open, was_open, outcome);
        }
        for (request, outcome) in array.into_iter().zip(outcomes) {
            self.complete(request, outcome);
        }
    }

    fn contained_array(&mut self, array: &[Pending]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let outcome = self.contained(|runner| {
            outcomes = transaction::run_atomic(array, runner);
            Outcome::default()
        });
        match outcome.error {
            Some(error) => transaction::refused(array, error, None),
            None => outcomes,
        }
    }

    /// Runs requests; a panic ends them with PANIC and poisons the connection.
    fn contained(&mut self, run: impl FnOnce(&mut Runner<'_>) -> Outcome) -> Outcome {
        let Session::Open(database) = &mut self.session else {
            return Outcome::not_run(Error::code(SIDELITE_ERR_ABORTED));
        };
        let (watch, conn, scratch) = (&*self.watch, &*self.conn, &mut self.scratch);
        let mut runner = Runner {
            database,
            watch,
            conn,
            scratch,
            position: 0,
        };
        catch_unwind(AssertUnwindSafe(|| run(&mut runner))).unwrap_or_else(|_| {
            self.poison();
            Outcome::failed(panicked())
        })
    }

    fn poison(&mut self) {
        self.conn.poison();
        let session = std::mem::replace(&mut self.session, Session::Poisoned(None));
        if let Session::Open(database) = session {
            self.session = Session::Poisoned(Some(database));
        }
    }

    /// Looks at what a failed request has done to the transaction that was open before it, or that it began.
    fn settle(&mut self, was_open: bool, work: &Work, position: usize, outcome: &mut Outcome) {
        if outcome.error.is_some() {
            let was_open_still = was_open && !transaction::has_ended(work, position);
            let should_be_open = transaction::leaves_open(work, was_open);
            self.settle_loss(was_open_still, should_be_open, outcome);
        }
    }

    /// Raises the fence when a transaction should be open after a failure, and is not.
    fn settle_loss(&mut self, was_open: bool, should_be_open: bool, outcome: &mut Outcome) {
        if self.is_in_transaction() {
            return;
        }
        if was_open {
            outcome.flags |= SIDELITE_EVENT_ROLLED_BACK;
        }
        if should_be_open {
            self.fence.raise(self.conn.last_id());
        }
    }

    /// Ends a request in its place.
    fn complete(&mut self, request: Pending, outcome: Outcome) {
        self.conn.passes(request.id());
        self.finish(request, outcome);
    }

    /// Tells the end of a request, with the state of the connection after it.
    fn finish(&mut self, request: Pending, mut outcome: Outcome) {
        if let Session::Open(database) = &self.session {
            outcome
                .last_insert_rowid
                .get_or_insert(database.last_insert_rowid());
            if database.is_in_transaction() {
                outcome.flags |= SIDELITE_EVENT_IN_TRANSACTION;
            }
        }
        if matches!(request.work().kind, Kind::Stream) {
            self.conn.stream_ends(request.id());
        }
        self.watch.end();
        self.watch.outbox.push(request.complete(outcome));
    }

    fn begin_stream(&mut self, request: Pending) {
        let was_open = self.is_in_transaction();
        let credit = self.conn.credit_of(request.id());
        let mut begun = None;
        let mut outcome =
            self.contained(
                |runner| match Stream::begin(request.work(), credit, runner) {
                    Ok(stream) => {
                        begun = Some(stream);
                        Outcome::default()
                    }
                    Err(error) => Outcome::failed(runner.watch.explain(error)),
                },
            );
        match begun {
            Some(stream) => {
                let id = request.id();
                let mut running = Some(Running { request, stream });
                // Its first chunks come in their place. Then it is parked, and takes turns with requests.
                for _ in 0..FIRST_CHUNKS {
                    if running.as_ref().is_some_and(Running::has_credit) {
                        running = running.and_then(|running| self.advance(running));
                    }
                }
                self.streams.extend(running);
                self.conn.passes(id);
            }
            None => {
                self.settle(was_open, request.work(), 0, &mut outcome);
                self.complete(request, outcome);
            }
        }
    }

    /// Ends streams that are to end, and lets one that has credit go on: between requests, so that neither keeps the
    /// other waiting.
    fn serve_streams(&mut self) {
        for _ in 0..self.streams.len() {
            let Some(running) = self.streams.pop_front() else {
                return;
            };
            match self.reason_to_stop(&running) {
                Some(error) => self.stop(running, Outcome::failed(error)),
                None => self.streams.push_back(running),
            }
        }
        let ready = self.streams.iter().position(Running::has_credit);
        if let Some(running) = ready.and_then(|index| self.streams.remove(index)) {
            let running = self.advance(running);
            self.streams.extend(running);
        }
        self.watch.end();
    }

    fn reason_to_stop(&self, running: &Running) -> Option<Error> {
        if !matches!(self.session, Session::Open(_)) {
            return Some(transaction::aborted(
                "another request hit a defect inside sidelite",
            ));
        }
        self.judge(&running.request);
        self.watch
            .verdict()
            .map(|verdict| Error::code(verdict.code()))
    }

    /// Sends a stream's next chunk, or its end.
    fn advance(&mut self, mut running: Running) -> Option<Running> {
        let was_open = self.is_in_transaction();
        self.judge(&running.request);
        let mut chunk = None;
        let mut outcome = self.contained(|runner| match running.stream.step(runner) {
            Step::Chunk(block) => {
                chunk = Some(block);
                Outcome::default()
            }
            Step::End(outcome) => *outcome,
        });
        match chunk {
            Some(block) => {
                self.watch.outbox.push(running.request.part(block));
                Some(running)
            }
            None => {
                self.settle(was_open, running.request.work(), 0, &mut outcome);
                self.stop(running, outcome);
                None
            }
        }
    }

    /// The statement is reset before its end is told: it holds no lock any more.
    fn stop(&mut self, running: Running, outcome: Outcome) {
        let Running { request, stream } = running;
        drop(stream);
        self.finish(request, outcome);
    }

    fn is_in_transaction(&self) -> bool {
        matches!(&self.session, Session::Open(database) if database.is_in_transaction())
    }

    /// Closes the file; CLOSED is the last thing that the host hears.
    fn close(self, closed: Option<Pending>) {
        let Self {
            conn,
            watch,
            session,
            ..
        } = self;
        let database = match session {
            Session::Open(database) => Some(database),
            Session::Poisoned(database) => database,
            Session::Failed(_) => None,
        };
        let close = || database.map_or(Ok(()), Database::close);
        let result = catch_unwind(AssertUnwindSafe(close)).unwrap_or_else(|_| Err(panicked()));
        conn.pool.close();
        match closed {
            Some(closed) => {
                let outcome = Outcome {
                    error: result.err(),
                    ..Outcome::default()
                };
                watch.outbox.push(closed.complete(outcome));
            }
            None => conn.forget(),
        }
        watch.outbox.flush();
        drop(watch);
        let queue = Arc::clone(&conn.queue);
        queue.leave(&conn);
    }
}

fn panicked() -> Error {
    Error::new(SIDELITE_ERR_PANIC, quiet::last_panic())
}
