"""Tortoise ORM, which sets its row factory on the connection inside, and reads the changes of a connection."""

from __future__ import annotations

import asyncio
import datetime
import decimal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tortoise import Tortoise
from tortoise.exceptions import IntegrityError, OperationalError
from tortoise.expressions import F, Q
from tortoise.functions import Count
from tortoise.transactions import in_transaction

from clients.models import Player, Team


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[None]:
    context = await Tortoise.init(db_url=f"sqlite://{path}?install_regexp_functions=True",
                                  modules={"models": ["clients.models"]})
    try:
        with context:
            await Tortoise.generate_schemas()
            yield
    finally:
        await Tortoise.close_connections()


async def test_models_are_written_and_read(tmp_path: Path) -> None:
    async with opened(tmp_path / "test.db"):
        founded = datetime.datetime(2001, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)
        team = await Team.create(name="Reds", founded=founded, data={"a": [1, "ä"]}, value=decimal.Decimal("1.50"),
                                 logo=b"\0\xff")
        await Player.bulk_create([Player(name=f"player {i}", team=team) for i in range(20)])
        read = await Team.get(name="Reds").prefetch_related("players")
        assert (read.data, read.value, read.logo, len(read.players)) == ({"a": [1, "ä"]}, decimal.Decimal("1.50"),
                                                                         b"\0\xff", 20)
        assert read.founded == founded
        assert await Player.filter(Q(name__endswith="1") | Q(id__lt=3)).count() == 3
        assert await Player.filter(id__lte=5).update(is_active=False) == 5
        assert await Player.filter(is_active=False).values_list("id", flat=True) == [1, 2, 3, 4, 5]
        counted = await Team.annotate(players_count=Count("players")).values("name", "players_count")
        assert counted == [{"name": "Reds", "players_count": 20}]
        assert await Player.filter(id__gt=10).delete() == 10
        await Team.filter(name="Reds").update(value=F("value") + 1)
        assert (await Team.get(name="Reds")).value == decimal.Decimal("2.50")
        assert await Player.filter(name__posix_regex="^player [0-3]$").count() == 4


async def test_errors_are_its_own(tmp_path: Path) -> None:
    async with opened(tmp_path / "test.db"):
        await Team.create(name="Reds")
        with pytest.raises(IntegrityError):
            await Team.create(name="Reds")
        with pytest.raises(OperationalError):
            await Team.raw("SELECT * FROM missing")


async def test_transactions_nest(tmp_path: Path) -> None:
    async with opened(tmp_path / "test.db"):
        async with in_transaction():
            await Team.create(name="kept")
            with pytest.raises(KeyError):
                async with in_transaction():
                    await Team.create(name="undone")
                    raise KeyError("mine")
        with pytest.raises(KeyError):
            async with in_transaction() as connection:
                await Team.create(name="lost", using_db=connection)
                raise KeyError("mine")
        assert await Team.all().values_list("name", flat=True) == ["kept"]


async def test_many_tasks(tmp_path: Path) -> None:
    async with opened(tmp_path / "test.db"):

        async def create(i: int) -> None:
            async with in_transaction() as connection:
                await Team.create(name=str(i), using_db=connection)

        await asyncio.gather(*[create(i) for i in range(30)])
        assert await Team.all().count() == 30
