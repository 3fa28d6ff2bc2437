//! Requests with arguments: everything that a connection can do beside running SQL.

/// Kind: take the connection for one task. Until the lease ends only requests run whose `lane` is this request's id;
/// all others wait, in order. What it begins is a transaction that no other task can get into.
///
/// Arguments: `mode` (SIDELITE_BEGIN_; DEFERRED), the transaction that it begins, or NONE; `hold_ms` (no limit), after
/// which it is ended. It ends with its transaction (COMMIT or ROLLBACK, as SQL or as a kind, or an error that rolls
/// back), with SIDELITE_RELEASE, with `sidelite_cancel` of its id, when its time is up, and when the connection closes;
/// what is not committed then is rolled back. Requests of a lane that has ended are refused with BAD_HANDLE or, when
/// they were submitted before, end ABORTED. Savepoints inside are plain SQL.
pub const SIDELITE_LEASE: u32 = 6;
/// Kind: end the lease that is this request's `lane`, and roll back what it has not committed. Succeeds also when the
/// lease has ended meanwhile, and cannot be cancelled. No arguments.
pub const SIDELITE_RELEASE: u32 = 7;
/// Kind: COMMIT, if a transaction is open; otherwise nothing. No arguments.
pub const SIDELITE_COMMIT: u32 = 8;
/// Kind: ROLLBACK, if a transaction is open; otherwise nothing. No arguments.
pub const SIDELITE_ROLLBACK: u32 = 9;
/// Kind: change the isolation that was chosen when the connection was opened.
///
/// Argument: `mode` (SIDELITE_BEGIN_; NONE). NONE is SQLite's own way: no transaction begins by itself. With DEFERRED,
/// IMMEDIATE and EXCLUSIVE one begins before an INSERT, UPDATE, DELETE or REPLACE outside of a transaction (by its
/// first word: not behind WITH; not in a SCRIPT, which first commits what is open): Python's `isolation_level`. With
/// ALWAYS a deferred transaction is open at any time, and the next begins when one ends: Python's `autocommit=False`. A
/// change to NONE commits what is open.
pub const SIDELITE_ISOLATION: u32 = 10;
/// Kind: tell about the statement in `sql` without running it. Values, if given, are bound. Many PRAGMAs act as SQLite
/// prepares them, and so they do here.
///
/// Result, columns item, position, name, type, schema, table, origin, readonly, sql: one row `statement` with
/// `readonly` (0 or 1) and `sql` with the values filled in (NULL when that is too long); one row `column` for each
/// column of its result, with its name and, if it is a table's, its declared type, schema, table and name there; one
/// row `parameter` for each parameter, with its position, from 1, and its name, if it has one. What does not apply is
/// NULL.
pub const SIDELITE_DESCRIBE: u32 = 11;
/// Kind: stream the SQL that makes the database again, one statement a row, as the `sqlite3` shell reads it.
///
/// Arguments: `filter` (everything), a LIKE pattern for the names of tables, indexes, triggers and views; `schema`
/// ("main"). Chunks and credit as for STREAM. For one moment's state dump inside of a lease: what other requests write
/// between two chunks may or may not be in it.
pub const SIDELITE_DUMP: u32 = 12;
/// Kind: run the SQL in a file, as SCRIPT does. Argument: `path`.
pub const SIDELITE_SCRIPT_FILE: u32 = 13;
/// Kind: copy the database, step by step, with other requests of this connection running in between.
///
/// Arguments: `to`, the path of a file (TEXT) or another open connection of this process (INTEGER: its handle), whose
/// requests wait meanwhile; `pages` of a step (100; -1 for all in one); `sleep_ms` between steps (0); `schema` and
/// `to_schema` ("main"). Result, with MORE after each step and at the end: a row with the pages remaining, and in
/// total. A step that finds the file locked is tried again until the busy timeout is over. When it fails or is
/// cancelled, the target is as it was before. While a connection copies to another it cannot itself be copied to:
/// SQLITE_BUSY.
pub const SIDELITE_BACKUP: u32 = 14;
/// Kind: replace the database by the one in a file. No other request runs meanwhile.
///
/// Arguments: `from`, a path; `pages` between two progress events (100); `schema` ("main"). Events and result as for
/// BACKUP. When it fails or is cancelled, the database is as it was before.
pub const SIDELITE_RESTORE: u32 = 15;
/// Kind: the database as one BLOB, as it would be in a file. Argument: `schema` ("main"). Result: a row, `image`.
pub const SIDELITE_SERIALIZE: u32 = 16;
/// Kind: replace the database by an image of one, which then lives in memory.
///
/// Arguments: `image` (BLOB); `schema` ("main"); `readonly` (0). One that was made in WAL mode needs no log any more.
/// What is no database is refused; one that is damaged inside takes the place of the old one all the same.
pub const SIDELITE_DESERIALIZE: u32 = 17;
/// Kind: open a BLOB or TEXT cell for reading or writing in parts.
///
/// Arguments: `table`; `column`; `rowid`; `writable` (0); `schema` ("main"). Result: a row with the handle, `blob`, for
/// the other BLOB kinds of this connection, and its `size` in bytes. It ends with SIDELITE_BLOB_CLOSE, or the
/// connection.
pub const SIDELITE_BLOB_OPEN: u32 = 18;
/// Kind: read of an open blob. Arguments: `blob`; `offset` (0); `length` (to its end). Result: a row, `data`.
/// SQLITE_ABORT (4): the row has changed since, open it again. Outside of the blob is SQLITE_ERROR.
pub const SIDELITE_BLOB_READ: u32 = 19;
/// Kind: write into an open blob, whose size stays. Arguments: `blob`; `data` (BLOB or TEXT); `offset` (0).
pub const SIDELITE_BLOB_WRITE: u32 = 20;
/// Kind: move an open blob to another row of its table. Arguments: `blob`; `rowid`. Result: as for BLOB_OPEN.
pub const SIDELITE_BLOB_REOPEN: u32 = 21;
/// Kind: close a blob. Argument: `blob`.
pub const SIDELITE_BLOB_CLOSE: u32 = 22;
/// Kind: record changes from here on, for a changeset.
///
/// Arguments: `table` (all that have a primary key); `schema` ("main"). With more rows of values, more tables. Result:
/// a row with the handle, `session`. It ends with SIDELITE_SESSION_CLOSE, or the connection. Sessions and the
/// observation of changes exclude each other: the later one ends with SIDELITE_ERR_MISUSE. A system's SQLite needs
/// SQLITE_ENABLE_SESSION and SQLITE_ENABLE_PREUPDATE_HOOK.
pub const SIDELITE_SESSION_OPEN: u32 = 23;
/// Kind: what a session has recorded so far. Arguments: `session`; `patchset` (0: a changeset). Result: a row,
/// `changeset`. Not inside of a call.
pub const SIDELITE_SESSION_CHANGES: u32 = 24;
/// Kind: close a session. Argument: `session`. Not inside of a call.
pub const SIDELITE_SESSION_CLOSE: u32 = 25;
/// Kind: apply a changeset or patchset to "main", all of it or nothing. Tables that are not there, or have other keys,
/// are passed over.
///
/// Arguments: `changeset` (BLOB); `conflict` (SIDELITE_CONFLICT_; ABORT). Result: a row with the number of `conflicts`
/// that were met, and `rebase`, for SIDELITE_CHANGESET_REBASE.
pub const SIDELITE_CHANGESET_APPLY: u32 = 26;
/// Kind: the changeset that undoes another. Argument: `changeset` (BLOB). Result: a row, `changeset`.
pub const SIDELITE_CHANGESET_INVERT: u32 = 27;
/// Kind: a changeset as if it had been made after another was applied. Arguments: `changeset`; `rebase`, from applying
/// the other. Result: a row, `changeset`.
pub const SIDELITE_CHANGESET_REBASE: u32 = 28;
/// Kind: hear of what happens on this connection, until it is cancelled or the connection closes, when its final event
/// comes.
///
/// Argument: `what`, a sum of SIDELITE_OBSERVE_. Each event has MORE and rows whose first column, `event`, says which.
/// SIDELITE_EVENT_CHANGE marks those about data: `insert`, `update` and `delete` with schema, table, old_rowid and
/// rowid (and with VALUES old_1 ..., new_1 ..., by position of the column), `commit`, `rollback`, and `wal` with schema
/// and pages in the log. They come after the commit that they belong to, before the final event of the request that
/// committed, and never for what was rolled back. `trace` (request, sql) comes as a statement begins, `profile`
/// (request, sql, nanoseconds, vm_steps, fullscan_steps, sorts) as it ends; sql with the values filled in. What a RUN
/// function undoes within a transaction is told nevertheless. These events are not bounded by credit.
pub const SIDELITE_OBSERVE: u32 = 29;
/// Kind: say what statements may do. The rules replace those given before.
///
/// Arguments, a row for each rule: `decision` (SIDELITE_ALLOW, DENY, IGNORE); `action` (any), one of SQLite's action
/// codes, such as 20 for reading a column; `first` and `second` (any), its arguments as
/// sqlite.org/c3ref/c_alter_table.html tells, such as table and column; `schema` (any); `trigger` (any), the trigger or
/// view that the access comes from. Names are compared without case. The first rule that matches decides; without one
/// it is allowed. No rows: everything is allowed. The BEGIN, COMMIT and ROLLBACK of a lease, an array, an isolation or a
/// kind are not judged.
pub const SIDELITE_AUTHORIZE: u32 = 30;
/// Kind: read or set one of SQLite's limits. Arguments: `limit`, SQLite's number for it, such as 9 for parameters;
/// `value` (only reads). Result: a row, `value`, as it was before.
pub const SIDELITE_LIMIT: u32 = 31;
/// Kind: read or set a switch of the connection. Arguments: `option`, SQLite's number for it, such as 1002 for foreign
/// keys, 1005 for extensions and 1010 for the defensive mode; `value` (only reads), 0 or 1. Result: a row, `value`, as
/// it is now. With 1005 a `value` of 2 switches the SQL function `load_extension` on as well.
pub const SIDELITE_DB_CONFIG: u32 = 32;
/// Kind: copy what is in the write-ahead log back into the database.
///
/// Arguments: `mode` (SIDELITE_CHECKPOINT_; PASSIVE); `schema` (all). Result: a row with the frames in the log, `log`,
/// and how many of these are `checkpointed`, both -1 without a log. SQLITE_BUSY: others were in the way.
pub const SIDELITE_CHECKPOINT: u32 = 33;
/// Kind: checkpoint by itself after a commit that leaves so many pages in the log. Argument: `pages` (1000; 0 for
/// never).
pub const SIDELITE_AUTOCHECKPOINT: u32 = 34;
/// Kind: load a shared library of SQL functions and the like, which must be switched on: SIDELITE_OPEN_EXTENSIONS.
/// Arguments: `path`; `entry` (as SQLite guesses it from the name).
pub const SIDELITE_LOAD_EXTENSION: u32 = 35;
/// Kind: facts and counters. Argument: `reset` (0); with 1 the highest values, and what only counts up, begin anew.
/// Result, columns name, value, highest: `filename`, `readonly`, `autocommit`, `txn_state` (0 none, 1 read, 2 write),
/// `changes`, `total_changes`, `last_insert_rowid`, and the counters of sqlite3_db_status: `cache_used`, `schema_used`,
/// `stmt_used`, `cache_hit`, ...
pub const SIDELITE_STATUS: u32 = 36;
/// Kind: set what last_insert_rowid() returns. Argument: `rowid`.
pub const SIDELITE_SET_LAST_INSERT_ROWID: u32 = 37;

