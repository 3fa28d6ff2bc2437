//! What is known of a statement without running it, and of a connection.

use crate::command::{Arguments, table};
use crate::error::Error;
use crate::exec::{self, Done, Runner};
use crate::ffi::payload::ValueRef;
use crate::request::Work;
use crate::sqlite::{COUNTERS, Column, Cursor};

const FACTS: [&str; 9] = [
    "item", "position", "name", "type", "schema", "table", "origin", "readonly", "sql",
];

pub(crate) fn describe(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let prepared = runner.database.prepare_single(work.payload.sql())?;
    let Some(mut cursor) = prepared.cursor else {
        let statement = statement_row(true, Some(work.payload.sql().bytes()));
        return table(runner, &FACTS, [statement]).map(Done::rows);
    };
    if work.payload.ncols > 0 {
        exec::check_count(&cursor, &work.payload)?;
        exec::bind(&mut cursor, &work.payload, 0, 0)
            .map_err(|fault| fault.explain(runner.database))?;
    }
    let sql = cursor.expanded_sql();
    let columns = cursor.columns();
    let mut rows = vec![statement_row(cursor.is_readonly(), sql.as_deref())];
    rows.extend(
        (1..)
            .zip(&columns)
            .map(|(position, column)| column_row(position, column)),
    );
    rows.extend((1..=cursor.parameters()).map(|position| parameter_row(position, &cursor)));
    table(runner, &FACTS, rows).map(Done::rows)
}

fn statement_row(is_readonly: bool, sql: Option<&[u8]>) -> Vec<ValueRef<'_>> {
    let mut row = vec![ValueRef::Null; FACTS.len()];
    row[0] = ValueRef::Text(b"statement");
    row[7] = ValueRef::Integer(is_readonly.into());
    row[8] = sql.map_or(ValueRef::Null, ValueRef::Text);
    row
}

fn column_row(position: i64, column: &Column) -> Vec<ValueRef<'_>> {
    let mut row = vec![ValueRef::Null; FACTS.len()];
    row[0] = ValueRef::Text(b"column");
    row[1] = ValueRef::Integer(position);
    row[2] = text(&column.name);
    row[3] = text(&column.declared_type);
    row[4] = text(&column.schema);
    row[5] = text(&column.table);
    row[6] = text(&column.origin);
    row
}

fn parameter_row<'c>(position: usize, cursor: &'c Cursor<'_>) -> Vec<ValueRef<'c>> {
    let mut row = vec![ValueRef::Null; FACTS.len()];
    row[0] = ValueRef::Text(b"parameter");
    row[1] = ValueRef::Integer(position as i64);
    if let Some(name) = cursor.parameter_name(position) {
        row[2] = ValueRef::Text(name.to_bytes());
    }
    row
}

fn text(text: &Option<Vec<u8>>) -> ValueRef<'_> {
    text.as_deref().map_or(ValueRef::Null, ValueRef::Text)
}

pub(crate) fn status(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let arguments = Arguments::of(work, &["reset"])?;
    let reset = arguments.choice(0, 0..=1, 0)? == 1;
    let database = runner.database;
    let filename = database.filename();
    let facts = [
        ("readonly", database.is_readonly().into()),
        ("autocommit", (!database.is_in_transaction()).into()),
        ("txn_state", database.transaction_state().into()),
        ("changes", database.changes()),
        ("total_changes", database.total_changes()),
        ("last_insert_rowid", database.last_insert_rowid()),
    ];
    let mut rows = vec![vec![
        ValueRef::Text(b"filename"),
        ValueRef::Text(&filename),
        ValueRef::Null,
    ]];
    rows.extend(facts.map(|(name, value)| {
        vec![
            ValueRef::Text(name.as_bytes()),
            ValueRef::Integer(value),
            ValueRef::Null,
        ]
    }));
    for (number, name) in COUNTERS.iter().enumerate() {
        if let Some((now, highest)) = database.counter(number, reset) {
            rows.push(vec![
                ValueRef::Text(name.as_bytes()),
                ValueRef::Integer(now.into()),
                ValueRef::Integer(highest.into()),
            ]);
        }
    }
    table(runner, &["name", "value", "highest"], rows).map(Done::rows)
}
