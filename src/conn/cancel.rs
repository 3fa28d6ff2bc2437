//! What is to be cancelled: one request, all up to one, or everything that runs.

use super::{CANCELLED_BY_CLOSE, Conn};
use crate::ffi::request::SIDELITE_RUNNING;
use crate::ffi::status::*;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Requests cancelled one by one.
#[derive(Default)]
pub(super) struct Cancels(Vec<Cancelled>);

struct Cancelled {
    id: i64,
    /// What was submitted after this one knew that it would not run.
    informed_after: Option<i64>,
}

impl Conn {
    pub(crate) fn cancel(&self, id: i64) -> Result<i32, i32> {
        match id {
            0 => self.cancel_upto(self.last_id()),
            SIDELITE_RUNNING => self.interrupt(),
            _ => self.cancel_one(id)?,
        }
        self.nudge();
        Ok(SIDELITE_OK)
    }

    /// Cancels a request; whether it had not begun, and so never will.
    pub(crate) fn withdraw(&self, id: i64) -> Result<bool, i32> {
        self.cancel_one(id)?;
        let is_withdrawn = !self.has_begun(id);
        if is_withdrawn {
            self.cancels.lock().inform(id, self.last_id());
        }
        self.nudge();
        Ok(is_withdrawn)
    }

    /// The last request that may have been submitted in the belief that this cancelled one would run.
    pub(crate) fn last_believer(&self, id: i64) -> i64 {
        let informed_after = self.cancels.lock().informed_after(id);
        informed_after.unwrap_or_else(|| self.last_id())
    }

    /// A cancel that is made before this is asked is seen by the request when it begins.
    fn has_begun(&self, id: i64) -> bool {
        id <= self.begun_id.load(Ordering::SeqCst) && !self.detained.lock().contains(&id)
    }

    /// Requests begin, the last of which is this one. Before they look at what was cancelled: either they see it, or
    /// whoever cancels sees that they have begun.
    pub(crate) fn begins(&self, first: i64, last: i64) {
        if last > self.begun_id.load(Ordering::Relaxed) {
            self.begun_id.store(last, Ordering::SeqCst);
        } else {
            self.detained
                .lock()
                .retain(|id| !(first..=last).contains(id));
        }
    }

    /// A request waits for its lane.
    pub(crate) fn detains(&self, id: i64) {
        self.detained.lock().insert(id);
        self.goes_astray(id, None);
        self.passes(id);
    }

    fn cancel_one(&self, id: i64) -> Result<(), i32> {
        let mut cancels = self.cancels.lock();
        cancels.0.retain(|cancelled| self.is_out(cancelled.id));
        if !self.is_out(id) {
            return Err(SIDELITE_ERR_BAD_HANDLE);
        }
        if !cancels.0.iter().any(|cancelled| cancelled.id == id) {
            cancels.0.push(Cancelled {
                id,
                informed_after: None,
            });
        }
        self.has_cancels.store(true, Ordering::SeqCst);
        self.cancels_change();
        Ok(())
    }

    pub(super) fn cancel_upto(&self, id: i64) {
        let _cancels = self.cancels.lock();
        self.cancelled_upto.fetch_max(id, Ordering::AcqRel);
        self.cancels_change();
    }

    fn is_out(&self, id: i64) -> bool {
        let is_known = (1..=self.last_id()).contains(&id);
        is_known
            && (id > self.ended_id.load(Ordering::Acquire)
                || self.astray.lock().contains_key(&id)
                || self.leases.lock().contains(&id))
    }

    /// Everything that has begun is to end.
    fn interrupt(&self) {
        let _cancels = self.cancels.lock();
        self.interrupts.fetch_add(1, Ordering::AcqRel);
        self.cancels_change();
    }

    pub(crate) fn interrupts(&self) -> u64 {
        self.interrupts.load(Ordering::Acquire)
    }

    /// Whether a close in CANCEL mode wants everything to end.
    pub(crate) fn is_cancelled_by_close(&self) -> bool {
        self.cancelled_upto.load(Ordering::Acquire) >= CANCELLED_BY_CLOSE
    }

    /// The first cancelled one of a range of ids.
    pub(crate) fn cancelled_among(&self, first: i64, last: i64) -> Option<i64> {
        if self.cancelled_upto.load(Ordering::Acquire) >= first {
            return Some(first);
        }
        if !self.has_cancels.load(Ordering::SeqCst) {
            return None;
        }
        self.cancels.lock().first_among(first, last)
    }

    pub(super) fn forget_cancel(&self, id: i64) {
        if self.has_cancels.load(Ordering::Acquire) {
            let mut cancels = self.cancels.lock();
            cancels
                .0
                .retain(|cancelled| cancelled.id != id || self.astray.lock().contains_key(&id));
            self.has_cancels
                .store(!cancels.0.is_empty(), Ordering::Release);
        }
    }

    /// Sleeps until `until`, or until something is cancelled after which `is_over`.
    pub(crate) fn sleep_unless(&self, until: Instant, is_over: impl Fn() -> bool) {
        loop {
            let seen = self.cancellations.load(Ordering::Acquire);
            if is_over() || Instant::now() >= until {
                return;
            }
            let mut cancels = self.cancels.lock();
            while self.cancellations.load(Ordering::Acquire) == seen
                && !self
                    .cancels_changed
                    .wait_until(&mut cancels, until)
                    .timed_out()
            {}
        }
    }

    /// Wakes what sleeps until something changes.
    pub(crate) fn stir(&self) {
        let _cancels = self.cancels.lock();
        self.cancels_change();
    }

    /// Tells a sleeper of a change that it may be waiting for; under the lock of `cancels`.
    pub(super) fn cancels_change(&self) {
        self.cancellations.fetch_add(1, Ordering::AcqRel);
        self.cancels_changed.notify_all();
    }
}

impl Cancels {
    fn first_among(&self, first: i64, last: i64) -> Option<i64> {
        self.0
            .iter()
            .map(|cancelled| cancelled.id)
            .filter(|id| (first..=last).contains(id))
            .min()
    }

    fn inform(&mut self, id: i64, last_id: i64) {
        let cancelled = self.0.iter_mut().find(|cancelled| cancelled.id == id);
        if let Some(Cancelled { informed_after, .. }) = cancelled {
            informed_after.get_or_insert(last_id);
        }
    }

    fn informed_after(&self, id: i64) -> Option<i64> {
        let cancelled = self.0.iter().find(|cancelled| cancelled.id == id)?;
        cancelled.informed_after
    }
}
