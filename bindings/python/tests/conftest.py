"""How the tests run: coroutines on the loop that is asked for, with an end that comes even when theirs does not."""

from __future__ import annotations

import asyncio
import faulthandler
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support import HANG_SECONDS, close_loop


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--loop", choices=("default", "uvloop"), default="default")
    parser.addoption("--sanitized", metavar="FOLDER", help="where the package with address sanitizer in it must be")


def pytest_report_header(config: pytest.Config) -> str:
    import sidelite

    return f"sidelite: {sidelite.__file__}, SQLite {sidelite.sqlite_version}, loop: {config.getoption('loop')}"


def pytest_sessionstart(session: pytest.Session) -> None:
    import sidelite

    folder = session.config.getoption("sanitized")
    if folder and not Path(sidelite.__file__).is_relative_to(folder):
        pytest.exit(f"this is not the sanitized package: {sidelite.__file__}", 3)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("sanitized"):
        items[:] = [item for item in items if not item.get_closest_marker("package")]


@pytest.fixture
def new_loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    """Makes loops of the kind that this run is for."""
    if request.config.getoption("loop") == "uvloop":
        import uvloop

        return uvloop.new_event_loop
    return asyncio.new_event_loop


@pytest.fixture(autouse=True)
def loop(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> Iterator[asyncio.AbstractEventLoop]:
    """The one that a test runs on, if it is a coroutine."""
    loop = new_loop()
    yield loop
    close_loop(loop)


@pytest.fixture(autouse=True)
def end() -> Iterator[None]:
    """A test that blocks its own thread shows where, and takes the run with it."""
    faulthandler.dump_traceback_later(2 * HANG_SECONDS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.function):
        return None
    names = inspect.signature(pyfuncitem.function).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    loop: asyncio.AbstractEventLoop = pyfuncitem.funcargs["loop"]
    loop.run_until_complete(asyncio.wait_for(pyfuncitem.function(**arguments), HANG_SECONDS))
    return True


@pytest.fixture
def db(loop: asyncio.AbstractEventLoop) -> Iterator[Any]:
    """A connection to memory, on which nothing may be left out at the end."""
    import sidelite

    async def open() -> Any:
        return await sidelite.connect(":memory:", isolation_level=None)

    async def close() -> None:
        await connection.close()

    connection = loop.run_until_complete(open())
    yield connection
    loop.run_until_complete(asyncio.wait_for(close(), HANG_SECONDS))
