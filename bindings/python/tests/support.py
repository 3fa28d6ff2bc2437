"""What the tests need: queries without end, errors that must come, and programs in processes that may die."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

HANG_SECONDS = 60
TESTS = Path(__file__).parent

# A query without end, for one row; one for any number of rows, and one for so many.
ENDLESS = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
NUMBERS = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"


def series(count: int) -> str:
    """A query for the numbers from 1 to count."""
    return f"{NUMBERS} LIMIT {count}"


class Sum:
    """An aggregate, also for windows."""

    def __init__(self) -> None:
        self.sum = 0

    def step(self, number: int) -> None:
        self.sum += number

    def inverse(self, number: int) -> None:
        self.sum -= number

    def value(self) -> int:
        return self.sum

    finalize = value


def close_loop(loop: asyncio.AbstractEventLoop) -> None:
    """As asyncio.run does it, for loops that live longer than one coroutine."""

    async def end() -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await loop.shutdown_asyncgens()
        await loop.shutdown_default_executor()

    loop.run_until_complete(end())
    loop.close()


async def failure(awaitable: Awaitable[Any], kind: type[BaseException], words: str = "") -> BaseException:
    """The error with which it must end."""
    try:
        value = await awaitable
    except kind as error:
        assert words in str(error), error
        return error
    raise AssertionError(f"it did not fail: {value!r}")


async def until(condition: Callable[[], Any]) -> None:
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < HANG_SECONDS, "it does not come"
        await asyncio.sleep(0.002)


class Ended(NamedTuple):
    """How a program ended. `code` is None when it did not, and had to be killed."""

    code: int | None
    output: str
    errors: str


def child(source: str, *arguments: object, seconds: float = HANG_SECONDS, **environment: str) -> Ended:
    """Runs a program of Python's in a process of its own, which finds this module."""
    command = [sys.executable, "-X", "dev", "-c", textwrap.dedent(source), *map(str, arguments)]
    paths = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **environment}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables)
    try:
        output, errors = process.communicate(timeout=seconds)
        return Ended(process.returncode, output, _without_times(errors))
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        return Ended(None, output, _without_times(errors))


def _without_times(errors: str) -> str:
    """In its debug mode asyncio tells of each step that took long, which on a busy machine any may."""
    return "".join(line for line in errors.splitlines(True) if not line.startswith("Executing <"))


def new_loop() -> asyncio.AbstractEventLoop:
    """A loop of the kind that this run is for: as $SIDELITE_LOOP says, in programs that a test has started."""
    if os.environ.get("SIDELITE_LOOP") == "uvloop":
        import uvloop

        return uvloop.new_event_loop()
    return asyncio.new_event_loop()
