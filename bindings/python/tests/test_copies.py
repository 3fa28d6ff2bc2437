"""Copies of a database, and large values in parts."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
import sidelite
from support import ENDLESS, failure, series


async def filled(db: Any, rows: int = 500) -> Any:
    await db.execute("CREATE TABLE t(x INTEGER PRIMARY KEY, y)")
    await db.execute(f"INSERT INTO t SELECT i, printf('%0500d', i) FROM ({series(rows)})")
    return db


async def count(db: Any) -> int:
    [[number]] = await db.execute_fetchall("SELECT count(*) FROM t")
    return int(number)


async def test_backup_is_cancelled_and_leaves_the_target_as_it_was(db: Any) -> None:
    await filled(db, 5000)

    async def is_cancelled() -> bool:
        """Not when the cancel comes too late, as it may: the steps do not wait for anybody."""
        async with sidelite.connect(":memory:") as target:
            await target.execute("CREATE TABLE old(x)")
            task = asyncio.ensure_future(db.backup(target, pages=1, progress=lambda *step: task.cancel()))
            await asyncio.wait([task])
            names = await target.execute_fetchall("SELECT name FROM sqlite_master")
            assert names == [("old",) if task.cancelled() else ("t",)]
            return task.cancelled()

    attempts = 1
    while not await is_cancelled():
        attempts += 1
        assert attempts < 50, "the cancel always comes too late"
    print(f"measured: {attempts} attempts")
    assert await count(db) == 5000


async def test_others_work_while_a_backup_runs(db: Any) -> None:
    await filled(db, 2000)
    async with sidelite.connect(":memory:") as target:
        steps: list[int] = []
        task = asyncio.ensure_future(db.backup(target, pages=5, progress=lambda status, remaining,
                                               total: steps.append(remaining)))
        reads = 0
        while not task.done():
            assert await count(db) == 2000
            reads += 1
        await task
        assert reads > 1 and len(steps) > 10 and steps[-1] == 0
        assert await count(target) == 2000


async def test_backup_to_sqlite3_is_cancelled(db: Any) -> None:
    await filled(db)
    target = sqlite3.connect(":memory:", check_same_thread=False)
    task = asyncio.ensure_future(db.backup(target))
    await asyncio.sleep(0)
    task.cancel()
    await failure(task, asyncio.CancelledError)
    await db.backup(target)
    assert target.execute("SELECT count(*) FROM t").fetchone() == (500,)
    target.close()


async def test_backup_leaves_no_files_behind(db: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    await filled(db)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    target = sqlite3.connect(":memory:")
    await db.backup(target)

    def fail(*step: int) -> None:
        raise KeyError("mine")

    await failure(db.backup(target, progress=fail), KeyError)
    await failure(db.backup(target, name="missing"), sqlite3.OperationalError, "unknown database missing")
    target.close()
    await failure(db.backup(target), sqlite3.ProgrammingError, "closed database")
    assert list(tmp_path.iterdir()) == []


async def test_dump_of_names_like_a_pattern(db: Any) -> None:
    await db.executescript("CREATE TABLE aa(x); CREATE TABLE ab(x); CREATE TABLE b(x); CREATE INDEX ai ON b(x);")
    await db.execute("INSERT INTO ab VALUES (1)")
    lines = [line async for line in db.iterdump(filter="a%")]
    assert lines == ["BEGIN TRANSACTION;", "CREATE TABLE aa(x);", "CREATE TABLE ab(x);", 'INSERT INTO "ab" VALUES(1);',
                     "CREATE INDEX ai ON b(x);", "COMMIT;"]  # fmt: skip


async def test_dump_of_names_that_need_quotes(db: Any) -> None:
    name = "it's \"a\" 'name'"
    quoted = '"' + name.replace('"', '""') + '"'
    await db.executescript(f"CREATE TABLE {quoted}({quoted} TEXT); INSERT INTO {quoted} VALUES ('it''s');")
    script = "".join([line async for line in db.iterdump()])
    async with sidelite.connect(":memory:") as copy:
        await copy.executescript(script)
        assert await copy.execute_fetchall(f"SELECT * FROM {quoted}") == [("it's",)]


async def test_dump_does_not_depend_on_factories(db: Any) -> None:
    await filled(db, 5)
    lines = [line async for line in db.iterdump()]
    db.row_factory = lambda cursor, row: "a row"
    db.text_factory = bytes
    assert [line async for line in db.iterdump()] == lines


async def test_dump_is_of_one_moment(db: Any) -> None:
    await db.execute("CREATE TABLE a(x)")
    await db.execute("CREATE TABLE b(x)")
    stop = False

    async def write() -> None:
        """Always into both, so that they have the same rows at any moment between two batches."""
        while not stop:
            await db.batch(["INSERT INTO a VALUES (1)", "INSERT INTO b VALUES (1)"])

    writer = asyncio.ensure_future(write())
    for _ in range(20):
        lines = [line async for line in db.iterdump()]
        assert sum('"a"' in line for line in lines) == sum('"b"' in line for line in lines)
    stop = True
    await writer


async def test_image_is_a_file_and_a_database_again(db: Any, tmp_path: Path) -> None:
    await filled(db)
    image = await db.serialize()
    (tmp_path / "a.db").write_bytes(image)
    async with sidelite.connect(tmp_path / "a.db") as file, sidelite.connect(":memory:") as memory:
        assert await count(file) == 500
        await memory.deserialize(image)
        assert await count(memory) == 500
        await memory.execute("DELETE FROM t")
        await memory.commit()
        assert await memory.serialize(name="main") != image
        await failure(memory.deserialize(b"garbage" * 1000), sqlite3.DatabaseError)
        await failure(memory.serialize(name="missing"), sqlite3.OperationalError)


async def test_limits(db: Any) -> None:
    variables = 9  # SQLITE_LIMIT_VARIABLE_NUMBER
    before = await db.getlimit(variables)
    assert await db.setlimit(variables, 3) == before and await db.getlimit(variables) == 3
    too_many = db.execute_fetchall("SELECT ?, ?, ?, ?", (1, 2, 3, 4))
    await failure(too_many, sqlite3.OperationalError, "too many SQL variables")
    await failure(db.getlimit(1000), sqlite3.ProgrammingError)


async def test_switches(db: Any) -> None:
    foreign_keys = 1002  # SQLITE_DBCONFIG_ENABLE_FKEY
    assert await db.getconfig(foreign_keys) is False
    await db.setconfig(foreign_keys)
    assert await db.getconfig(foreign_keys) is True
    assert await db.execute_fetchall("PRAGMA foreign_keys") == [(1,)]
    await db.setconfig(foreign_keys, False)
    assert await db.getconfig(foreign_keys) is False
    await failure(db.getconfig(5), (ValueError, sqlite3.Error))  # type: ignore[arg-type]


async def with_blob(db: Any, size: int = 10) -> Any:
    await db.execute("CREATE TABLE b(x)")
    await db.execute("INSERT INTO b VALUES (zeroblob(?))", (size,))
    return await db.blobopen("b", "x", 1)


async def test_blob_is_written_and_read_in_parts(db: Any) -> None:
    blob = await with_blob(db)
    assert len(blob) == 10 and blob.tell() == 0
    await blob.write(b"abc")
    await blob.write(b"def")
    assert blob.tell() == 6
    blob.seek(1)
    assert (await blob.read(2), blob.tell()) == (b"bc", 3)
    blob.seek(-4, os.SEEK_END)
    assert await blob.read() == b"\0\0\0\0" and await blob.read() == b""
    blob.seek(2)
    blob.seek(1, os.SEEK_CUR)
    assert await blob.read(100) == b"def\0\0\0\0"
    await blob.close()
    await blob.close()
    await failure(blob.read(), sqlite3.ProgrammingError, "closed blob")
    assert await db.execute_fetchall("SELECT x FROM b") == [(b"abcdef\0\0\0\0",)]


async def test_blob_outside_of_its_size_is_refused(db: Any) -> None:
    async with await with_blob(db) as blob:
        await failure(blob.write(b"x" * 11), ValueError, "data longer than blob length")
        for offset, whence in ((-1, os.SEEK_SET), (11, os.SEEK_SET), (1, os.SEEK_END), (-1, os.SEEK_CUR), (0, 7)):
            with pytest.raises(ValueError):
                blob.seek(offset, whence)
        assert await blob.read() == b"\0" * 10
    await failure(db.blobopen("b", "x", 99), sqlite3.OperationalError, "no such rowid")
    await failure(db.blobopen("b", "missing", 1), sqlite3.OperationalError, "no such column")


async def test_blob_that_is_readonly(db: Any) -> None:
    await (await with_blob(db)).close()
    async with await db.blobopen("b", "x", 1, readonly=True, name="main") as blob:
        assert await blob.read(3) == b"\0\0\0"
        await failure(blob.write(b"a"), sqlite3.OperationalError, "readonly")


async def test_blob_of_a_row_that_has_changed_is_aborted(db: Any) -> None:
    async with await with_blob(db) as blob:
        await db.execute("UPDATE b SET x = 'other'")
        error = await failure(blob.read(), sqlite3.OperationalError)
        assert getattr(error, "sqlite_errorname") == "SQLITE_ABORT"


async def test_a_large_blob_in_parts(db: Any) -> None:
    part, parts = os.urandom(100_000), 30
    async with await with_blob(db, len(part) * parts) as blob:
        for _ in range(parts):
            await blob.write(part)
        blob.seek(0)
        for _ in range(parts):
            assert await blob.read(len(part)) == part
