"""Changes to tables as they are committed, and figures."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest


async def take(changes: Any, number: int) -> list[Any]:
    return [await changes.__anext__() for _ in range(number)]


async def test_observe_changes_after_their_commit(db: Any) -> None:
    await db.execute("CREATE TABLE t(x)")
    async with db.changes() as changes:
        first = asyncio.ensure_future(changes.__anext__())
        await asyncio.sleep(0)
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO t VALUES (1)")
            await tx.execute("UPDATE t SET x = 2")
            await asyncio.sleep(0.02)
            assert not first.done()
        change = await first
        assert (change.operation, change.schema, change.table, change.rowid) == ("insert", "main", "t", 1)
        change = await changes.__anext__()
        assert (change.operation, change.old_rowid, change.rowid) == ("update", 1, 1)
        await db.execute("DELETE FROM t WHERE x = 2")
        assert (await changes.__anext__()).operation == "delete"


async def test_observe_values_before_and_after(db: Any) -> None:
    await db.execute("CREATE TABLE t(x, y)")
    async with db.changes(values=True) as changes:
        first = asyncio.ensure_future(changes.__anext__())
        await asyncio.sleep(0)
        await db.execute("INSERT INTO t VALUES (1, 'a')")
        await db.execute("UPDATE t SET y = 'b'")
        await db.execute("DELETE FROM t WHERE x = 1")
        seen = [await first, *await take(changes, 2)]
        assert [(change.old, change.new) for change in seen] == [(None, (1, "a")), ((1, "a"), (1, "b")),
                                                                 ((1, "b"), None)]


async def test_observe_nothing_of_a_transaction_that_is_rolled_back(db: Any) -> None:
    await db.execute("CREATE TABLE t(x)")
    async with db.changes() as changes:
        first = asyncio.ensure_future(changes.__anext__())
        await asyncio.sleep(0)
        with pytest.raises(KeyError):
            async with db.transaction() as tx:
                await tx.execute("INSERT INTO t VALUES (1)")
                raise KeyError("mine")
        await db.execute("INSERT INTO t VALUES (2)")
        assert (await first).rowid == 1
        rest = asyncio.ensure_future(changes.__anext__())
        await asyncio.sleep(0.02)
        assert not rest.done()
        rest.cancel()
        await asyncio.wait([rest])


async def test_observation_ends_with_its_connection() -> None:
    import sidelite

    db = await sidelite.connect(":memory:")
    changes = db.changes()
    waiting = asyncio.ensure_future(changes.__anext__())
    await asyncio.sleep(0.01)
    await db.close()
    with pytest.raises(StopAsyncIteration):
        await waiting


async def test_several_observers(db: Any) -> None:
    await db.execute("CREATE TABLE t(x)")
    observers = [db.changes() for _ in range(3)]
    waiting = [asyncio.ensure_future(changes.__anext__()) for changes in observers]
    await asyncio.sleep(0)
    await db.execute("INSERT INTO t VALUES (1)")
    assert [change.operation for change in await asyncio.gather(*waiting)] == ["insert"] * 3
    for changes in observers:
        changes.close()
        with pytest.raises(StopAsyncIteration):
            await changes.__anext__()


async def test_statistics(db: Any) -> None:
    before = db.statistics()
    await db.execute("CREATE TABLE t(x)")
    for i in range(10):
        await db.execute("INSERT INTO t VALUES (?)", (i,))
    after = db.statistics()
    assert after.submitted - before.submitted == 11 == after.completed - before.completed
    assert after.cache_hits - before.cache_hits == 9
    assert (after.outstanding, after.total_changes) == (0, 10)
