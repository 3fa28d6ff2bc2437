"""What the methods of connections and cursors return: to be awaited, or entered with `async with`."""

from __future__ import annotations

from typing import TypeVar

from . import _native
from .cursor import Cursor

_T = TypeVar("_T")


class Result(_native.Result[_T]):
    """
    A call that begins when it is awaited, and a context manager for its value.

    `await db.execute(sql)` gives the cursor; `async with db.execute(sql) as cursor` closes it at the end, too. It can
    be awaited once, as a coroutine can.
    """

    __slots__ = ()

    async def __aenter__(self) -> _T:
        return await self

    async def __aexit__(self, *error: object) -> None:
        value = self._value
        if isinstance(value, Cursor):
            await value.close()
