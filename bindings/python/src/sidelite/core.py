"""Connections."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterable, AsyncIterator, Callable, Generator, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, NamedTuple, Optional, Union
from warnings import warn

from . import _native, functions, private
from ._native import call
from .backup import Progress, backup
from .blob import Blob
from .changes import Changes
from .constants import (
    ATOMIC,
    BEGIN_ALWAYS,
    BEGIN_DEFERRED,
    BEGIN_EXCLUSIVE,
    BEGIN_IMMEDIATE,
    BEGIN_NONE,
    BLOB_OPEN,
    CLOSE_CANCEL,
    CLOSE_DRAIN,
    COMMIT,
    DB_CONFIG,
    DESERIALIZE,
    FETCH,
    FUNCTION_AGGREGATE,
    FUNCTION_AUTHORIZER,
    FUNCTION_COLLATION,
    FUNCTION_DETERMINISTIC,
    FUNCTION_PROGRESS,
    FUNCTION_SCALAR,
    FUNCTION_WINDOW,
    ISOLATION,
    LIMIT,
    LOAD_EXTENSION,
    NO_STATEMENT_CACHE,
    NO_WAIT,
    OBSERVE,
    OBSERVE_TRACE,
    OPEN_HARDENED,
    OPEN_UNTRUSTED,
    OPEN_URI,
    ROLLBACK,
    RUNNING,
    SERIALIZE,
    SHAPE_CELL,
    SHAPE_OUTCOME,
    SHAPE_ROW,
)
from .context import Result
from .cursor import CLOSED, Cursor, Parameters, Row, RowFactory
from .dump import dump
from .lanes import lane_id, lane_of
from .loops import queue_of
from .opening import pattern_of
from .transaction import Statement, Transaction
from .values import bytes_of, converters_of, cursor_of

__all__ = ["connect", "Connection", "Cursor"]

AuthorizerCallback = Callable[[int, str, str, str, str], int]
IsolationLevel = Optional[Literal["DEFERRED", "IMMEDIATE", "EXCLUSIVE"]]

# Of `autocommit`: transactions begin as `isolation_level` says.
LEGACY_TRANSACTION_CONTROL: int = getattr(sqlite3, "LEGACY_TRANSACTION_CONTROL", -1)

_MODES = {"": BEGIN_DEFERRED, "DEFERRED": BEGIN_DEFERRED, "IMMEDIATE": BEGIN_IMMEDIATE, "EXCLUSIVE": BEGIN_EXCLUSIVE}
_CONFIG_LOAD_EXTENSION = 1005
_FROM_SQL_TOO = 2
_HAS_AUTOCOMMIT = sys.version_info >= (3, 12)
_INT_MAX = 2**31 - 1


class Statistics(NamedTuple):
    """Counters of a connection since it was opened; `outstanding` and `bytes` are of what is out now."""

    outstanding: int
    bytes: int
    submitted: int
    completed: int
    cache_hits: int
    cache_misses: int
    total_changes: int


# Keywords of `connect` that are ours, and the flags that they stand for.
_OWN_OPTIONS = {"hardened": OPEN_HARDENED, "untrusted": OPEN_UNTRUSTED}


class Opening:
    """Where a database is, and how it is to be opened: the keywords of `sqlite3.connect`, and our own."""

    def __init__(self, database: Union[str, bytes, Path], options: dict[str, Any]) -> None:
        self._database = database
        self._options = options

    def __call__(self) -> sqlite3.Connection:
        """As a connector of aiosqlite's; nothing here calls it."""
        options = {name: value for name, value in self._options.items() if name not in _OWN_OPTIONS}
        connection: sqlite3.Connection = sqlite3.connect(self._path(), **options)
        return connection

    def _path(self) -> str:
        if isinstance(self._database, str):
            return self._database
        return self._database.decode() if isinstance(self._database, bytes) else str(self._database)

    def read(self) -> tuple[bytes, dict[str, Any], str | None]:
        """
        The path, the options, and the isolation level.

        The sqlite3 module judges the options, for a database in memory, so that what is wrong is told in its words.
        """
        path = os.fsencode(self._path())
        if b"\0" in path:
            raise ValueError("embedded null byte")
        options = dict(self._options)
        judged = {name: value for name, value in options.items() if name != "factory" and name not in _OWN_OPTIONS}
        if not _HAS_AUTOCOMMIT and judged.pop("autocommit", -1) not in (True, False, LEGACY_TRANSACTION_CONTROL):
            raise ValueError("autocommit must be True, False, or sqlite3.LEGACY_TRANSACTION_CONTROL")
        with closing(sqlite3.connect(":memory:", **judged)) as judge:
            return path, options, judge.isolation_level


