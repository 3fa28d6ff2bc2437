//! A host's queue of completions: the queue proper, and the connections that answer to it.

use crate::chain::Chain;
use crate::conn::Conn;
use crate::ffi::callback;
use crate::handle::Table;
use crate::queue::Queue;
use crate::request::Event;
use crate::wait::Patience;
use crate::wake::HostWake;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

pub(crate) static QUEUES: Table<HostQueue> = Table::new(1);

pub(crate) struct HostQueue {
    pub(crate) handle: u64,
    pub(crate) queue: Queue<Event, HostWake>,
    /// Callbacks run on the connection's thread, nothing is queued.
    pub(crate) is_direct: bool,
    /// Of polls that look.
    pub(crate) patience: Mutex<Patience>,
    conns: Mutex<HashMap<u64, Weak<Conn>>>,
    /// Connections of other queues with requests that reply to this one.
    correspondents: Mutex<HashMap<u64, Weak<Conn>>>,
    is_going: AtomicBool,
}

impl HostQueue {
    pub(crate) fn new(handle: u64, wake: HostWake, is_direct: bool) -> Self {
        Self {
            handle,
            queue: Queue::new(wake),
            is_direct,
            patience: Mutex::default(),
            conns: Mutex::default(),
            correspondents: Mutex::default(),
            is_going: AtomicBool::new(false),
        }
    }

    /// Delivers events, oldest first.
    pub(crate) fn deliver(&self, mut events: Chain<Event>) {
        if !self.is_direct {
            return self.queue.push(events);
        }
        while let Some(mut event) = events.pop() {
            event.take();
            callback::call_directly(self.handle, &event);
        }
    }

    /// Enters a connection, which the queue then waits for when it is freed; false when it is being freed.
    pub(crate) fn enter(&self, conn: &Arc<Conn>) -> bool {
        let mut conns = self.conns.lock();
        let attached = self.queue.attach();
        if attached {
            conns.insert(conn.handle, Arc::downgrade(conn));
        }
        attached
    }

    pub(crate) fn leave(&self, conn: &Conn) {
        self.conns.lock().remove(&conn.handle);
        self.queue.detach();
    }

    /// Counts a request of another queue's connection, which this queue then waits for when it is freed; false when it is
    /// being freed.
    pub(crate) fn expect_replies_of(&self, conn: &Arc<Conn>) -> bool {
        let mut correspondents = self.correspondents.lock();
        let attached = self.queue.attach();
        if attached {
            let is_new = correspondents
                .insert(conn.handle, Arc::downgrade(conn))
                .is_none();
            if is_new {
                correspondents.retain(|_, conn| conn.strong_count() > 0);
            }
        }
        attached
    }

    pub(crate) fn is_going(&self) -> bool {
        self.is_going.load(Ordering::Acquire)
    }

    /// Refuses newcomers, closes what is still open, and ends what would be replied to nobody.
    pub(crate) fn abandon_all(&self) {
        self.queue.refuse();
        self.is_going.store(true, Ordering::Release);
        let correspondents = std::mem::take(&mut *self.correspondents.lock());
        for conn in correspondents.values().filter_map(Weak::upgrade) {
            conn.reply_queue_goes();
        }
        let conns: Vec<_> = self
            .conns
            .lock()
            .values()
            .filter_map(Weak::upgrade)
            .collect();
        for conn in conns {
            conn.abandon();
        }
    }
}
