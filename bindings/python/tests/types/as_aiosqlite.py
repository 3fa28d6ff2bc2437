"""A program for aiosqlite, with the import changed: all of the interface, with the types that its values must have."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any, Optional

import sidelite as aiosqlite
from sidelite.context import Result
from sidelite.cursor import Cursor

Rows = list[tuple[int, str]]


def latin(data: bytes) -> str:
    return data.decode("latin-1")


def double(number: int) -> int:
    return number * 2


async def connections(path: Path) -> None:
    connecting: aiosqlite.Connection = aiosqlite.connect(path, iter_chunk_size=10, isolation_level=None, timeout=5.0,
                                                         detect_types=aiosqlite.PARSE_DECLTYPES)
    db: aiosqlite.Connection = await connecting
    async with aiosqlite.connect(":memory:", uri=True, cached_statements=10, check_same_thread=False) as entered:
        is_open: bool = entered.in_transaction
        level: Optional[str] = entered.isolation_level
        changes: int = entered.total_changes
        entered.isolation_level = None
        entered.isolation_level = "IMMEDIATE"
        entered.row_factory = aiosqlite.Row
        entered.row_factory = None
        entered.text_factory = bytes
        entered.text_factory = latin
        print(is_open, level, changes)
    await db.commit()
    await db.rollback()
    await db.interrupt()
    await db.backup(entered, pages=5, progress=lambda status, remaining, total: print(status, remaining, total),
                    name="main", sleep=0.1)
    with sqlite3.connect(":memory:") as plain:
        await db.backup(plain)
    lines: list[str] = [line async for line in db.iterdump()]
    print(lines)
    stopped: Optional[asyncio.Future[Any]] = db.stop()
    print(stopped)
    await db.close()


async def statements(db: aiosqlite.Connection) -> None:
    result: Result[Cursor] = db.execute("SELECT ?", (1,))
    cursor: aiosqlite.Cursor = await result
    async with db.execute("SELECT :a", {"a": 1}) as entered:
        async for row in entered:
            print(row[0])
    async with db.cursor() as fresh:
        again: aiosqlite.Cursor = await fresh.execute("SELECT 1")
        await fresh.executemany("INSERT INTO t VALUES (?)", [(1,), (2,)])
        await fresh.executescript("SELECT 1; SELECT 2")
        one = await fresh.fetchone()
        if one is not None:
            print(one[0])
        some: list[Any] = list(await fresh.fetchmany(5))
        every: list[Any] = list(await fresh.fetchall())
        print(again, some, every)
    inserted = await db.execute_insert("INSERT INTO t VALUES (?)", (1,))
    if inserted is not None:
        print(inserted[0])
    print([row[0] for row in await db.execute_fetchall("SELECT 1")])
    many: aiosqlite.Cursor = await db.executemany("INSERT INTO t VALUES (?)", ((i,) for i in range(3)))
    script: aiosqlite.Cursor = await db.executescript("SELECT 1")
    count: int = many.rowcount
    rowid: Optional[int] = cursor.lastrowid
    size: int = script.arraysize
    script.arraysize = 10
    script.iter_chunk_size = 100
    script.row_factory = aiosqlite.Row
    print(count, rowid, size, script.description, script.connection)
    await cursor.close()


async def functions(db: aiosqlite.Connection) -> None:
    await db.create_function("double", 1, double, deterministic=True)
    await db.set_progress_handler(lambda: 0, 1000)
    await db.set_progress_handler(None, 0)
    await db.set_trace_callback(print)
    await db.set_trace_callback(None)

    def decide(action: int, first: str | None, second: str | None, schema: str | None, trigger: str | None) -> int:
        return sqlite3.SQLITE_OK

    await db.set_authorizer(decide)
    await db.set_authorizer(None)
    await db.enable_load_extension(True)
    await db.load_extension("name")


async def errors(db: aiosqlite.Connection) -> None:
    try:
        await db.execute("SELECT")
    except aiosqlite.IntegrityError as error:
        print(error)
    except (aiosqlite.OperationalError, aiosqlite.ProgrammingError, aiosqlite.NotSupportedError,
            aiosqlite.DatabaseError) as error:
        print(error)
    except (aiosqlite.Warning, aiosqlite.Error) as error:
        print(error)
    version: str = aiosqlite.sqlite_version
    parts: tuple[int, int, int] = aiosqlite.sqlite_version_info
    print(version, parts, aiosqlite.paramstyle, aiosqlite.__version__)
    aiosqlite.register_adapter(Path, str)
    aiosqlite.register_converter("path", lambda data: Path(data.decode()))


async def wrong(db: aiosqlite.Connection) -> None:
    """What must not pass: each line has an error, and an `ignore` without one is an error itself."""
    await db.execute(1)  # type: ignore[arg-type]
    await db.missing()  # type: ignore[attr-defined]
    db.isolation_level = "SOMETIMES"  # type: ignore[assignment]
    db.total_changes = 5  # type: ignore[misc]
    number: str = db.total_changes  # type: ignore[assignment]
    await db.create_function("f", "one", print)  # type: ignore[arg-type]
    await db.backup("a path")  # type: ignore[arg-type]
    print(number)
