"""Puts sidelite in the place of aiosqlite, before any of the programs looks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sidelite

sidelite.install_as_aiosqlite()


@pytest.fixture(autouse=True)
def runs_on_sidelite() -> Iterator[None]:
    """Tortoise brings aiosqlite along: it must stay unused."""
    import sys

    import aiosqlite

    yield
    assert aiosqlite.Connection is sidelite.Connection
    names = [name for name in sys.modules if name.split(".")[0] == "aiosqlite"]
    assert {"aiosqlite", "aiosqlite.core"} <= set(names)
    for name in names:
        assert sys.modules[name] is sys.modules[name.replace("aiosqlite", "sidelite", 1)], name
