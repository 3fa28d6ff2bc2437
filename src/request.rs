//! One request, from submit to its final event, in one box.
//!
//! The box is allocated at submit and carries the work to the worker and the completion back, so that completing needs
//! no memory. `Pending` makes "exactly one final event" a matter of types: completing consumes it, and dropping it
//! without completing it, as a panic does, completes it as PANIC or ABORTED.

use crate::chain::{Chain, Link};
use crate::conn::Conn;
use crate::error::Error;
use crate::ffi::block::Block;
use crate::ffi::callback::{RunFunction, Target};
use crate::ffi::event::*;
use crate::ffi::payload::{Payload, Value, ValueRef};
use crate::ffi::status::{SIDELITE_ERR_ABORTED, SIDELITE_ERR_PANIC, SIDELITE_OK};
use crate::function::Definition;
use crate::host::HostQueue;
use crate::result::{self, Scratch};
use std::sync::Arc;
use std::time::Instant;

/// An event: what travels. On the way out it is the request, on the way back the completion.
pub(crate) struct Event {
    link: Option<Box<Event>>,
    pub(crate) conn: Arc<Conn>,
    pub(crate) target: Target,
    /// The queue to answer on, when it is not the connection's.
    pub(crate) reply_to: Option<Arc<ReplyTo>>,
    pub(crate) id: i64,
    pub(crate) code: i32,
    pub(crate) flags: u32,
    pub(crate) changes: i64,
    pub(crate) last_insert_rowid: i64,
    pub(crate) result: Option<Block>,
    pub(crate) work: Option<Work>,
    /// Bytes counted as out until the event is taken; none before the gate has let it in.
    pub(crate) charge: u64,
    /// Whether the host has it; then it is no longer counted as out.
    taken: bool,
}

/// What a request is to do.
pub(crate) struct Work {
    pub(crate) kind: Kind,
    pub(crate) flags: u32,
    pub(crate) payload: Payload,
    pub(crate) deadline: Option<Instant>,
    /// The lease or the call that it belongs to, or 0.
    pub(crate) lane: i64,
    pub(crate) chunk_rows: u32,
    pub(crate) window: u32,
}

pub(crate) enum Kind {
    Execute,
    Fetch,
    Stream,
    Script,
    Run(RunFunction),
    Define(Box<Definition>),
    Command(Command),
}

/// Requests whose arguments are values: in the order of the numbers that C gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Lease,
    Release,
    Commit,
    Rollback,
    Isolation,
    Describe,
    Dump,
    ScriptFile,
    Backup,
    Restore,
    Serialize,
    Deserialize,
    BlobOpen,
    BlobRead,
    BlobWrite,
    BlobReopen,
    BlobClose,
    SessionOpen,
    SessionChanges,
    SessionClose,
    ChangesetApply,
    ChangesetInvert,
    ChangesetRebase,
    Observe,
    Authorize,
    Limit,
    DbConfig,
    Checkpoint,
    Autocheckpoint,
    LoadExtension,
    Status,
    SetLastInsertRowid,
}

impl Work {
    /// Whether it sends chunks as the host grants credit.
    pub(crate) fn is_paced(&self) -> bool {
        matches!(self.kind, Kind::Stream | Kind::Command(Command::Dump))
    }

    /// Whether it is not done in one go, but takes turns with others.
    pub(crate) fn takes_turns(&self) -> bool {
        self.is_paced() || self.is(Command::Backup) || self.is(Command::Observe)
    }

    pub(crate) fn is(&self, command: Command) -> bool {
        matches!(self.kind, Kind::Command(is) if is == command)
    }

    pub(crate) fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }
}

/// What a CALL event tells beside its rows.
pub(crate) struct Call {
    pub(crate) id: i64,
    /// SIDELITE_CALL_...
    pub(crate) which: i32,
    pub(crate) group: i64,
    pub(crate) request: i64,
}

/// What the host answers to a call.
pub(crate) struct Reply {
    pub(crate) call: i64,
    /// 0, or why the call failed, with the message as its value.
    pub(crate) code: i32,
    pub(crate) value: Value,
}

/// A foreign queue, which waits for us when it is freed.
pub(crate) struct ReplyTo(Arc<HostQueue>);

impl ReplyTo {
    /// None when the queue is being freed.
    pub(crate) fn new(queue: Arc<HostQueue>, conn: &Arc<Conn>) -> Option<Arc<Self>> {
        queue.expect_replies_of(conn).then(|| Arc::new(Self(queue)))
    }

    /// The queue is being freed: nobody will take the reply, nor grant a stream credit.
    pub(crate) fn is_lost(&self) -> bool {
        self.0.is_going()
    }
}

impl Drop for ReplyTo {
    fn drop(&mut self) {
        self.0.queue.detach();
    }
}

impl Link for Event {
    fn link(&mut self) -> &mut Option<Box<Self>> {
        &mut self.link
    }
}

impl Event {
    /// An event that is about nothing yet.
    pub(crate) fn new(conn: Arc<Conn>, target: Target) -> Box<Self> {
        Box::new(Self {
            link: None,
            conn,
            target,
            reply_to: None,
            id: 0,
            code: SIDELITE_OK,
            flags: 0,
            changes: 0,
            last_insert_rowid: 0,
            result: None,
            work: None,
            charge: 0,
            taken: false,
        })
    }

    /// A call of a function of the host's.
    pub(crate) fn call(
        conn: &Arc<Conn>,
        target: Target,
        call: &Call,
        rows: Option<Block>,
    ) -> Box<Self> {
        let mut event = Self::new(Arc::clone(conn), target);
        event.id = call.id;
        event.code = call.which;
        event.flags = SIDELITE_EVENT_CALL | SIDELITE_EVENT_MORE;
        event.changes = call.group;
        event.last_insert_rowid = call.request;
        event.set_result(rows);
        event
    }

