"""What programs touch of aiosqlite that is not its interface: thin views with the same names."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from .core import Connection

Work = tuple[Optional["asyncio.Future[Any]"], Callable[[], Any]]


def install_as_aiosqlite() -> None:
    """
    Puts this package under the name of aiosqlite, for libraries that import that themselves.

    Call it before the first of them is imported. RuntimeError: aiosqlite itself has been imported already, so that some
    may have it and some this package.
    """
    own = __name__.rpartition(".")[0]
    package = sys.modules[own]
    if sys.modules.get("aiosqlite", package) is not package:
        raise RuntimeError("aiosqlite has been imported: call install_as_aiosqlite before all that import it")
    sys.modules["aiosqlite"] = package
    for name in ("core", "cursor", "context"):
        sys.modules[f"aiosqlite.{name}"] = sys.modules[f"{own}.{name}"]


async def call(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """
    Calls a function that was meant for the thread of a connection.

    It runs here, where the methods of a connection give something to await; that is awaited for it. One that goes on
    with their results by itself cannot be served: it is to be written with `await`.
    """
    result = function(*arguments, **keywords)
    return await result if inspect.isawaitable(result) else result


class Thread:
    """A connection's thread, as far as it can be asked: it keeps nobody from exiting, whatever `daemon` is set to."""

    daemon = True

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def is_alive(self) -> bool:
        return self._connection._connection is not None

    def join(self, timeout: float | None = None) -> None:
        """Returns at once: a thread of sidelite's ends by itself, soon after its connection is closed."""


class Transmit:
    """The queue of a connection's thread: takes a future and a function, and lets the future have what comes of it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._running: set[asyncio.Task[None]] = set()

    def put_nowait(self, work: Work) -> None:
        """Must be called on a running loop."""
        task = asyncio.ensure_future(_work(*work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    put = put_nowait

    def empty(self) -> bool:
        return not self._running


async def _work(future: asyncio.Future[Any] | None, function: Callable[[], Any]) -> None:
    try:
        result = await call(function)
    except Exception as error:
        if future is None:
            raise
        if not future.done():
            future.set_exception(error)
    else:
        if future is not None and not future.done():
            future.set_result(result)
