//! Calls of HOST functions: the loop goes on inside the statement that waits for the reply.

use super::Worker;
use crate::error::Error;
use crate::ffi::status::*;
use crate::lane::CALLS_MAX;
use crate::request::Reply;
use crate::transaction;
use std::time::Instant;

impl Worker {
    /// A reply counts while its call waits.
    pub(super) fn receive(&self, reply: Reply) {
        if self.lanes.waits_for(reply.call) {
            self.replies.borrow_mut().push(reply);
        }
    }

    /// An error when so many calls wait inside one another that one more is not to be trusted.
    pub(crate) fn check_depth_of_calls(&self) -> Result<(), Error> {
        match self.lanes.calls() < CALLS_MAX {
            true => Ok(()),
            false => Err(Error::new(
                SIDELITE_ERR_MISUSE,
                format!(
                    "{CALLS_MAX} calls wait inside one another: does a function call itself without end?"
                ),
            )),
        }
    }

    /// Inside a statement that runs: waits for the host's reply to a call. Requests of this call run meanwhile, all others
    /// wait. What runs can be cancelled, time out and be closed as at any time.
    pub(crate) fn wait_for_reply(
        &self,
        call: i64,
        until: Option<Instant>,
        takes_requests: bool,
    ) -> Result<Reply, Error> {
        self.lanes.begin_call(call, until);
        let was_in_hook = self.is_in_hook.replace(!takes_requests);
        let (first, last) = self.watch.running();
        if first != i64::MAX {
            (first..=last).for_each(|id| self.conn.goes_astray(id, None));
        }
        self.watch.dive();
        let result = loop {
            if let Some(error) = self.reason_to_give_up(until) {
                self.conn.end_call(call);
                break Err(error);
            }
            match self.take_reply(call) {
                Some(reply) => break Ok(reply),
                None => self.turn(),
            }
        };
        self.stop_jobs_of(call);
        self.watch.resurface();
        self.is_in_hook.set(was_in_hook);
        self.lanes.end_call();
        result
    }

    fn reason_to_give_up(&self, until: Option<Instant>) -> Option<Error> {
        if self.conn.queue.is_going() {
            return Some(transaction::aborted(
                "the queue that was to answer a call has been freed",
            ));
        }
        if self.database().is_none() {
            return Some(Error::code(SIDELITE_ERR_ABORTED));
        }
        if let Some(verdict) = self.watch.verdict_around() {
            return Some(Error::code(verdict.code()));
        }
        let is_over = until.is_some_and(|until| Instant::now() >= until);
        is_over.then(|| {
            Error::new(
                SIDELITE_ERR_TIMEOUT,
                "the host did not reply in time to a call",
            )
        })
    }

    /// Requests that were sent before the reply come first.
    fn take_reply(&self, call: i64) -> Option<Reply> {
        let mut replies = self.replies.borrow_mut();
        let at = replies.iter().position(|reply| reply.call == call)?;
        (!self.lanes.is_anybody_early(call)).then(|| replies.remove(at))
    }
}
