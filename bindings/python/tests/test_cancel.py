"""Who cancels a task, or gives it a timeout, ends its request and no other."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import sidelite
from support import ENDLESS, NUMBERS, failure, series, until


async def rows_of(db: Any, sql: str) -> list[Any]:
    return list(await db.execute_fetchall(sql))


async def test_stopped_before_it_is_submitted(db: Any) -> None:
    await db.execute("CREATE TABLE t(x)")
    first = asyncio.ensure_future(db.execute("INSERT INTO t VALUES (1)"))
    stopped = [
        asyncio.ensure_future(db.execute("INSERT INTO t VALUES (2)")),
        asyncio.ensure_future(db.executemany("INSERT INTO t VALUES (?)", [(3,), (4,)])),
        asyncio.ensure_future(db.executescript("INSERT INTO t VALUES (5)")),
        asyncio.ensure_future(db.execute_fetchall("INSERT INTO t VALUES (6)")),
    ]
    last = asyncio.ensure_future(db.execute("INSERT INTO t VALUES (7)"))
    await asyncio.sleep(0)
    for task in stopped:
        task.cancel()
    for task in stopped:
        await failure(task, asyncio.CancelledError)
    await asyncio.gather(first, last)
    assert await rows_of(db, "SELECT x FROM t") == [(1,), (7,)]


async def test_stopped_while_queued_and_its_neighbour_is_not(db: Any) -> None:
    await db.execute("CREATE TABLE t(x)")
    endless = asyncio.ensure_future(db.execute_fetchall(ENDLESS))
    queued = asyncio.ensure_future(db.execute("INSERT INTO t VALUES (1)"))
    neighbour = asyncio.ensure_future(db.execute("INSERT INTO t VALUES (2)"))
    await asyncio.sleep(0.02)
    queued.cancel()
    await asyncio.sleep(0.02)
    assert not endless.done() and not neighbour.done()
    endless.cancel()
    await failure(endless, asyncio.CancelledError)
    await failure(queued, asyncio.CancelledError)
    await neighbour
    assert await rows_of(db, "SELECT x FROM t") == [(2,)]


async def test_stopped_while_running_is_undone(db: Any) -> None:
    await db.execute("CREATE TABLE t(x)")
    for end in ("execute", "executemany", "execute_fetchall"):
        sql = f"INSERT INTO t {NUMBERS}"
        task = asyncio.ensure_future(getattr(db, end)(sql, *([[()]] if end == "executemany" else [])))
        await asyncio.sleep(0.02)
        task.cancel()
        await failure(task, asyncio.CancelledError)
        assert await rows_of(db, "SELECT count(*) FROM t") == [(0,)]


async def test_the_error_comes_when_the_request_has_ended(db: Any) -> None:
    """So that what is asked next finds nothing running: neither the statement nor its lock."""
    await db.execute("CREATE TABLE t(x)")
    await db.execute("BEGIN")
    await db.execute("INSERT INTO t VALUES (1)")
    task = asyncio.ensure_future(db.execute_fetchall(ENDLESS))
    await asyncio.sleep(0.02)
    task.cancel()
    await failure(task, asyncio.CancelledError)
    assert db.in_transaction
    await db.commit()
    assert await rows_of(db, "SELECT x FROM t") == [(1,)]


async def test_stopped_while_waiting_for_a_lock(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with sidelite.connect(path) as holder, sidelite.connect(path, timeout=60) as waiter:
        await holder.execute("CREATE TABLE t(x)")
        await holder.execute("INSERT INTO t VALUES (1)")
        task = asyncio.ensure_future(waiter.execute("INSERT INTO t VALUES (2)"))
        await asyncio.sleep(0.05)
        begin = time.perf_counter()
        task.cancel()
        await failure(task, asyncio.CancelledError)
        print(f"measured: out of a wait for a lock in {(time.perf_counter() - begin) * 1000:.1f} ms")
        await holder.commit()
        await waiter.rollback()
        await waiter.execute("INSERT INTO t VALUES (3)")
        await waiter.commit()
        assert await rows_of(holder, "SELECT x FROM t") == [(1,), (3,)]


async def test_timeout_ends_one_call(db: Any) -> None:
    begin = time.perf_counter()
    endless = asyncio.ensure_future(db.execute_fetchall(ENDLESS, timeout=0.05))
    queued = asyncio.ensure_future(db.execute_fetchall("SELECT 1", timeout=0.02))
    after = asyncio.ensure_future(db.execute_fetchall("SELECT 1"))
    await failure(endless, asyncio.TimeoutError)
    await failure(queued, asyncio.TimeoutError)
    assert await after == [(1,)]
    print(f"measured: a timeout of 50 ms ended after {(time.perf_counter() - begin) * 1000:.1f} ms")


async def test_wait_for_ends_the_request(db: Any) -> None:
    await failure(asyncio.wait_for(db.execute_fetchall(ENDLESS), 0.03), asyncio.TimeoutError)
    assert await rows_of(db, "SELECT 1") == [(1,)]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio.timeout came with 3.11")
async def test_asyncio_timeout_ends_the_request(db: Any) -> None:
    async def work() -> None:
        async with asyncio.timeout(0.03):
            await db.execute_fetchall(ENDLESS)

    await failure(work(), TimeoutError)
    assert await rows_of(db, "SELECT 1") == [(1,)]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio.TaskGroup came with 3.11")
async def test_one_failure_stops_a_group(db: Any) -> None:
    async def group() -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(3):
                tasks.create_task(db.execute_fetchall(ENDLESS))
            tasks.create_task(fail())

    async def fail() -> None:
        await asyncio.sleep(0.02)
        raise KeyError("mine")

    with pytest.raises(ExceptionGroup) as caught:  # noqa: F821
        await group()
    assert [type(error) for error in caught.value.exceptions] == [KeyError]
    assert await rows_of(db, "SELECT 1") == [(1,)]


async def test_stop_after_the_end_does_nothing(db: Any) -> None:
    task = asyncio.ensure_future(db.execute_fetchall("SELECT 1"))
    await task
    assert not task.cancel()
    assert await rows_of(db, "SELECT 2") == [(2,)]


async def test_a_fetch_is_stopped_and_the_cursor_stays(db: Any) -> None:
    cursor = await db.execute(f"SELECT i FROM ({NUMBERS}) WHERE i < 100 OR i > 100000000")
    assert await cursor.fetchone() == (1,)
    task = asyncio.ensure_future(cursor.fetchall())
    await asyncio.sleep(0.03)
    task.cancel()
    await failure(task, asyncio.CancelledError)
    await cursor.close()
    assert await rows_of(db, "SELECT 1") == [(1,)]


async def test_the_wait_for_another_tasks_rows_goes_on(db: Any) -> None:
    """Two tasks read one cursor: who is cancelled may take the other's rows along, with an error, but never hang it."""
    cursor = await db.execute(series(100_000))
    tasks = [asyncio.ensure_future(cursor.fetchmany(30_000)) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    done, _ = await asyncio.wait(tasks)
    assert len(done) == 3 and tasks[1].cancelled()
    await cursor.close()


async def test_stops_race_with_their_requests(db: Any) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed: {seed}")
    numbers = random.Random(seed)
    await db.execute("CREATE TABLE t(x INTEGER PRIMARY KEY)")
    kept: set[int] = set()
    maybe: set[int] = set()

    async def insert(number: int) -> None:
        try:
            await db.execute("INSERT INTO t VALUES (?)", (number,))
            kept.add(number)
        except asyncio.CancelledError as error:
            if getattr(error, "outcome", None) == "completed":
                kept.add(number)
            else:
                maybe.add(number)
            raise

    for start in range(0, 2000, 40):
        tasks = [asyncio.ensure_future(insert(number)) for number in range(start, start + 40)]
        for _ in range(numbers.randrange(4)):
            await asyncio.sleep(0)
        for task in tasks:
            if numbers.random() < 0.5:
                task.cancel()
        await asyncio.wait(tasks)
    assert {row[0] for row in await rows_of(db, "SELECT x FROM t")} == kept
    # Some tasks were cancelled before they had begun, and so are in neither.
    assert kept and maybe and not kept & maybe


async def test_cancelled_error_tells_what_was_done(db: Any) -> None:
    await db.execute("CREATE TABLE t(x)")

    async def outcome(task: asyncio.Future[Any]) -> Any:
        error = await failure(task, asyncio.CancelledError)
        return getattr(error, "outcome", None)

    async def catching(awaitable: Any) -> Any:
        try:
            await awaitable
        except asyncio.CancelledError as error:
            return error.outcome  # type: ignore[attr-defined]

    running = asyncio.ensure_future(catching(db.execute_fetchall(ENDLESS)))
    queued = asyncio.ensure_future(catching(db.execute("INSERT INTO t VALUES (1)")))
    await asyncio.sleep(0.02)
    queued.cancel()
    running.cancel()
    assert (await running, await queued) == ("aborted", "not run")


async def test_connecting_is_stopped(tmp_path: Path) -> None:
    task = asyncio.ensure_future(sidelite.connect(tmp_path / "a.db").__aenter__())
    await asyncio.sleep(0)
    task.cancel()
    await failure(task, asyncio.CancelledError)
    async with sidelite.connect(tmp_path / "a.db") as db:
        assert await rows_of(db, "SELECT 1") == [(1,)]


async def test_interrupt_ends_what_is_running(db: Any) -> None:
    running = asyncio.ensure_future(db.execute_fetchall(ENDLESS))
    await asyncio.sleep(0.02)
    await db.interrupt()
    error = await failure(running, sqlite3.OperationalError, "interrupted")
    assert getattr(error, "sqlite_errorname") == "SQLITE_INTERRUPT"
    assert await rows_of(db, "SELECT 1") == [(1,)]
