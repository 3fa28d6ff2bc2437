"""Cursors: what a statement tells, and its rows as they are wanted."""

from __future__ import annotations

import asyncio
import operator
import sqlite3
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

from . import _native
from .constants import BEGIN_NONE, COMMIT_FIRST, DESCRIBE, EXECUTE, LEASE, RELEASE, SCRIPT, SHAPE_ID, SHAPE_ROW
from .lanes import lane_id
from .values import column_name, cursor_of

if TYPE_CHECKING:
    from .core import Connection

Parameters = Union[Sequence[Any], Mapping[str, Any]]
Row = Any
RowFactory = Optional[Callable[[Any, Any], Any]]
Description = Optional[tuple[tuple[str, None, None, None, None, None, None], ...]]

_Waiter = _native.Waiter
_ALL, _ONE = -1, 0
_INT_MAX = 2**31 - 1

# What aiosqlite says of a connection that is closed already, where it does not say "no active connection".
CLOSED = "Connection closed"


class Cursor(_native.Cursor):
    """
    A cursor of a connection, as `sqlite3.Cursor` with methods to await.

    Rows come in chunks, ahead of who reads them; a cursor that is dropped, or closed, half-read stops its query.
    """

    # Members of the base, as they are here.
    _conn: Connection
    _description: Description

    # ---- Executing ----

    async def execute(self, sql: str, parameters: Parameters | None = None, *, timeout: float | None = None) -> Cursor:
        """
        Executes one statement, and returns the cursor itself.

        `timeout`: seconds, after which the statement is stopped, and undone, and TimeoutError raised.
        """
        self._conn._active(CLOSED)
        await self._begin(sql, parameters, timeout)
        return self

    async def executemany(
        self, sql: str, parameters: Iterable[Parameters] | AsyncIterable[Parameters], *, timeout: float | None = None
    ) -> Cursor:
        """
        Executes an INSERT, UPDATE, DELETE or REPLACE once for each row of parameters; `rowcount` is the sum.

        The rows are taken as they are needed, from any iterable, an asynchronous one too. No other task's request runs
        in between, but while an asynchronous iterable is waited for. The first that fails ends it; what was done before
        stays in the transaction.
        """
        link = self._conn._active(CLOSED)
        self._check()
        self._leave()
        many = _Many(self._conn, link, sql, timeout)
        if isinstance(parameters, AsyncIterable):
            self._rowcount = await many.run_async(parameters)
        else:
            self._rowcount = await many.run(iter(parameters))
        return self

    async def executescript(self, sql_script: str, *, timeout: float | None = None) -> Cursor:
        """
        Executes all statements of a text, without parameters, and drops their rows; commits first what is open.

        It stops at the first that fails; what was done before stays.
        """
        link = self._conn._active(CLOSED)
        self._check()
        if not isinstance(sql_script, str):
            raise TypeError(f"executescript() argument must be str, not {_kind(sql_script)}")
        if "\0" in sql_script:
            raise ValueError("embedded null character")
        lane = lane_id(link)
        flags = COMMIT_FIRST if self._conn._commits_first and not lane else 0
        await link.command(SCRIPT, sql_script, flags=flags, lane=lane).within(timeout)
        return self

    # ---- Rows ----

    async def fetchone(self) -> Row | None:
        """The next row, or None."""
        self._conn._active(CLOSED)
        self._check()
        if self._rows is None:
            return None
        row = self._rows.fetch(_ONE)
        if type(row) is _Waiter:
            row = await row
        return row if row is None or self._row_factory is None else self._maker()(row)

    async def fetchmany(self, size: int | None = None) -> list[Row]:
        """So many rows, or `arraysize`; fewer at the end."""
        wanted = operator.index(self._arraysize if size is None else size)
        if wanted > _INT_MAX:
            raise OverflowError("Python int too large to convert to C int")
        return await self._fetch(wanted)

    async def fetchall(self) -> list[Row]:
        """All rows that are left."""
        return await self._fetch(_ALL)

    async def _fetch(self, wanted: int) -> list[Row]:
        self._conn._active(CLOSED)
        self._check()
        if self._rows is None:
            return []
        rows = self._rows.fetch(wanted or _ALL)
        if type(rows) is _Waiter:
            rows = await rows
        return rows if self._row_factory is None or not rows else list(map(self._maker(), rows))

    def _maker(self) -> Callable[[Any], Any]:
        """What makes a row of a tuple. sqlite3.Row takes only a cursor of its own module."""
        factory: Any = self._row_factory
        cursor: Any = self
        if isinstance(factory, type) and issubclass(factory, sqlite3.Row):
            cursor = cursor_of(tuple(column[0] for column in self.description or ()))
        return lambda row: factory(cursor, row)

    def __aiter__(self) -> AsyncIterator[Row]:
        """The rows that are left, `iter_chunk_size` of them at a time."""
        return self._fetch_chunked()

    async def _fetch_chunked(self) -> AsyncIterator[Row]:
        while rows := await self.fetchmany(self.iter_chunk_size):
            for row in rows:
                yield row

    # ---- Life ----

    async def close(self) -> None:
        """Closes it. A query that was not read to its end is stopped."""
        self._conn._active(CLOSED)
        self._is_closed = True
        told = self._rowcount, self.description
        rows = self._leave()
        self._rowcount, self._description = told
        if rows is not None and rows.stop():
            await rows.fetch(_ALL)

    def _check(self) -> None:
        if self._is_closed:
            raise sqlite3.ProgrammingError("Cannot operate on a closed cursor.")

    async def __aenter__(self) -> Cursor:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    # ---- What it tells ----

    @property
    def rowcount(self) -> int:
        """Rows that were inserted, updated or deleted; -1 for other statements, and before any."""
        return self._rowcount

    @property
    def lastrowid(self) -> int | None:
        """The rowid of the last row that its connection had inserted as it executed something; None before that."""
        return self._lastrowid

    @property
    def description(self) -> Description:
        """A tuple for each column, with its name and six times None; None for what returns no rows."""
        if self._description is None and self._rows is not None and self._rows.columns:
            detect = self._conn._detect_types
            names = (column_name(name, detect) for name in self._rows.columns)
            self._description = tuple((name, None, None, None, None, None, None) for name in names)
        return self._description

    @property
    def arraysize(self) -> int:
        """Rows that `fetchmany` takes without a size: 1."""
        return self._arraysize

    @arraysize.setter
    def arraysize(self, value: int) -> None:
        self._arraysize = value

    @property
    def row_factory(self) -> RowFactory:
        """Makes rows: called with a cursor, whose `description` it may read, and a tuple. None for the tuple itself."""
        factory: RowFactory = self._row_factory
        return factory

    @row_factory.setter
    def row_factory(self, factory: RowFactory) -> None:
        self._row_factory = factory

    @property
    def connection(self) -> Connection:
        """Its connection."""
        return self._conn

    def setinputsizes(self, sizes: Any, /) -> None:
        """Does nothing, as in sqlite3."""

    def setoutputsize(self, size: Any, column: Any = None, /) -> None:
        """Does nothing, as in sqlite3."""


