"""databases, which opens connections by hand and holds one for each task."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa
from databases import Database

metadata = sa.MetaData()
notes = sa.Table("notes", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("text", sa.String(100)),
                 sa.Column("done", sa.Boolean))
CREATE = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text VARCHAR(100), done BOOLEAN)"


async def test_queries_written_in_sql(tmp_path: Path) -> None:
    async with Database(f"sqlite+aiosqlite:///{tmp_path}/test.db") as database:
        await database.execute(CREATE)
        assert await database.execute("INSERT INTO notes(text, done) VALUES (:text, :done)",
                                      {"text": "one", "done": True}) == 1
        await database.execute_many("INSERT INTO notes(text, done) VALUES (:text, :done)",
                                    [{"text": "two", "done": False}] * 3)
        rows = await database.fetch_all("SELECT * FROM notes WHERE id <= :id", {"id": 2})
        assert [tuple(row._mapping.values()) for row in rows] == [(1, "one", 1), (2, "two", 0)]
        assert await database.fetch_val("SELECT count(*) FROM notes") == 4
        assert await database.fetch_one("SELECT * FROM notes WHERE id = 99") is None
        assert [row["id"] async for row in database.iterate("SELECT id FROM notes")] == [1, 2, 3, 4]


async def test_queries_written_in_expressions(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path}/test.db") as database:
        await database.execute(CREATE)
        await database.execute(notes.insert().values(text="one", done=True))
        await database.execute_many(notes.insert(), [{"text": "two", "done": False}])
        row = await database.fetch_one(notes.select().where(notes.c.text == "one"))
        assert row is not None and row["done"] is True
        await database.execute(notes.update().values(done=True))
        assert await database.fetch_val(sa.select(sa.func.count()).select_from(notes).where(notes.c.done)) == 2


async def test_transactions(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path}/test.db") as database:
        await database.execute(CREATE)
        async with database.transaction():
            await database.execute(notes.insert().values(text="kept"))
            with pytest.raises(KeyError):
                async with database.transaction():
                    await database.execute(notes.insert().values(text="undone"))
                    raise KeyError("mine")
        with pytest.raises(KeyError):
            async with database.transaction():
                await database.execute(notes.insert().values(text="lost"))
                raise KeyError("mine")
        assert [row["text"] for row in await database.fetch_all(notes.select())] == ["kept"]


async def test_every_task_has_a_connection(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path}/test.db", timeout=30) as database:
        await database.execute(CREATE)
        await asyncio.gather(*[database.execute(notes.insert().values(text=str(i))) for i in range(20)])
        assert await database.fetch_val("SELECT count(*) FROM notes") == 20


async def test_undone_at_the_end(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/test.db"
    async with Database(url) as database:
        await database.execute(CREATE)
    async with Database(url, force_rollback=True) as database:
        await database.execute(notes.insert().values(text="lost"))
        assert await database.fetch_val("SELECT count(*) FROM notes") == 1
    async with Database(url) as database:
        assert await database.fetch_val("SELECT count(*) FROM notes") == 0
