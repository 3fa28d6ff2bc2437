"""Transactions that no other task can get into, and batches."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import sidelite
from support import ENDLESS, failure


async def rows_of(db: Any) -> list[Any]:
    return [row[0] for row in await db.execute_fetchall("SELECT x FROM t")]


async def insert(db: Any, value: Any) -> None:
    await db.execute("INSERT INTO t VALUES (?)", (value,))


@pytest.fixture
def table(db: Any, loop: asyncio.AbstractEventLoop) -> Any:
    loop.run_until_complete(db.execute("CREATE TABLE t(x)").__aenter__())
    return db


async def test_commit_keeps_what_was_done(table: Any) -> None:
    async with table.transaction() as tx:
        await insert(tx, 1)
        assert table.in_transaction
    assert not table.in_transaction and await rows_of(table) == [1]


async def test_transaction_left_by_an_exception_is_rolled_back(table: Any) -> None:
    for mode in ("deferred", "immediate", "exclusive"):
        with pytest.raises(KeyError):
            async with table.transaction(mode) as tx:
                await insert(tx, 1)
                raise KeyError("mine")
        assert not table.in_transaction and await rows_of(table) == []


async def test_lease_begins_as_deferred_immediate_and_exclusive(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with sidelite.connect(path, timeout=0,
                                isolation_level=None) as one, sidelite.connect(path, timeout=0,
                                                                               isolation_level=None) as two:
        await one.execute("CREATE TABLE t(x)")
        async with one.transaction("deferred"):
            await insert(two, 1)
        async with one.transaction("immediate"):
            await failure(insert(two, 2), sqlite3.OperationalError, "locked")
            assert await rows_of(two) == [1]
        async with one.transaction("exclusive"):
            await failure(rows_of(two), sqlite3.OperationalError, "locked")
        with pytest.raises(ValueError):
            one.transaction("sometimes")


async def test_others_wait_for_its_end(table: Any) -> None:
    order: list[str] = []
    begun = asyncio.Event()

    async def other() -> None:
        await begun.wait()
        await insert(table, "other")
        order.append("other")

    waiting = asyncio.ensure_future(other())
    async with table.transaction("immediate") as tx:
        begun.set()
        await asyncio.sleep(0.02)
        await insert(tx, "mine")
        await asyncio.sleep(0.02)
        assert not waiting.done()
        order.append("mine")
    await waiting
    assert order == ["mine", "other"] and await rows_of(table) == ["mine", "other"]


async def test_what_a_task_asks_of_the_connection_is_inside_as_well(table: Any) -> None:
    """Also by tasks that it starts: a helper that has only the connection works in its caller's transaction."""
    with pytest.raises(KeyError):
        async with table.transaction():
            await insert(table, 1)
            await asyncio.gather(insert(table, 2), asyncio.ensure_future(insert(table, 3)))
            async with table.transaction():
                await insert(table, 4)
            assert sorted(await rows_of(table)) == [1, 2, 3, 4]
            raise KeyError("mine")
    assert await rows_of(table) == []


async def test_lease_loses_no_update_of_many_tasks(table: Any) -> None:
    await insert(table, 0)

    async def add() -> None:
        for _ in range(5):
            async with table.transaction("immediate") as tx:
                [[value]] = await tx.execute_fetchall("SELECT x FROM t")
                await asyncio.sleep(0)
                await tx.execute("UPDATE t SET x = ?", (value + 1,))

    await asyncio.gather(*[add() for _ in range(20)])
    assert await rows_of(table) == [100]


async def test_savepoints_are_kept_or_undone(table: Any) -> None:
    async with table.transaction() as tx:
        await insert(tx, 1)
        async with tx.transaction() as inner:
            await insert(inner, 2)
            with pytest.raises(KeyError):
                async with inner.transaction() as innermost:
                    await insert(innermost, 3)
                    raise KeyError("mine")
            await insert(inner, 4)
        await insert(tx, 5)
    assert await rows_of(table) == [1, 2, 4, 5]


async def test_every_call_in_a_transaction(table: Any) -> None:
    async with table.transaction() as tx:
        await tx.execute("INSERT INTO t VALUES (1)")
        await tx.executemany("INSERT INTO t VALUES (?)", [(2,), (3,)])
        assert list(await tx.execute_insert("INSERT INTO t VALUES (4)")) == [4]
        async with tx.execute("SELECT x FROM t") as cursor:
            assert [row async for row in cursor] == [(1,), (2,), (3,), (4,)]
        async with tx.cursor() as cursor:
            await cursor.execute("UPDATE t SET x = x + 1")
            assert cursor.rowcount == 4
    assert await rows_of(table) == [2, 3, 4, 5]


