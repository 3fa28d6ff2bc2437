//! Streams: requests with many events, each a chunk of rows, as the host grants credit.
//!
//! A stream without credit is parked: its statement stays on its row and other requests run. Only readers park. A statement
//! that writes runs to its end at once, so that it is committed or not, and its chunks wait for credit.

use crate::conn::Credit;
use crate::error::Error;
use crate::exec::{self, Runner};
use crate::ffi::block::Block;
use crate::job::{Step, Task};
use crate::request::{Outcome, Work};
use crate::result::Rows;
use crate::sqlite::Cursor;
use crate::transaction;
use std::collections::VecDeque;
use std::sync::Arc;

/// Rows of the first chunks, so that the first rows come soon; the last number is that of all further ones.
const RAMP: [u32; 4] = [16, 64, 256, 512];
/// A chunk ends at so many bytes too.
const RAMP_BYTES_MAX: u64 = 64 << 10;
/// The same, when the host said how many rows it wants.
const CHUNK_BYTES_MAX: u64 = 1 << 20;

pub(crate) struct Stream {
    source: Source,
    credit: Arc<Credit>,
    /// Rows in a chunk, or 0 for the ramp.
    chunk_rows: u32,
    chunks: usize,
}

enum Source {
    /// A reader on its row.
    Reading(Cursor<'static>),
    /// All that a writer returned, and how it ended.
    Done(VecDeque<Block>, Box<Outcome>),
}

/// A chunk, the last rows, or those before an error.
enum Chunk {
    Full(Block),
    Last(Block),
    Broken(Block, Error),
}

impl Stream {
    /// Prepares and binds. A writer runs here.
    pub(crate) fn begin(
        work: &Work,
        credit: Arc<Credit>,
        runner: &mut Runner<'_>,
    ) -> Result<Self, Error> {
        let source = Source::new(work, runner)?;
        Ok(Self {
            source,
            credit,
            chunk_rows: work.chunk_rows,
            chunks: 0,
        })
    }
}

impl Task for Stream {
    fn is_ready(&self) -> bool {
        self.credit.is_left()
    }

    /// Makes the next chunk, for which there is credit.
    fn step(&mut self, runner: &mut Runner<'_>) -> Step {
        self.credit.spend();
        self.chunks += 1;
        match &mut self.source {
            Source::Reading(cursor) => {
                match chunk(cursor, self.chunk_rows, self.chunks - 1, runner) {
                    Ok(Chunk::Full(block)) => Step::Part(block),
                    Ok(Chunk::Last(block)) => Step::End(Box::new(Outcome {
                        rows: Some(block),
                        ..Outcome::default()
                    })),
                    Ok(Chunk::Broken(block, error)) => Step::LastPart(block, failed(error, runner)),
                    Err(error) => Step::End(failed(error, runner)),
                }
            }
            Source::Done(chunks, outcome) => match chunks.pop_front() {
                Some(block) => Step::Part(block),
                None => Step::End(std::mem::take(outcome)),
            },
        }
    }
}

impl Source {
    fn new(work: &Work, runner: &mut Runner<'_>) -> Result<Self, Error> {
        let payload = &work.payload;
        let Some(mut cursor) = runner.prepared(work)?.cursor else {
            let rows = exec::empty(runner.conn, runner.scratch).map_err(Error::code)?;
            return Ok(Self::Done(
                VecDeque::new(),
                Box::new(Outcome {
                    rows: Some(rows),
                    ..Outcome::default()
                }),
            ));
        };
        exec::check_count(&cursor, payload)?;
        exec::bind_copies(&mut cursor, payload).map_err(|fault| fault.explain(runner.database))?;
        if cursor.is_readonly() {
            return Ok(Self::Reading(cursor));
        }
        runner.watch.outbox.flush();
        transaction::begin_before(&cursor, runner)?;
        Self::write(&mut cursor, work.chunk_rows, runner)
    }

    /// Runs a writer to its end.
    fn write(
        cursor: &mut Cursor<'_>,
        chunk_rows: u32,
        runner: &mut Runner<'_>,
    ) -> Result<Self, Error> {
        let mut chunks = VecDeque::new();
        let mut last = None;
        let has_changed = runner.watched(cursor, |runner, cursor| {
            while last.is_none() {
                match chunk(cursor, chunk_rows, chunks.len(), runner)? {
                    Chunk::Full(block) => chunks.push_back(block),
                    Chunk::Last(block) => last = Some(block),
                    Chunk::Broken(_, error) => return Err(error),
                }
            }
            Ok(())
        })?;
        let changes = if has_changed {
            runner.database.changes()
        } else {
            0
        };
        let last_insert_rowid = Some(runner.database.last_insert_rowid());
        let outcome = Outcome {
            changes,
            last_insert_rowid,
            rows: last,
            ..Outcome::default()
        };
        Ok(Self::Done(chunks, Box::new(outcome)))
    }
}

/// Rows and bytes of the chunk with this number, from 0; `chunk_rows` as the host wants it.
pub(crate) fn chunk_limits(chunk_rows: u32, number: usize) -> (u32, u64) {
    match chunk_rows {
        0 => (RAMP[number.min(RAMP.len() - 1)], RAMP_BYTES_MAX),
        rows => (rows, CHUNK_BYTES_MAX),
    }
}

fn failed(error: Error, runner: &Runner<'_>) -> Box<Outcome> {
    Box::new(Outcome::failed(runner.watch.explain(error)))
}

/// Collects the rows of one chunk. Those before an error are told, as SQLite itself would have returned them.
fn chunk(
    cursor: &mut Cursor<'_>,
    chunk_rows: u32,
    number: usize,
    runner: &mut Runner<'_>,
) -> Result<Chunk, Error> {
    let mut rows = None;
    match collect(cursor, chunk_limits(chunk_rows, number), &mut rows, runner) {
        Ok(true) => finish(rows, runner).map(Chunk::Full),
        Ok(false) => finish(rows, runner).map(Chunk::Last),
        Err(error) if rows.as_ref().is_some_and(|rows| rows.nrows() > 0) => {
            match finish(rows, runner) {
                Ok(block) => Ok(Chunk::Broken(block, error)),
                Err(_) => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

/// Whether there may be more.
fn collect(
    cursor: &mut Cursor<'_>,
    (rows_max, bytes_max): (u32, u64),
    rows: &mut Option<Rows>,
    runner: &mut Runner<'_>,
) -> Result<bool, Error> {
    loop {
        crate::fault::point("stream.step");
        let has_row = cursor.step().map_err(|code| runner.database.error(code))?;
        let collected = match rows {
            Some(rows) => rows,
            None => rows.insert(exec::begin_rows(
                runner.conn,
                cursor,
                runner.scratch,
                runner.conn.result_bytes_max,
            )?),
        };
        if !has_row {
            cursor.reset().map_err(|code| runner.database.error(code))?;
            runner.watch.check_collations()?;
            return Ok(false);
        }
        collected.push(cursor.cells()).map_err(Error::code)?;
        cursor.check_memory().map_err(Error::code)?;
        if collected.nrows() >= rows_max || collected.bytes() >= bytes_max {
            return Ok(true);
        }
    }
}

fn finish(rows: Option<Rows>, runner: &mut Runner<'_>) -> Result<Block, Error> {
    match rows {
        Some(rows) => rows.finish(runner.scratch).map_err(Error::code),
        None => exec::empty(runner.conn, runner.scratch).map_err(Error::code),
    }
}
