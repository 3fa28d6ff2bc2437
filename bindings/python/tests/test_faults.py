"""Faults of aiosqlite: each is shown there, and that the same program has none here."""

from __future__ import annotations

import textwrap

import pytest
from support import HANG_SECONDS, Ended, child

pytestmark = pytest.mark.package

# How long a program may take that is expected to hang.
PATIENCE = 4

PROGRAM = """
import asyncio, gc, os, sqlite3, sys, warnings
import {library} as aiosqlite
from support import ENDLESS, new_loop, series

warnings.simplefilter("ignore")
SECONDS = {seconds}

async def outcome(awaitable):
    try:
        return await asyncio.wait_for(awaitable, SECONDS)
    except asyncio.TimeoutError:
        return "TimeoutError"
    except (Exception, asyncio.CancelledError) as error:
        return type(error).__name__

def run(coroutine):
    loop = new_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(coroutine)
    loop.close()

{source}
"""


class Programs:
    def __init__(self, loop: str) -> None:
        self.loop = loop

    def theirs(self, source: str) -> Ended:
        return self._run("aiosqlite", source, PATIENCE / 2, PATIENCE)

    def ours(self, source: str) -> Ended:
        ended = self._run("sidelite", source, HANG_SECONDS / 2, HANG_SECONDS)
        assert ended.code == 0, ended
        return ended

    def _run(self, library: str, source: str, seconds: float, patience: float) -> Ended:
        program = PROGRAM.format(library=library, seconds=seconds, source=textwrap.dedent(source))
        return child(program, seconds=patience, SIDELITE_LOOP=self.loop)


@pytest.fixture
def programs(request: pytest.FixtureRequest) -> Programs:
    return Programs(request.config.getoption("loop"))


def test_loop_that_is_closed_with_work_pending(programs: Programs) -> None:
    source = """
        async def leave():
            global db, task
            db = await aiosqlite.connect(":memory:")
            task = asyncio.ensure_future(db.execute_fetchall(f"SELECT max(i) FROM ({series(500_000)})"))
            await asyncio.sleep(0.02)

        async def go_on():
            print(await outcome(db.execute_fetchall("SELECT 1")))
            print(await outcome(db.close()))

        run(leave())
        run(go_on())
    """
    theirs = programs.theirs(source)
    assert theirs.output.startswith("TimeoutError") and "Event loop is closed" in theirs.errors
    assert programs.ours(source).output == "[(1,)]\nNone\n"


def test_loop_that_is_closed_with_a_query_that_never_ends(programs: Programs) -> None:
    source = """
        async def leave():
            global db, task
            db = await aiosqlite.connect(":memory:")
            task = asyncio.ensure_future(db.execute_fetchall(ENDLESS))
            await asyncio.sleep(0.02)

        run(leave())
        print("left")
    """
    assert programs.theirs(source).code is None
    assert programs.ours(source).output == "left\n"


def test_cursor_that_is_dropped_does_not_block_the_loop(programs: Programs) -> None:
    source = """
        async def main():
            db = await aiosqlite.connect(":memory:")
            cursor = await db.execute(series(100_000))
            await cursor.fetchone()
            task = asyncio.ensure_future(db.execute_fetchall(ENDLESS))
            await asyncio.sleep(0.1)
            print("before")
            del cursor
            gc.collect()
            print("after")
            await db.interrupt()
            print(await outcome(task))
            await db.close()

        run(main())
    """
    theirs = programs.theirs(f"sys.stdout.reconfigure(line_buffering=True)\n{textwrap.dedent(source)}")
    assert (theirs.code, theirs.output) == (None, "before\n")
    assert programs.ours(source).output == "before\nafter\nOperationalError\n"


@pytest.mark.parametrize("what", ("pass", "await db.execute('INSERT INTO t VALUES (1)')",
                                  "asyncio.ensure_future(db.execute(ENDLESS))"))
