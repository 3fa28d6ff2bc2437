"""What neither aiosqlite nor sqlite3 has, or only sqlite3, with the types that its values must have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import sidelite


async def stopping(db: sidelite.Connection) -> None:
    cursor: sidelite.Cursor = await db.execute("SELECT 1", timeout=0.5)
    await db.executemany("INSERT INTO t VALUES (?)", [(1,)], timeout=0.5)
    await db.executescript("SELECT 1", timeout=0.5)
    row = await db.execute_insert("INSERT INTO t VALUES (1)", timeout=0.5)
    rows: Sequence[Any] = await db.execute_fetchall("SELECT 1", timeout=0.5)
    await cursor.execute("SELECT 1", timeout=1)
    await cursor.executemany("INSERT INTO t VALUES (?)", given(), timeout=1)
    await cursor.executescript("SELECT 1", timeout=1)
    cursor.setinputsizes([1])
    cursor.setoutputsize(1, 2)
    print(row, rows)


async def given() -> AsyncIterator[tuple[int]]:
    yield (1,)


async def transactions(db: sidelite.Connection) -> None:
    async with db.transaction("immediate", timeout=1.0) as tx:
        transaction: sidelite.Transaction = tx
        await transaction.execute("SELECT 1")
        async with tx.transaction() as inner:
            await inner.executemany("INSERT INTO t VALUES (?)", [(1,)])
            await inner.executescript("SELECT 1")
            async with inner.execute("SELECT 1") as cursor:
                print([row async for row in cursor])
            async with inner.cursor() as cursor:
                await cursor.execute("SELECT 1")
            await inner.rollback()
        inserted = await tx.execute_insert("INSERT INTO t VALUES (1)")
        found: Sequence[Any] = await tx.execute_fetchall("SELECT 1")
        await tx.batch(["SELECT 1"])
        print(inserted, found)
        await tx.commit()
    results: list[list[Any]] = await db.batch(["SELECT 1", ("SELECT ?", (1,)), ("SELECT :a", {"a": 1})], timeout=1.0)
    db.autocommit = False
    autocommit: bool | int = db.autocommit
    print(results, autocommit, sidelite.LEGACY_TRANSACTION_CONTROL)


class Sum:
    def __init__(self) -> None:
        self.sum = 0

    def step(self, number: int) -> None:
        self.sum += number

    def inverse(self, number: int) -> None:
        self.sum -= number

    def value(self) -> int:
        return self.sum

    def finalize(self) -> int:
        return self.sum


async def functions(db: sidelite.Connection) -> None:
    async def slow(number: int) -> int:
        await asyncio.sleep(0)
        return number

    await db.create_function("slow", 1, slow)
    await db.create_function("slow", 1, None)
    await db.create_aggregate("my_sum", 1, Sum)
    await db.create_window_function("my_sum", 1, Sum)
    await db.create_collation("mine", lambda a, b: (a > b) - (a < b))
    await db.load_extension("name", entrypoint="init")


async def copies(db: sidelite.Connection) -> None:
    image: bytes = await db.serialize(name="main")
    await db.deserialize(image)
    lines: list[str] = [line async for line in db.iterdump(filter="a%")]
    async with await db.blobopen("t", "x", 1, readonly=False, name="main") as blob:
        opened: sidelite.Blob = blob
        part: bytes = await opened.read(10)
        await blob.write(part)
        blob.seek(0)
        position: int = blob.tell()
        size: int = len(blob)
        await blob.reopen(2)
    print(lines, position, size)
    limit: int = await db.setlimit(9, await db.getlimit(9))
    await db.setconfig(1002, await db.getconfig(1002))
    print(limit)


async def events(db: sidelite.Connection) -> None:
    async with db.changes(values=True) as changes:
        async for change in changes:
            one: sidelite.Change = change
            names: tuple[str, str, str] = (one.operation, one.schema, one.table)
            rowids: tuple[int, int] = (one.old_rowid, one.rowid)
            values: tuple[Any, ...] | None = one.new if one.old is None else one.old
            print(names, rowids, values)
            break
    statistics: sidelite.Statistics = db.statistics()
    numbers: list[int] = [statistics.outstanding, statistics.submitted, statistics.cache_hits]
    print(numbers)


async def wrong(db: sidelite.Connection) -> None:
    """What must not pass: each line has an error, and an `ignore` without one is an error itself."""
    await db.execute("SELECT 1", timeout="soon")  # type: ignore[arg-type]
    db.transaction(1)  # type: ignore[arg-type]
    await db.batch([1])  # type: ignore[list-item]
    await db.serialize("main")  # type: ignore[call-arg]
    part: str = await (await db.blobopen("t", "x", 1)).read()  # type: ignore[assignment]
    print(part)
