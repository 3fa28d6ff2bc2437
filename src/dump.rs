//! Dump: the SQL that makes a database again, a statement a row, as the host grants credit.
//!
//! The lines are those of Python's `iterdump`. Where these would not make the same database again they differ: rows of
//! virtual tables are in their shadow tables already, and a TEXT with a NUL inside is more than what stands before it.

use crate::command::Arguments;
use crate::conn::Credit;
use crate::error::Error;
use crate::exec::{Runner, too_big};
use crate::ffi::block::Block;
use crate::ffi::payload::ValueRef;
use crate::job::{Step, Task};
use crate::request::{Outcome, Work};
use crate::result::{Head, Rows};
use crate::sqlite::{Cursor, Database};
use crate::stream;
use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::sync::Arc;

struct Dump {
    credit: Arc<Credit>,
    chunk_rows: u32,
    chunks: usize,
    /// Quoted.
    schema: String,
    items: VecDeque<Item>,
    /// The rows of the table that is being dumped.
    rows: Option<Cursor<'static>>,
}

enum Item {
    Line(String),
    /// The rows of a table, by its name.
    Rows(String),
}

pub(crate) fn dump(
    runner: &mut Runner<'_>,
    work: &Work,
    credit: Arc<Credit>,
) -> Result<Box<dyn Task>, Error> {
    let arguments = Arguments::of(work, &["filter", "schema"])?;
    let filter = arguments.text(0)?;
    let schema = quoted(&arguments.text_or(1, "main")?.to_string_lossy());
    let items = Outline::new(runner.database, &schema, filter.as_deref()).items()?;
    Ok(Box::new(Dump {
        credit,
        chunk_rows: work.chunk_rows,
        chunks: 0,
        schema,
        items,
        rows: None,
    }))
}

impl Task for Dump {
    fn is_ready(&self) -> bool {
        self.credit.is_left()
    }

    fn step(&mut self, runner: &mut Runner<'_>) -> Step {
        self.credit.spend();
        match self.chunk(runner) {
            Ok((block, false)) => Step::Part(block),
            Ok((block, true)) => Step::End(Box::new(Outcome {
                rows: Some(block),
                ..Outcome::default()
            })),
            Err(error) => Step::End(Box::new(Outcome::failed(runner.watch.explain(error)))),
        }
    }
}

impl Dump {
    /// A chunk of lines, and whether it is the last.
    fn chunk(&mut self, runner: &mut Runner<'_>) -> Result<(Block, bool), Error> {
        let (rows_max, bytes_max) = stream::chunk_limits(self.chunk_rows, self.chunks);
        self.chunks += 1;
        let head = Head::new(std::iter::once(&b"sql"[..]));
        let result_bytes_max = runner.conn.result_bytes_max;
        let mut rows = Rows::new(&runner.conn.pool, runner.scratch, &head, result_bytes_max)
            .map_err(Error::code)?;
        let mut is_last = false;
        while rows.nrows() < rows_max && rows.bytes() < bytes_max {
            let Some(line) = self.next_line(runner.database)? else {
                is_last = true;
                break;
            };
            let cell = ValueRef::Text(&line);
            rows.push(std::iter::once(cell)).map_err(too_big)?;
        }
        let block = rows.finish(runner.scratch).map_err(Error::code)?;
        Ok((block, is_last))
    }

    fn next_line(&mut self, database: &Database) -> Result<Option<Vec<u8>>, Error> {
        loop {
            if let Some(rows) = &mut self.rows {
                if rows.step().map_err(|code| database.error(code))? {
                    return Ok(Some(rows.text(0)));
                }
                self.rows = None;
            }
            match self.items.pop_front() {
                None => return Ok(None),
                Some(Item::Line(line)) => return Ok(Some(line.into_bytes())),
                Some(Item::Rows(table)) => {
                    self.rows = inserts(database, &self.schema, &table)?;
                }
            }
        }
    }
}

/// A query that makes the INSERT statements of a table.
fn inserts(
    database: &Database,
    schema: &str,
    table: &str,
) -> Result<Option<Cursor<'static>>, Error> {
    let name = quoted(table);
    let columns = query(
        database,
        &format!("PRAGMA {schema}.table_info({name})"),
        None,
        2,
    )?;
    let values: Vec<_> = columns
        .iter()
        .map(|column| literal(&quoted(&column[1])))
        .collect();
    let insert = name.replace('\'', "''");
    let sql = format!(
        "SELECT 'INSERT INTO {insert} VALUES(' || {} || ');' FROM {schema}.{name}",
        values.join(" || ',' || ")
    );
    Ok(database
        .prepare_single(c_string(sql)?.as_c_str().into())?
        .cursor)
}

/// An expression for the literal that a column's value can be read back from; quote() stops at a NUL.
fn literal(column: &str) -> String {
    format!(
        "CASE WHEN typeof({column}) = 'text' AND instr({column}, char(0)) \
         THEN 'CAST(X''' || hex({column}) || ''' AS TEXT)' ELSE quote({column}) END"
    )
}

