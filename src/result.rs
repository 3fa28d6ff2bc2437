//! Building results: rows collected into one relocatable block, or the message of an error.
//!
//! Bytes of names, TEXT and BLOB go into the block as they come; the cells wait in an array that the worker reuses and
//! follow at the end. So nothing is moved but 16 bytes for each cell, and no offset ever changes.

use crate::error::Error;
use crate::ffi::block::{Block, Pool};
use crate::ffi::payload::ValueRef;
use crate::ffi::result::sidelite_result;
use crate::ffi::status::SIDELITE_ERR_TOO_BIG;
use crate::ffi::value::*;
use std::sync::Arc;

const HEADER: [u8; size_of::<sidelite_result>()] = [0; size_of::<sidelite_result>()];

/// Cells that a worker keeps room for between results.
const SCRATCH_CELLS_MAX: usize = 1 << 16;

/// The worker's array of cells, reused from result to result.
pub(crate) type Scratch = Vec<sidelite_value>;

/// Rows on their way into a block.
pub(crate) struct Rows {
    block: Block,
    cells: Scratch,
    names: u64,
    ncols: u32,
    nrows: u32,
    bytes_max: u64,
}

/// What all results of a statement begin with: room for the header, then the column names.
pub(crate) struct Head {
    bytes: Vec<u8>,
    names: u64,
    ncols: u32,
}

impl Head {
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut bytes = HEADER.to_vec();
        let mut places = Vec::new();
        for name in names {
            places.push((bytes.len() as u64, name.len() as u32));
            bytes.extend_from_slice(name);
            bytes.push(0);
        }
        bytes.resize(
            bytes.len().next_multiple_of(align_of::<sidelite_value>()),
            0,
        );
        let names = if places.is_empty() {
            0
        } else {
            bytes.len() as u64
        };
        for (offset, len) in &places {
            // The fields of a `sidelite_value`.
            bytes.extend_from_slice(&SIDELITE_TEXT.to_ne_bytes());
            bytes.extend_from_slice(&len.to_ne_bytes());
            bytes.extend_from_slice(&offset.to_ne_bytes());
        }
        Self {
            bytes,
            names,
            ncols: places.len() as u32,
        }
    }
}

impl Rows {
    /// Begins with what all results of the statement begin with.
    pub(crate) fn new(
        pool: &Arc<Pool>,
        scratch: &mut Scratch,
        head: &Head,
        bytes_max: u64,
    ) -> Result<Self, i32> {
        let mut block = Block::new(pool)?;
        block.push(&head.bytes)?;
        let mut cells = std::mem::take(scratch);
        cells.clear();
        Ok(Self {
            block,
            cells,
            names: head.names,
            ncols: head.ncols,
            nrows: 0,
            bytes_max,
        })
    }

    pub(crate) fn nrows(&self) -> u32 {
        self.nrows
    }

    /// Bytes that the block will have.
    pub(crate) fn bytes(&self) -> u64 {
        (self.block.len() + size_of_val(self.cells.as_slice())) as u64
    }

    /// Appends a row, cell by cell.
    pub(crate) fn push<'a>(
        &mut self,
        cells: impl Iterator<Item = ValueRef<'a>>,
    ) -> Result<(), i32> {
        self.cells
            .try_reserve(self.ncols as usize)
            .map_err(|_| crate::ffi::status::SIDELITE_ERR_NO_MEMORY)?;
        for value in cells {
            let cell = match value {
                ValueRef::Null | ValueRef::Zeroblob(_) => {
                    cell(SIDELITE_NULL, 0, sidelite_value_as { integer: 0 })
                }
                ValueRef::Integer(integer) => {
                    cell(SIDELITE_INTEGER, 0, sidelite_value_as { integer })
                }
                ValueRef::Real(real) => cell(SIDELITE_REAL, 0, sidelite_value_as { real }),
                ValueRef::Text(text) => text_cell(&mut self.block, text)?,
                ValueRef::Blob(bytes) => {
                    let offset = self.block.push(bytes)?;
                    cell(SIDELITE_BLOB, bytes.len(), sidelite_value_as { offset })
                }
            };
            self.cells.push(cell);
        }
        // Between two rows of values the schema may change, and with it what `*` means.
        let expected = (u64::from(self.nrows) + 1) * u64::from(self.ncols);
        if self.cells.len() as u64 != expected {
            return Err(rusqlite::ffi::SQLITE_SCHEMA);
        }
        self.nrows = self.nrows.checked_add(1).ok_or(SIDELITE_ERR_TOO_BIG)?;
        if self.bytes() > self.bytes_max {
            return Err(SIDELITE_ERR_TOO_BIG);
        }
        Ok(())
    }

    /// Finishes the block and gives the array of cells back.
    pub(crate) fn finish(mut self, scratch: &mut Scratch) -> Result<Block, i32> {
        let values = if self.cells.is_empty() {
            0
        } else {
            self.block.push_values(&self.cells)?
        };
        self.block.set_result(sidelite_result {
            bytes: self.block.len() as u64,
            ncols: self.ncols,
            nrows: self.nrows,
            names: self.names,
            values,
            sql_offset: -1,
            ..sidelite_result::default()
        });
        self.cells.clear();
        self.cells.shrink_to(SCRATCH_CELLS_MAX);
        *scratch = self.cells;
        Ok(self.block)
    }
}

/// Columns by name, and rows: what is not the result of a statement.
pub(crate) fn table<'v>(
    pool: &Arc<Pool>,
    scratch: &mut Scratch,
    names: &[&str],
    rows: impl IntoIterator<Item = Vec<ValueRef<'v>>>,
    bytes_max: u64,
) -> Result<Block, Error> {
    let head = Head::new(names.iter().map(|name| name.as_bytes()));
    let mut table = Rows::new(pool, scratch, &head, bytes_max).map_err(Error::code)?;
    for row in rows {
        table.push(row.into_iter()).map_err(crate::exec::too_big)?;
    }
    table.finish(scratch).map_err(Error::code)
}

fn text_cell(block: &mut Block, text: &[u8]) -> Result<sidelite_value, i32> {
    let offset = block.push_text(text)?;
    Ok(cell(
        SIDELITE_TEXT,
        text.len(),
        sidelite_value_as { offset },
    ))
}

/// Lengths fit: SQLite's largest value is below 2 GiB.
fn cell(r#type: u32, len: usize, r#as: sidelite_value_as) -> sidelite_value {
    sidelite_value {
        r#type,
        len: len as u32,
        r#as,
    }
}

/// The message of an error as a result; none when memory is short, then the code must do.
pub(crate) fn of_error(pool: &Arc<Pool>, error: &Error) -> Option<Block> {
    let mut block = Block::new(pool).ok()?;
    block.push(&HEADER).ok()?;
    let text = error.text();
    let message = block.push_text(text).ok()?;
    block.set_result(sidelite_result {
        bytes: block.len() as u64,
        message,
        message_len: text.len() as u32,
        sqlite_code: error.sqlite_code,
        sql_offset: error.sql_offset,
        system_errno: error.system_errno,
        ..sidelite_result::default()
    });
    Some(block)
}
