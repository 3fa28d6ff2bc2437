"""What `connect` takes beyond `sqlite3.connect`."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
import sidelite
from support import failure

FOREIGN_KEYS = "PRAGMA foreign_keys"


async def test_open_is_as_sqlite_has_it_unless_hardened() -> None:
    async with sidelite.connect(":memory:") as db:
        assert await db.execute_fetchall(FOREIGN_KEYS) == [(0,)]
        assert await db.execute_fetchall('SELECT "text"') == [("text",)]
    async with sidelite.connect(":memory:", hardened=True) as db:
        assert await db.execute_fetchall(FOREIGN_KEYS) == [(1,)]
        await failure(db.execute('SELECT "text"'), sqlite3.OperationalError, "no such column")


async def test_open_for_strangers_refuses_to_attach(tmp_path: Any) -> None:
    async with sidelite.connect(":memory:", untrusted=True) as db:
        await failure(db.execute("ATTACH ? AS a", (str(tmp_path / "a.db"),)), sqlite3.DatabaseError)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["hardend", "flags"])
async def test_open_refuses_unknown_options(option: str) -> None:
    with pytest.raises(TypeError):
        await sidelite.connect(":memory:", **{option: True})
