//! A host's queue of completions: the queue proper, and the connections that answer to it.

use crate::chain::Chain;
use crate::conn::Conn;
use crate::ffi::callback;
use crate::handle::Table;
use crate::queue::Queue;
use crate::request::Event;
use crate::wake::HostWake;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

pub(crate) static QUEUES: Table<HostQueue> = Table::new(1);

pub(crate) struct HostQueue {
    pub(crate) handle: u64,
    pub(crate) queue: Queue<Event, HostWake>,
    /// Callbacks run on the connection's thread, nothing is queued.
    pub(crate) is_direct: bool,
    conns: Mutex<HashMap<u64, Weak<Conn>>>,
}

impl HostQueue {
    pub(crate) fn new(handle: u64, wake: HostWake, is_direct: bool) -> Self {
        Self {
            handle,
            queue: Queue::new(wake),
            is_direct,
            conns: Mutex::default(),
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

    /// Closes what is still open, for a queue that goes away.
    pub(crate) fn abandon_all(&self) {
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
