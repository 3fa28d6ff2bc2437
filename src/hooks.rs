//! The host's say in what statements do: the authorizer, the progress hook and the busy hook.

use crate::authorize::{Access, Decision, Rules};
use crate::command::misuse;
use crate::error::Error;
use crate::exec::{Done, Runner};
use crate::ffi::function::*;
use crate::ffi::payload::{Value, ValueRef};
use crate::function::{Definition, Hook};
use crate::observe;
use crate::sqlite::{Database, PROGRESS_STEPS};
use std::cell::{Cell, RefCell};
use std::time::Duration;

#[derive(Default)]
pub(crate) struct Hooks {
    rules: RefCell<Rules>,
    authorizer: RefCell<Option<Hook>>,
    progress: RefCell<Option<Progress>>,
    busy: RefCell<Option<Hook>>,
    /// What is prepared at the moment is no statement of the host's.
    is_own: Cell<bool>,
}

struct Progress {
    hook: Hook,
    /// VM instructions between two calls of the hook.
    steps: i32,
    /// Those since its last call.
    since: Cell<i64>,
}

impl Hooks {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// How often SQLite is to ask: our own handler wants its turn, too.
    pub(crate) fn progress_steps(&self) -> i32 {
        let progress = self.progress.borrow();
        let steps = progress.as_ref().map(|progress| progress.steps);
        steps.map_or(PROGRESS_STEPS, |steps| steps.min(PROGRESS_STEPS))
    }

    /// The host's progress hook, which is asked beside our own handler: whether to end the statement.
    pub(crate) fn progress_says_stop(&self) -> Result<bool, Error> {
        let step = self.progress_steps();
        let hook = match &*self.progress.borrow() {
            None => return Ok(false),
            Some(progress) => {
                let since = progress.since.get() + i64::from(step);
                let steps = i64::from(progress.steps);
                let is_due = since >= steps;
                progress
                    .since
                    .set(if is_due { since - steps } else { since });
                is_due.then(|| progress.hook.clone())
            }
        };
        match hook {
            None => Ok(false),
            Some(hook) => Ok(!matches!(hook.call(&[])?, Value::Null | Value::Integer(0))),
        }
    }

    /// The host's busy hook: how long to wait before the next try, None within to give up; None when there is no hook.
    pub(crate) fn busy_delay(&self, times: i32) -> Option<Result<Option<Duration>, Error>> {
        let hook = self.busy.borrow().clone()?;
        Some(match hook.call(&[ValueRef::Integer(times.into())]) {
            Ok(Value::Null) => Ok(None),
            Ok(Value::Integer(ms)) if ms >= 0 => Ok(Some(Duration::from_millis(ms as u64))),
            Ok(_) => Err(misuse(
                "a busy hook must return the milliseconds to wait, or NULL to give up",
            )),
            Err(error) => Err(error),
        })
    }

    pub(crate) fn set_rules(&self, rules: Rules, database: &Database) {
        self.rules.replace(rules);
        self.refresh_authorizer(database);
    }

    fn refresh_authorizer(&self, database: &Database) {
        database.set_authorizer(self.has_authorizer());
    }

    pub(crate) fn has_authorizer(&self) -> bool {
        !self.rules.borrow().is_empty() || self.authorizer.borrow().is_some()
    }

    /// Prepares and runs what nobody is asked about. It must not come from, nor get into, the cache of statements.
    pub(crate) fn unasked<R>(&self, run: impl FnOnce() -> R) -> R {
        let was_own = self.is_own.replace(true);
        let result = run();
        self.is_own.set(was_own);
        result
    }

    /// The first rule that matches, else the host's hook, else anything goes.
    pub(crate) fn authorize(&self, access: &Access<'_>) -> Result<Decision, Error> {
        if self.is_own.get() {
            return Ok(Decision::Allow);
        }
        if let Some(decision) = self.rules.borrow().decide(access) {
            return Ok(decision);
        }
        let Some(hook) = self.authorizer.borrow().clone() else {
            return Ok(Decision::Allow);
        };
        let decision = match hook.call(&access.arguments())? {
            Value::Integer(number) => Decision::of(number),
            _ => None,
        };
        decision.ok_or_else(|| misuse("an authorizer must return ALLOW, DENY or IGNORE"))
    }
}

pub(crate) fn define(runner: &mut Runner<'_>, definition: &Definition) -> Result<Done, Error> {
    let hooks = &runner.watch.hooks;
    let is_removal = definition.has(SIDELITE_FUNCTION_REMOVE);
    let hook = || (!is_removal).then(|| Hook::new(runner, definition));
    match definition.kind {
        SIDELITE_FUNCTION_AUTHORIZER => {
            hooks.authorizer.replace(hook());
            hooks.refresh_authorizer(runner.database);
        }
        SIDELITE_FUNCTION_PROGRESS => {
            let steps = match definition.n_args {
                ..=0 => PROGRESS_STEPS,
                steps => steps,
            };
            hooks.progress.replace(hook().map(|hook| Progress {
                hook,
                steps,
                since: Cell::new(0),
            }));
            runner.database.install_progress_handler();
        }
        SIDELITE_FUNCTION_BUSY => {
            hooks.busy.replace(hook());
        }
        _ => return observe::define(runner, definition),
    }
    Ok(Done::default())
}