def _kind(value: object) -> str:
    """As CPython names the type of an argument."""
    return "None" if value is None else type(value).__name__


# A column of DESCRIBE's first row.
_READONLY = 7


class _Many:
    """
    An executemany: its rows go out in large requests. While one runs the next is made ready, and sent when that has
    succeeded: what comes after an error is not to be done.
    """

    def __init__(self, conn: Connection, link: _native.Link, sql: str, timeout: float | None) -> None:
        self._conn = conn
        self._link = link
        self._sql = sql
        self._lane = lane_id(link)
        self._lease = 0
        self._until = None if timeout is None else asyncio.get_running_loop().time() + timeout
        self._changes = 0
        self._has_begun = False

    async def run(self, rows: Iterator[Parameters]) -> int:
        await self._check()
        try:
            await self._send_all(rows)
            if not self._has_begun:
                await self._begin_nothing()
            return self._changes
        finally:
            if self._lease:
                await self._link.command(RELEASE, lane=self._lease)

    async def run_async(self, rows: AsyncIterable[Parameters]) -> int:
        """As `run`. What an iterator waits for may be this very connection: others' requests run in between."""
        await self._check()
        buffer: list[Parameters] = []
        async for row in rows:
            buffer.append(row)
            if len(buffer) >= _native.CHUNK_ROWS:
                await self._send_all(iter(buffer), leases=False)
                buffer = []
        await self._send_all(iter(buffer), leases=False)
        if not self._has_begun:
            await self._begin_nothing()
        return self._changes

    async def _check(self) -> None:
        if not isinstance(self._sql, str):
            raise TypeError(f"executemany() argument 1 must be str, not {_kind(self._sql)}")
        if _native.changes_rows(self._sql):
            return
        statement = await self._link.command(DESCRIBE, self._sql, shape=SHAPE_ROW)
        if statement[_READONLY]:
            raise sqlite3.ProgrammingError("executemany() can only execute DML statements.")

    async def _send_all(self, rows: Iterator[Parameters], leases: bool = True) -> None:
        chunk, row, is_all, error = self._link.many(self._sql, rows, None)
        while chunk is not None:
            changes = self._submit(chunk)
            lease = None
            if leases and not is_all and error is None and not self._has_begun:
                lease = self._take_lease()
            self._has_begun = True
            try:
                chunk = None
                if not is_all and error is None:
                    chunk, row, is_all, error = self._link.many(self._sql, rows, row)
                self._changes += await changes
            finally:
                if lease is not None:
                    self._lane = self._lease = await lease
        if error is not None:
            if not self._has_begun:
                await self._begin_nothing()
            raise error

    def _submit(self, chunk: _native.Chunk) -> _native.Waiter:
        waiter = chunk.submit(self._lane)
        return waiter if self._until is None else waiter.within(max(0, self._until - asyncio.get_running_loop().time()))

    def _take_lease(self) -> _native.Waiter | None:
        """For the rest of the rows, nobody else's request comes in between: it might end the transaction."""
        if self._lane or not self._conn._begins:
            return None
        return self._link.command(LEASE, values=(BEGIN_NONE,), shape=SHAPE_ID, lane=0)

    async def _begin_nothing(self) -> None:
        """No rows: the sqlite3 module has looked at the statement by then, and begun a transaction for it."""
        await self._link.command(DESCRIBE, self._sql, lane=self._lane)
        if self._conn._begins and not self._lane and not self._link.in_transaction:
            await self._link.command(EXECUTE, f"BEGIN {self._conn.isolation_level}")
