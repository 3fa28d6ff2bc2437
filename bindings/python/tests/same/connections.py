"""Connections: how they open and close, what they tell, their copies."""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

from same import Box, case


@case
async def connect_of_every_kind(box: Box) -> None:
    class Named:
        def __str__(self) -> str:
            return str(box.folder / "named.db")

    connect = box.library.connect
    for database in (box.path, str(box.path), str(box.path).encode(), Named(), "", ":memory:"):
        db = await connect(database)
        box.note(type(database).__name__, db, [row[1:] for row in await db.execute_fetchall("PRAGMA database_list")])
        await db.close()
        async with connect(database) as db:
            box.note(db)
    for database in (box.folder, box.folder / "none" / "a.db", "a\0b", b"\xff", None, 5, [], "\ud800"):
        if not isinstance(database, (Path, str, bytes)):
            os.chdir(box.folder)
        await box.outcome(connect(database)._connect() if False else opened(box, database), repr(database))
    box.note(sorted(path.name for path in box.folder.iterdir()))


async def opened(box: Box, database: Any, **options: Any) -> Any:
    db = await box.library.connect(database, **options)
    await db.close()
    return db


@case
async def options_of_connect(box: Box) -> None:
    for options in ({"timeout": 0}, {"timeout": 1.5}, {"timeout": -1}, {"timeout": "1"}, {"timeout": None},
                    {"detect_types": "x"}, {"cached_statements": 0},
                    {"cached_statements": 5}, {"cached_statements": -1}, {"uri": True}, {"uri": 0},
                    {"check_same_thread": False}, {"bogus": 1},
                    {"isolation_level": None}, {"iter_chunk_size": 10}, {"iter_chunk_size": 0}):
        await box.outcome(opened(box, box.path, **options), repr(options))
    with box.warnings():
        await box.outcome(opened(box, box.path, loop=asyncio.get_running_loop()))
    try:
        box.library.connect(box.path, 64)
    except TypeError as error:
        box.note(error)
    try:
        box.library.connect()
    except TypeError as error:
        box.note(error)


@case
async def uris(box: Box) -> None:
    await opened(box, box.path)
    for query in ("", "?mode=ro", "?mode=rw", "?mode=memory", "?mode=bogus", "?immutable=1",
                  "?cache=shared&mode=memory"):
        db = None
        try:
            db = await box.library.connect(f"file:{box.path}{query}", uri=True)
            await box.outcome(db.execute("CREATE TABLE IF NOT EXISTS t(x)"), query)
        except sqlite3.Error as error:
            box.note(query, error)
        finally:
            if db is not None:
                await db.close()
    await box.outcome(opened(box, f"file:{box.folder}/missing.db?mode=rw", uri=True))
    box.note(sorted(path.name for path in box.folder.iterdir()))


@case
async def memory_that_is_shared(box: Box) -> None:
    one = await box.open("file:shared?mode=memory&cache=shared", uri=True)
    two = await box.open("file:shared?mode=memory&cache=shared", uri=True)
    await one.execute("CREATE TABLE t(x)")
    await one.execute("INSERT INTO t VALUES (1)")
    await box.outcome(two.execute_fetchall("SELECT * FROM t"))
    await one.commit()
    await box.outcome(two.execute_fetchall("SELECT * FROM t"))


@case
async def before_it_is_opened_and_after_it_is_closed(box: Box) -> None:
    async def look(db: Any) -> None:
        for name in ("in_transaction", "isolation_level", "row_factory", "text_factory", "total_changes"):
            box.outcome_of(lambda: getattr(db, name), name)
        for name, value in (("isolation_level", None), ("row_factory", None), ("text_factory", str)):
            box.outcome_of(lambda: setattr(db, name, value), name)
        for name, arguments in (("execute", ("SELECT 1",)), ("executemany", ("SELECT 1", [])),
                                ("executescript", ("SELECT 1",)), ("cursor", ()),
                                ("execute_insert", ("SELECT 1",)), ("execute_fetchall", ("SELECT 1",)), ("commit", ()),
                                ("rollback", ()),
                                ("interrupt", ()), ("create_function", ("f", 0, print)), ("set_authorizer", (None,)),
                                ("set_trace_callback", (None,)),
                                ("set_progress_handler", (None, 1))):
            await box.outcome(getattr(db, name)(*arguments), name)

        async def dump() -> Any:
            return [line async for line in db.iterdump()]

        await box.outcome(dump())
        await box.outcome(db.backup(db))
        box.note(await db.close())

    await look(box.library.connect(box.path))
    db = await box.library.connect(box.path)
    cursor = await db.execute("SELECT 1")
    await db.close()
    await look(db)
    for call in (cursor.fetchone, cursor.fetchmany, cursor.fetchall, cursor.close):
        await box.outcome(call())
    await box.outcome(cursor.execute("SELECT 1"))
    box.note(cursor.description, cursor.rowcount, cursor.arraysize)


