"""When a transaction begins, and when it ends."""

from __future__ import annotations

import sys
from typing import Any

from same import Box, case

LEVELS = ("", "DEFERRED", "IMMEDIATE", "EXCLUSIVE", None)
STATEMENTS = (
    "INSERT INTO t VALUES (1)",
    "insert into t values (1), (2)",
    "REPLACE INTO t VALUES (3)",
    "UPDATE t SET x = x + 1",
    "DELETE FROM t WHERE x = 2",
    "  \n\t -- a comment\n INSERT INTO t VALUES (4)",
    "/* one */ /* two */ UPDATE t SET x = 5",
    "INSERT INTO t VALUES (6) RETURNING x",
    "INSERT OR IGNORE INTO t VALUES (7)",
    "WITH n(i) AS (VALUES (8)) INSERT INTO t SELECT i FROM n",
    "SELECT * FROM t",
    "VALUES (1)",
    "PRAGMA user_version",
    "PRAGMA user_version = 7",
    "EXPLAIN INSERT INTO t VALUES (1)",
    "CREATE TABLE u(x)",
    "ALTER TABLE u RENAME TO v",
    "DROP TABLE v",
    "SAVEPOINT s",
    "RELEASE s",
    "BEGIN",
    "COMMIT",
    "ANALYZE",
    "VACUUM",
    "",
    " -- nothing",
    ";",
)


async def state(box: Box, db: Any, cursor: Any, *label: Any) -> None:
    box.note(*label, db.in_transaction, cursor.rowcount, cursor.lastrowid, cursor.description)


@case
async def begin_comes_before_the_statements_that_change_rows(box: Box) -> None:
    for level in LEVELS:
        for statement in STATEMENTS:
            db = await box.open(isolation_level=level)
            await db.executescript("CREATE TABLE t(x INTEGER PRIMARY KEY, y); CREATE TABLE IF NOT EXISTS w(x);")
            cursor = await db.cursor()
            await box.outcome(cursor.execute(statement), level, statement)
            await state(box, db, cursor, level, statement)
            await box.outcome(cursor.fetchall(), level, statement)
            await state(box, db, cursor, level, statement)
            await db.close()


@case
async def statements_in_a_row_in_one_transaction(box: Box) -> None:
    for level in ("", None):
        db = await box.open(isolation_level=level)
        await db.execute("CREATE TABLE t(x INTEGER PRIMARY KEY)")
        cursor = await db.cursor()
        for statement in STATEMENTS:
            await box.outcome(cursor.execute(statement), level, statement)
            await state(box, db, cursor, level, statement)
            await box.outcome(cursor.fetchall(), level)
            await state(box, db, cursor, level, statement)
        await db.commit()
        box.note(await db.execute_fetchall("SELECT * FROM t"))


@case
async def the_level_is_that_of_the_begin(box: Box) -> None:
    for level in ("", "DEFERRED", "IMMEDIATE", "EXCLUSIVE", "immediate", "Exclusive"):
        path = box.folder / f"{level}.db"
        one = await box.open(path, isolation_level=level, timeout=0)
        two = await box.open(path, timeout=0)
        await one.execute("CREATE TABLE t(x)")
        box.note(level, one.isolation_level)
        await one.execute("DELETE FROM t WHERE 0")
        await box.outcome(two.execute_fetchall("SELECT * FROM t"), level)
        await box.outcome(two.execute("INSERT INTO t VALUES (1)"), level)
        await two.rollback()
        await one.rollback()
        await box.outcome(two.execute("INSERT INTO t VALUES (1)"), level)
        await two.commit()


@case
async def levels_that_cannot_be(box: Box) -> None:
    for level in ("BOGUS", "DEFERRED ", "BEGIN", "IMMEDIATE; DROP TABLE t", "\0", "DEFERRED\0", 1, b"DEFERRED", 2.5):
        await box.outcome(box.open(isolation_level=level), repr(level))
    db = await box.open(check_same_thread=False)

    def change(level: Any) -> None:
        db.isolation_level = level

    for level in ("BOGUS", 1, b"DEFERRED", "DEFERRED\0"):
        box.outcome_of(lambda: change(level), repr(level))
        box.note(db.isolation_level)

    def delete() -> None:
        del db.isolation_level

    box.outcome_of(delete)


