"""peewee's asyncio extension, which reaches for the connection inside: aggregates, collations, window functions."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playhouse.pwasyncio")

from peewee import CharField, ForeignKeyField, IntegerField, IntegrityError
from playhouse.pwasyncio import AsyncModel, AsyncSqliteDatabase
from support import Sum


class Longest:
    def __init__(self) -> None:
        self.text = ""

    def step(self, text: str) -> None:
        self.text = max(self.text, text, key=len)

    def finalize(self) -> str:
        return self.text


def models(database: AsyncSqliteDatabase) -> tuple[Any, Any]:
    class User(AsyncModel):
        name = CharField(unique=True)

    class Tweet(AsyncModel):
        user = ForeignKeyField(User, backref="tweets")
        size = IntegerField()

    database.bind([User, Tweet])
    return User, Tweet


async def test_models_and_transactions(tmp_path: Path) -> None:
    database = AsyncSqliteDatabase(str(tmp_path / "test.db"), pragmas={"foreign_keys": 1})
    User, Tweet = models(database)
    async with database:
        await database.acreate_tables([User, Tweet])
        async with database.atomic():
            user = await User.acreate(name="Ada")
            await Tweet.acreate(user=user, size=3)
            with pytest.raises(IntegrityError):
                async with database.atomic():
                    await User.acreate(name="Ada")
        users = await database.list(User.select().order_by(User.id))
        assert [user.name for user in users] == ["Ada"]
        assert await database.count(Tweet.select()) == 1
    await database.close_pool()


async def test_functions_of_every_kind(tmp_path: Path) -> None:
    database = AsyncSqliteDatabase(str(tmp_path / "test.db"))
    database.register_aggregate(Longest, "longest", 1)
    database.register_window_function(Sum, "running_sum", 1)
    database.register_collation(lambda a, b: (a > b) - (a < b), "mine")
    database.register_function(lambda text: text[::-1], "backwards", 1)
    User, Tweet = models(database)
    async with database:
        await database.acreate_tables([User, Tweet])
        for name in ("Ada", "Grace", "Eve"):
            await User.acreate(name=name)
        rows = (await database.aexecute_sql("SELECT longest(name), backwards('abc') FROM user")).fetchall()
        assert list(rows) == [("Grace", "cba")]
        moving = "SELECT running_sum(id) OVER (ORDER BY id ROWS 1 PRECEDING) FROM user"
        rows = (await database.aexecute_sql(moving)).fetchall()
        assert list(rows) == [(1,), (3,), (5,)]
        rows = (await database.aexecute_sql("SELECT name FROM user ORDER BY name COLLATE mine DESC")).fetchall()
        assert list(rows) == [("Grace",), ("Eve",), ("Ada",)]
    await database.close_pool()