@case
async def close_waits_for_what_was_asked_before(box: Box) -> None:
    db = await box.library.connect(box.path)
    await db.execute("CREATE TABLE t(x)")
    inserts = [asyncio.ensure_future(db.execute("INSERT INTO t VALUES (?)", (i,))) for i in range(50)]
    commit = asyncio.ensure_future(db.commit())
    await asyncio.sleep(0)
    await db.close()
    box.note([task.done() and task.exception() for task in (*inserts, commit)])
    db = await box.open(box.path)
    box.note(await db.execute_fetchall("SELECT count(*) FROM t"))


@case
async def it_is_awaited_or_entered_once(box: Box) -> None:
    db = box.library.connect(box.path)
    box.note(await db is db)
    for again in (lambda: enter(db), lambda: wait(db)):
        await box.outcome(again())
    box.note((await db.execute_fetchall("SELECT 1")))
    await db.close()
    await box.outcome(wait(db))

    async with box.library.connect(box.path) as db:
        await db.close()
    async with box.library.connect(box.path) as db:
        await db.stop()


async def wait(db: Any) -> Any:
    return await db


async def enter(db: Any) -> Any:
    return await db.__aenter__()


@case
async def stop(box: Box) -> None:
    db = await box.library.connect(box.path)
    await db.stop()
    await box.outcome(db.execute("SELECT 1"))
    box.note(await db.close())


@case
async def an_error_inside_leaves_by_closing(box: Box) -> None:
    async def body() -> None:
        async with box.library.connect(box.path) as db:
            await db.execute("CREATE TABLE t(x)")
            await db.execute("INSERT INTO t VALUES (1)")
            raise KeyError("mine")

    await box.outcome(body())
    db = await box.open(box.path)
    box.note(await db.execute_fetchall("SELECT * FROM t"))


@case
async def a_connection_left_open_warns(box: Box) -> None:
    db = await box.library.connect(":memory:")
    with box.warnings():
        del db
        gc.collect()
    db = await box.library.connect(":memory:")
    await db.close()
    with box.warnings():
        del db
        gc.collect()
    db = box.library.connect(":memory:")
    with box.warnings():
        del db
        gc.collect()


@case
async def total_changes(box: Box) -> None:
    db = await box.open()
    box.note(db.total_changes)
    for statement in ("CREATE TABLE t(x)", "INSERT INTO t VALUES (1), (2)", "UPDATE t SET x = 3",
                      "DELETE FROM t WHERE x = 9", "DELETE FROM t"):
        await db.execute(statement)
        box.note(db.total_changes)
    await db.rollback()
    box.note(db.total_changes)
    await db.executescript("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2);")
    box.note(db.total_changes)


@case
async def locks_are_waited_for(box: Box) -> None:
    one, two = await box.open(box.path), await box.open(box.path, timeout=0.05)
    await one.execute("CREATE TABLE t(x)")
    await one.execute("BEGIN EXCLUSIVE")
    await box.outcome(two.execute_fetchall("SELECT * FROM t"))
    await box.outcome(two.execute("INSERT INTO t VALUES (1)"))
    patient = await box.open(box.path, timeout=30)
    task = asyncio.ensure_future(patient.execute("INSERT INTO t VALUES (2)"))
    await asyncio.sleep(0.05)
    box.note(task.done())
    await one.rollback()
    await box.outcome(task)
    await patient.commit()
    box.note(await two.execute_fetchall("SELECT * FROM t"))


