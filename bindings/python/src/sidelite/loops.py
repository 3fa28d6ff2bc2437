"""Event loops: each has a queue, which it drains."""

from __future__ import annotations

import asyncio
import atexit
import os
import select
import threading
import weakref
from contextlib import suppress

from . import _native
from .errors import error_of
from .functions import FIRST_THROWN, ended, thrown
from .lanes import lane_id
from .values import adapt

# How long the end of the process waits for a thread that does not answer.
EXIT_MS = 2000
INTERRUPTED = 9
CANCELLED = -201

_queues: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[_native.Queue]] = weakref.WeakKeyDictionary()
_helped: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.WeakSet[_native.Queue]] = (
    weakref.WeakKeyDictionary()
)
_lock = threading.Lock()
_all: weakref.WeakSet[_native.Queue] = weakref.WeakSet()


def queue_of(loop: asyncio.AbstractEventLoop) -> _native.Queue:
    """The queue of a loop, which it drains from the first call on until it is closed."""
    reference = _queues.get(loop)
    queue = reference() if reference else None
    if queue is None:
        queue = _native.Queue()
        _queues[loop] = weakref.ref(queue)
        _all.add(queue)
        attach(queue, loop)
    return queue


def attach(queue: _native.Queue, loop: asyncio.AbstractEventLoop) -> None:
    """Has a loop drain a queue: its own, or one whose loop is gone while there are connections on it."""
    queue.loop = loop
    try:
        loop.add_reader(queue.fd(), queue.drain)
    except (NotImplementedError, AttributeError):
        _Pump(queue, loop).start()


class _Pump(threading.Thread):
    """
    Watches the descriptor of a queue for a loop that cannot: it has the loop drain, and waits until that is done.

    It ends when the loop is closed, or the queue gone, which it keeps no more than a reader of the loop would.
    """

    def __init__(self, queue: _native.Queue, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(name="sidelite pump", daemon=True)
        self._ended, self._end = os.pipe()
        self._fd = queue.fd()
        self._queue = weakref.ref(queue, self._stop)
        self._loop = weakref.ref(loop)
        self._drained = threading.Event()
        self._has_ended = False
        # As a reader, the queue lives as long as the loop.
        loop.__dict__.setdefault("_sidelite_queues", []).append(queue)

    def _stop(self, _: object) -> None:
        if not self._has_ended:
            os.write(self._end, b"x")
        self._drained.set()

    def run(self) -> None:
        watch = select.poll()
        watch.register(self._fd, select.POLLIN)
        watch.register(self._ended, select.POLLIN)
        try:
            while self._ended not in dict(watch.poll()) and self._ask():
                self._drained.wait()
        finally:
            # Its end may come now, when there is nothing to be stopped any more.
            self._has_ended = True
            os.close(self._ended)
            os.close(self._end)

    def _ask(self) -> bool:
        loop = self._loop()
        self._drained.clear()
        if loop is None:
            return False
        try:
            loop.call_soon_threadsafe(self._drain)
        except RuntimeError:
            return False
        return True

    def _drain(self) -> None:
        queue = self._queue()
        try:
            if queue is not None:
                queue.drain()
        finally:
            self._drained.set()


def route(queue: _native.Queue, loop: asyncio.AbstractEventLoop) -> _native.Queue:
    """
    The queue for what is asked for on a loop that does not drain `queue`, on which a connection was opened.

    It is that one itself, if its own loop is closed: then this loop drains it from here on. While its own loop only
    does not run, this one helps out: the end of the connection, and calls of functions, come there.
    """
    with _lock:
        home = queue.loop
        if home is None or home.is_closed():
            attach(queue, loop)
            return queue
    if not home.is_running():
        _help_out(queue, loop)
    return queue_of(loop)


def _help_out(queue: _native.Queue, loop: asyncio.AbstractEventLoop) -> None:
    helped = _helped.setdefault(loop, weakref.WeakSet())
    if queue in helped:
        return
    helped.add(queue)
    fd = queue.fd()

    def drain() -> None:
        queue.drain()
        if queue.loop is None or queue.loop.is_running():
            helped.discard(queue)
            loop.remove_reader(fd)

    # Where there is no add_reader, the loop that does not run is waited for.
    with suppress(NotImplementedError, AttributeError):
        loop.add_reader(fd, drain)


def _error(code: int, message: str, sqlite_code: int, offset: int, system_errno: int, flags: int) -> BaseException:
    # Who has cancelled gets CancelledError. This is for others, whose rows were on the same request.
    if code == CANCELLED:
        code = INTERRUPTED
    if code <= FIRST_THROWN and (error := thrown.take(code)) is not None:
        return error
    return error_of(code, message, sqlite_code)


def _end() -> None:
    """Before the interpreter goes: no thread of sidelite's reads its memory any more."""
    for queue in list(_all):
        queue.free(EXIT_MS)


_native.configure(_error, adapt, route, lane_id, ended)
atexit.register(_end)
# What the parent had is the parent's.
os.register_at_fork(after_in_child=_queues.clear)
