"""What happens to the tables, as it is committed."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, NamedTuple

from . import _native
from .constants import EVENT_MORE, OBSERVE, OBSERVE_CHANGES, OBSERVE_VALUES


class Change(NamedTuple):
    """
    A row that was inserted, updated or deleted, and committed.

    `old` and `new` are the values before and after, in the order of the columns; None where there are none, and without
    `values=True`.
    """

    operation: str
    schema: str
    table: str
    old_rowid: int
    rowid: int
    old: tuple[Any, ...] | None
    new: tuple[Any, ...] | None


class _Feed:
    """What has come and was not taken yet. It knows nothing of the iterator, which may be collected."""

    def __init__(self) -> None:
        self.changes: deque[Change] = deque()
        self.waiting: deque[asyncio.Future[None]] = deque()
        self.has_ended = False

    def __call__(
        self, id: int, flags: int, code: int, changes: int, lastrowid: int, rows: list[Any], error: BaseException | None
    ) -> None:
        self.changes.extend(_change(*row) for row in rows if row[0] in ("insert", "update", "delete"))
        if not flags & EVENT_MORE:
            self.has_ended = True
        self.wake()

    def wake(self) -> None:
        while self.waiting and (self.changes or self.has_ended):
            future = self.waiting.popleft()
            if not future.done():
                future.get_loop().call_soon_threadsafe(_settle, future)
                if not self.has_ended:
                    return


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _change(operation: str, schema: str, table: str, old_rowid: int, rowid: int, *values: Any) -> Change:
    half = len(values) // 2
    old = values[:half] if values and operation != "insert" else None
    new = values[half:] if values and operation != "delete" else None
    return Change(operation, schema, table, old_rowid, rowid, old, new)


class Changes:
    """
    An async iterator over the changes of a connection, from its making on; `Connection.changes` gives one.

    They come when they are committed, and never if they are rolled back. What is not taken waits in memory. It ends
    with `close`, at the end of `async with`, and with its connection.
    """

    def __init__(self, link: _native.Link, values: bool) -> None:
        self._link = link
        self._feed = _Feed()
        self._id = link.observe(self._feed, OBSERVE, (OBSERVE_VALUES if values else OBSERVE_CHANGES,))

    def __aiter__(self) -> Changes:
        return self

    async def __anext__(self) -> Change:
        feed = self._feed
        while not feed.changes:
            if feed.has_ended:
                raise StopAsyncIteration
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            feed.waiting.append(future)
            try:
                await future
            except asyncio.CancelledError:
                # It may have been this one that was to take what has come.
                feed.wake()
                raise
        change = feed.changes.popleft()
        feed.wake()
        return change

    def close(self) -> None:
        """Ends it: who waits for a change is told that there is none."""
        if not self._feed.has_ended:
            self._link.cancel(self._id)
        self._feed.has_ended = True
        self._feed.wake()

    async def __aenter__(self) -> Changes:
        return self

    async def __aexit__(self, *error: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_id"):
            self.close()