@case
async def the_level_is_changed(box: Box) -> None:
    db = await box.open(box.path, check_same_thread=False)
    other = await box.open(box.path, timeout=0)
    await db.execute("CREATE TABLE t(x)")
    box.note(db.isolation_level)
    for level in ("IMMEDIATE", "DEFERRED", None, "EXCLUSIVE", "", None):
        db.isolation_level = level
        box.note(db.isolation_level, db.in_transaction)
        await db.execute("INSERT INTO t VALUES (?)", (str(level),))
        box.note(level, db.in_transaction)
        await db.commit()
    box.note(await other.execute_fetchall("SELECT x FROM t"))
    await db.execute("BEGIN")
    await db.execute("INSERT INTO t VALUES ('kept')")
    db.isolation_level = None
    box.note(db.in_transaction)
    # It is done in its turn, on the thread of the connection: others see it when what was asked for next has ended.
    await db.commit()
    box.note(await other.execute_fetchall("SELECT count(*) FROM t"))
    db.isolation_level = "DEFERRED"
    await db.execute("INSERT INTO t VALUES ('lost')")
    db.isolation_level = "IMMEDIATE"
    box.note(db.in_transaction)
    await db.rollback()
    box.note(await other.execute_fetchall("SELECT x FROM t"))


@case
async def commit_and_rollback_of_nothing(box: Box) -> None:
    db = await box.open()
    for call in (db.commit, db.rollback, db.commit, db.rollback):
        await box.outcome(call())
        box.note(db.in_transaction)
    await db.execute("CREATE TABLE t(x)")
    await db.execute("INSERT INTO t VALUES (1)")
    await db.commit()
    await db.commit()
    await db.execute("INSERT INTO t VALUES (2)")
    await db.rollback()
    await db.rollback()
    box.note(await db.execute_fetchall("SELECT * FROM t"))


@case
async def transactions_written_in_sql(box: Box) -> None:
    for level in ("", None):
        db = await box.open(isolation_level=level)
        await db.execute("CREATE TABLE t(x)")
        for statement in ("BEGIN IMMEDIATE", "INSERT INTO t VALUES (1)", "BEGIN", "SAVEPOINT a",
                          "INSERT INTO t VALUES (2)",
                          "ROLLBACK TO a", "RELEASE a", "RELEASE a", "COMMIT", "COMMIT", "ROLLBACK", "END"):
            await box.outcome(db.execute(statement), statement)
            box.note(db.in_transaction)
        box.note(await db.execute_fetchall("SELECT * FROM t"))


@case
async def executemany_begins_once(box: Box) -> None:
    db = await box.open(isolation_level="IMMEDIATE")
    seen: list[str] = []
    await db.execute("CREATE TABLE t(x UNIQUE)")
    await db.set_trace_callback(seen.append)
    await db.executemany("INSERT INTO t VALUES (?)", [(1,), (2,), (3,)])
    await db.executemany("UPDATE t SET x = x + 10 WHERE x = ?", [(1,), (2,), (9,)])
    await db.set_trace_callback(None)
    box.note([statement for statement in seen if not statement.startswith("--")], db.in_transaction)
    await box.outcome(db.executemany("INSERT INTO t VALUES (?)", [(4,), (3,), (5,)]))
    box.note(db.in_transaction, await db.execute_fetchall("SELECT x FROM t"))
    await db.rollback()
    box.note(await db.execute_fetchall("SELECT x FROM t"))


@case
async def executescript_commits_first_and_stops_at_an_error(box: Box) -> None:
    for level in LEVELS:
        db = await box.open(box.folder / f"{level}.db", isolation_level=level)
        other = await box.open(box.folder / f"{level}.db")
        await db.execute("CREATE TABLE t(x PRIMARY KEY)")
        await db.execute("INSERT INTO t VALUES (1)")
        cursor = await db.execute("SELECT x FROM t")
        box.note(db.in_transaction)
        await box.outcome(cursor.executescript("SELECT 1; SELECT 2;"), level)
        await state(box, db, cursor, level)
        script = "INSERT INTO t VALUES (2); INSERT INTO t VALUES (2); INSERT INTO t VALUES (3);"
        await box.outcome(db.executescript(script))
        box.note(db.in_transaction, await other.execute_fetchall("SELECT x FROM t"))
        await box.outcome(db.executescript("BEGIN; INSERT INTO t VALUES (4); SELECT * FROM missing; COMMIT;"))
        box.note(db.in_transaction)
        await db.rollback()
        await box.outcome(db.executescript("INSERT INTO t VALUES (5); SELECT"))
        box.note(await other.execute_fetchall("SELECT x FROM t"))


