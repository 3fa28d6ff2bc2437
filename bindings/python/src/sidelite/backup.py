"""Copies of a database: into a connection of ours, or into one of the `sqlite3` module."""

from __future__ import annotations

import asyncio
import operator
import os
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any, Union

from .constants import BACKUP, SHAPE_ROWS

if TYPE_CHECKING:
    from .core import Connection

Progress = Callable[[int, int, int], object]

_ALL_PAGES = -1
_OK, _DONE = 0, 101


async def backup(
    source: Connection, target: Union[Connection, sqlite3.Connection], pages: int, progress: Progress | None, name: str,
    sleep: float
) -> None:
    """Copies the database `name` of `source`; `progress` gets the status, the pages that remain, and all there are."""
    if progress is not None and not callable(progress):
        raise TypeError("progress argument must be a callable")
    pages = operator.index(pages) or _ALL_PAGES
    if isinstance(target, sqlite3.Connection):
        await _to_sqlite3(source, target, pages, progress, name, sleep)
    elif isinstance(target, type(source)):
        await _to_ours(source, target, pages, progress, name)
    else:
        kind = "None" if target is None else type(target).__name__
        raise TypeError(f"backup() argument 'target' must be sqlite3.Connection, not {kind}")


async def _to_ours(source: Connection, target: Connection, pages: int, progress: Progress | None, name: str) -> None:
    handle = target._active().handle
    if target is source:
        raise ValueError("target cannot be the same connection instance")
    await _copy(source, handle, pages, progress, name)


async def _copy(source: Connection, to: int | str, pages: int, progress: Progress | None, name: str) -> None:
    def step(rows: list[tuple[int, int]], status: int = _OK) -> None:
        if progress is not None:
            [(remaining, total)] = rows
            progress(status, remaining, total)

    values = (to, pages, 0, name)
    last = await source._active().command(BACKUP, values=values, shape=SHAPE_ROWS, value=step)
    step(last, _DONE)


async def _to_sqlite3(
    source: Connection, target: sqlite3.Connection, pages: int, progress: Progress | None, name: str, sleep: float
) -> None:
    """
    By a file in between, which the other copy of SQLite opens only when ours has closed it.

    The target may be in memory, or a file that is open already, so that only a `backup` of its kind can write to it.
    That runs on a thread of the loop's executor, as it does on one of aiosqlite's, and calls `progress` there.
    """
    target.total_changes  # is an error when it is closed, before anything is done
    with tempfile.TemporaryDirectory(prefix="sidelite-") as folder:
        path = os.path.join(folder, "copy.db")
        await _copy(source, path, _ALL_PAGES, None, name)

        def copy() -> None:
            with closing(sqlite3.connect(path)) as copied:
                copied.backup(target, pages=pages, progress=progress, sleep=sleep)

        await _finish(asyncio.get_running_loop().run_in_executor(None, copy))


async def _finish(running: asyncio.Future[Any]) -> None:
    """Waits for a thread also when the task is cancelled: the folder must not go before it has ended."""
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