@case
async def errors_of_every_class(box: Box) -> None:
    db = await box.open(box.path)
    await db.executescript("""
        PRAGMA foreign_keys = 1;
        CREATE TABLE t(x INTEGER PRIMARY KEY, y UNIQUE, z NOT NULL DEFAULT 1, w CHECK (w > 0), r REFERENCES t);
        CREATE TABLE s(x INTEGER) STRICT;
        CREATE TABLE raising(x);
        CREATE TRIGGER g BEFORE INSERT ON raising BEGIN SELECT RAISE(ABORT, 'no rows here'); END;
        INSERT INTO t(x, y) VALUES (1, 1);
    """)
    for statement in ("INSERT INTO t(x) VALUES (1)", "INSERT INTO t(y) VALUES (1)", "INSERT INTO t(z) VALUES (NULL)",
                      "INSERT INTO t(w) VALUES (0)",
                      "INSERT INTO t(r) VALUES (99)", "INSERT INTO t(x) VALUES ('text')",
                      "INSERT INTO raising VALUES (1)",
                      "SELECT * FROM missing", "SELECT missing FROM t", "SELECT missing()", "SELECT abs()", "SELECT",
                      "CREATE TABLE t(x)", "DROP TABLE missing",
                      "SELECT abs(-9223372036854775808)", "SELECT json('{')",
                      "SELECT zeroblob(-1), zeroblob(2000000000)", "SELECT 1 UNION SELECT 1, 2",
                      "ATTACH '/missing/missing/a.db' AS a", "PRAGMA missing", "SAVEPOINT", "ROLLBACK TO missing",
                      "REINDEX missing", "SELECT load_extension('x')",
                      "INSERT INTO sqlite_master VALUES (1, 2, 3, 4, 5)", "SELECT x'0'", "SELECT likelihood(1, 2)",
                      "SELECT 'a' LIKE 'b' ESCAPE 'cd'"):
        await box.outcome(db.execute(statement), statement)
        await db.rollback()
    (box.folder / "garbage.db").write_bytes(b"this is no database" * 100)

    async def read_garbage() -> Any:
        """Whether it is the opening that tells, or the first statement, is one to a program that does both."""
        async with box.library.connect(box.folder / "garbage.db") as garbage:
            return await garbage.execute_fetchall("SELECT * FROM sqlite_master")

    await box.outcome(read_garbage())
    readonly = await box.open(f"file:{box.path}?mode=ro", uri=True)
    await box.outcome(readonly.execute("CREATE TABLE u(x)"))
    await box.outcome(readonly.execute("INSERT INTO s VALUES (1)"))


@case
async def exceptions_are_those_of_sqlite3(box: Box) -> None:
    for name in ("Warning", "Error", "DatabaseError", "IntegrityError", "ProgrammingError", "OperationalError",
                 "NotSupportedError", "Row",
                 "register_adapter", "register_converter"):
        box.note(name, getattr(box.library, name) is getattr(sqlite3, name))
    box.note(box.library.paramstyle, type(box.library.sqlite_version), len(box.library.sqlite_version_info),
             box.library.__version__.count("."))


SCHEMA = '''
    CREATE TABLE "quoted ""name"""(a INTEGER PRIMARY KEY AUTOINCREMENT, "b ""c""" TEXT, 'd' BLOB);
    INSERT INTO "quoted ""name""" VALUES (1, 'it''s', x'00ff'), (5, NULL, ''), (7, 'ä' || char(10), 1.5), (8, '', -0.1);
    CREATE TABLE empty(x);
    CREATE TABLE numbers(x);
    INSERT INTO numbers VALUES (9223372036854775807), (-1), (1e100), (0.1), (123456789012), (NULL), ('text'), (x'');
    CREATE INDEX i ON numbers(x);
    CREATE VIEW v AS SELECT x FROM numbers;
    CREATE TRIGGER g AFTER INSERT ON numbers BEGIN SELECT 1; END;
    CREATE TABLE w(k TEXT PRIMARY KEY, v) WITHOUT ROWID;
    INSERT INTO w VALUES ('a', 1), ('b', 2);
    ANALYZE;
'''


@case
async def iterdump(box: Box) -> None:
    db = await box.open()
    box.note([line async for line in db.iterdump()])
    await db.executescript(SCHEMA)
    lines = [line async for line in db.iterdump()]
    box.note(lines)
    db.row_factory = sqlite3.Row
    box.note(lines == [line async for line in db.iterdump()])
    db.row_factory = None
    await db.execute("INSERT INTO empty VALUES ('uncommitted')")
    box.note(lines == [line async for line in db.iterdump()], db.in_transaction)
    await db.rollback()
    box.note(lines == [line async for line in db.iterdump()])
    copy = await box.open()
    await copy.executescript("".join(lines))
    box.note(lines == [line async for line in copy.iterdump()])


@case
async def iterdump_left_in_the_middle(box: Box) -> None:
    db = await box.open()
    await db.executescript(SCHEMA)
    lines = db.iterdump()
    box.note(await lines.__anext__(), await lines.__anext__())
    await lines.aclose()
    box.note(await db.execute_fetchall("SELECT count(*) FROM numbers"))


