"""Transactions that no other task gets into: a lease of the connection, and savepoints inside it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterable, Coroutine, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, Union

from ._native import call
from .constants import (
    BEGIN_DEFERRED,
    BEGIN_EXCLUSIVE,
    BEGIN_IMMEDIATE,
    COMMIT,
    ERR_BAD_HANDLE,
    EXECUTE,
    LEASE,
    RELEASE,
    SHAPE_ID,
)
from .context import Result
from .cursor import Cursor, Parameters, Row
from .lanes import Lane, lane_of

if TYPE_CHECKING:
    from .core import Connection

_T = TypeVar("_T")

MODES = {"deferred": BEGIN_DEFERRED, "immediate": BEGIN_IMMEDIATE, "exclusive": BEGIN_EXCLUSIVE}
Statement = Union[str, tuple[str, Parameters]]


class Transaction:
    """
    A transaction of one task, to be entered with `async with`: it commits at the end, and rolls back on an exception.

    Inside, requests of the task and of those that it starts belong to the transaction, whether they are made on the
    transaction or on the connection; those of all other tasks wait until it has ended. Entered inside of another it is
    a savepoint of that.
    """

    def __init__(self, connection: Connection, mode: str, timeout: float | None) -> None:
        if mode.lower() not in MODES:
            raise ValueError(f"mode: one of {', '.join(MODES)}, not {mode!r}")
        self._connection = connection
        self._mode = MODES[mode.lower()]
        self._timeout = timeout
        self._lane: Lane | None = None
        self._savepoint: str | None = None
        self._is_entered = False

    # ---- Its beginning and its end ----

    async def __aenter__(self) -> Transaction:
        if self._is_entered:
            raise sqlite3.ProgrammingError("a transaction is entered once")
        self._is_entered = True
        link = self._connection._active()
        lane = lane_of(link)
        if lane is None:
            waiter = link.command(LEASE, values=(self._mode,), shape=SHAPE_ID, lane=0)
            # A lease that is cancelled ends, also when the cancel comes after it has begun.
            lane = Lane(link, await waiter.within(self._timeout), is_transaction=True)
            lane.enter()
        else:
            savepoint = f"sidelite_{lane.depth}"
            await link.command(EXECUTE, f"SAVEPOINT {savepoint}", lane=lane.id).within(self._timeout)
            lane.depth += 1
            self._savepoint = savepoint
        self._lane = lane
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if self._lane is None:
            return
        if error is None:
            await self.commit()
        else:
            # The reason is what is told: a rollback that fails as well has lost the whole transaction.
            with suppress(sqlite3.Error, ValueError):
                await self.rollback()

    async def commit(self) -> None:
        """Commits, and ends the transaction. When that fails it is rolled back."""
        lane = self._leave()
        try:
            if self._savepoint is None:
                await lane.link.command(COMMIT, lane=lane.id)
            else:
                await lane.link.command(EXECUTE, f"RELEASE {self._savepoint}", lane=lane.id)
        except sqlite3.Error as error:
            await self._undo(lane)
            raise _told(error) from error.__cause__
        except BaseException:
            await self._undo(lane)
            raise

    async def rollback(self) -> None:
        """Rolls back, and ends the transaction."""
        await self._undo(self._leave())

    def _leave(self) -> Lane:
        lane = self._inside()
        self._lane = None
        if self._savepoint is None:
            lane.leave()
        else:
            lane.depth -= 1
        return lane

    async def _undo(self, lane: Lane) -> None:
        with suppress(sqlite3.Error):
            if self._savepoint is None:
                await lane.link.command(RELEASE, lane=lane.id)
            else:
                await lane.link.command(EXECUTE, f"ROLLBACK TO {self._savepoint}", lane=lane.id)
                await lane.link.command(EXECUTE, f"RELEASE {self._savepoint}", lane=lane.id)

    def _inside(self) -> Lane:
        if self._lane is None:
            raise sqlite3.ProgrammingError("the transaction has ended, or not begun")
        return self._lane

    # ---- What can be done inside ----

    async def _enter(self, result: Coroutine[Any, Any, _T], _b: None = None, _c: None = None) -> _T:
        """What is called here is inside, whichever task calls it."""
        try:
            lane = self._inside()
        except sqlite3.Error:
            # It is not to be begun, and nobody is to be warned that it never was.
            result.close()
            raise
        with lane.entered():
            return await result

    def _call(self, result: Result[_T]) -> Result[_T]:
        return call(Result, "Transaction", self._enter, result, None, None)

    def cursor(self) -> Result[Cursor]:
        """As `Connection.cursor`."""
        return self._call(self._connection.cursor())

    def execute(
        self, sql: str, parameters: Parameters | None = None, *, timeout: float | None = None
    ) -> Result[Cursor]:
        """As `Connection.execute`."""
        return self._call(self._connection.execute(sql, parameters, timeout=timeout))

    def executemany(
        self, sql: str, parameters: Iterable[Parameters] | AsyncIterable[Parameters], *, timeout: float | None = None
    ) -> Result[Cursor]:
        """As `Connection.executemany`."""
        return self._call(self._connection.executemany(sql, parameters, timeout=timeout))

    def executescript(self, sql_script: str, *, timeout: float | None = None) -> Result[Cursor]:
        """As `Connection.executescript`; it does not commit what was done before it."""
        return self._call(self._connection.executescript(sql_script, timeout=timeout))

    def execute_insert(
        self, sql: str, parameters: Parameters | None = None, *, timeout: float | None = None
    ) -> Result[Row | None]:
        """As `Connection.execute_insert`."""
        return self._call(self._connection.execute_insert(sql, parameters, timeout=timeout))

    def execute_fetchall(
        self, sql: str, parameters: Parameters | None = None, *, timeout: float | None = None
    ) -> Result[list[Row]]:
        """As `Connection.execute_fetchall`."""
        return self._call(self._connection.execute_fetchall(sql, parameters, timeout=timeout))

    async def batch(self, statements: Iterable[Statement], *, timeout: float | None = None) -> list[list[Row]]:
        """As `Connection.batch`: all of the statements or none, within the transaction."""
        return await self._enter(self._connection.batch(statements, timeout=timeout))

    def transaction(self, mode: str = "immediate", *, timeout: float | None = None) -> Transaction:
        """A transaction inside of this one: a savepoint."""
        return Transaction(self._connection, mode, timeout)


def _told(error: sqlite3.Error) -> sqlite3.Error:
    if getattr(error, "sqlite_errorcode", 0) == ERR_BAD_HANDLE:
        return sqlite3.OperationalError("the transaction is over: an error has rolled it back, or SQL has ended it")
    return error
