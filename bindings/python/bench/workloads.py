"""The workloads, the same for all peers. Each checks what it got, so that nobody is fast by not doing the work."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

COUNTS = {"W1": 1_000_000, "W2": 100_000, "W3": 20_000, "W3c": 20_000, "W4": 100_000, "W4c": 100_000,
          "W5": 1_000_000, "W5i": 1_000_000, "W6": 5_000, "W7": 100_000}  # fmt: skip
SCHEMA = "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, score REAL, payload BLOB)"
INSERT = "INSERT INTO t VALUES (?, ?, ?, ?)"
READ = "SELECT name FROM t WHERE id = ?"
READ_ALL = "SELECT id, name, score, payload FROM t"
LOOK = "SELECT count(*), sum(id), sum(length(name)), total(score), sum(length(payload)) FROM t"
IN_FLIGHT, CONNECTIONS = 64, 4

TEXT = (
    "Ada Lovelace, Mary Somerville, Sofia Kovalevskaya, Emmy Noether, Maryam Mirzakhani, Grace Hopper, Hypatia, "
    "Sophie Germain, Caroline Herschel and Emilie du Chatelet"
)
NAMES = [TEXT[i : i + 20] for i in range(101)]
PAYLOADS = [TEXT[i : i + 32].encode() for i in range(89)]
Row = tuple[int, str, float, bytes]


def rows(count: int) -> Iterator[Row]:
    return ((i + 1, NAMES[i % 101], i * 0.5, PAYLOADS[i % 89]) for i in range(count))


def id_of(read: int, count: int) -> int:
    """Which row a read looks up: all over the table."""
    return 1 + read * 2_654_435_761 % count


@dataclass
class Setting:
    """What the workloads of one process share: the peer's connect, and the files."""

    connect: Callable[..., Awaitable[Any]]
    written: str
    read: str
    stored: int

    async def open(self, path: str, **options: Any) -> Any:
        db = await self.connect(path, **options)
        await db.execute("PRAGMA journal_mode = WAL")
        await db.execute("PRAGMA synchronous = NORMAL")
        return db

    async def empty(self, **options: Any) -> Any:
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(self.written + suffix):
                os.remove(self.written + suffix)
        db = await self.open(self.written, **options)
        await db.execute(SCHEMA)
        return db


async def check_written(db: Any, count: int) -> None:
    [seen] = await db.execute_fetchall(LOOK)
    assert seen == sums(rows(count)), seen


def sums(read: Iterator[Row] | list[Row]) -> tuple[int, int, int, float, int]:
    count = ids = names = payloads = 0
    scores = 0.0
    for id_, name, score, payload in read:
        count += 1
        ids += id_
        names += len(name)
        scores += score
        payloads += len(payload)
    return count, ids, names, scores, payloads


async def lanes(count: int, in_flight: int, operation: Callable[[int], Awaitable[None]]) -> float:
    """Runs so many operations, so many of them in flight, and gives the seconds."""
    numbers = iter(range(count))

    async def lane() -> None:
        for number in numbers:
            await operation(number)

    begin = time.perf_counter()
    if in_flight == 1:
        await lane()
    else:
        await asyncio.gather(*[lane() for _ in range(in_flight)])
    return time.perf_counter() - begin


async def w1(setting: Setting, count: int) -> float:
    """Many rows in one call, in one transaction."""
    db = await setting.empty()
    given = list(rows(count))
    begin = time.perf_counter()
    await db.executemany(INSERT, given)
    await db.commit()
    seconds = time.perf_counter() - begin
    await check_written(db, count)
    await db.close()
    return seconds


async def w2(setting: Setting, count: int) -> float:
    """A call for each row, in one transaction."""
    db = await setting.empty()
    given = list(rows(count))

    async def insert(number: int) -> None:
        await db.execute(INSERT, given[number])

    seconds = await lanes(count, IN_FLIGHT, insert)
    begin = time.perf_counter()
    await db.commit()
    seconds += time.perf_counter() - begin
    await check_written(db, count)
    await db.close()
    return seconds


async def reads(setting: Setting, count: int, in_flight: int, connections: int = 1) -> float:
    dbs = [await setting.open(setting.read) for _ in range(connections)]
    seen = 0

    async def read(number: int) -> None:
        nonlocal seen
        [[name]] = await dbs[number % connections].execute_fetchall(READ, (id_of(number, setting.stored),))
        seen += len(name) + ord(name[0])

    seconds = await lanes(count, in_flight, read)
    expected = (NAMES[(id_of(number, setting.stored) - 1) % 101] for number in range(count))
    assert seen == sum(len(name) + ord(name[0]) for name in expected)
    for db in dbs:
        await db.close()
    return seconds


async def w3(setting: Setting, count: int) -> float:
    """One read after the other, by execute_fetchall, which is one hop for aiosqlite, too."""
    return await reads(setting, count, 1)


async def cursor_reads(setting: Setting, count: int, in_flight: int) -> float:
    db = await setting.open(setting.read)
    seen = 0

    async def read(number: int) -> None:
        nonlocal seen
        async with db.execute(READ, (id_of(number, setting.stored),)) as cursor:
            [name] = await cursor.fetchone()
        seen += len(name) + ord(name[0])

    seconds = await lanes(count, in_flight, read)
    assert seen == sum(len(name) + ord(name[0]) for name in (NAMES[(id_of(i, setting.stored) - 1) % 101]
                                                             for i in range(count)))
    await db.close()
    return seconds


async def w3c(setting: Setting, count: int) -> float:
    """The same by a cursor, as most programs do it."""
    return await cursor_reads(setting, count, 1)


async def w4(setting: Setting, count: int) -> float:
    """Reads, 64 in flight."""
    return await reads(setting, count, IN_FLIGHT)


async def w4c(setting: Setting, count: int) -> float:
    """The same by cursors."""
    return await cursor_reads(setting, count, IN_FLIGHT)


async def w5(setting: Setting, count: int) -> float:
    """A whole table as a list."""
    db = await setting.open(setting.read)
    begin = time.perf_counter()
    read = await db.execute_fetchall(f"{READ_ALL} LIMIT {count}")
    seconds = time.perf_counter() - begin
    assert sums(read) == sums(rows(count))
    await db.close()
    return seconds


async def w5i(setting: Setting, count: int) -> float:
    """The same, row by row."""
    db = await setting.open(setting.read)
    seen = total = 0
    begin = time.perf_counter()
    async with db.execute(f"{READ_ALL} LIMIT {count}") as cursor:
        async for row in cursor:
            seen += 1
            total += row[0]
    seconds = time.perf_counter() - begin
    assert (seen, total) == (count, count * (count + 1) // 2)
    await db.close()
    return seconds


async def w6(setting: Setting, count: int) -> float:
    """Inserts that commit by themselves, one after the other."""
    db = await setting.empty(isolation_level=None)
    given = list(rows(count))

    async def insert(number: int) -> None:
        await db.execute(INSERT, given[number])

    seconds = await lanes(count, 1, insert)
    await check_written(db, count)
    await db.close()
    return seconds


async def w7(setting: Setting, count: int) -> float:
    """Reads of four connections, 16 in flight on each."""
    return await reads(setting, count, IN_FLIGHT, CONNECTIONS)


WORKLOADS: dict[str, Callable[[Setting, int], Awaitable[float]]] = {
    "W1": w1, "W2": w2, "W3": w3, "W3c": w3c, "W4": w4, "W4c": w4c, "W5": w5, "W5i": w5i, "W6": w6, "W7": w7,
}  # fmt: skip