/// No transaction.
pub const SIDELITE_BEGIN_NONE: u32 = 0;
/// BEGIN DEFERRED: locks are taken as they are needed.
pub const SIDELITE_BEGIN_DEFERRED: u32 = 1;
/// BEGIN IMMEDIATE: the write lock is taken at once.
pub const SIDELITE_BEGIN_IMMEDIATE: u32 = 2;
/// BEGIN EXCLUSIVE: outside of WAL mode readers are kept out, too.
pub const SIDELITE_BEGIN_EXCLUSIVE: u32 = 3;
/// For the isolation alone: a transaction is open at any time.
pub const SIDELITE_BEGIN_ALWAYS: u32 = 4;

/// Hear of inserts, updates and deletes, of all tables.
pub const SIDELITE_OBSERVE_CHANGES: u32 = 1 << 0;
/// The same, with old and new values.
pub const SIDELITE_OBSERVE_VALUES: u32 = 1 << 1;
/// Hear of commits that changed something.
pub const SIDELITE_OBSERVE_COMMITS: u32 = 1 << 2;
/// Hear of transactions that were rolled back.
pub const SIDELITE_OBSERVE_ROLLBACKS: u32 = 1 << 3;
/// Hear of commits to a write-ahead log.
pub const SIDELITE_OBSERVE_WAL: u32 = 1 << 4;
/// Hear of statements as they begin.
pub const SIDELITE_OBSERVE_TRACE: u32 = 1 << 5;
/// Hear of statements as they end, and how long they took.
pub const SIDELITE_OBSERVE_PROFILE: u32 = 1 << 6;

