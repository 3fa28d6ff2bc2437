"""SQLAlchemy 2 with asyncio: its engine, its pools, its sessions and models, by the URL sqlite+aiosqlite."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import enum
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Optional

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload
from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool, StaticPool

from support import ENDLESS, series


class Base(DeclarativeBase):
    pass


class Mood(enum.Enum):
    GOOD = "good"
    BAD = "bad"


class Author(Base):
    __tablename__ = "author"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    mood: Mapped[Optional[Mood]]
    born: Mapped[Optional[datetime.date]]
    seen: Mapped[Optional[datetime.datetime]]
    tags: Mapped[Any] = mapped_column(sa.JSON, nullable=True)
    photo: Mapped[Optional[bytes]]
    is_alive: Mapped[bool] = mapped_column(default=True)
    books: Mapped[list[Book]] = relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "book"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    price: Mapped[Optional[decimal.Decimal]] = mapped_column(sa.Numeric(10, 2))
    author_id: Mapped[int] = mapped_column(sa.ForeignKey("author.id"))
    author: Mapped[Author] = relationship(back_populates="books")


@asynccontextmanager
async def engine_of(path: Path | None, **options: Any) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{path or ''}", **options)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        yield engine
    finally:
        await engine.dispose()


def ada() -> Author:
    return Author(
        name="Ada",
        mood=Mood.GOOD,
        born=datetime.date(1815, 12, 10),
        seen=datetime.datetime(1843, 1, 2, 3, 4, 5, 678),
        tags=["a", {"b": 1}],
        photo=bytes(range(256)),
        is_alive=False,
        books=[Book(title="Notes", price=decimal.Decimal("1.50")), Book(title="Größe")],
    )


@pytest.mark.parametrize("is_file", (True, False))
async def test_session_writes_and_reads_objects(tmp_path: Path, is_file: bool) -> None:
    async with engine_of(tmp_path / "test.db" if is_file else None) as engine:
        assert isinstance(engine.pool, AsyncAdaptedQueuePool if is_file else StaticPool)
        sessions = async_sessionmaker(engine, expire_on_commit=False)
        async with sessions() as session, session.begin():
            session.add(ada())
        async with sessions() as session:
            author = (await session.scalars(sa.select(Author).options(selectinload(Author.books)))).one()
            assert (author.mood, author.born, author.tags, author.is_alive) == (
                Mood.GOOD, datetime.date(1815, 12, 10), ["a", {"b": 1}], False,
            )  # fmt: skip
            assert author.seen == datetime.datetime(1843, 1, 2, 3, 4, 5, 678)
            assert author.photo == bytes(range(256))
            assert [(book.title, book.price) for book in author.books] == [("Notes", decimal.Decimal("1.50")),
                                                                           ("Größe", None)]
            author.name = "Ada Lovelace"
            author.books.pop()
            await session.commit()
            await session.refresh(author, ["name", "books"])
            assert (author.name, len(author.books)) == ("Ada Lovelace", 1)
            await session.delete(author)
            await session.flush()
            assert await session.scalar(sa.select(sa.func.count()).select_from(Book)) == 0
            await session.rollback()
            assert await session.scalar(sa.select(sa.func.count()).select_from(Book)) == 1


async def test_session_undoes_a_savepoint(tmp_path: Path) -> None:
    async with engine_of(tmp_path / "test.db") as engine, AsyncSession(engine) as session:
        session.add(Author(name="kept"))
        await session.flush()
        with pytest.raises(IntegrityError):
            async with session.begin_nested():
                session.add(Author(name="kept"))
                await session.flush()
        async with session.begin_nested():
            session.add(Author(name="also kept"))
        nested = await session.begin_nested()
        session.add(Author(name="undone"))
        await session.flush()
        await nested.rollback()
        await session.commit()
        assert (await session.scalars(sa.select(Author.name).order_by(Author.id))).all() == ["kept", "also kept"]


async def test_engine_executes(tmp_path: Path) -> None:
    async with engine_of(tmp_path / "test.db") as engine, engine.connect() as connection:
        table = sa.Table("t", sa.MetaData(), sa.Column("x", sa.Integer, primary_key=True), sa.Column("y", sa.Text))
        await connection.run_sync(table.create)
        await connection.execute(table.insert(), [{"y": f"row {i}"} for i in range(1000)])
        returned = await connection.execute(table.insert().returning(table.c.x), [{"y": "a"}, {"y": "b"}])
        assert returned.scalars().all() == [1001, 1002]
        updated = await connection.execute(table.update().where(table.c.x > 990).values(y="c"))
        assert updated.rowcount == 12
        one = await connection.execute(table.insert().values(y="d"))
        assert one.inserted_primary_key == (1003,)
        rows = (await connection.execute(sa.text("SELECT x, y FROM t WHERE x <= :x"), {"x": 2})).mappings().all()
        assert rows == [{"x": 1, "y": "row 0"}, {"x": 2, "y": "row 1"}]
        await connection.rollback()
        assert await connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0


async def test_engine_streams(tmp_path: Path) -> None:
    async with engine_of(tmp_path / "test.db") as engine, engine.connect() as connection:
        count = 0
        async with connection.stream(sa.text(series(10_000))) as result:
            async for partition in result.partitions(500):
                count += len(partition)
        assert count == 10_000
        result = await connection.stream(sa.text(series(10_000)))
        async for row in result:
            if row[0] == 5:
                break
        await result.close()
        assert await connection.scalar(sa.text("SELECT 1")) == 1


async def test_engine_tells_of_errors(tmp_path: Path) -> None:
    async with engine_of(tmp_path / "test.db") as engine, engine.connect() as connection:
        await connection.execute(sa.insert(Author).values(name="Ada"))
        with pytest.raises(IntegrityError) as caught:
            await connection.execute(sa.insert(Author).values(name="Ada"))
        assert caught.value.orig is not None and caught.value.orig.sqlite_errorname == "SQLITE_CONSTRAINT_UNIQUE"
        with pytest.raises(OperationalError, match="no such table: missing"):
            await connection.execute(sa.text("SELECT * FROM missing"))
        assert await connection.scalar(sa.select(sa.func.count()).select_from(Author)) == 1


async def test_engine_knows_regexp_and_floor(tmp_path: Path) -> None:
    async with engine_of(tmp_path / "test.db") as engine, engine.begin() as connection:
        await connection.execute(sa.insert(Author), [{"name": "Ada"}, {"name": "Grace"}])
        matching = sa.select(Author.name).where(Author.name.regexp_match("^G.*e$"))
        assert (await connection.scalars(matching)).all() == ["Grace"]
        assert await connection.scalar(sa.select(sa.literal(7) // sa.literal(2))) == 3
        assert await connection.scalar(sa.text("SELECT floor(2.5)")) == 2


async def test_engine_sets_the_isolation_level(tmp_path: Path) -> None:
    async with engine_of(tmp_path / "test.db") as engine:
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(sa.insert(Author).values(name="kept"))
        async with engine.connect() as connection:
            assert await connection.get_isolation_level() == "SERIALIZABLE"
            await connection.execute(sa.insert(Author).values(name="lost"))
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="READ UNCOMMITTED")
            assert await connection.get_isolation_level() == "READ UNCOMMITTED"
            assert (await connection.scalars(sa.select(Author.name))).all() == ["kept"]


async def test_pool_serves_many_tasks(tmp_path: Path) -> None:
    options = {"connect_args": {"timeout": 30}, "pool_size": 4, "max_overflow": 2, "pool_pre_ping": True}
    async with engine_of(tmp_path / "test.db", **options) as engine:

        async def insert(i: int) -> None:
            async with engine.begin() as connection:
                await connection.execute(sa.insert(Author).values(name=str(i)))

        await asyncio.gather(*[insert(i) for i in range(40)])
        async with engine.connect() as connection:
            assert await connection.scalar(sa.select(sa.func.count()).select_from(Author)) == 40
        assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_pool_of_none(tmp_path: Path) -> None:
    async with engine_of(tmp_path / "test.db", poolclass=NullPool) as engine:
        for i in range(3):
            async with engine.begin() as connection:
                await connection.execute(sa.insert(Author).values(name=str(i)))
        async with engine.connect() as connection:
            assert await connection.scalar(sa.select(sa.func.count()).select_from(Author)) == 3


async def test_pool_goes_on_after_a_task_was_cancelled(tmp_path: Path) -> None:
    async with engine_of(tmp_path / "test.db", pool_size=1, max_overflow=0) as engine:

        async def wait() -> None:
            async with engine.connect() as connection:
                await connection.execute(sa.insert(Author).values(name="lost"))
                await connection.execute(sa.text(ENDLESS))

        task = asyncio.ensure_future(wait())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with engine.begin() as connection:
            assert await connection.scalar(sa.select(sa.func.count()).select_from(Author)) == 0


async def test_driver_connection_is_ours(tmp_path: Path) -> None:
    import sidelite

    async with engine_of(tmp_path / "test.db") as engine, engine.connect() as connection:
        raw = await connection.get_raw_connection()
        assert isinstance(raw.driver_connection, sidelite.Connection)
        assert await (await raw.driver_connection.execute("SELECT 1")).fetchone() == (1,)


async def test_listener_sets_foreign_keys(tmp_path: Path) -> None:
    async with engine_of(tmp_path / "test.db") as engine:

        @sa.event.listens_for(engine.sync_engine, "connect")
        def connected(connection: Any, record: Any) -> None:
            cursor = connection.cursor()
            cursor.execute("PRAGMA foreign_keys = ON")
            cursor.close()

        await engine.dispose()
        async with engine.connect() as connection:
            with pytest.raises(IntegrityError):
                await connection.execute(sa.insert(Book).values(title="alone", author_id=99))


async def test_closed_connections_are_disconnects(tmp_path: Path) -> None:
    async with engine_of(tmp_path / "test.db") as engine:
        async with engine.connect() as connection:
            raw = await connection.get_raw_connection()
            await raw.driver_connection.close()  # type: ignore[union-attr]
            with pytest.raises(DBAPIError) as caught:
                await connection.execute(sa.text("SELECT 1"))
            assert caught.value.connection_invalidated
        async with engine.connect() as connection:
            assert await connection.scalar(sa.text("SELECT 1")) == 1