if sys.version_info >= (3, 13):

    @case
    async def iterdump_of_virtual_tables_and_violations(box: Box) -> None:
        db = await box.open()
        await db.execute("CREATE VIRTUAL TABLE f USING fts5(a, 'b')")
        await db.executescript("CREATE TABLE p(x PRIMARY KEY); CREATE TABLE c(x REFERENCES p);")
        box.note([line for line in [line async for line in db.iterdump()] if "CREATE TABLE 'f_" not in line])
        await db.execute("INSERT INTO c VALUES (1)")
        box.note((await db.iterdump().__anext__()))


async def filled(box: Box, **options: Any) -> Any:
    db = await box.open(**options)
    await db.execute("CREATE TABLE t(x, y)")
    await db.executemany("INSERT INTO t VALUES (?, ?)", [(i, "text" * 100) for i in range(500)])
    await db.commit()
    return db


@case
async def backup_to_another_connection(box: Box) -> None:
    source, target = await filled(box), await box.open()
    steps: list[Any] = []
    await target.execute("CREATE TABLE old(x)")
    await target.commit()
    box.note(await source.backup(target))
    box.note(await target.execute_fetchall("SELECT count(*), sum(x) FROM t"),
             await target.execute_fetchall("SELECT name FROM sqlite_master"))
    for pages in (0, -1, 1, 7, 1000):
        steps.clear()
        target = await box.open()
        await box.outcome(source.backup(target, pages=pages, progress=lambda *step: steps.append(step), sleep=0), pages)
        box.note(len(steps), steps[:2], steps[-1:], [type(n).__name__ for n in steps[0]])
        box.note(await target.execute_fetchall("SELECT count(*) FROM t"))


@case
async def backup_to_a_connection_of_sqlite3(box: Box) -> None:
    source = await filled(box)
    for database in (":memory:", str(box.folder / "copy.db")):
        target = sqlite3.connect(database, check_same_thread=False)
        steps: list[Any] = []
        box.note(await source.backup(target))
        box.note(target.execute("SELECT count(*), sum(x) FROM t").fetchall())
        target.execute("DELETE FROM t")
        target.commit()
        await source.backup(target, pages=5, progress=lambda *step: steps.append(step), sleep=0.001)
        box.note(len(steps), steps[:2], steps[-1:], target.execute("SELECT count(*) FROM t").fetchall(),
                 target.in_transaction)
        target.close()
        await box.outcome(source.backup(target))


@case
async def backups_that_cannot_be(box: Box) -> None:
    source, target = await filled(box), await box.open()

    def fail(*step: int) -> None:
        raise KeyError("mine")

    await box.outcome(source.backup(target, progress=fail, pages=1))
    await box.outcome(source.backup(target, name="missing"))
    await box.outcome(source.backup(target, name="temp"))
    await box.outcome(source.backup(source))
    await box.outcome(source.backup(target, sleep=-1))
    for wrong in (None, 5, "text", box.path):
        await box.outcome(source.backup(wrong), type(wrong).__name__ if not isinstance(wrong, Path) else "path")
    await box.outcome(source.backup(target, progress=5))
    await box.outcome(source.backup(target, pages="5"))
    box.outcome_of(lambda: source.backup(target, 1))
    closed = await box.library.connect(":memory:")
    await closed.close()
    await box.outcome(source.backup(closed))
    await target.execute("CREATE TABLE u(x)")
    await target.execute("INSERT INTO u VALUES (1)")
    box.note(target.in_transaction)


@case
async def members(box: Box) -> None:
    import inspect

    library = box.library
    for owner in (library.Connection, library.Cursor):
        box.note(owner.__name__, owner.__module__.split(".")[-1])
        for name in ("__aenter__", "__aexit__", "__aiter__", "__await__", "__del__"):
            box.note(name, hasattr(owner, name))
    for name in ("core", "cursor", "context"):
        module = __import__(f"{library.__name__}.{name}", fromlist=["x"])
        box.note(inspect.ismodule(module))
    box.note(library.core.Connection is library.Connection, library.core.connect is library.connect,
             library.core.Cursor is library.Cursor,
             library.cursor.Cursor is library.Cursor, library.context.Result.__name__, sorted(library.core.__all__))


@case
async def representations(box: Box) -> None:
    db = await box.open()
    cursor = await db.execute("SELECT 1")
    box.note(repr(db), repr(cursor), bool(db), bool(cursor), db == db, hash(db) == hash(db), cursor == cursor)
