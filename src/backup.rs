//! Backup and restore: a database copied page by page.
//!
//! A backup takes turns with the requests of its connection. Its target is a file, or the database of another
//! connection, which lends it (`loan.rs`).

use crate::command::{Arguments, misuse, table};
use crate::conn::CONNS;
use crate::error::Error;
use crate::exec::{Done, Runner};
use crate::ffi::block::Block;
use crate::ffi::payload::ValueRef;
use crate::ffi::status::{SIDELITE_ERR_BAD_HANDLE, SIDELITE_ERR_CLOSED};
use crate::job::{Step, Task};
use crate::loan::Loan;
use crate::request::{Outcome, Pending, Work};
use crate::sqlite::{Copy, End, Progress};
use crate::transaction;
use crate::worker::Worker;
use rusqlite::ffi::{SQLITE_BUSY, SQLITE_INTERRUPT};
use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Pages that are copied between two looks at cancel and deadline.
const PAGES_UNWATCHED: i32 = 256;
/// Pages of a step, unless the host says how many.
const PAGES: i64 = 100;
/// How long to wait before the next try for a lock.
const RETRY: Duration = Duration::from_millis(10);

/// In the order in which it must end: the copy before what it is made to.
struct Backup {
    copy: Option<Copy>,
    _new_file: Option<NewFile>,
    borrowing: Option<Borrowing>,
    schema: CString,
    to_schema: CString,
    /// Of a step; all for -1.
    pages: i32,
    sleep: Duration,
    not_before: Option<Instant>,
    locked_since: Option<Instant>,
}

/// A loan that was asked for, until it is dropped.
struct Borrowing {
    loan: Arc<Loan>,
    worker: Rc<Worker>,
}

impl Drop for Borrowing {
    fn drop(&mut self) {
        self.loan.end();
        self.worker.borrows(false);
    }
}

/// A file that is taken away again if it was made for nothing.
struct NewFile(Option<PathBuf>);

impl NewFile {
    fn at(path: &CStr) -> Self {
        let path = PathBuf::from(OsStr::from_bytes(path.to_bytes()));
        let is_new = !path.as_os_str().is_empty() && !path.exists();
        Self(is_new.then_some(path))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        let is_empty = |path: &PathBuf| std::fs::metadata(path).is_ok_and(|file| file.len() == 0);
        if let Some(path) = self.0.take_if(|path| is_empty(path)) {
            let _ = std::fs::remove_file(path);
        }
    }
}

pub(crate) fn backup(runner: &mut Runner<'_>, request: &Pending) -> Result<Box<dyn Task>, Error> {
    let names = &["to", "pages", "sleep_ms", "schema", "to_schema"];
    let arguments = Arguments::of(request.work(), names)?;
    let pages = pages_of(&arguments, 1)?;
    let sleep_ms = arguments.choice(2, 0..=i32::MAX.into(), 0)?;
    let (schema, to_schema) = (arguments.text_or(3, "main")?, arguments.text_or(4, "main")?);
    let (copy, new_file, borrowing) = match arguments.get(0) {
        ValueRef::Text(_) => {
            let path = arguments.required_text(0)?;
            let new_file = NewFile::at(&path);
            let (from, to) = (runner.database.as_end(), End::file(&path, false)?);
            let copy = Copy::new(from, &schema, to, &to_schema)?;
            (Some(copy), Some(new_file), None)
        }
        ValueRef::Integer(handle) => (None, None, Some(borrow(runner, handle)?)),
        _ => return Err(arguments.mistyped(0, "a TEXT (a path) or an INTEGER (a connection)")),
    };
    Ok(Box::new(Backup {
        copy,
        _new_file: new_file,
        borrowing,
        schema,
        to_schema,
        pages,
        sleep: Duration::from_millis(sleep_ms as u64),
        not_before: None,
        locked_since: None,
    }))
}

fn pages_of(arguments: &Arguments<'_>, index: usize) -> Result<i32, Error> {
    match arguments.choice(index, -1..=i32::MAX.into(), PAGES)? {
        0 => Err(misuse(
            "argument pages must not be 0: -1 copies all at once",
        )),
        pages => Ok(pages as i32),
    }
}

fn borrow(runner: &Runner<'_>, handle: i64) -> Result<Borrowing, Error> {
    let text = "the target is no open connection of this process";
    let lender = CONNS
        .get(handle as u64)
        .map_err(|_| Error::new(SIDELITE_ERR_BAD_HANDLE, text))?;
    if Arc::ptr_eq(&lender, runner.worker.conn()) {
        return Err(misuse("a connection cannot be copied to itself"));
    }
    let worker = runner.worker.rc()?;
    let loan = Loan::ask(worker.conn(), lender)
        .map_err(|_| Error::new(SIDELITE_ERR_CLOSED, "the target connection closes"))?;
    worker.borrows(true);
    Ok(Borrowing { loan, worker })
}