def test_open_connection_lets_the_interpreter_exit(programs: Programs, what: str) -> None:
    source = f"""
        async def main():
            global db
            db = await aiosqlite.connect(":memory:")
            await db.execute("CREATE TABLE t(x)")
            {what}
            await asyncio.sleep(0.02)

        run(main())
        print("end")
    """
    theirs = programs.theirs(source)
    assert theirs.code is None
    assert programs.ours(source).output == "end\n"


def test_work_after_fork_is_an_error(programs: Programs) -> None:
    source = """
        async def main():
            global db
            db = await aiosqlite.connect(":memory:")
            await db.execute("CREATE TABLE t(x)")

        async def in_child():
            for call in (db.execute("SELECT 1"), db.commit(), db.execute_fetchall("SELECT 1")):
                print("child", await outcome(call))
            new = await aiosqlite.connect(":memory:")
            print("child", await new.execute_fetchall("SELECT 2"))
            await new.close()

        async def in_parent():
            print("parent", await outcome(db.execute_fetchall("SELECT 1")))
            await db.close()

        run(main())
        pid = os.fork()
        if pid == 0:
            run(in_child())
            sys.stdout.flush()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        run(in_parent())
    """
    assert "child TimeoutError" in programs._run("aiosqlite", source, 0.3, 10).output
    ours = programs.ours(source).output
    assert ours == "child ProgrammingError\n" * 3 + "child [(2,)]\nparent [(1,)]\n"


def test_isolation_level_is_set_to_none_inside_a_transaction(programs: Programs) -> None:
    source = """
        async def main():
            async with aiosqlite.connect(":memory:") as db:
                await db.execute("CREATE TABLE t(x)")
                await db.execute("INSERT INTO t VALUES (1)")
                try:
                    db.isolation_level = None
                except sqlite3.ProgrammingError as error:
                    print("ProgrammingError")
                await db.rollback()
                print(await db.execute_fetchall("SELECT * FROM t"), db.isolation_level)

        run(main())
    """
    assert programs.theirs(source).output == "ProgrammingError\n[] None\n"
    assert programs.ours(source).output == "[(1,)] None\n"


def test_nothing_runs_after_a_cancelled_await(programs: Programs) -> None:
    source = """
        async def main():
            async with aiosqlite.connect(":memory:", isolation_level=None) as db:
                await db.execute("CREATE TABLE t(x)")
                await db.execute("CREATE TABLE u(x)")
                running = asyncio.ensure_future(db.execute(f"INSERT INTO t {series(1_000_000)}"))
                await asyncio.sleep(0.03)
                queued = asyncio.ensure_future(db.execute("INSERT INTO u VALUES (1)"))
                await asyncio.sleep(0)
                queued.cancel()
                running.cancel()
                print(await outcome(queued), await outcome(running))
                print(await db.execute_fetchall("SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM u)"))

        run(main())
    """
    assert programs._run("aiosqlite", source, 30, 30).output == "CancelledError CancelledError\n[(1000000, 1)]\n"
    assert programs.ours(source).output == "CancelledError CancelledError\n[(0, 0)]\n"


def test_calls_after_close_end_with_one_error(programs: Programs) -> None:
    source = """
        async def main():
            db = await aiosqlite.connect(":memory:")
            closing = asyncio.ensure_future(db.close())
            meanwhile = asyncio.ensure_future(outcome(db.execute("SELECT 1")))
            await closing
            print(await meanwhile, await outcome(db.execute("SELECT 1")))

        run(main())
    """
    assert programs.theirs(source).output == "ProgrammingError ValueError\n"
    assert programs.ours(source).output == "ValueError ValueError\n"


def test_backup_of_what_is_not_committed_ends(programs: Programs) -> None:
    source = """
        async def main():
            source, target = await aiosqlite.connect(":memory:"), await aiosqlite.connect(":memory:")
            await source.execute("CREATE TABLE t(x)")
            await source.execute("INSERT INTO t VALUES (1)")
            print(await outcome(source.backup(target)) in (None, "OperationalError"))
            await source.close()
            await target.close()

        run(main())
    """
    assert programs.theirs(source).code is None
    assert programs.ours(source).output == "True\n"
