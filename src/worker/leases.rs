//! The end of leases.

use super::Worker;
use crate::request::{Outcome, Pending};
use crate::transaction;
use std::time::Instant;

impl Worker {
    /// Ends a lease by the host's will.
    pub(super) fn release(&self, request: Pending) {
        self.end_lease();
        self.complete(request, Outcome::default());
    }

    /// Ends a lease whose transaction is over, whose time is up, that was cancelled, or that nobody can use any more.
    pub(super) fn settle_lease(&self) {
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
    pub(super) fn end_lease(&self) {
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
}
