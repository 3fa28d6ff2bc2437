"""Programs for aiosqlite, which must come to the same on sidelite: each a coroutine that notes what it sees."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import aiosqlite
import sidelite

Case = Callable[["Box"], Coroutine[Any, Any, None]]
CASES: dict[str, Case] = {}
OUR_OWN = (sidelite.Connection, sidelite.Cursor, aiosqlite.Connection, aiosqlite.Cursor)


def case(function: Case) -> Case:
    """Makes it one of the programs that are compared."""
    assert function.__name__ not in CASES, function.__name__
    CASES[function.__name__] = function
    return function


class Box:
    """What a program gets: the library, a folder for its files, and where to note what it saw."""

    def __init__(self, library: ModuleType, folder: Path) -> None:
        self.library = library
        self.folder = folder
        self.path = folder / "test.db"
        self.notes: list[Any] = []
        self._connections: list[Any] = []

    async def open(self, database: Any = ":memory:", **options: Any) -> Any:
        """A connection, which is closed when the program has ended."""
        connection = await self.library.connect(database, **options)
        self._connections.append(connection)
        return connection

    async def close(self) -> None:
        for connection in self._connections:
            await connection.close()

    def note(self, *values: Any) -> None:
        self.notes.append(tuple(map(self._plain, values)))

    async def outcome(self, awaitable: Awaitable[Any], *label: Any) -> Any:
        """Notes the value or the error with which it ends."""
        try:
            value = await awaitable
        except Exception as error:
            self.note(*label, error)
            return None
        self.note(*label, value)
        return value

    def outcome_of(self, function: Callable[[], Any], *label: Any) -> None:
        try:
            self.note(*label, function())
        except Exception as error:
            self.note(*label, error)

    @contextmanager
    def warnings(self) -> Iterator[None]:
        """Notes the warnings that come inside."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
        self.note([(warning.category.__name__, self._text(str(warning.message))) for warning in caught])

    def _plain(self, value: Any) -> Any:
        """Something that can be compared: two connections of different libraries never can."""
        if isinstance(value, BaseException):
            facts = [getattr(value, name, None) for name in ("sqlite_errorcode", "sqlite_errorname")]
            return (type(value), [self._plain(argument) for argument in value.args], *facts)
        if isinstance(value, OUR_OWN):
            return type(value).__name__
        if isinstance(value, sqlite3.Row):
            return ("Row", type(value).__name__, value.keys(), [self._plain(cell) for cell in value])
        if type(value) in (list, tuple):
            return (type(value), [self._plain(item) for item in value])
        if isinstance(value, str):
            return self._text(value)
        return (type(value), repr(value)) if isinstance(value, (int, float)) else value

    def _text(self, text: str) -> str:
        text = re.sub(r"0x[0-9a-f]+", "0x...", text).replace(str(self.folder), "FOLDER")
        return re.sub(r"\b(aiosqlite|sidelite)\b", "LIBRARY", text)


def run(program: Case, library: ModuleType, folder: Path, loop: asyncio.AbstractEventLoop, seconds: float) -> list[Any]:
    """What a program notes on one of the libraries."""
    folder.mkdir()
    box = Box(library, folder)

    async def whole() -> None:
        try:
            await program(box)
        finally:
            await box.close()

    loop.run_until_complete(asyncio.wait_for(whole(), seconds))
    return box.notes
