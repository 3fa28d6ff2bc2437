"""What is measured, each as a function like aiosqlite's connect; each is imported in a process of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from typing import Any


class Done(Awaitable[Any]):
    """What is done when it was called, in the place of what is awaited or entered."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __await__(self) -> Generator[Any, None, Any]:
        return self.value
        yield

    async def __aenter__(self) -> Any:
        return self.value

    async def __aexit__(self, *error: object) -> None:
        self.value.close()


class PlainCursor:
    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self.close = cursor.close
        self._cursor = cursor

    def fetchone(self) -> Done:
        return Done(self._cursor.fetchone())

    async def __aiter__(self) -> AsyncIterator[Any]:
        for row in self._cursor:
            yield row


class Plain:
    """The sqlite3 module itself, which blocks the loop, under the names of aiosqlite."""

    def __init__(self, path: str, **options: Any) -> None:
        self._connection = sqlite3.connect(path, **options)

    def execute(self, sql: str, parameters: Any = ()) -> Done:
        return Done(PlainCursor(self._connection.execute(sql, parameters)))

    def executemany(self, sql: str, rows: Any) -> Done:
        return Done(self._connection.executemany(sql, rows))

    def execute_fetchall(self, sql: str, parameters: Any = ()) -> Done:
        return Done(self._connection.execute(sql, parameters).fetchall())

    def commit(self) -> Done:
        return Done(self._connection.commit())

    def close(self) -> Done:
        return Done(self._connection.close())


def connect_of(peer: str) -> Callable[..., Awaitable[Any]]:
    if peer == "sqlite3":
        return lambda path, **options: Done(Plain(path, **options))
    return __import__(peer).connect  # type: ignore[no-any-return]
