"""Functions of SQL, and hooks, that are written in Python: they run on the connection's loop, at once or as a task."""

from __future__ import annotations

import asyncio
import inspect
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from contextvars import copy_context
from typing import Any

from . import _native
from .constants import (
    CALL_END,
    CALL_FINAL,
    CALL_INVERSE,
    CALL_VALUE,
    ERR_MISUSE,
    EVENT_CALL,
    FUNCTION_AGGREGATE,
    FUNCTION_COLLATION,
    FUNCTION_REMOVE,
    FUNCTION_SCALAR,
    FUNCTION_WINDOW,
)
from .lanes import Lane

ERROR, TOO_BIG, MISUSE = 1, 18, 21
FIRST_THROWN = -2000
THROWN_MAX = 1000

Row = tuple[Any, ...]

_KINDS = {
    FUNCTION_SCALAR: "function",
    FUNCTION_AGGREGATE: "aggregate",
    FUNCTION_WINDOW: "window function",
    FUNCTION_COLLATION: "collation",
}


class Thrown:
    """What functions have thrown, by the code that their statement ends with: its error has it as its cause."""

    def __init__(self) -> None:
        self._errors: dict[int, tuple[str, BaseException]] = {}
        self._next = 0

    def keep(self, message: str, error: BaseException) -> int:
        code = FIRST_THROWN - self._next
        self._next = (self._next + 1) % 1_000_000
        self._errors[code] = message, error
        # Of those whose statement has ended otherwise nobody asks.
        if len(self._errors) > THROWN_MAX:
            del self._errors[next(iter(self._errors))]
        return code

    def take(self, code: int) -> BaseException | None:
        """The exception for a statement that has ended with this code, if a function has thrown."""
        message, cause = self._errors.pop(code, ("", None))
        if cause is None:
            return None
        error = _error(message, cause)
        error.__cause__ = cause
        return error


thrown: Thrown = Thrown()

# Tasks of asynchronous functions, by the request that called them.
_tasks: dict[tuple[int, int], set[asyncio.Task[None]]] = {}


def ended(link: _native.Link, request: int) -> None:
    """A request has ended. What it had called, and nobody waits for any more, is cancelled."""
    for task in _tasks.get((id(link), request), ()):
        task.get_loop().call_soon_threadsafe(task.cancel)


def _error(message: str, cause: BaseException) -> BaseException:
    """As the sqlite3 module tells of it."""
    if isinstance(cause, MemoryError):
        return MemoryError()
    if isinstance(cause, OverflowError):
        return _with_code(sqlite3.DataError("string or blob too big"), TOO_BIG, "SQLITE_TOOBIG")
    return _with_code(sqlite3.OperationalError(message), ERROR, "SQLITE_ERROR")


def _with_code(error: sqlite3.Error, code: int, name: str) -> sqlite3.Error:
    error.sqlite_errorcode = code
    error.sqlite_errorname = name
    return error


class Listener:
    """What is registered under one name: it gets the end of the registration, and then the calls."""

    message = "user-defined function raised exception"

    def __init__(self, link: _native.Link, loop: asyncio.AbstractEventLoop) -> None:
        self._link = link
        self._registered: asyncio.Future[None] = loop.create_future()

    async def registered(self) -> None:
        await self._registered

    def __call__(
        self, id: int, flags: int, code: int, changes: int, lastrowid: int, rows: list[Row], error: BaseException | None
    ) -> None:
        if flags & EVENT_CALL:
            self._called(id, code, changes, rows, error, lastrowid)
        else:
            self._registered.get_loop().call_soon_threadsafe(self._settle, error)

    def _settle(self, error: BaseException | None) -> None:
        if self._registered.done():
            return
        if error is None:
            self._registered.set_result(None)
        else:
            self._registered.set_exception(error)

    def _called(
        self, call: int, which: int, group: int, rows: list[Row], error: BaseException | None, request: int
    ) -> None:
        if which == CALL_END:
            self._forget(group)
            return
        try:
            if error is not None:
                raise error
            value = self._run(which, group, rows)
            if inspect.isawaitable(value):
                self._begin_task(call, value, request)
                return
            self._reply(call, value)
        except BaseException as raised:
            self._fail(call, raised)

    def _run(self, which: int, group: int, rows: list[Row]) -> Any:
        raise NotImplementedError

    def _forget(self, group: int) -> None:
        """A group ends without a value."""

    def _begin_task(self, call: int, value: Any, request: int) -> None:
        """An asynchronous function: what it asks of its own connection runs inside of its call."""
        lane = Lane(self._link, call, is_transaction=False)
        context = copy_context()
        context.run(lane.enter)
        loop = asyncio.get_running_loop()
        task = context.run(loop.create_task, self._finish(call, value, lane))
        key = id(self._link), request
        running = _tasks.setdefault(key, set())
        running.add(task)

        def forget(task: asyncio.Task[None]) -> None:
            running.discard(task)
            if not running and _tasks.get(key) is running:
                del _tasks[key]

        task.add_done_callback(forget)

    async def _finish(self, call: int, value: Any, lane: Lane) -> None:
        try:
            self._reply(call, await value)
        except BaseException as error:
            self._fail(call, error)
            if not isinstance(error, Exception):
                raise
        finally:
            lane.leave()

    def _reply(self, call: int, value: Any) -> None:
        # Of one that waits no longer, as it was cancelled, nobody wants to know.
        self._link.reply(call, value, 0)

    def _fail(self, call: int, error: BaseException) -> None:
        code = thrown.keep(getattr(error, "_sidelite_message", self.message), error)
        with suppress(sqlite3.Error):
            self._link.reply(call, self.message, code)