/// The access is allowed.
pub const SIDELITE_ALLOW: u32 = 0;
/// The statement fails with SQLITE_AUTH (23); one that calls a function, with SQLITE_ERROR (1).
pub const SIDELITE_DENY: u32 = 1;
/// The access does nothing: a column reads as NULL, an UPDATE leaves it as it is.
pub const SIDELITE_IGNORE: u32 = 2;

/// A change that does not fit undoes all, and ends with SQLITE_ABORT (4).
pub const SIDELITE_CONFLICT_ABORT: u32 = 0;
/// A change that does not fit is left out. Rows that lack their foreign key's parent stay; the others undo all (787).
pub const SIDELITE_CONFLICT_OMIT: u32 = 1;
/// A change overwrites the row that it meets; one that cannot is left out.
pub const SIDELITE_CONFLICT_REPLACE: u32 = 2;

/// As many frames as can be without waiting for anybody.
pub const SIDELITE_CHECKPOINT_PASSIVE: u32 = 0;
/// All frames; waits for writers, and for readers of old ones.
pub const SIDELITE_CHECKPOINT_FULL: u32 = 1;
/// FULL, and the next writer begins the log anew.
pub const SIDELITE_CHECKPOINT_RESTART: u32 = 2;
/// RESTART, and the log is cut to nothing.
pub const SIDELITE_CHECKPOINT_TRUNCATE: u32 = 3;
