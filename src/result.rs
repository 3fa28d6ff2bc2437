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
    types: u64,
    ncols: u32,
    nrows: u32,
    bytes_max: u64,
}

/// What all results of a statement begin with: room for the header, then the column names and their declared types.
pub(crate) struct Head {
    bytes: Vec<u8>,
    names: u64,
    types: u64,
    ncols: u32,
}

impl Head {
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a [u8]>) -> Self {
        let names: Vec<_> = names.map(Some).collect();
        let mut head = Self {
            bytes: HEADER.to_vec(),
            names: 0,
            types: 0,
            ncols: names.len() as u32,
        };
        head.names = head.push_texts(&names);
        head
    }

    /// The declared types, as many as there are names.
    pub(crate) fn with_types<'a>(mut self, types: impl Iterator<Item = Option<&'a [u8]>>) -> Self {
        let types: Vec<_> = types.collect();
        if types.iter().any(Option::is_some) {
            self.types = self.push_texts(&types);
        }
        self
    }

    /// Appends texts and, aligned, their values, whose offset it returns; 0 for none.
    fn push_texts(&mut self, texts: &[Option<&[u8]>]) -> u64 {
        let mut places = Vec::new();
        for text in texts {
            places.push(self.bytes.len() as u64);
            if let Some(text) = text {
                self.bytes.extend_from_slice(text);
                self.bytes.push(0);
            }
        }
        let aligned = self
            .bytes
            .len()
            .next_multiple_of(align_of::<sidelite_value>());
        self.bytes.resize(aligned, 0);
        for (text, offset) in texts.iter().zip(places) {
            let (kind, len, offset) = match text {
                Some(text) => (SIDELITE_TEXT, text.len() as u32, offset),
                None => (SIDELITE_NULL, 0, 0),
            };
            // The fields of a `sidelite_value`.
            self.bytes.extend_from_slice(&kind.to_ne_bytes());
            self.bytes.extend_from_slice(&len.to_ne_bytes());
            self.bytes.extend_from_slice(&offset.to_ne_bytes());
        }
        if texts.is_empty() { 0 } else { aligned as u64 }
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
            types: head.types,
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
            types: self.types,
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