@case
async def executescript_of_every_kind(box: Box) -> None:
    db = await box.open()
    for script in ("", " ", ";", ";;;", "-- comment", "SELECT 1", "SELECT 1;", "SELECT 1; -- end",
                   "CREATE TABLE t(x); garbage",
                   "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; SELECT 2; END; SELECT 3;",
                   "SELECT 1\0; SELECT 2"):
        await box.outcome(db.executescript(script), script)
    for wrong in (None, 1, b"SELECT 1", ["SELECT 1"]):
        await box.outcome(db.executescript(wrong), repr(wrong))
    box.note(await db.execute_fetchall("SELECT name FROM sqlite_master ORDER BY 1"))


@case
async def close_does_not_commit(box: Box) -> None:
    async with box.library.connect(box.path) as db:
        await db.execute("CREATE TABLE t(x)")
        await db.execute("INSERT INTO t VALUES (1)")
        await db.commit()
        await db.execute("INSERT INTO t VALUES (2)")
    db = await box.library.connect(box.path)
    await db.execute("INSERT INTO t VALUES (3)")
    await db.close()
    db = await box.open(box.path)
    box.note(await db.execute_fetchall("SELECT * FROM t"))


@case
async def an_error_leaves_the_transaction_open(box: Box) -> None:
    db = await box.open()
    await db.execute("CREATE TABLE t(x INTEGER PRIMARY KEY, y CHECK (y > 0))")
    await db.execute("CREATE TABLE u(x PRIMARY KEY ON CONFLICT ROLLBACK)")
    await db.execute("INSERT INTO t VALUES (1, 1)")
    cursor = await db.cursor()
    for statement in ("INSERT INTO t VALUES (1, 2)", "INSERT INTO t VALUES (2, 0)", "INSERT INTO missing VALUES (1)",
                      "SELEC 1"):
        await box.outcome(cursor.execute(statement))
        await state(box, db, cursor, statement)
    await db.execute("INSERT INTO u VALUES (1)")
    await box.outcome(db.execute("INSERT INTO u VALUES (1)"))
    box.note(db.in_transaction, await db.execute_fetchall("SELECT * FROM t"))


@case
async def one_connection_does_not_see_what_another_has_not_committed(box: Box) -> None:
    one, two = await box.open(box.path), await box.open(box.path, timeout=0)
    await one.execute("CREATE TABLE t(x)")
    await one.execute("INSERT INTO t VALUES (1)")
    box.note(await two.execute_fetchall("SELECT * FROM t"))
    await box.outcome(two.execute("INSERT INTO t VALUES (2)"))
    box.note(two.in_transaction)
    await two.rollback()
    await one.commit()
    box.note(await two.execute_fetchall("SELECT * FROM t"))


@case
async def temporary_tables_and_attached_files(box: Box) -> None:
    db = await box.open()
    await db.execute("ATTACH ? AS other", (str(box.path),))
    await db.execute("CREATE TABLE other.t(x)")
    await db.execute("CREATE TEMP TABLE s(x)")
    await db.execute("INSERT INTO other.t VALUES (1)")
    await db.execute("INSERT INTO s VALUES (2)")
    await box.outcome(db.execute("DETACH other"))
    await db.commit()
    await box.outcome(db.execute("DETACH other"))
    box.note(await db.execute_fetchall("SELECT * FROM s"), db.total_changes)


if sys.version_info >= (3, 12):

    @case
    async def autocommit_as_the_keyword_of_connect(box: Box) -> None:
        for autocommit in (False, True, -1):
            path = box.folder / f"{autocommit}.db"
            db, other = await box.open(path, autocommit=autocommit), await box.open(path)
            box.note(autocommit, db.in_transaction, db.isolation_level)
            await db.execute("CREATE TABLE t(x)")
            await db.execute("INSERT INTO t VALUES (1)")
            box.note(db.in_transaction, await other.execute_fetchall("SELECT name FROM sqlite_master"))
            await box.outcome(db.commit())
            box.note(db.in_transaction, await other.execute_fetchall("SELECT * FROM t"))
            await db.execute("INSERT INTO t VALUES (2)")
            await box.outcome(db.rollback())
            box.note(db.in_transaction, await db.execute_fetchall("SELECT * FROM t"))
            await box.outcome(db.executescript("INSERT INTO t VALUES (3); INSERT INTO t VALUES (4)"))
            box.note(db.in_transaction, await other.execute_fetchall("SELECT * FROM t"))
            await db.close()
            box.note(await other.execute_fetchall("SELECT * FROM t"))
        for wrong in (None, 2, "yes", -2):
            await box.outcome(box.open(autocommit=wrong), repr(wrong))