/// What is known of the dump before the first row is read.
struct Outline<'a> {
    database: &'a Database,
    schema: &'a str,
    filter: Option<&'a CStr>,
    items: VecDeque<Item>,
    /// For the end of the transaction.
    sequence: Vec<String>,
    has_virtual_tables: bool,
}

impl<'a> Outline<'a> {
    fn new(database: &'a Database, schema: &'a str, filter: Option<&'a CStr>) -> Self {
        Self {
            database,
            schema,
            filter,
            items: VecDeque::new(),
            sequence: Vec::new(),
            has_virtual_tables: false,
        }
    }

    fn items(mut self) -> Result<VecDeque<Item>, Error> {
        let violations = format!("PRAGMA {}.foreign_key_check", self.schema);
        if !query(self.database, &violations, None, 1)?.is_empty() {
            self.line("PRAGMA foreign_keys=OFF;");
        }
        self.line("BEGIN TRANSACTION;");
        for [name, sql] in self.objects("type = 'table'", "ORDER BY name")? {
            self.table(name, sql)?;
        }
        for [_, sql] in self.objects("type IN ('index', 'trigger', 'view')", "")? {
            self.line(&format!("{sql};"));
        }
        if self.has_virtual_tables {
            self.line("PRAGMA writable_schema=OFF;");
        }
        for line in std::mem::take(&mut self.sequence) {
            self.line(&line);
        }
        self.line("COMMIT;");
        Ok(self.items)
    }

    fn line(&mut self, line: &str) {
        self.items.push_back(Item::Line(line.to_owned()));
    }

    /// Names and SQL of what is in the schema, as far as the filter lets it through.
    fn objects(&self, which: &str, order: &str) -> Result<Vec<[String; 2]>, Error> {
        let filter = if self.filter.is_some() {
            "AND name LIKE ?"
        } else {
            ""
        };
        let sql = format!(
            "SELECT name, sql FROM {}.sqlite_master WHERE sql NOT NULL AND {which} {filter} {order}",
            self.schema
        );
        let rows = query(self.database, &sql, self.filter, 2)?;
        Ok(rows
            .into_iter()
            .filter_map(|row| <[String; 2]>::try_from(row).ok())
            .collect())
    }

    fn table(&mut self, name: String, sql: String) -> Result<(), Error> {
        match name.as_str() {
            "sqlite_sequence" => return self.sequence(),
            "sqlite_stat1" => self.line("ANALYZE \"sqlite_master\";"),
            _ if name.starts_with("sqlite_") => return Ok(()),
            _ if sql.starts_with("CREATE VIRTUAL TABLE") => {
                self.virtual_table(&name, &sql);
                return Ok(());
            }
            _ => self.line(&format!("{sql};")),
        }
        self.items.push_back(Item::Rows(name));
        Ok(())
    }

    /// Made by its row in the schema: to create it would make its shadow tables, which are dumped as what they are.
    fn virtual_table(&mut self, name: &str, sql: &str) {
        if !std::mem::replace(&mut self.has_virtual_tables, true) {
            self.line("PRAGMA writable_schema=ON;");
        }
        let (name, sql) = (text(name), text(sql));
        self.line(&format!(
            "INSERT INTO sqlite_master(type,name,tbl_name,rootpage,sql)VALUES('table',{name},{name},0,{sql});"
        ));
    }

    fn sequence(&mut self) -> Result<(), Error> {
        let sql = format!(
            "SELECT quote(name), quote(seq) FROM {}.sqlite_sequence",
            self.schema
        );
        self.sequence
            .push("DELETE FROM \"sqlite_sequence\";".to_owned());
        for row in query(self.database, &sql, None, 2)? {
            self.sequence.push(format!(
                "INSERT INTO \"sqlite_sequence\" VALUES({});",
                row.join(",")
            ));
        }
        Ok(())
    }
}

/// The first columns of all rows of a small query, as texts.
fn query(
    database: &Database,
    sql: &str,
    parameter: Option<&CStr>,
    columns: i32,
) -> Result<Vec<Vec<String>>, Error> {
    let sql = c_string(sql)?;
    let Some(mut cursor) = database.prepare_single(sql.as_c_str().into())?.cursor else {
        return Ok(Vec::new());
    };
    if let Some(text) = parameter {
        cursor
            .bind_copy(1, ValueRef::Text(text.to_bytes()))
            .map_err(|code| database.error(code))?;
    }
    let mut rows = Vec::new();
    while cursor.step().map_err(|code| database.error(code))? {
        let text = |column| String::from_utf8_lossy(&cursor.text(column)).into_owned();
        rows.push((0..columns).map(text).collect());
    }
    Ok(rows)
}

fn c_string(sql: impl Into<Vec<u8>>) -> Result<CString, Error> {
    CString::new(sql).map_err(|_| Error::code(crate::ffi::status::SIDELITE_ERR_BAD_TEXT))
}

/// As a name in SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// As a text in SQL.
fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
