"""A BLOB or TEXT cell, read and written in parts."""

from __future__ import annotations

import operator
import os
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

from .constants import BLOB_CLOSE, BLOB_READ, BLOB_REOPEN, BLOB_WRITE, SHAPE_CELL, SHAPE_ROW

if TYPE_CHECKING:
    from .core import Connection


class Blob:
    """
    An open cell, as `sqlite3.Blob` with methods to await: `Connection.blobopen` gives one.

    Its size, `len(blob)`, stays as it is: write a `zeroblob(n)` first. `tell` and `seek` ask and set a position of this
    object, and so wait for nothing. `async with` closes it.
    """

    def __init__(self, connection: Connection, handle: int, size: int) -> None:
        self._connection = connection
        self._handle: int | None = handle
        self._size = size
        self._at = 0

    def _opened(self) -> int:
        if self._handle is None:
            raise sqlite3.ProgrammingError("Cannot operate on a closed blob.")
        return self._handle

    async def read(self, length: int = -1, /) -> bytes:
        """So many bytes from the position on, or all to the end (-1); the position moves behind them."""
        handle, left = self._opened(), self._size - self._at
        count = left if length < 0 else min(length, left)
        if not count:
            return b""
        values = (handle, self._at, count)
        data: bytes = await self._connection._active().command(BLOB_READ, values=values, shape=SHAPE_CELL)
        self._at += count
        return data

    async def write(self, data: bytes | bytearray | memoryview, /) -> None:
        """Writes at the position, which moves behind it. ValueError: it does not fit."""
        handle, length = self._opened(), memoryview(data).nbytes
        if length > self._size - self._at:
            raise ValueError("data longer than blob length")
        await self._connection._active().command(BLOB_WRITE, values=(handle, data, self._at))
        self._at += length

    def tell(self) -> int:
        """The position."""
        self._opened()
        return self._at

    def seek(self, offset: int, origin: int = os.SEEK_SET, /) -> None:
        """Sets the position: from the start, from where it is (os.SEEK_CUR), or from the end (os.SEEK_END)."""
        self._opened()
        starts = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}
        if origin not in starts:
            raise ValueError("'origin' should be os.SEEK_SET, os.SEEK_CUR, or os.SEEK_END")
        at = starts[origin] + operator.index(offset)
        if not 0 <= at <= self._size:
            raise ValueError("offset out of blob range")
        self._at = at

    def __len__(self) -> int:
        self._opened()
        return self._size

    async def reopen(self, rowid: int) -> None:
        """Moves to the same column of another row; the position is at its start."""
        row = await self._connection._active().command(BLOB_REOPEN, values=(self._opened(), rowid), shape=SHAPE_ROW)
        self._size = row[1]
        self._at = 0

    async def close(self) -> None:
        """Closes it; again is no error."""
        handle, self._handle = self._handle, None
        if handle is not None and self._connection._link is not None:
            # SQLite answers with the error of the last write, which has been told already.
            with suppress(sqlite3.Error):
                await self._connection._active().command(BLOB_CLOSE, values=(handle,))

    async def __aenter__(self) -> Blob:
        self._opened()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()
