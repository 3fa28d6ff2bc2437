//! Loans: a connection gives its database to the thread of another, which copies to it, and sleeps until it is back.
//!
//! A connection that has asked for a loan, or has one, does not lend: so no circle of them can wait for each other.

use crate::conn::Conn;
use crate::error::Error;
use crate::sqlite::Lent;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) struct Loan {
    state: Mutex<State>,
    borrower: Arc<Conn>,
    lender: Arc<Conn>,
    /// The lender closes, and wants it back.
    is_recalled: AtomicBool,
}

enum State {
    Asked,
    Granted(Lent),
    Refused(Error),
    /// With the borrower.
    Taken,
    /// Over, or never wanted any more.
    Returned,
}

impl Loan {
    /// Asks for the lender's database. An error when it closes already.
    pub(crate) fn ask(borrower: &Arc<Conn>, lender: Arc<Conn>) -> Result<Arc<Self>, i32> {
        let loan = Arc::new(Self {
            state: Mutex::new(State::Asked),
            borrower: Arc::clone(borrower),
            lender: Arc::clone(&lender),
            is_recalled: AtomicBool::new(false),
        });
        lender.ask_for_loan(Arc::clone(&loan))?;
        Ok(loan)
    }

    // What the borrower asks and tells.

    /// None while the lender has not got to it.
    pub(crate) fn take(&self) -> Option<Result<Lent, Error>> {
        let mut state = self.state.lock();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Asked => {
                *state = State::Asked;
                None
            }
            State::Granted(lent) => Some(Ok(lent)),
            State::Refused(error) => Some(Err(error)),
            State::Taken | State::Returned => None,
        }
    }

    pub(crate) fn is_decided(&self) -> bool {
        matches!(*self.state.lock(), State::Granted(_) | State::Refused(_))
    }

    pub(crate) fn is_recalled(&self) -> bool {
        self.is_recalled.load(Ordering::Acquire)
    }

    /// Gives it back, or does not want it any more.
    pub(crate) fn end(&self) {
        *self.state.lock() = State::Returned;
        self.lender.stir();
    }

    // What the lender asks and tells.

    pub(crate) fn refuse(&self, error: Error) {
        *self.state.lock() = State::Refused(error);
        self.borrower.nudge();
    }

    /// False when it is not wanted any more.
    pub(crate) fn grant(&self, lent: Lent) -> bool {
        let mut state = self.state.lock();
        let is_wanted = matches!(*state, State::Asked);
        if is_wanted {
            *state = State::Granted(lent);
            drop(state);
            self.borrower.nudge();
        }
        is_wanted
    }

    pub(crate) fn is_returned(&self) -> bool {
        matches!(*self.state.lock(), State::Returned)
    }

    pub(crate) fn recall(&self) {
        if !self.is_recalled.swap(true, Ordering::AcqRel) {
            self.borrower.nudge();
        }
    }
}
