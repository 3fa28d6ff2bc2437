"""Connections, loops and processes that end, with work in flight and without."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sidelite
from support import ENDLESS, HANG_SECONDS, NUMBERS, child, close_loop, failure, series, until

NewLoop = Callable[[], asyncio.AbstractEventLoop]


def on(loop: asyncio.AbstractEventLoop, awaitable: Any) -> Any:
    return loop.run_until_complete(asyncio.wait_for(awaitable, HANG_SECONDS))


async def test_close_drains(tmp_path: Path) -> None:
    db = await sidelite.connect(tmp_path / "a.db", isolation_level=None)
    await db.execute("CREATE TABLE t(x)")
    inserts = [asyncio.ensure_future(db.execute("INSERT INTO t VALUES (?)", (i,))) for i in range(100)]
    await asyncio.sleep(0)
    await db.close()
    assert all(task.done() and not task.exception() for task in inserts)
    async with sidelite.connect(tmp_path / "a.db") as db:
        assert await db.execute_fetchall("SELECT count(*) FROM t") == [(100,)]


async def test_close_with_rows_that_nobody_reads() -> None:
    db = await sidelite.connect(":memory:")
    cursors = [await db.execute(NUMBERS) for _ in range(5)]
    for cursor in cursors:
        assert await cursor.fetchone() == (1,)
    await db.close()
    for cursor in cursors:
        await failure(cursor.fetchall(), ValueError, "Connection closed")


async def test_close_while_somebody_reads() -> None:
    db = await sidelite.connect(":memory:")
    cursor = await db.execute(series(200_000))
    reading = asyncio.ensure_future(cursor.fetchall())
    await asyncio.sleep(0)
    await db.close()
    assert len(await reading) == 200_000


async def test_a_second_close_waits_for_the_first() -> None:
    db = await sidelite.connect(":memory:")
    work = asyncio.ensure_future(db.execute_fetchall(f"SELECT max(i) FROM ({series(200_000)})"))
    await asyncio.sleep(0)
    await asyncio.gather(db.close(), db.close())
    assert work.done()
    await db.close()


async def test_close_is_cancelled_and_goes_on() -> None:
    db = await sidelite.connect(":memory:")
    endless = asyncio.ensure_future(db.execute_fetchall(ENDLESS))
    await asyncio.sleep(0.01)
    closing = asyncio.ensure_future(db.close())
    await asyncio.sleep(0.01)
    closing.cancel()
    await asyncio.sleep(0.01)
    endless.cancel()
    await asyncio.wait([endless, closing])
    await failure(db.execute("SELECT 1"), ValueError)
    await db.close()


async def test_stop_is_cancelled_and_goes_on(tmp_path: Path) -> None:
    for turns in range(4):
        db = await sidelite.connect(tmp_path / "a.db")
        await db.execute("CREATE TABLE IF NOT EXISTS t(x)")
        stopping = db.stop()
        assert stopping is not None
        for _ in range(turns):
            await asyncio.sleep(0)
        stopping.cancel()
        await asyncio.wait([stopping])


async def test_what_is_closed_takes_nothing() -> None:
    db = await sidelite.connect(":memory:")
    cursor = await db.execute("SELECT 1")
    await db.close()
    for call in (db.execute("SELECT 1"), db.commit(), db.interrupt(), cursor.fetchone(), cursor.execute("SELECT 1"),
                 db.cursor()):
        await failure(call, ValueError)


async def test_many_connections_come_and_go(tmp_path: Path) -> None:
    threads = threading.active_count()

    async def work(i: int) -> None:
        async with sidelite.connect(tmp_path / f"{i % 7}.db", timeout=60) as db:
            await db.execute("CREATE TABLE IF NOT EXISTS t(x)")
            await db.execute("INSERT INTO t VALUES (?)", (i,))
            await db.commit()

    for _ in range(5):
        await asyncio.gather(*[work(i) for i in range(30)])
    assert threading.active_count() == threads


async def test_a_connection_left_to_the_garbage_collector_is_closed(tmp_path: Path) -> None:
    db = await sidelite.connect(tmp_path / "a.db")
    await db.execute("CREATE TABLE t(x)")
    await db.execute("INSERT INTO t VALUES (1)")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        reference = weakref.ref(db)
        del db
        gc.collect()
    assert reference() is None
    assert [warning.category for warning in caught] == [ResourceWarning]
    async with sidelite.connect(tmp_path / "a.db", timeout=60) as db:
        await db.execute("INSERT INTO t VALUES (2)")
        await db.commit()
        assert await db.execute_fetchall("SELECT * FROM t") == [(2,)]


async def test_a_cursor_left_to_the_garbage_collector_ends_its_query(db: Any) -> None:
    await db.execute("CREATE TABLE t(x)")
    await db.execute(f"INSERT INTO t {series(10_000)}")
    cursor = await db.execute("SELECT * FROM t")
    assert await cursor.fetchone() == (1,)
    await failure(db.execute("DROP TABLE t"), sqlite3.OperationalError, "locked")
    del cursor
    gc.collect()
    await db.execute("DROP TABLE t")


async def test_an_iterator_left_to_the_garbage_collector_ends_its_query(db: Any) -> None:
    async def first() -> Any:
        async for row in await db.execute(NUMBERS):
            return row

    for _ in range(20):
        assert await first() == (1,)
    gc.collect()
    assert await db.execute_fetchall("SELECT 1") == [(1,)]


async def test_work_that_is_out_keeps_its_connection() -> None:
    db = await sidelite.connect(":memory:")
    task = asyncio.ensure_future(db.execute_fetchall(f"SELECT max(i) FROM ({series(100_000)})"))
    await asyncio.sleep(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        del db
        gc.collect()
        assert await task == [(100_000,)]
        del task
        gc.collect()


async def test_many_requests_leave_nothing_behind(db: Any) -> None:
    async def work(count: int) -> None:
        for i in range(count):
            cursor = await db.execute("SELECT ?, 'text'", (i,))
            assert await cursor.fetchall() == [(i, "text")]

    await work(200)
    gc.collect()
    before = len(gc.get_objects())
    await work(2000)
    gc.collect()
    assert len(gc.get_objects()) - before < 200


def test_several_loops_with_one_connection(new_loop: NewLoop) -> None:
    home = new_loop()
    db = on(home, sidelite.connect(":memory:", isolation_level=None).__aenter__())
    on(home, db.execute("CREATE TABLE t(x)").__aenter__())
    failures: list[BaseException] = []

    def work(number: int) -> None:
        loop = new_loop()
        try:
            for i in range(50):
                on(loop, insert(number * 1000 + i))
        except BaseException as error:
            failures.append(error)
        finally:
            close_loop(loop)

    async def insert(number: int) -> None:
        async with db.execute("INSERT INTO t VALUES (?) RETURNING x", (number,)) as cursor:
            assert await cursor.fetchall() == [(number,)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    on(home, asyncio.wait_for(count(db, 200), HANG_SECONDS))
    on(home, db.close())
    close_loop(home)


async def count(db: Any, wanted: int) -> None:
    assert await db.execute_fetchall("SELECT count(*) FROM t") == [(wanted,)]


def test_loops_one_after_the_other(new_loop: NewLoop) -> None:
    """As with several calls of asyncio.run and a connection that is global."""
    first = new_loop()
    db = on(first, sidelite.connect(":memory:", isolation_level=None).__aenter__())
    on(first, db.execute("CREATE TABLE t(x)").__aenter__())
    close_loop(first)
    for i in range(3):
        loop = new_loop()
        on(loop, db.execute("INSERT INTO t VALUES (1)").__aenter__())
        on(loop, count(db, i + 1))
        close_loop(loop)
    last = new_loop()
    on(last, db.close())
    close_loop(last)


async def test_loop_gets_its_turn_during_reads_one_after_the_other(db: Any) -> None:
    loop = asyncio.get_running_loop()
    turns, has_ended = 0, False

    def turn() -> None:
        nonlocal turns
        turns += 1
        if not has_ended:
            loop.call_soon(turn)

    loop.call_soon(turn)
    for number in range(1000):
        assert await db.execute_fetchall("SELECT ?", (number,)) == [(number,)]
    has_ended = True
    assert turns >= 1000 // 17


def test_loop_that_is_closed_with_a_half_read_cursor(new_loop: NewLoop) -> None:
    first = new_loop()
    db = on(first, sidelite.connect(":memory:").__aenter__())
    cursor = on(first, db.execute(series(100_000)).__aenter__())
    on(first, cursor.fetchone())
    close_loop(first)
    last = new_loop()
    on(last, count_rest(db, cursor))
    on(last, db.close())
    close_loop(last)


async def count_rest(db: Any, cursor: Any) -> None:
    """Its rows go on, or are lost with an error: they are never waited for in vain."""
    try:
        assert len(await cursor.fetchall()) == 99_999
    except sqlite3.Error as error:
        print(f"lost: {error}")
    assert await db.execute_fetchall("SELECT 1") == [(1,)]


@pytest.mark.parametrize("missing", (NotImplementedError, AttributeError))
def test_loop_without_add_reader_has_a_pump_thread(missing: type[Exception]) -> None:
    class Bare(asyncio.SelectorEventLoop):
        def add_reader(self, *arguments: Any) -> Any:
            raise missing

        def remove_reader(self, *arguments: Any) -> Any:
            raise missing

    loop = Bare()
    assert on(loop, everything()) == 1000
    close_loop(loop)


async def everything() -> int:
    async with sidelite.connect(":memory:") as db:
        await db.execute("CREATE TABLE t(x)")
        await db.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(1000)])
        await asyncio.gather(*[db.execute_fetchall("SELECT 1") for _ in range(100)])
        await failure(asyncio.wait_for(db.execute_fetchall(ENDLESS), 0.02), asyncio.TimeoutError)
        async with db.execute("SELECT x FROM t") as cursor:
            return len([row async for row in cursor])


PROGRAM = """
import asyncio, os, sys
import sidelite
from support import ENDLESS, NUMBERS, new_loop

