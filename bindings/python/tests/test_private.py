"""What programs touch of aiosqlite that is not its interface, as each of them does it."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import sidelite
from support import child, failure, until


async def test_isolation_level_by_the_queue_of_the_thread(db: Any) -> None:
    """SQLAlchemy."""

    def set_level(connection: Any, value: str | None) -> None:
        connection.isolation_level = value

    await db.execute("CREATE TABLE t(x)")
    for level in ("IMMEDIATE", None, ""):
        future = asyncio.get_running_loop().create_future()
        db._tx.put_nowait((future, partial(set_level, db._conn, level)))
        await future
        assert db.isolation_level == level
        await db.execute("INSERT INTO t VALUES (1)")
        assert db.in_transaction == (level is not None)
        await db.rollback()
    future = asyncio.get_running_loop().create_future()
    db._tx.put_nowait((future, lambda: 1 // 0))
    await failure(future, ZeroDivisionError)
    db._tx.put_nowait((None, lambda: None))
    await until(db._tx.empty)


async def test_the_thread_is_a_daemon_and_alive() -> None:
    """SQLAlchemy, before it awaits; langgraph; zigpy, after it has closed."""
    db = sidelite.connect(":memory:")
    db._thread.daemon = True
    assert db._connection is None and not db._thread.is_alive()
    await db
    assert db._connection and db._running and db._thread.is_alive()
    await db.close()
    db._thread.join()
    assert not db._connection and not db._running and not db._thread.is_alive()
    assert hasattr(sidelite.Connection, "stop")


async def test_row_factory_of_the_connection_inside(db: Any) -> None:
    """Tortoise, which makes dicts of the rows."""
    db._conn.row_factory = sqlite3.Row
    rows = await db.execute_fetchall("SELECT 1 AS a, 2 AS b")
    assert [dict(row) for row in rows] == [{"a": 1, "b": 2}]
    assert db.row_factory is sqlite3.Row
    assert db._conn.total_changes == 0 and not db._conn.in_transaction


async def test_functions_by_the_connection_inside(db: Any) -> None:
    """peewee."""

    class Longest:
        text = ""

        def step(self, text: str) -> None:
            self.text = max(self.text, text, key=len)

        def finalize(self) -> str:
            return self.text

    await db._execute(db._conn.create_aggregate, "longest", 1, Longest)
    await db._execute(db._conn.create_collation, "backwards", lambda a, b: (a < b) - (a > b))
    await db._execute(partial(db._conn.create_function, "twice", 1, lambda x: x * 2))
    values = "(VALUES ('a'), ('ccc'), ('bb'))"
    assert await db.execute_fetchall(f"SELECT longest(column1) FROM {values}") == [("ccc",)]
    ordered = await db.execute_fetchall(f"SELECT column1 FROM {values} ORDER BY 1 COLLATE backwards")
    assert ordered == [("ccc",), ("bb",), ("a",)]
    assert await db.execute_fetchall("SELECT twice(4)") == [(8,)]


async def test_calls_on_the_thread_after_it_is_closed() -> None:
    db = await sidelite.connect(":memory:")
    assert await db._execute(lambda a, b=0: a + b, 1, b=2) == 3
    await failure(db._execute(lambda: 1 // 0), ZeroDivisionError)
    await db.close()
    await failure(db._execute(print), ValueError, "Connection closed")
    with pytest.raises(ValueError, match="no active connection"):
        db._conn


async def test_connect_that_is_kept_and_awaited_later(tmp_path: Path) -> None:
    """langgraph."""
    db = sidelite.connect(tmp_path / "a.db")
    await asyncio.sleep(0.01)
    await db
    assert await db.execute_fetchall("SELECT 1") == [(1,)]
    await db.close()


async def test_stop_from_a_finalizer(tmp_path: Path) -> None:
    """aiohttp-client-cache."""
    db = await sidelite.connect(tmp_path / "a.db")
    await db.execute("CREATE TABLE t(x)")
    db.stop()
    await failure(db.execute("SELECT 1"), ValueError)
    never = sidelite.connect(tmp_path / "b.db")
    never.stop()


def test_stop_without_a_loop(new_loop: Any) -> None:
    loop = new_loop()
    db = loop.run_until_complete(sidelite.connect(":memory:").__aenter__())
    loop.close()
    db.stop()
    del db


async def test_connector_of_the_programs_own(tmp_path: Path) -> None:
    """zigpy."""
    path = tmp_path / "a.db"
    db = sidelite.Connection(connector=lambda: sqlite3.connect(path, isolation_level=None), iter_chunk_size=100)
    async with db:
        await db.execute("CREATE TABLE t(x)")
        await db.execute("INSERT INTO t VALUES (1)")
        assert not db.in_transaction and db.isolation_level is None
        assert (await db.cursor()).iter_chunk_size == 100
    async with sidelite.Connection(lambda: sqlite3.connect(path, timeout=0.5), 64) as db:
        assert db.isolation_level == ""
        assert await db.execute_fetchall("SELECT x FROM t") == [(1,)]
        assert await db.execute_fetchall("PRAGMA busy_timeout") == [(500,)]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="sqlite3 can say what is in memory since 3.11")
async def test_connector_of_a_database_in_memory() -> None:
    def connector() -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:")
        connection.executescript("CREATE TABLE t(x); INSERT INTO t VALUES (1)")
        connection.row_factory = sqlite3.Row
        return connection

    async with sidelite.Connection(connector, 64) as db:
        assert [dict(row) for row in await db.execute_fetchall("SELECT x FROM t")] == [{"x": 1}]
        await db.execute("INSERT INTO t VALUES (2)")


async def test_connector_that_fails() -> None:
    for error in (sqlite3.OperationalError("mine"), asyncio.CancelledError("mine")):
        db = sidelite.Connection(lambda: sqlite3.connect(":memory:"), 64)
        with patch.object(sqlite3, "connect", side_effect=error), pytest.raises(type(error), match="mine"):
            await db
        assert not db._running


@pytest.mark.package
def test_installed_as_aiosqlite() -> None:
    source = """
        import sidelite
        sidelite.install_as_aiosqlite()
        sidelite.install_as_aiosqlite()
        import aiosqlite, aiosqlite.core, aiosqlite.cursor, aiosqlite.context
        from aiosqlite import connect
        from aiosqlite.core import Connection
        assert aiosqlite is sidelite and connect is sidelite.connect and Connection is sidelite.Connection
        for name in ("core", "cursor", "context"):
            assert getattr(aiosqlite, name) is getattr(sidelite, name)
        print("as aiosqlite")
    """
    ended = child(source)
    assert (ended.code, ended.output, ended.errors) == (0, "as aiosqlite\n", "")


@pytest.mark.package
def test_installed_too_late() -> None:
    ended = child("import aiosqlite, sidelite\nsidelite.install_as_aiosqlite()")
    assert ended.code == 1 and "RuntimeError: aiosqlite has been imported" in ended.errors
