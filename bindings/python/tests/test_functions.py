"""Functions of the program's own beyond what aiosqlite has: aggregates, windows, collations, and those that await."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

import pytest
from support import Sum, failure, series

ROWS = "(VALUES (1), (2), (3), (4), (5))"


async def test_host_aggregate(db: Any) -> None:
    await db.create_aggregate("my_sum", 1, Sum)
    assert await db.execute_fetchall(f"SELECT my_sum(column1) FROM {ROWS}") == [(15,)]
    grouped = await db.execute_fetchall(f"SELECT my_sum(column1) FROM {ROWS} GROUP BY column1 % 2 ORDER BY 1")
    assert grouped == [(6,), (9,)]
    assert await db.execute_fetchall(f"SELECT my_sum(i) FROM ({series(20_000)})") == [(20_000 * 20_001 // 2,)]
    await db.create_aggregate("my_sum", 1, None)
    await failure(db.execute_fetchall("SELECT my_sum(1)"), sqlite3.OperationalError, "no such function")


async def test_host_window_moves(db: Any) -> None:
    await db.create_window_function("my_sum", 1, Sum)
    moved = await db.execute_fetchall(f"SELECT my_sum(column1) OVER (ORDER BY column1 ROWS 1 PRECEDING) FROM {ROWS}")
    assert moved == [(1,), (3,), (5,), (7,), (9,)]
    assert await db.execute_fetchall(f"SELECT my_sum(column1) FROM {ROWS}") == [(15,)]
    await db.create_window_function("my_sum", 1, None)
    await failure(db.execute_fetchall("SELECT my_sum(1)"), sqlite3.OperationalError, "no such function")


async def test_host_aggregate_fails_in_step_and_in_result(db: Any) -> None:
    class Failing(Sum):
        def __init__(self, where: str) -> None:
            super().__init__()
            self.where = where
            if where == "__init__":
                raise KeyError(where)

        def step(self, number: int) -> None:
            if self.where == "step":
                raise KeyError(self.where)

        def finalize(self) -> int:  # type: ignore[override]
            if self.where == "finalize":
                raise KeyError(self.where)
            return 1

    for where in ("__init__", "step", "finalize"):
        await db.create_aggregate("failing", 1, lambda: Failing(where))
        await failure(db.execute_fetchall(f"SELECT failing(column1) FROM {ROWS}"), sqlite3.OperationalError,
                      "user-defined aggregate's")
    await db.create_aggregate("fine", 1, lambda: Failing(""))
    assert await db.execute_fetchall(f"SELECT fine(column1) FROM {ROWS}") == [(1,)]


async def test_host_collation_sorts(db: Any) -> None:
    await db.create_collation("by_length", lambda a, b: len(a) - len(b))
    rows = await db.execute_fetchall("SELECT column1 FROM (VALUES ('ccc'), ('a'), ('bb')) ORDER BY 1 COLLATE by_length")
    assert rows == [("a",), ("bb",), ("ccc",)]
    await db.create_collation("by_length", None)
    await failure(db.execute_fetchall("SELECT 1 ORDER BY 'a' COLLATE by_length"), sqlite3.OperationalError,
                  "no such collation")


async def test_host_function_is_asynchronous(db: Any) -> None:
    async def slow(number: int) -> int:
        await asyncio.sleep(0.001)
        return number * 2

    await db.create_function("slow", 1, slow)
    assert await db.execute_fetchall(f"SELECT slow(column1) FROM {ROWS}") == [(2,), (4,), (6,), (8,), (10,)]


async def test_host_function_queries_its_own_connection(db: Any) -> None:
    await db.executescript("CREATE TABLE price(name, value); INSERT INTO price VALUES ('a', 3), ('b', 5)")

    async def price(name: str) -> Any:
        async with db.execute("SELECT value FROM price WHERE name = ?", (name,)) as cursor:
            row = await cursor.fetchone()
            return row and row[0]

    await db.create_function("price", 1, price)
    rows = await db.execute_fetchall("SELECT column1, price(column1) FROM (VALUES ('a'), ('b'), ('c'))")
    assert rows == [("a", 3), ("b", 5), ("c", None)]


async def test_host_function_fails_while_it_awaits(db: Any) -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise KeyError("mine")

    await db.create_function("fail", 0, fail)
    await failure(db.execute_fetchall("SELECT fail()"), sqlite3.OperationalError,
                  "user-defined function raised exception")
    assert await db.execute_fetchall("SELECT 1") == [(1,)]


async def test_cancel_reaches_a_call_that_waits(db: Any) -> None:
    ended: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    await db.create_function("wait", 0, wait)
    task = asyncio.ensure_future(db.execute_fetchall("SELECT wait()"))
    await asyncio.sleep(0.02)
    task.cancel()
    await failure(task, asyncio.CancelledError)
    assert await db.execute_fetchall("SELECT 1") == [(1,)]
    await asyncio.sleep(0.01)
    assert ended == ["cancelled"]


async def test_close_waits_for_a_call() -> None:
    import sidelite

    db = await sidelite.connect(":memory:")

    async def wait() -> None:
        await asyncio.sleep(1000)

    await db.create_function("wait", 0, wait)
    task = asyncio.ensure_future(db.execute_fetchall("SELECT wait()"))
    await asyncio.sleep(0.02)
    closing = asyncio.ensure_future(db.close())
    await asyncio.sleep(0.02)
    assert not closing.done()
    task.cancel()
    await failure(task, asyncio.CancelledError)
    await closing


async def test_a_function_that_is_called_very_often(db: Any) -> None:
    await db.create_function("plus", 2, lambda a, b: a + b)
    assert await db.execute_fetchall(f"SELECT sum(plus(i, 1)) FROM ({series(3000)})") == [(3000 * 3001 // 2 + 3000,)]




async def test_python_callbacks_are_called_on_the_loop(db: Any) -> None:
    import threading

    threads: set[int] = set()

    def note(*arguments: Any) -> int:
        threads.add(threading.get_ident())
        return 0

    await db.create_function("note", 0, note)
    await db.set_trace_callback(note)
    await db.set_authorizer(note)
    await db.set_progress_handler(note, 1)
    await db.execute_fetchall("SELECT note()")
    assert threads == {threading.get_ident()}