async def test_lease_that_has_ended_is_no_lane_any_more(table: Any) -> None:
    async with table.transaction() as tx:
        await insert(tx, 1)
    await failure(insert(tx, 2), sqlite3.Error)
    assert await rows_of(table) == [1]


async def test_lease_that_waits_can_be_cancelled(table: Any) -> None:
    begun = asyncio.Event()

    async def wait() -> None:
        await begun.wait()
        async with table.transaction():
            raise AssertionError("entered")

    waiting = asyncio.ensure_future(wait())
    async with table.transaction() as tx:
        begun.set()
        await asyncio.sleep(0.02)
        waiting.cancel()
        await insert(tx, 1)
    await failure(waiting, asyncio.CancelledError)
    assert await rows_of(table) == [1] and not table.in_transaction


async def test_task_that_is_cancelled_inside_rolls_back(table: Any) -> None:
    async def work() -> None:
        async with table.transaction() as tx:
            await insert(tx, 1)
            await tx.execute_fetchall(ENDLESS)

    task = asyncio.ensure_future(work())
    await asyncio.sleep(0.03)
    task.cancel()
    await failure(task, asyncio.CancelledError)
    assert not table.in_transaction and await rows_of(table) == []


async def test_commit_that_fails_rolls_back(db: Any) -> None:
    await db.execute("PRAGMA foreign_keys = 1")
    await db.execute("CREATE TABLE p(x PRIMARY KEY)")
    await db.execute("CREATE TABLE t(x REFERENCES p DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(sqlite3.IntegrityError):
        async with db.transaction() as tx:
            await insert(tx, 1)
    assert not db.in_transaction and await rows_of(db) == []


async def test_a_transaction_that_was_lost_is_not_said_to_be_committed(table: Any) -> None:
    await table.execute("CREATE TABLE u(x PRIMARY KEY ON CONFLICT ROLLBACK)")
    with pytest.raises(sqlite3.Error):
        async with table.transaction() as tx:
            await insert(tx, 1)
            await tx.execute("INSERT INTO u VALUES (1)")
            await failure(tx.execute("INSERT INTO u VALUES (1)"), sqlite3.IntegrityError)
    assert await rows_of(table) == []


async def test_a_transaction_ends_with_its_connection() -> None:
    db = await sidelite.connect(":memory:")
    await db.execute("CREATE TABLE t(x)")

    async def work() -> None:
        async with db.transaction() as tx:
            await insert(tx, 1)
            db.stop()
            await asyncio.sleep(0.01)
            await insert(tx, 2)

    await failure(work(), ValueError)


async def test_batch_is_one_transaction(table: Any) -> None:
    results = await table.batch(["INSERT INTO t VALUES (1)", ("INSERT INTO t VALUES (?)", (2,)),
                                 ("SELECT x FROM t WHERE x > :x", {"x": 0})])
    assert len(results) == 3 and not table.in_transaction
    await failure(table.batch(["INSERT INTO t VALUES (3)", "INSERT INTO missing VALUES (4)",
                               "INSERT INTO t VALUES (5)"]), sqlite3.OperationalError, "no such table: missing")
    assert await rows_of(table) == [1, 2] and not table.in_transaction
    assert await table.batch([]) == []


async def test_batches_and_others_in_one_turn(table: Any) -> None:
    batches = [table.batch([("INSERT INTO t VALUES (?)", (i,)), ("INSERT INTO t VALUES (?)", (i,))]) for i in range(20)]
    others = [table.execute("INSERT INTO t VALUES (?)", (100 + i,)) for i in range(20)]
    await asyncio.gather(*batches, *others)
    assert sorted(await rows_of(table)) == sorted([i // 2 for i in range(40)] + [100 + i for i in range(20)])


async def test_batch_inside_a_transaction(table: Any) -> None:
    with pytest.raises(KeyError):
        async with table.transaction() as tx:
            await insert(tx, 0)
            await tx.batch(["INSERT INTO t VALUES (1)"])
            await failure(tx.batch(["INSERT INTO t VALUES (2)", "SELEC"]), sqlite3.OperationalError)
            assert await rows_of(tx) == [0, 1]
            raise KeyError("mine")
    assert await rows_of(table) == []