async def main():
    global db, tasks
    db = await sidelite.connect(sys.argv[1], isolation_level=None)
    await db.execute("CREATE TABLE IF NOT EXISTS t(x)")
    await db.execute("BEGIN")
    await db.execute("INSERT INTO t VALUES (1)")
    cursor = await db.execute(NUMBERS)
    tasks = [asyncio.ensure_future(db.execute_fetchall(ENDLESS)) for _ in range(3)]
    await asyncio.sleep(0.02)
    print("working", flush=True)
    {end}

loop = new_loop()
loop.run_until_complete(main())
"""


@pytest.mark.package
@pytest.mark.parametrize(
    "end, code",
    (("return", 0), ("sys.exit(3)", 3), ("os._exit(4)", 4), ("raise KeyError('mine')", 1),
     ("loop.call_soon(sys.exit, 5); await asyncio.sleep(1)", 5), ("os.kill(os.getpid(), 9)", -9)),
)  # fmt: skip
def test_process_exit_with_work_in_flight(request: pytest.FixtureRequest, tmp_path: Path, end: str, code: int) -> None:
    """And what was not closed is as after a kill."""
    ended = child(PROGRAM.format(end=end), tmp_path / "a.db", SIDELITE_LOOP=request.config.getoption("loop"))
    assert (ended.code, ended.output) == (code, "working\n"), ended
    assert sqlite3_reads(tmp_path / "a.db") == "0\n"


def sqlite3_reads(path: Path) -> str:
    """By a process of its own: two copies of SQLite in one must not open one file."""
    source = """
        import sqlite3, sys
        print(sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM t").fetchone()[0])
    """
    return child(source, path).output


@pytest.mark.package
def test_exit_from_a_thread_that_has_a_loop(request: pytest.FixtureRequest) -> None:
    source = """
        import asyncio, threading
        import sidelite
        from support import ENDLESS, new_loop

        async def main():
            global db
            db = await sidelite.connect(":memory:")
            asyncio.ensure_future(db.execute_fetchall(ENDLESS))
            await asyncio.sleep(0.02)
            print("working", flush=True)
            ready.set()
            await asyncio.sleep(1000)

        ready = threading.Event()
        loop = new_loop()
        threading.Thread(target=lambda: loop.run_until_complete(main()), daemon=True).start()
        ready.wait()
    """
    ended = child(source, SIDELITE_LOOP=request.config.getoption("loop"))
    assert (ended.code, ended.output) == (0, "working\n"), ended


@pytest.mark.package
def test_import_alone_starts_nothing() -> None:
    ended = child("import sidelite, threading, sys; print(threading.active_count(), 'aiosqlite' in sys.modules)")
    assert (ended.code, ended.output, ended.errors) == (0, "1 False\n", "")