    /// Hands it to its queue. A foreign one is held until it has it, and no longer: freeing it waits for us.
    pub(crate) fn deliver(mut self: Box<Self>) {
        let reply_to = self.reply_to.take();
        let own = Arc::clone(&self.conn.queue);
        let queue = reply_to.as_ref().map_or(&own, |reply_to| &reply_to.0);
        queue.deliver(Chain::of(self));
    }

    /// Bytes that count as out from submit on.
    pub(crate) fn payload_bytes(&self) -> u64 {
        self.work.as_ref().map_or(0, |work| work.payload.bytes())
    }

    /// The host has it, or never will: it is no longer out.
    pub(crate) fn take(&mut self) {
        if !std::mem::replace(&mut self.taken, true) {
            self.conn.event_taken(self);
        }
    }

    pub(crate) fn is_final_of_request(&self) -> bool {
        self.id != 0 && self.flags & SIDELITE_EVENT_MORE == 0
    }

    fn set_result(&mut self, block: Option<Block>) {
        let bytes = block.as_ref().map_or(0, |block| block.len() as u64);
        self.charge += bytes;
        self.conn.account.charge(bytes);
        self.result = block;
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        self.take();
    }
}

/// How a request ended.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) error: Option<Error>,
    pub(crate) flags: u32,
    pub(crate) changes: i64,
    /// None for that of the connection as the event is made.
    pub(crate) last_insert_rowid: Option<i64>,
    pub(crate) rows: Option<Block>,
}

impl Outcome {
    /// The request was not begun.
    pub(crate) fn not_run(error: Error) -> Self {
        Self {
            error: Some(error),
            flags: SIDELITE_EVENT_NOT_RUN,
            ..Self::default()
        }
    }

    /// It failed by itself, not because of another.
    pub(crate) fn is_culprit(&self) -> bool {
        matches!(&self.error, Some(error) if error.code != SIDELITE_ERR_ABORTED)
    }

    pub(crate) fn failed(error: Error) -> Self {
        Self {
            error: Some(error),
            ..Self::default()
        }
    }
}

/// A request that owes its host a final event.
pub(crate) struct Pending(Option<Box<Event>>);

impl Pending {
    pub(crate) fn new(event: Box<Event>) -> Self {
        Self(Some(event))
    }

    fn event(&self) -> &Event {
        self.0.as_deref().expect("only completing takes it")
    }

    pub(crate) fn id(&self) -> i64 {
        self.event().id
    }

    /// For whoever takes the debt over.
    pub(crate) fn suspend(mut self) -> Box<Event> {
        self.0.take().expect("only completing takes it")
    }

    pub(crate) fn work(&self) -> &Work {
        self.event().work.as_ref().expect("a request has work")
    }

    pub(crate) fn reply_to(&self) -> Option<Arc<ReplyTo>> {
        self.event().reply_to.clone()
    }

    /// An event of this request that is not its last.
    pub(crate) fn part(&self, rows: Block) -> Box<Event> {
        self.parts().part(0, rows)
    }

    /// For events that are made while the request is out of reach.
    pub(crate) fn parts(&self) -> Parts {
        let event = self.event();
        Parts {
            conn: Arc::clone(&event.conn),
            target: event.target,
            id: event.id,
            reply_to: event.reply_to.clone(),
        }
    }

    /// The final event, ready to be delivered.
    pub(crate) fn complete(mut self, outcome: Outcome) -> Box<Event> {
        let mut event = self.0.take().expect("completed once");
        fill(&mut event, outcome);
        event
    }
}

/// What events of a request have in common.
pub(crate) struct Parts {
    conn: Arc<Conn>,
    target: Target,
    id: i64,
    reply_to: Option<Arc<ReplyTo>>,
}

impl Parts {
    /// An event that is not the last, with rows: columns by name.
    pub(crate) fn table<'v>(
        &self,
        flags: u32,
        names: &[&str],
        rows: impl IntoIterator<Item = Vec<ValueRef<'v>>>,
    ) -> Result<Box<Event>, Error> {
        let (pool, bytes_max) = (&self.conn.pool, self.conn.result_bytes_max);
        let rows = result::table(pool, &mut Scratch::new(), names, rows, bytes_max)?;
        Ok(self.part(flags, rows))
    }

    /// An event that is not the last.
    pub(crate) fn part(&self, flags: u32, rows: Block) -> Box<Event> {
        let mut part = Event::new(Arc::clone(&self.conn), self.target);
        part.id = self.id;
        part.flags = SIDELITE_EVENT_MORE | flags;
        part.reply_to = self.reply_to.clone();
        part.set_result(Some(rows));
        part
    }
}

fn fill(event: &mut Event, outcome: Outcome) {
    let Outcome {
        error,
        flags,
        changes,
        last_insert_rowid,
        rows,
    } = outcome;
    event.flags |= flags;
    event.changes = changes;
    event.last_insert_rowid = last_insert_rowid.unwrap_or_default();
    let block = match &error {
        Some(error) => {
            event.code = error.code;
            result::of_error(&event.conn.pool, error)
        }
        None => rows,
    };
    event.set_result(block);
    if event.id != 0 {
        event.conn.counters.completed();
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let Some(mut event) = self.0.take() else {
            return;
        };
        let error = match std::thread::panicking() {
            true => Error::new(SIDELITE_ERR_PANIC, crate::ffi::quiet::last_panic()),
            false => Error::code(SIDELITE_ERR_ABORTED),
        };
        fill(&mut event, Outcome::failed(error));
        event.deliver();
    }
}