class Connection:
    """
    A connection to a database, with a thread of its own: `connect` makes one, to be awaited or entered.

    Its requests run in the order in which they were made. To cancel a task is to cancel its request, and no other: one
    that waits never runs, one that runs is undone, and CancelledError comes when that is so. Each call takes `timeout`,
    in seconds, after which it is cancelled and raises TimeoutError.

    It may be used from several loops, in several threads. Functions of SQL and hooks run on the loop on which it was
    opened, as long as that runs. One that is dropped without being closed is closed, with a ResourceWarning.
    """

    def __init__(
        self,
        connector: Callable[[], sqlite3.Connection],
        iter_chunk_size: int,
        loop: Optional[asyncio.AbstractEventLoop] = None,
    ) -> None:
        if loop is not None:
            warn("aiosqlite.Connection no longer uses the `loop` parameter", DeprecationWarning)
        self._link: _native.Link | None = None
        self._connector = connector
        self._iter_chunk_size = iter_chunk_size
        self._row_factory: RowFactory = None
        self._detect_types = 0
        self._autocommit: bool | int = LEGACY_TRANSACTION_CONTROL
        self._level: str | None = None
        self._registry: functions.Registry | None = None
        self._trace = 0
        self._is_started = False
        self._running = True
        self._thread = private.Thread(self)
        self._tx = private.Transmit(self)

    # As the sqlite3 module has them there.
    Warning = sqlite3.Warning
    Error = sqlite3.Error
    InterfaceError = sqlite3.InterfaceError
    DatabaseError = sqlite3.DatabaseError
    DataError = sqlite3.DataError
    OperationalError = sqlite3.OperationalError
    IntegrityError = sqlite3.IntegrityError
    InternalError = sqlite3.InternalError
    ProgrammingError = sqlite3.ProgrammingError
    NotSupportedError = sqlite3.NotSupportedError

    # ---- Opening and closing ----

    def __await__(self) -> Generator[Any, None, Connection]:
        if self._is_started:
            raise RuntimeError("threads can only be started once")
        self._is_started = True
        return self._connect().__await__()

    async def __aenter__(self) -> Connection:
        return await self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def _connect(self) -> Connection:
        try:
            if isinstance(self._connector, Opening):
                await self._open(self._connector)
            else:
                await self._adopt()
        except BaseException:
            self._running = False
            raise
        return self

    async def _open(self, opening: Opening) -> None:
        path, options, self._level = opening.read()
        queue = queue_of(asyncio.get_running_loop())
        self._detect_types = options.get("detect_types", 0)
        self._autocommit = options.get("autocommit", LEGACY_TRANSACTION_CONTROL)
        flags = OPEN_URI if options.get("uri", False) else 0
        for name, flag in _OWN_OPTIONS.items():
            flags |= flag if options.get(name, False) else 0
        timeout = min(int(options.get("timeout", 5.0) * 1000), _INT_MAX)
        cache = max(options.get("cached_statements", 128), 0)
        link, opened = _native.open(
            queue,
            path,
            flags,
            timeout if timeout > 0 else NO_WAIT,
            cache or NO_STATEMENT_CACHE,
            self._isolation(),
            None,
            (),
        )
        try:
            await opened
        except BaseException:
            link.abandon(CLOSE_CANCEL)
            raise
        if self._detect_types:
            link.begun = _Detection(self._detect_types)
        self._registry = functions.Registry(link)
        self._link = link

    async def _adopt(self) -> None:
        """Opens what a connector of the program's own would open."""
        pattern = await pattern_of(self._connector)
        await self._open(Opening(pattern.database, pattern.options))
        self._row_factory = pattern.row_factory
        self.text_factory = pattern.text_factory
        if pattern.image:
            await self.deserialize(pattern.image)

    async def close(self) -> None:
        """Finishes what was asked for, and closes. What is not committed is lost. Closing again does nothing."""
        link = self._link
        if link is None:
            return
        self._link = None
        self._running = False
        if link.is_open:
            await link.close(CLOSE_DRAIN)

    def stop(self) -> Optional[asyncio.Future[None]]:
        """
        Finishes what was asked for, and closes, without anybody waiting: also where no loop runs.

        Returns a future for the end if a loop runs. Prefer `close`, or `async with`.
        """
        link, self._link = self._link, None
        self._running = False
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            if link is not None:
                link.abandon(CLOSE_DRAIN)
            return None
        if link is not None and link.is_open:
            return asyncio.ensure_future(_ended(link.close(CLOSE_DRAIN)))
        future: asyncio.Future[None] = loop.create_future()
        future.set_result(None)
        return future

    def __del__(self) -> None:
        link = getattr(self, "_link", None)
        if link is None:
            return
        self._link = None
        link.abandon(CLOSE_CANCEL)
        warn(
            f"{self!r} was deleted before being closed. "
            "Please use 'async with' or '.close()' to close the connection properly.",
            ResourceWarning,
            stacklevel=1,
        )

    def _active(self, words: str = "no active connection") -> _native.Link:
        if self._link is None:
            raise ValueError(words)
        return self._link

    def _lane(self) -> int:
        return lane_id(self._active())

    # ---- What programs touch of aiosqlite beside its interface ----

    @property
    def _conn(self) -> Connection:
        self._active()
        return self

    @property
    def _connection(self) -> Optional[Connection]:
        return None if self._link is None else self

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not self._running or self._link is None:
            raise ValueError(CLOSED)
        return await private.call(fn, *args, **kwargs)

    # ---- Statements ----

    def cursor(self) -> Result[Cursor]:
        """A cursor."""
        return call(Result, "Connection.cursor", self._start_cursor, None, None, None)

    async def _start_cursor(self, _a: None, _b: None, _c: None) -> Cursor:
        self._active()
        return Cursor(self)

    def execute(
        self, sql: str, parameters: Optional[Parameters] = None, *, timeout: Optional[float] = None
    ) -> Result[Cursor]:
        """
        Executes one statement; the cursor that has its rows.

        `parameters`: a sequence for `?`, or a mapping for `:name`. Before an INSERT, UPDATE, DELETE or REPLACE a
        transaction begins as `isolation_level` says.
        """
        return call(Result, "Connection.execute", Cursor(self), sql, parameters, timeout)

    def executemany(
        self,
        sql: str,
        parameters: Union[Iterable[Parameters], AsyncIterable[Parameters]],
        *,
        timeout: Optional[float] = None,
    ) -> Result[Cursor]:
        """Executes an INSERT, UPDATE, DELETE or REPLACE once for each row of parameters; its cursor."""
        return call(Result, "Connection.executemany", self._start_many, sql, parameters, timeout)

    async def _start_many(self, sql: str, parameters: Any, timeout: float | None) -> Cursor:
        self._active()
        return await Cursor(self).executemany(sql, parameters, timeout=timeout)

    def executescript(self, sql_script: str, *, timeout: Optional[float] = None) -> Result[Cursor]:
        """Executes all statements of a text; a cursor."""
        return call(Result, "Connection.executescript", self._start_script, sql_script, timeout, None)

    async def _start_script(self, sql_script: str, timeout: float | None, _c: None) -> Cursor:
        self._active()
        return await Cursor(self).executescript(sql_script, timeout=timeout)

    def execute_insert(
        self, sql: str, parameters: Optional[Parameters] = None, *, timeout: Optional[float] = None
    ) -> Result[Optional[Row]]:
        """Executes one statement; a row with the rowid that was inserted last."""
        return call(Result, "Connection.execute_insert", self._start_insert, sql, parameters, timeout)

    async def _start_insert(self, sql: str, parameters: Parameters | None, timeout: float | None) -> Row | None:
        self._active(CLOSED)
        cursor = Cursor(self)
        await cursor.execute(sql, parameters, timeout=timeout)
        return self._make_rows(("last_insert_rowid()",), [(cursor.lastrowid,)])[0]

    def execute_fetchall(
        self, sql: str, parameters: Optional[Parameters] = None, *, timeout: Optional[float] = None
    ) -> Result[list[Row]]:
        """Executes one statement; all its rows, in one hop."""
        if self._link is None or self._row_factory is not None:
            return call(Result, "Connection.execute_fetchall", self._start_fetchall, sql, parameters, timeout)
        return call(Result, "Connection.execute_fetchall", self._link, sql, parameters, timeout, self)

    async def _start_fetchall(self, sql: str, parameters: Parameters | None, timeout: float | None) -> list[Row]:
        self._active(CLOSED)
        cursor = Cursor(self)
        await cursor.execute(sql, parameters, timeout=timeout)
        return await cursor.fetchall()

    async def batch(self, statements: Iterable[Statement], *, timeout: Optional[float] = None) -> list[list[Row]]:
        """
        Executes statements, each a text or a tuple of one and its parameters, in one hop, as one transaction: all or
        none.

        Returns the rows of each. Inside of a transaction it is a savepoint of that. The error is that of the statement
        that failed.
        """
        link = self._active()
        parts = [statement if isinstance(statement, tuple) else (statement, ()) for statement in statements]
        lane = lane_id(link)
        commands = [
            {"kind": FETCH, "sql": sql, "values": parameters, "shape": SHAPE_OUTCOME, "lane": lane}
            for sql, parameters in parts
        ]
        if not commands:
            return []
        commands[0]["flags"] = ATOMIC
        waiters = link.array(commands)
        waiters[0].within(timeout)
        outcomes = await _outcomes(waiters)
        return [self._make_rows(columns, rows) for columns, rows, _, _ in outcomes]

    def _make_rows(self, names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> list[Row]:
        factory = self._row_factory
        if factory is None:
            return rows
        cursor = cursor_of(names)
        return [factory(cursor, row) for row in rows]

    # ---- Transactions ----

    async def commit(self) -> None:
        """Commits what is open; otherwise does nothing. Inside of `transaction()` it is the block that commits."""
        await self._end(COMMIT)

    async def rollback(self) -> None:
        """Rolls back what is open; otherwise does nothing."""
        await self._end(ROLLBACK)

    async def _end(self, kind: int) -> None:
        link = self._active()
        lane = lane_of(link)
        if lane is not None and lane.is_transaction:
            raise sqlite3.ProgrammingError("inside of transaction(): the end of its block ends it, or its own methods")
        if self._autocommit is not True:
            await link.command(kind)

    def transaction(self, mode: str = "immediate", *, timeout: Optional[float] = None) -> Transaction:
        """
        A transaction that no other task gets into: `async with db.transaction():`.

        It commits at the end of the block, and rolls back on an exception. `mode`: when it takes its locks, "deferred",
        "immediate" or "exclusive". `timeout`: how long it waits for its turn, and for the lock.
        """
        return Transaction(self, mode, timeout)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction was open at the end of the last request that has ended."""
        return self._active().in_transaction

    @property
    def isolation_level(self) -> Optional[str]:
        """
        How transactions begin by themselves: "" or "DEFERRED", "IMMEDIATE", "EXCLUSIVE"; None for never.

        It is in force for what is asked for after it was set. To set None commits what is open.
        """
        self._active()
        return self._level

    @isolation_level.setter
    def isolation_level(self, value: IsolationLevel) -> None:
        link = self._active()
        with closing(sqlite3.connect(":memory:")) as judge:
            judge.isolation_level = value
            self._level = judge.isolation_level
        if self._autocommit == LEGACY_TRANSACTION_CONTROL and not isinstance(self._autocommit, bool):
            self._isolate(link)

    @property
    def autocommit(self) -> Union[bool, int]:
        """
        As `sqlite3.Connection.autocommit`, in every version of Python: False for a transaction that is always open,
        True for none that begins by itself, or LEGACY_TRANSACTION_CONTROL. To set True commits what is open.
        """
        self._active()
        return self._autocommit

    @autocommit.setter
    def autocommit(self, value: Union[bool, int]) -> None:
        link = self._active()
        if value is not True and value is not False and value != LEGACY_TRANSACTION_CONTROL:
            raise ValueError("autocommit must be True, False, or sqlite3.LEGACY_TRANSACTION_CONTROL")
        self._autocommit = value
        self._isolate(link)

    def _isolation(self) -> int:
        if self._autocommit is True:
            return BEGIN_NONE
        if self._autocommit is False:
            return BEGIN_ALWAYS
        return BEGIN_NONE if self._level is None else _MODES[self._level.upper()]

    def _isolate(self, link: _native.Link) -> None:
        isolation = self._isolation()
        link.post(ISOLATION, (isolation,))
        # What will be so when it has been done, and everything before it.
        if isolation in (BEGIN_NONE, BEGIN_ALWAYS):
            link.in_transaction = isolation == BEGIN_ALWAYS

    @property
    def _begins(self) -> bool:
        """Whether transactions begin before statements that change rows."""
        return self._isolation() not in (BEGIN_NONE, BEGIN_ALWAYS)

    @property
    def _commits_first(self) -> bool:
        """Whether scripts commit what is open before they begin."""
        return not isinstance(self._autocommit, bool)

    # ---- Rows ----

    @property
    def row_factory(self) -> RowFactory:
        """What cursors made from here on have as theirs: `Row`, a function of a cursor and a tuple, or None."""
        self._active()
        return self._row_factory

    @row_factory.setter
    def row_factory(self, factory: RowFactory) -> None:
        self._active()
        self._row_factory = factory

    @property
    def text_factory(self) -> Callable[[bytes], Any]:
        """What text is read as: `str`, or a function of its bytes."""
        factory: Callable[[bytes], Any] = self._active().text_factory
        return factory

    @text_factory.setter
    def text_factory(self, factory: Callable[[bytes], Any]) -> None:
        self._active().text_factory = factory

    @property
    def total_changes(self) -> int:
        """Rows changed since it was opened, as of the last request that has ended."""
        return self.statistics().total_changes

    def statistics(self) -> Statistics:
        """Its counters, at this moment."""
        return Statistics(*self._active().statistics())

    # ---- Stopping ----

    async def interrupt(self) -> None:
        """Ends what is running now, with OperationalError "interrupted"; what waits goes on."""
        self._active().cancel(RUNNING)

    # ---- Functions and hooks ----

    def _functions(self) -> functions.Registry:
        self._active()
        assert self._registry is not None
        return self._registry

    async def create_function(
        self, name: str, num_params: int, func: Optional[Callable[..., Any]], deterministic: bool = False
    ) -> None:
        """
        Makes a function of SQL; None removes it.

        It runs on the loop. An `async def` is awaited while its statement waits, and may ask its own connection
        meanwhile.
        """
        _check_name("create_function", name)
        flags = FUNCTION_DETERMINISTIC if deterministic else 0
        listener = None if func is None else functions.Scalar(self._active(), asyncio.get_running_loop(), func)
        await self._functions().register(FUNCTION_SCALAR, name, num_params, flags, listener)

    async def create_aggregate(self, name: str, n_arg: int, aggregate_class: Optional[Callable[[], Any]]) -> None:
        """Makes a function of groups: each has an instance, with `step(*row)` and `finalize()`, plain or async."""
        _check_name("create_aggregate", name)
        await self._create_aggregate(FUNCTION_AGGREGATE, name, n_arg, aggregate_class)

    async def create_window_function(
        self, name: str, num_params: int, aggregate_class: Optional[Callable[[], Any]], /
    ) -> None:
        """As `create_aggregate`, with `value()` and `inverse(*row)` too."""
        _check_name("create_window_function", name)
        await self._create_aggregate(FUNCTION_WINDOW, name, num_params, aggregate_class)

    async def _create_aggregate(
        self, kind: int, name: str, n_args: int, aggregate: Optional[Callable[[], Any]]
    ) -> None:
        listener = (
            None if aggregate is None else functions.Aggregate(self._active(), asyncio.get_running_loop(), aggregate)
        )
        await self._functions().register(kind, name, n_args, 0, listener)

    async def create_collation(self, name: str, callable: Optional[Callable[[str, str], int]], /) -> None:
        """Makes an order of texts: below, equal to or above 0. A hop to the loop for each comparison."""
        _check_name("create_collation", name)
        listener = (
            None if callable is None else functions.Collation(self._active(), asyncio.get_running_loop(), callable)
        )
        await self._functions().register(FUNCTION_COLLATION, name, 0, 0, listener)

    async def set_authorizer(self, authorizer_callback: Optional[AuthorizerCallback]) -> None:
        """
        Asks, as each statement is prepared, what it may do: called with an action, its two arguments, the schema and
        the trigger or view; SQLITE_OK, SQLITE_DENY or SQLITE_IGNORE. None ends that.
        """
        await self._set_hook(FUNCTION_AUTHORIZER, 0, authorizer_callback, _permission)

    async def set_progress_handler(self, handler: Optional[Callable[[], Optional[int]]], n: int) -> None:
        """Calls it after each `n` instructions of SQLite's machine; what is true ends the statement. None ends that."""
        await self._set_hook(FUNCTION_PROGRESS, n, handler if n > 0 else None, bool)

    async def _set_hook(
        self, kind: int, n: int, function: Optional[Callable[..., Any]], decide: Callable[[Any], int]
    ) -> None:
        link = self._active()
        hook = None if function is None else functions.Hook(link, asyncio.get_running_loop(), function, decide)
        await self._functions().register(kind, None, max(n, 0), 0, hook)

    async def set_trace_callback(self, handler: Optional[Callable[[str], Any]]) -> None:
        """Calls it with each statement that is run, its values filled in. None ends that."""
        link = self._active()
        if self._trace:
            link.cancel(self._trace)
            self._trace = 0
        if handler is not None:
            self._trace = link.observe(_Trace(handler), OBSERVE, (OBSERVE_TRACE,))

    def changes(self, values: bool = False) -> Changes:
        """
        An async iterator over what is inserted, updated and deleted on this connection from now on, as it is committed.

        With `values` each change has the values before and after.
        """
        return Changes(self._active(), values)

    async def enable_load_extension(self, value: bool) -> None:
        """Whether `load_extension` may load libraries, from SQL too. It is off."""
        await self._active().command(DB_CONFIG, values=(_CONFIG_LOAD_EXTENSION, _FROM_SQL_TOO if value else 0))

    async def load_extension(self, path: str, *, entrypoint: Optional[str] = None) -> None:
        """Loads a library of functions and the like."""
        await self._active().command(LOAD_EXTENSION, values=(path, entrypoint))

    # ---- The database as a whole ----

    async def iterdump(self, *, filter: Optional[str] = None) -> AsyncIterator[str]:
        """The SQL that makes the database again, a statement at a time; with a filter, of what has a name LIKE it."""
        async for line in dump(self, filter):
            yield line

    async def backup(
        self,
        target: Union[Connection, sqlite3.Connection],
        *,
        pages: int = 0,
        progress: Optional[Progress] = None,
        name: str = "main",
        sleep: float = 0.250,
    ) -> None:
        """
        Copies the database into that of another connection, one of the sqlite3 module's too.

        `pages`: so many in a step, between which other requests run; 0 for all in one. `progress`: called after each
        with SQLite's status, the pages that remain, and all there are.
        """
        await backup(self, target, pages, progress, name, sleep)

    async def serialize(self, *, name: str = "main") -> bytes:
        """The database as the bytes that a file of it would have."""
        image = await self._active().command(SERIALIZE, values=(name,), shape=SHAPE_CELL)
        return bytes(image or b"")

    async def deserialize(self, data: Union[bytes, bytearray, memoryview], /, *, name: str = "main") -> None:
        """Replaces the database by one of these bytes, which then lives in memory."""
        await self._active().command(DESERIALIZE, values=(data, name))

    async def blobopen(
        self, table: str, column: str, row: int, /, *, readonly: bool = False, name: str = "main"
    ) -> Blob:
        """Opens a BLOB or TEXT cell, to be read and written in parts."""
        values = table, column, row, int(not readonly), name
        handle, size = await self._active().command(BLOB_OPEN, values=values, shape=SHAPE_ROW)
        return Blob(self, handle, size)

    async def getlimit(self, category: int, /) -> int:
        """One of SQLite's limits, such as SQLITE_LIMIT_SQL_LENGTH."""
        return await self._limit(category, None)

    async def setlimit(self, category: int, limit: int, /) -> int:
        """Sets one of SQLite's limits; what it was before."""
        return await self._limit(category, limit)

    async def _limit(self, category: int, limit: int | None) -> int:
        try:
            before: int = await self._active().command(LIMIT, values=(category, limit), shape=SHAPE_CELL)
        except sqlite3.Error:
            raise sqlite3.ProgrammingError("'category' is out of bounds") from None
        return before

    async def getconfig(self, op: int, /) -> bool:
        """One of SQLite's switches, such as SQLITE_DBCONFIG_DEFENSIVE."""
        return await self._config(op, None)

    async def setconfig(self, op: int, enable: bool = True, /) -> None:
        """Sets one of SQLite's switches."""
        await self._config(op, bool(enable))

    async def _config(self, op: int, enable: bool | None) -> bool:
        try:
            return bool(await self._active().command(DB_CONFIG, values=(op, enable), shape=SHAPE_CELL))
        except sqlite3.Error:
            raise ValueError("unknown config 'op'") from None


class _Detection:
    """Finds the converters of a result, before anybody reads it."""

    def __init__(self, detect_types: int) -> None:
        self._detect_types = detect_types

    def __call__(self, rows: _native.Rows) -> None:
        names = rows.columns or ()
        found = converters_of(names, rows.types or (None,) * len(names), self._detect_types)
        if found is not None:
            rows.converters = (*found, bytes_of)


class _Trace:
    """Tells of statements as they begin."""

    def __init__(self, handler: Callable[[str], Any]) -> None:
        self._handler = handler

    def __call__(
        self, id: int, flags: int, code: int, changes: int, lastrowid: int, rows: list[Any], error: BaseException | None
    ) -> None:
        for row in rows:
            try:
                self._handler(row[2])
            except Exception:
                # As in sqlite3, nobody hears of it.
                continue


async def _ended(closing: _native.Waiter) -> None:
    await closing


async def _outcomes(waiters: list[_native.Waiter]) -> list[Any]:
    """Waits for all of an array; raises the error of the one for which the others were undone."""
    outcomes: list[Any] = []
    first: BaseException | None = None
    for waiter in waiters:
        try:
            outcomes.append(await waiter)
        except (sqlite3.Error, ValueError, MemoryError, asyncio.TimeoutError, OverflowError) as error:
            if first is None or getattr(first, "sqlite_errorname", "") == "SIDELITE_ERR_ABORTED":
                first = error
    if first is not None:
        raise first
    return outcomes


def _check_name(call: str, name: Any) -> None:
    if not isinstance(name, str):
        kind = "None" if name is None else type(name).__name__
        raise TypeError(f"{call}() argument 'name' must be str, not {kind}")


def _permission(value: Any) -> int:
    return value if isinstance(value, int) and abs(value) <= _INT_MAX else sqlite3.SQLITE_DENY


def connect(
    database: Union[str, Path],
    *,
    iter_chunk_size: int = 64,
    loop: Optional[asyncio.AbstractEventLoop] = None,
    **kwargs: Any,
) -> Connection:
    """
    A connection to a database, to be awaited or entered with `async with`.

    `database`: its file, or ":memory:". `iter_chunk_size`: rows that `async for` takes at a time. `hardened=True`:
    defensive mode and foreign keys on, double-quoted strings off, schemas not trusted. `untrusted=True`: the same with
    low limits and without ATTACH, triggers and views, for files and SQL from strangers. All other keywords are those of
    `sqlite3.connect`.
    """
    if loop is not None:
        warn("aiosqlite.connect() no longer uses the `loop` parameter", DeprecationWarning)
    return Connection(Opening(database, kwargs), iter_chunk_size)
