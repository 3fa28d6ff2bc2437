//! Requests that take turns with others: streams, dumps, backups, observations.

use super::Worker;
use crate::error::Error;
use crate::job::{Job, Step};
use crate::lane::Turn;
use crate::request::{Outcome, Pending};
use crate::transaction;

/// Steps that a job makes before what was submitted after it: the chunks of the default window.
const FIRST_STEPS: u32 = 2;

impl Worker {
    pub(super) fn begin_job(&self, request: Pending) {
        let was_open = self.is_in_transaction();
        let mut begun = None;
        let mut outcome =
            self.contained(Some(&request), |runner| match runner.begin_task(&request) {
                Ok(task) => {
                    begun = Some(task);
                    Outcome::default()
                }
                Err(error) => Outcome::failed(runner.watch.explain(error)),
            });
        match begun {
            Some(task) => {
                let id = request.id();
                let lane = request.work().lane;
                self.conn.goes_astray(id, None);
                // What is passive is not interrupted: it does not run.
                let interrupts = match task.is_passive() {
                    true => u64::MAX,
                    false => self.conn.interrupts(),
                };
                let mut job = Some(Job {
                    request,
                    task,
                    lane,
                    interrupts,
                });
                // Its first steps come in their place. Then it is parked, and takes turns with requests.
                for _ in 0..FIRST_STEPS {
                    job = job.and_then(|job| match job.task.is_ready() {
                        true => self.advance(job),
                        false => Some(job),
                    });
                }
                self.jobs.borrow_mut().extend(job);
                self.conn.passes(id);
            }
            None => {
                self.settle(was_open, request.work(), 0, &mut outcome);
                self.complete(request, outcome);
            }
        }
    }

    pub(super) fn can_advance(&self, job: &Job) -> bool {
        job.task.is_ready() && self.turn_of(job.lane) == Turn::Now
    }

    /// Ends jobs that are to end, and lets one that is ready go on: between requests, so that neither keeps the other
    /// waiting.
    pub(super) fn serve_jobs(&self) {
        if self.jobs.borrow().is_empty() || self.is_in_hook.get() {
            return;
        }
        self.stop_jobs(|job| self.reason_to_stop(job));
        let mut jobs = self.jobs.borrow_mut();
        let ready = jobs.iter().position(|job| self.can_advance(job));
        let ready = ready.and_then(|index| jobs.remove(index));
        drop(jobs);
        if let Some(job) = ready {
            let job = self.advance(job);
            self.jobs.borrow_mut().extend(job);
        }
        self.watch.end();
    }

    pub(super) fn pop_job(&self) -> Option<Job> {
        self.jobs.borrow_mut().pop_front()
    }

    fn stop_jobs(&self, reason: impl Fn(&Job) -> Option<Error>) {
        let count = self.jobs.borrow().len();
        for _ in 0..count {
            let Some(job) = self.pop_job() else {
                return;
            };
            match reason(&job) {
                Some(error) => self.stop(job, Outcome::failed(error)),
                None => self.jobs.borrow_mut().push_back(job),
            }
        }
    }

    pub(super) fn stop_jobs_of(&self, lane: i64) {
        self.stop_jobs(|job| {
            let text = "the lease, or the call, that this request belonged to has ended";
            (job.lane == lane).then(|| transaction::aborted(text))
        });
    }

    fn reason_to_stop(&self, job: &Job) -> Option<Error> {
        if self.database().is_none() {
            return Some(transaction::aborted(
                "another request hit a defect inside sidelite",
            ));
        }
        self.judge(&job.request, job.interrupts);
        self.watch
            .verdict()
            .map(|verdict| Error::code(verdict.code()))
    }

    /// Makes a job's next step.
    fn advance(&self, mut job: Job) -> Option<Job> {
        let was_open = self.is_in_transaction();
        self.judge(&job.request, job.interrupts);
        let mut part = None;
        let mut is_over = false;
        let mut outcome = self.contained(None, |runner| match job.task.step(runner) {
            Step::Part(block) => {
                part = Some(block);
                Outcome::default()
            }
            Step::LastPart(block, outcome) => {
                part = Some(block);
                is_over = true;
                *outcome
            }
            Step::Silent => Outcome::default(),
            Step::End(outcome) => {
                is_over = true;
                *outcome
            }
        });
        if let Some(block) = part {
            self.tell_part(&job.request, block);
        }
        if is_over || outcome.error.is_some() {
            self.settle(was_open, job.request.work(), 0, &mut outcome);
            self.stop(job, outcome);
            return None;
        }
        Some(job)
    }

    /// The task is dropped before its end is told: it holds no lock any more.
    pub(super) fn stop(&self, job: Job, outcome: Outcome) {
        let Job { request, task, .. } = job;
        drop(task);
        self.finish(request, outcome);
    }
}