impl Task for Backup {
    fn is_ready(&self) -> bool {
        match &self.borrowing {
            Some(borrowing) if self.copy.is_none() => borrowing.loan.is_decided(),
            Some(borrowing) if borrowing.loan.is_recalled() => true,
            _ => self.not_before.is_none_or(|at| Instant::now() >= at),
        }
    }

    fn ready_at(&self) -> Option<Instant> {
        self.not_before
    }

    fn step(&mut self, runner: &mut Runner<'_>) -> Step {
        match self.try_step(runner) {
            Ok(step) => step,
            Err(error) => {
                self.copy = None;
                Step::End(Box::new(Outcome::failed(runner.watch.explain(error))))
            }
        }
    }
}

impl Backup {
    fn try_step(&mut self, runner: &mut Runner<'_>) -> Result<Step, Error> {
        self.not_before = None;
        if self.copy.is_none()
            && let Some(borrowing) = &self.borrowing
        {
            let Some(lent) = borrowing.loan.take() else {
                return Ok(Step::Silent);
            };
            let (from, to) = (runner.database.as_end(), End::Lent(lent?));
            self.copy = Some(Copy::new(from, &self.schema, to, &self.to_schema)?);
        }
        let Some(copy) = &mut self.copy else {
            return Ok(Step::Silent);
        };
        let loan = self.borrowing.as_ref().map(|borrowing| &*borrowing.loan);
        let progress = copy_pages(copy, self.pages, loan, runner)?;
        let rows = pages_left(copy, runner)?;
        match progress {
            Progress::Done => {
                if let Some(copy) = self.copy.take() {
                    copy.finish()?;
                }
                Ok(Step::End(Box::new(Outcome {
                    rows: Some(rows),
                    ..Outcome::default()
                })))
            }
            Progress::More => {
                self.locked_since = None;
                self.not_before = (!self.sleep.is_zero()).then(|| Instant::now() + self.sleep);
                Ok(Step::Part(rows))
            }
            Progress::Locked => self.retry(runner).map(|()| Step::Silent),
        }
    }

    /// Others have it locked: waits as long as a statement would.
    fn retry(&mut self, runner: &Runner<'_>) -> Result<(), Error> {
        let now = Instant::now();
        let since = *self.locked_since.get_or_insert(now);
        let patience = Duration::from_millis(runner.watch.busy_timeout_ms().max(0) as u64);
        if now >= since + patience {
            return Err(Error::code(SQLITE_BUSY));
        }
        self.not_before = Some(now + RETRY);
        Ok(())
    }
}

/// Copies so many pages, all for -1, with a look at cancel and deadline now and then.
fn copy_pages(
    copy: &mut Copy,
    pages: i32,
    loan: Option<&Loan>,
    runner: &Runner<'_>,
) -> Result<Progress, Error> {
    runner.watch.outbox.flush();
    let mut left = if pages < 0 { i32::MAX } else { pages };
    loop {
        if runner.watch.verdict().is_some() {
            return Err(Error::code(SQLITE_INTERRUPT));
        }
        if loan.is_some_and(Loan::is_recalled) {
            return Err(transaction::aborted("the target connection closes"));
        }
        let now = left.min(PAGES_UNWATCHED);
        let progress = copy.step(now)?;
        left -= now;
        if progress != Progress::More || left == 0 {
            return Ok(progress);
        }
    }
}

fn pages_left(copy: &Copy, runner: &mut Runner<'_>) -> Result<Block, Error> {
    let (remaining, total) = copy.pages();
    let row = vec![ValueRef::Integer(remaining), ValueRef::Integer(total)];
    table(runner, &["remaining", "total"], [row])
}

/// Copies a file over our own database; nothing else runs meanwhile.
pub(crate) fn restore(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["from", "pages", "schema"])?;
    let path = arguments.required_text(0)?;
    let pages = pages_of(&arguments, 1)?;
    let schema = arguments.text_or(2, "main")?;
    let (from, to) = (End::file(&path, true)?, runner.database.as_end());
    let mut copy = Copy::new(from, c"main", to, &schema)?;
    let mut locked_since = None;
    loop {
        let progress = copy_pages(&mut copy, pages, None, runner)?;
        let rows = pages_left(&copy, runner)?;
        match progress {
            Progress::Done => {
                copy.finish()?;
                return Ok(Done::rows(rows));
            }
            Progress::More => {
                locked_since = None;
                if let Some(request) = runner.request {
                    runner.watch.outbox.push(request.part(rows));
                }
            }
            Progress::Locked => {
                let since = *locked_since.get_or_insert_with(Instant::now);
                let patience = Duration::from_millis(runner.watch.busy_timeout_ms().max(0) as u64);
                if Instant::now() >= since + patience {
                    return Err(Error::code(SQLITE_BUSY));
                }
                runner.watch.sleep(Instant::now() + RETRY);
            }
        }
    }
}
