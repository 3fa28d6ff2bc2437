"""A connection of the sqlite3 module as the pattern for one of ours: for programs with a `connector` of their own."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any, NamedTuple


class Pattern(NamedTuple):
    """What is taken over: where the database is, what is set on the connection, and what is in one in memory."""

    database: str
    options: dict[str, Any]
    row_factory: Any
    text_factory: Any
    image: bytes | None


async def pattern_of(connector: Callable[[], sqlite3.Connection]) -> Pattern:
    """
    Calls a connector, on a thread since it may wait, and closes its connection again.

    Functions and the like that it registers are not taken over: SQLite tells nobody of them.
    """

    def look() -> Pattern | BaseException:
        try:
            with closing(connector()) as connection:
                return _pattern(connection)
        except BaseException as error:
            # Of a future no executor gives CancelledError and the like to anybody.
            return error

    pattern = await asyncio.get_running_loop().run_in_executor(None, look)
    if isinstance(pattern, BaseException):
        raise pattern
    return pattern


def _pattern(connection: sqlite3.Connection) -> Pattern:
    row_factory, text_factory = connection.row_factory, connection.text_factory
    connection.row_factory, connection.text_factory = None, str
    options: dict[str, Any] = {"isolation_level": connection.isolation_level}
    autocommit = getattr(connection, "autocommit", None)
    if autocommit is not None:
        options["autocommit"] = autocommit
    [timeout] = connection.execute("PRAGMA busy_timeout").fetchone()
    options["timeout"] = timeout / 1000
    [database] = [file for _, name, file in connection.execute("PRAGMA database_list") if name == "main"]
    image = None
    if not database:
        # Before Python 3.11 it cannot be had, and ours begins empty.
        image = connection.serialize() if hasattr(connection, "serialize") else None
    return Pattern(database or ":memory:", options, row_factory, text_factory, image)
