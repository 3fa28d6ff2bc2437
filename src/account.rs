//! What a connection has out, and what it has done: the bounds that make FULL and WRITABLE, and the counters of `sidelite_stat`.

use crate::ffi::status::{SIDELITE_ERR_FULL, SIDELITE_ERR_TOO_BIG};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How much may be out.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) requests_max: u64,
    pub(crate) bytes_max: u64,
}

/// What is out: submitted, and its final event not yet taken.
pub(crate) struct Account {
    pub(crate) limits: Limits,
    requests: AtomicU64,
    bytes: AtomicU64,
    /// Somebody was refused and waits for WRITABLE.
    is_full: AtomicBool,
}

impl Account {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            requests: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            is_full: AtomicBool::new(false),
        }
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Under the gate, so that nobody else adds requests.
    pub(crate) fn enter(&self, requests: u64, bytes: u64) -> Result<(), i32> {
        if requests > self.limits.requests_max || bytes > self.limits.bytes_max {
            return Err(SIDELITE_ERR_TOO_BIG);
        }
        if !self.fits(requests, bytes) {
            let was_full = self.is_full.swap(true, Ordering::SeqCst);
            // What was taken before the flag was up has told nobody: look once more. The flag of another stays up.
            let fits = self.fits(requests, bytes);
            if !fits || (!was_full && !self.is_full.swap(false, Ordering::SeqCst)) {
                return Err(SIDELITE_ERR_FULL);
            }
        }
        self.requests.fetch_add(requests, Ordering::SeqCst);
        self.bytes.fetch_add(bytes, Ordering::SeqCst);
        Ok(())
    }

    fn fits(&self, requests: u64, bytes: u64) -> bool {
        self.requests.load(Ordering::SeqCst) + requests <= self.limits.requests_max
            && self.bytes.load(Ordering::SeqCst) + bytes <= self.limits.bytes_max
    }

    /// Results count too, but are never refused.
    pub(crate) fn charge(&self, bytes: u64) {
        if bytes > 0 {
            self.bytes.fetch_add(bytes, Ordering::SeqCst);
        }
    }

    pub(crate) fn leave(&self, requests: u64, bytes: u64) {
        if requests > 0 {
            self.requests.fetch_sub(requests, Ordering::SeqCst);
        }
        if bytes > 0 {
            self.bytes.fetch_sub(bytes, Ordering::SeqCst);
        }
    }

    /// Whether somebody was refused and half of the limits is free again; true once.
    pub(crate) fn became_writable(&self) -> bool {
        self.is_full.load(Ordering::SeqCst)
            && self.requests.load(Ordering::SeqCst) <= self.limits.requests_max / 2
            && self.bytes.load(Ordering::SeqCst) <= self.limits.bytes_max / 2
            && self.is_full.swap(false, Ordering::SeqCst)
    }
}

/// For `sidelite_stat`.
#[derive(Default)]
pub(crate) struct Counters {
    submitted: AtomicU64,
    completed: AtomicU64,
    cache_hits: AtomicU64,
    cache_misses: AtomicU64,
    total_changes: AtomicU64,
}

/// A copy of the counters.
pub(crate) struct Counted {
    pub(crate) submitted: u64,
    pub(crate) completed: u64,
    pub(crate) cache_hits: u64,
    pub(crate) cache_misses: u64,
    pub(crate) total_changes: u64,
}

impl Counters {
    /// Each counter has one writer at a time, so that a plain store will do.
    fn add(counter: &AtomicU64, count: u64) {
        counter.store(counter.load(Ordering::Relaxed) + count, Ordering::Relaxed);
    }

    pub(crate) fn submitted(&self, count: u64) {
        Self::add(&self.submitted, count);
    }

    pub(crate) fn completed(&self) {
        Self::add(&self.completed, 1);
    }

    pub(crate) fn cached(&self, hit: bool) {
        Self::add(
            if hit {
                &self.cache_hits
            } else {
                &self.cache_misses
            },
            1,
        );
    }

    /// Rows changed since the connection was opened.
    pub(crate) fn changed(&self, total: i64) {
        self.total_changes.store(total as u64, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Counted {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counted {
            submitted: read(&self.submitted),
            completed: read(&self.completed),
            cache_hits: read(&self.cache_hits),
            cache_misses: read(&self.cache_misses),
            total_changes: read(&self.total_changes),
        }
    }
}
