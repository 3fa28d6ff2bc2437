"""Functions of the program's own, and the hooks."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from typing import Any

from same import Box, case

NESTED = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT max(i) FROM n"


@case
async def functions_take_and_give_every_value(box: Box) -> None:
    db = await box.open()
    seen: list[Any] = []

    def note(*arguments: Any) -> Any:
        seen.append(arguments)
        return arguments[0] if arguments else "nothing"

    await db.create_function("note", -1, note)
    for value in ("1", "-9223372036854775808", "1.5", "'text'", "''", "x'00ff'", "x''", "NULL", "'a' || char(0)",
                  "9e999", "'ä'", "1, 2, 3", ""):
        await box.outcome(db.execute_fetchall(f"SELECT note({value}), typeof(note({value}))"), value)
    box.note(seen)


@case
async def values_of_functions(box: Box) -> None:
    db = await box.open()
    results: list[Any] = [None, 1, 2**63 - 1, 2**63, True, 1.5, float("nan"), "text", "\ud800", b"blob",
                          bytearray(b"a"), memoryview(b"v"),
                          object(), [], {}, (1,)]
    await db.create_function("give", 1, lambda position: results[position])
    for position, value in enumerate(results):
        await box.outcome(db.execute_fetchall("SELECT give(?), typeof(give(?1))", (position,)),
                          repr(value).split(" at ")[0])


@case
async def functions_that_raise(box: Box) -> None:
    db = await box.open()
    errors: list[BaseException] = [ValueError("mine"), KeyError("k"), MemoryError(), OverflowError(),
                                   sqlite3.IntegrityError("i"), ZeroDivisionError()]

    def fail(position: int) -> Any:
        raise errors[position]

    await db.create_function("fail", 1, fail)
    for position in range(len(errors)):
        await box.outcome(db.execute_fetchall("SELECT fail(?)", (position,)), position)
    await db.execute("CREATE TABLE t(x)")
    await db.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(3)])
    cursor = await db.cursor()
    await box.outcome(cursor.execute("SELECT CASE x WHEN 2 THEN fail(0) ELSE x END FROM t"))
    await box.outcome(cursor.fetchall())
    await box.outcome(db.execute("UPDATE t SET x = fail(x)"))
    box.note(db.in_transaction, await db.execute_fetchall("SELECT * FROM t"))


@case
async def functions_by_name_and_number_of_arguments(box: Box) -> None:
    db = await box.open()
    await db.create_function("f", 0, lambda: "none")
    await db.create_function("f", 1, lambda a: f"one {a}")
    await db.create_function("f", -1, lambda *a: f"any {len(a)}")
    await db.create_function("F", 2, lambda a, b: "two")
    for call in ("f()", "f(1)", "f(1, 2)", "F(1, 2, 3)", "missing()"):
        await box.outcome(db.execute_fetchall(f"SELECT {call}"), call)
    await db.create_function("f", 1, lambda: "of no arguments")
    await box.outcome(db.execute_fetchall("SELECT f(1)"))
    await db.create_function("abs", 1, lambda a: "mine")
    await box.outcome(db.execute_fetchall("SELECT abs(-1)"))
    for arguments in (("g", -2, print), ("g", "1", print), (None, 0, print), ("x" * 300, 0, print),
                      ("g", 0, "not callable"),
                      ("g\0h", 0, print)):
        await box.outcome(db.create_function(*arguments), [repr(argument)[:20] for argument in arguments[:2]])


@case
async def deterministic_functions(box: Box) -> None:
    db = await box.open()
    await db.create_function("pure", 1, lambda x: x * 2, deterministic=True)
    await db.create_function("impure", 1, lambda x: x * 2)
    await db.execute("CREATE TABLE t(x)")
    await box.outcome(db.execute("CREATE INDEX a ON t(pure(x))"))
    await box.outcome(db.execute("CREATE INDEX b ON t(impure(x))"))
    await db.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(5)])
    box.note(await db.execute_fetchall("SELECT x FROM t WHERE pure(x) = 4"))
    await box.outcome(db.create_function("positional", 1, abs, True))
    await box.outcome(db.create_function(name="named", num_params=1, func=abs, deterministic=True))


@case
async def an_authorizer(box: Box) -> None:
    db = await box.open()
    await db.executescript("CREATE TABLE t(x, y); INSERT INTO t VALUES (1, 2); CREATE VIEW v AS SELECT x FROM t;")
    await db.execute("CREATE TABLE u(x)")
    seen: list[Any] = []

    def decide(*arguments: Any) -> Any:
        seen.append(arguments)
        if arguments[0] == sqlite3.SQLITE_DROP_TABLE:
            return sqlite3.SQLITE_DENY
        if arguments[:3] == (sqlite3.SQLITE_READ, "t", "y"):
            return sqlite3.SQLITE_IGNORE
        return sqlite3.SQLITE_OK

    await db.set_authorizer(decide)
    for statement in ("SELECT x, y FROM t", "SELECT * FROM v", "DROP TABLE u", "INSERT INTO u VALUES (1)",
                      "PRAGMA user_version", "SELECT abs(1)"):
        await box.outcome(db.execute_fetchall(statement), statement)
    # The BEGIN that comes by itself is not asked for.
    box.note(sorted({repr(asked) for asked in seen if asked[0] != sqlite3.SQLITE_TRANSACTION}))
    for answer in (None, "0", 3, -1, 1.0, 2**40, object(), True):
        await db.set_authorizer(lambda *arguments: answer)
        await box.outcome(db.execute_fetchall("SELECT 1"), type(answer).__name__)

    def fail(*arguments: Any) -> int:
        raise ValueError("mine")

    await db.set_authorizer(fail)
    await box.outcome(db.execute("SELECT 1"))
    if sys.version_info >= (3, 11):
        await db.set_authorizer(None)
        await box.outcome(db.execute("DROP TABLE u"))


@case
async def a_progress_handler(box: Box) -> None:
    db = await box.open()
    await db.execute("CREATE TABLE t(x)")
    calls: list[int] = []
    await db.set_progress_handler(lambda: calls.append(1), 1000)
    box.note(await db.execute_fetchall(NESTED), len(calls) > 10)
    await db.set_progress_handler(lambda: 1, 100)
    await box.outcome(db.execute_fetchall(NESTED))

    def fail() -> Any:
        raise ValueError("mine")

    await db.set_progress_handler(fail, 100)
    await box.outcome(db.execute_fetchall(NESTED))
    for answer in (0, "", "text", [], [0], 0.0, False, True):
        await db.set_progress_handler(lambda: answer, 1000)
        await box.outcome(db.execute_fetchall(NESTED), repr(answer))
    await db.set_progress_handler(None, 100)
    await box.outcome(db.execute_fetchall(NESTED))
    await db.set_progress_handler(lambda: 1, 0)
    await box.outcome(db.execute_fetchall(NESTED))
    await db.set_progress_handler(lambda: 1, -5)
    await box.outcome(db.execute_fetchall(NESTED))


@case
async def a_trace_callback(box: Box) -> None:
    db = await box.open()
    seen: list[str] = []
    await db.execute("CREATE TABLE t(x)")
    await db.set_trace_callback(seen.append)
    await db.execute("INSERT INTO t VALUES (?)", ("it's",))
    await db.execute("SELECT x FROM t WHERE x = :x", {"x": 1.5})
    await db.execute_fetchall("SELECT ?, ?", (None, b"\x01\xff"))
    await db.executemany("INSERT INTO t VALUES (?)", [(1,), ("ä",)])
    await db.commit()
    await db.executescript("SELECT 1; SELECT 2;")
    await db.rollback()
    await box.outcome(db.execute("SELECT * FROM missing"))
    await db.set_trace_callback(None)
    await db.execute("SELECT 3")
    box.note([statement.replace("BEGIN DEFERRED", "BEGIN ") for statement in seen])

    def fail(statement: str) -> None:
        raise ValueError("mine")

    await db.set_trace_callback(fail)
    await box.outcome(db.execute_fetchall("SELECT 4"))


@case
async def interrupt(box: Box) -> None:
    db = await box.open()
    started = asyncio.Event()
    loop = asyncio.get_running_loop()
    await db.create_function("start", 0, lambda: loop.call_soon_threadsafe(started.set) and None)
    await box.outcome(db.interrupt())
    endless = "WITH RECURSIVE n(i) AS (SELECT start() UNION ALL SELECT 1 FROM n) SELECT count(*) FROM n"
    task = asyncio.ensure_future(db.execute_fetchall(endless))
    await started.wait()
    await db.interrupt()
    await box.outcome(task)
    box.note(await db.execute_fetchall("SELECT 1"))


@case
async def a_function_sees_the_values_of_a_statement_that_writes(box: Box) -> None:
    db = await box.open()
    await db.create_function("double", 1, lambda x: x * 2)
    await db.executescript("CREATE TABLE t(x); CREATE TABLE log(x);")
    await db.execute("CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO log VALUES (double(new.x)); END")
    await db.executemany("INSERT INTO t VALUES (double(?))", [(i,) for i in range(5)])
    box.note(await db.execute_fetchall("SELECT x FROM log"), db.total_changes)
    cursor = await db.execute("SELECT double(x) FROM t")
    box.note([row async for row in cursor])


@case
async def loading_extensions(box: Box) -> None:
    db = await box.open()
    if not hasattr(sqlite3.Connection, "enable_load_extension"):
        box.note("this interpreter's sqlite3 cannot")
        return
    await box.outcome(db.load_extension("missing"))
    await box.outcome(db.enable_load_extension(True))
    try:
        await db.load_extension("missing")
    except sqlite3.OperationalError as error:
        box.note("not authorized" in str(error))
    await box.outcome(db.enable_load_extension(False))
    await box.outcome(db.load_extension("missing"))
