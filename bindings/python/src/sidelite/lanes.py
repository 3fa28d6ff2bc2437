"""Lanes: what a task has a connection for, and others not. A transaction is one, and the call of a function."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Optional

from . import _native

_inside: ContextVar[Optional[Lane]] = ContextVar("sidelite_lane", default=None)


class Lane:
    """
    A lease or a call, and the tasks that are inside: the one that entered, and those that it starts meanwhile.

    Tasks carry it in their context. One that outlives it is outside again.
    """

    def __init__(self, link: _native.Link, id: int, is_transaction: bool) -> None:
        self.link = link
        self.is_transaction = is_transaction
        self.id = id
        self.is_open: bool = True
        self.depth: int = 0
        self._outer: Lane | None = None
        link.lanes += 1

    def enter(self) -> None:
        """From here on the requests of this context go into the lane."""
        self._outer = _inside.get()
        _inside.set(self)

    def leave(self) -> None:
        """Closes the lane. Its context is as it was before."""
        if self.is_open:
            self.is_open = False
            self.link.lanes -= 1
        if _inside.get() is self:
            _inside.set(self._outer)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Inside of it for a while."""
        token = _inside.set(self if lane_of(self.link) is not self else _inside.get())
        try:
            yield
        finally:
            _inside.reset(token)

    @property
    def outer(self) -> Lane | None:
        return self._outer


def lane_of(link: _native.Link) -> Lane | None:
    """The lane of this connection that the running task is in."""
    lane = _inside.get()
    while lane is not None and (lane.link is not link or not lane.is_open):
        lane = lane.outer
    return lane


def lane_id(link: _native.Link) -> int:
    """Its id, or 0."""
    lane = lane_of(link)
    return 0 if lane is None else lane.id