class Scalar(Listener):
    """A function of its arguments."""

    def __init__(self, link: _native.Link, loop: asyncio.AbstractEventLoop, function: Callable[..., Any]) -> None:
        super().__init__(link, loop)
        self._function = function

    def _run(self, which: int, group: int, rows: list[Row]) -> Any:
        return self._function(*rows[0])


class Collation(Scalar):
    """An order of texts."""

    message = "user-defined collation raised exception"

    def _run(self, which: int, group: int, rows: list[Row]) -> Any:
        order = super()._run(which, group, rows)
        if not isinstance(order, int):
            raise TypeError(f"a collation returns an int, not {type(order).__name__}")
        return (order > 0) - (order < 0)


class Hook(Scalar):
    """One that SQLite asks for a decision: what it raises is the most cautious one."""

    def __init__(
        self,
        link: _native.Link,
        loop: asyncio.AbstractEventLoop,
        function: Callable[..., Any],
        decide: Callable[[Any], int],
    ) -> None:
        super().__init__(link, loop, function)
        self._decide = decide

    def _run(self, which: int, group: int, rows: list[Row]) -> Any:
        try:
            value = super()._run(which, group, rows)
            return _decided(value, self._decide) if inspect.isawaitable(value) else self._decide(value)
        except Exception:
            return 1


async def _decided(value: Any, decide: Callable[[Any], int]) -> int:
    try:
        return decide(await value)
    except Exception:
        return 1


class Aggregate(Listener):
    """A function of the rows of a group: each group has an instance of the class."""

    def __init__(self, link: _native.Link, loop: asyncio.AbstractEventLoop, kind: Callable[[], Any]) -> None:
        super().__init__(link, loop)
        self._kind = kind
        self._groups: dict[int, Any] = {}

    def _forget(self, group: int) -> None:
        self._groups.pop(group, None)

    def _run(self, which: int, group: int, rows: list[Row]) -> Any:
        method = "inverse" if which == CALL_INVERSE else "step"
        calls = ((method, row) for row in rows)
        return self._go_on(which, group, calls)

    def _go_on(self, which: int, group: int, calls: Iterator[tuple[str, Row]]) -> Any:
        """Makes calls until one has to be waited for."""
        for method, row in calls:
            step = self._method(group, method)(*row)
            if inspect.isawaitable(step):
                return self._go_on_later(which, group, step, calls)
        return self._value(which, group)

    async def _go_on_later(self, which: int, group: int, step: Any, calls: Iterator[tuple[str, Row]]) -> Any:
        await step
        value = self._go_on(which, group, calls)
        return await value if inspect.isawaitable(value) else value

    def _value(self, which: int, group: int) -> Any:
        if which not in (CALL_VALUE, CALL_FINAL):
            return None
        # Of no rows there is no value, as the sqlite3 module has it.
        if group not in self._groups:
            return None
        value = self._method(group, "finalize" if which == CALL_FINAL else "value")()
        if which == CALL_FINAL:
            self._forget(group)
        return value

    def _method(self, group: int, name: str) -> Callable[..., Any]:
        if group not in self._groups:
            self._groups[group] = _named("__init__", self._kind)()
        return _named(name, getattr(self._groups[group], name, None))


def _named(name: str, method: Callable[..., Any] | None) -> Callable[..., Any]:
    """A method whose errors say where they come from."""

    def called(*arguments: Any) -> Any:
        try:
            if method is None:
                raise AttributeError(name)
            value = method(*arguments)
        except BaseException as error:
            raise _marked(name, error)
        return _watched(name, value) if inspect.isawaitable(value) else value

    return called


async def _watched(name: str, value: Any) -> Any:
    try:
        return await value
    except BaseException as error:
        raise _marked(name, error)


def _marked(name: str, error: BaseException) -> BaseException:
    what = "not defined" if isinstance(error, AttributeError) and error.args == (name,) else "raised error"
    with suppress(AttributeError):
        error._sidelite_message = f"user-defined aggregate's '{name}' method {what}"  # type: ignore[attr-defined]
    return error


def _refused(kind: int, error: sqlite3.Error) -> sqlite3.Error:
    """What can never be a function is told in the words of the sqlite3 module."""
    if getattr(error, "sqlite_errorcode", 0) not in (ERR_MISUSE, MISUSE):
        return error
    return sqlite3.OperationalError(f"Error creating {_KINDS.get(kind, 'hook')}")


class Registry:
    """The functions and hooks of a connection that are in force."""

    def __init__(self, link: _native.Link) -> None:
        self._link = link
        self._listeners: dict[tuple[int, str, int], Listener] = {}

    async def register(self, kind: int, name: str | None, n_args: int, flags: int, listener: Listener | None) -> None:
        """Registers, or without a listener removes. What is submitted after the call sees it."""
        loop = asyncio.get_running_loop()
        told = listener or Listener(self._link, loop)
        try:
            self._link.create_function(told, kind, flags if listener else flags | FUNCTION_REMOVE, n_args, name)
            await told.registered()
        except sqlite3.Error as error:
            self._link.forget(told)
            raise _refused(kind, error) from None
        except BaseException:
            self._link.forget(told)
            raise
        key = kind, (name or "").lower(), n_args
        for old in filter(None, [self._listeners.pop(key, None), None if listener else told]):
            self._link.forget(old)
        if listener:
            self._listeners[key] = listener
