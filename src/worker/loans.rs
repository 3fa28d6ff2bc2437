//! Lending the database to a connection that copies to it.

use super::Worker;
use crate::error::Error;
use crate::lane::Turn;
use crate::loan::Loan;
use crate::transaction;
use rusqlite::ffi::SQLITE_BUSY;
use std::time::{Duration, Instant};

/// A sleep that others end is looked after so often, all the same.
const LOAN_CHECK: Duration = Duration::from_secs(1);

impl Worker {
    /// Lends the database to those who asked for it, when nobody has a lease and no call waits.
    pub(super) fn serve_loans(&self) {
        while self.turn_of(0) == Turn::Now {
            let loan = self.loans.borrow_mut().pop_front();
            match loan {
                Some(loan) => self.lend(&loan),
                None => return,
            }
        }
    }

    fn lend(&self, loan: &Loan) {
        if self.borrowed.get() > 0 {
            let text = "the target connection is itself copying to another";
            return loan.refuse(Error {
                message: text.into(),
                ..Error::code(SQLITE_BUSY)
            });
        }
        let Some(database) = self.database() else {
            return loan.refuse(transaction::aborted("the target connection is not open"));
        };
        self.watch.outbox.flush();
        if database.lend().is_some_and(|lent| loan.grant(lent)) {
            self.wait_for_return(loan);
        }
        database.is_back();
    }

    /// Sleeps while another thread has the database; a close in CANCEL mode wants it back soon.
    fn wait_for_return(&self, loan: &Loan) {
        while !loan.is_returned() {
            let is_closing = self.conn.is_cancelled_by_close();
            if is_closing {
                loan.recall();
            }
            let is_over = || loan.is_returned() || !is_closing && self.conn.is_cancelled_by_close();
            self.conn.sleep_unless(Instant::now() + LOAN_CHECK, is_over);
        }
    }

    /// Counts the loans that this connection has asked for.
    pub(crate) fn borrows(&self, more: bool) {
        let borrowed = self.borrowed.get();
        self.borrowed.set(match more {
            true => borrowed + 1,
            false => borrowed.saturating_sub(1),
        });
    }
}
