"""Cursors that are read row by row, while others work."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

import sidelite
from support import ENDLESS, NUMBERS, failure, series


async def test_stream_gives_every_row_in_order(db: Any) -> None:
    assert [row[0] async for row in await db.execute(series(50_000))] == list(range(1, 50_001))


async def test_stream_of_every_number_of_rows_ends(db: Any) -> None:
    for count in (*range(100), 255, 256, 257, 335, 336, 337, 847, 848, 849, 850):
        cursor = await db.execute(series(count))
        assert len([row async for row in cursor]) == count
        cursor = await db.execute(series(count))
        assert len(await cursor.fetchall()) == count


async def test_stream_has_back_pressure(db: Any) -> None:
    """A query without end is read as far as somebody wants, and no further."""
    called = 0

    def count(number: int) -> int:
        nonlocal called
        called += 1
        return number

    await db.create_function("count_calls", 1, count)
    cursor = await db.execute(f"SELECT count_calls(i) FROM ({NUMBERS})")
    assert await cursor.fetchmany(10) == [(i,) for i in range(1, 11)]
    for _ in range(50):
        await asyncio.sleep(0.002)
    seen = called
    for _ in range(50):
        await asyncio.sleep(0.002)
    assert called == seen < 5000
    assert len(await cursor.fetchmany(2000)) == 2000
    await cursor.close()


async def test_several_streams_run_side_by_side(db: Any) -> None:
    async def read(count: int) -> int:
        return len([row async for row in await db.execute(series(count))])

    counts = [0, 1, 100, 5000, 20_000, 3]
    assert await asyncio.gather(*map(read, counts)) == counts


async def test_others_work_while_a_stream_is_paused(db: Any) -> None:
    await db.execute("CREATE TABLE t(x)")
    async with db.execute(NUMBERS) as cursor:
        async for row in cursor:
            await db.execute("INSERT INTO t VALUES (?)", row)
            if row == (100,):
                break
    assert await db.execute_fetchall("SELECT count(*), max(x) FROM t") == [(100, 100)]


async def test_stream_without_end_is_left(db: Any) -> None:
    for leave in ("close", "execute", "drop"):
        cursor = await db.execute(NUMBERS)
        await cursor.fetchmany(100)
        if leave == "close":
            await cursor.close()
        if leave == "execute":
            await cursor.execute("SELECT 1")
            assert await cursor.fetchall() == [(1,)]
        del cursor
        assert await db.execute_fetchall("SELECT 2") == [(2,)]


async def test_error_comes_after_the_rows_before_it(db: Any) -> None:
    cursor = await db.execute(f"SELECT CASE WHEN i < 1000 THEN i ELSE abs(-9223372036854775808) END FROM ({NUMBERS})")
    rows = []
    error = None
    try:
        async for row in cursor:
            rows.append(row)
    except sqlite3.OperationalError as caught:
        error = caught
    assert str(error) == "integer overflow"
    assert rows == [(i,) for i in range(1, 1000)]


async def test_stream_of_a_statement_that_writes(db: Any) -> None:
    await db.execute("CREATE TABLE t(x)")
    cursor = await db.execute(f"INSERT INTO t {series(1000)} RETURNING x")
    assert await db.execute_fetchall("SELECT count(*) FROM t") == [(1000,)]
    assert len([row async for row in cursor]) == 1000


async def test_the_loop_goes_on_while_a_query_runs(db: Any) -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0.001)

    heart = asyncio.ensure_future(beat())
    assert await db.execute_fetchall(f"SELECT count(*) FROM ({series(300_000)})") == [(300_000,)]
    heart.cancel()
    print(f"measured: {beats} beats")
    assert beats > 1
