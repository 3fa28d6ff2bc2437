"""What goes in and comes out: values, parameters, adapters, converters, factories."""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import enum
import math
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from same import Box, case


class Number(enum.IntEnum):
    ONE = 1


class Text(str):
    pass


class Whole(int):
    pass


class Real(float):
    pass


class Bytes(bytes):
    pass


class Conforming:
    def __conform__(self, protocol: Any) -> Any:
        return "conformed" if protocol is sqlite3.PrepareProtocol else None


class ConformingToNothing:
    def __conform__(self, protocol: Any) -> Any:
        return None


class Refusing:
    def __conform__(self, protocol: Any) -> Any:
        raise KeyError("mine")


class Sized:
    """A sequence by its two methods alone."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> int:
        if index > 1:
            raise IndexError(index)
        return index * 10


class Broken(Sized):
    def __getitem__(self, index: int) -> int:
        raise KeyError("mine")


class Defaults(dict[str, Any]):
    def __missing__(self, name: str) -> str:
        return f"default {name}"


@contextmanager
def adapter(kind: type, function: Callable[[Any], Any]) -> Iterator[None]:
    """The registry is the module's own, for all: what a case brings it takes away again."""
    sqlite3.register_adapter(kind, function)
    try:
        yield
    finally:
        del sqlite3.adapters[kind, sqlite3.PrepareProtocol]  # type: ignore[attr-defined]


@contextmanager
def converter(name: str, function: Callable[[bytes], Any]) -> Iterator[None]:
    sqlite3.register_converter(name, function)
    try:
        yield
    finally:
        del sqlite3.converters[name.upper()]  # type: ignore[attr-defined]


VALUES: tuple[Any, ...] = (
    None, 0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 2**100, True, False,
    0.0, -0.0, 0.1, 1.5, 1e308, 5e-324, -1e-7, 1e15, 1e16, 123456789.123456789, math.inf, -math.inf, math.nan,
    "", "a", "\0", "a\0b", "äöü", "日本語", "🎉", "'\"", "x" * 100_000, "\ud800", "a\udfff", "\x7f\x80", "\ufffe\uffff",
    b"", b"\0", b"abc", b"\xff\xfe", bytes(range(256)), b"x" * 100_000, bytearray(b"array"), bytearray(),
    memoryview(b"view"), memoryview(b"abcdef")[::2], memoryview(array.array("i", [1, 2])), array.array("b", [1, 2]),
    array.array("d", [1.5]),
    Number.ONE, Text("text"), Whole(7), Real(2.5), Bytes(b"sub"), Conforming(), ConformingToNothing(), Refusing(),
    object(), [], (), {}, set(), 1j, lambda: 1, int, range(3), Ellipsis, NotImplemented,
)  # fmt: skip


@case
async def values_go_in_and_come_out(box: Box) -> None:
    db = await box.open()
    await db.execute("CREATE TABLE t(i INTEGER PRIMARY KEY, x)")
    for position, value in enumerate(VALUES):
        label = repr(value)[:40].split(" at 0x")[0]
        # How many digits a REAL has as text is a matter of SQLite's version.
        length = "0" if isinstance(value, float) else "length(?1)"
        await box.outcome(db.execute_fetchall(f"SELECT ?, typeof(?1), {length}", (value,)), label)
        await box.outcome(db.execute("INSERT INTO t VALUES (?, ?)", [position, value]), label)
        await box.outcome(db.executemany("INSERT INTO t VALUES (?, ?)", [(position + 1000, value)]), label)
        await box.outcome(db.execute_fetchall("SELECT :v", {"v": value}), label)
    box.note(await db.execute_fetchall("SELECT i, x, typeof(x) FROM t ORDER BY i"))


@case
async def values_in_columns_with_an_affinity(box: Box) -> None:
    db = await box.open()
    for affinity in ("INTEGER", "REAL", "TEXT", "NUMERIC", "BLOB", ""):
        await db.execute(f"CREATE TABLE t(x {affinity})")
        await db.executemany("INSERT INTO t VALUES (?)", [(v,) for v in (1, 1.0, 1.5, "1", "1.0", "1e3", "a", b"1",
                                                                         None, True, 2**62)])
        box.note(affinity, await db.execute_fetchall("SELECT x, typeof(x) FROM t"))
        await db.execute("DROP TABLE t")


@case
async def parameters_of_every_shape(box: Box) -> None:
    db = await box.open()
    two, named = "SELECT ?, ?", "SELECT :a, :b"
    Pair = collections.namedtuple("Pair", "a b")
    for parameters in ((1, 2), [1, 2], Pair(1, 2), "ab", b"ab", range(2), Sized(), collections.deque([1, 2]), (1,), (),
                       (1, 2, 3), None,
                       {"a": 1, "b": 2}, iter([1, 2]), (i for i in (1, 2)), {1, 2}, 5, object(), Broken(),
                       collections.UserList([1, 2]),
                       array.array("i", [1, 2]), memoryview(b"ab"), {}.values(), "é"):
        await box.outcome(db.execute_fetchall(two, parameters), type(parameters).__name__)
    for mapping in ({"a": 1, "b": 2}, {"a": 1}, {"a": 1, "b": 2, "c": 3}, {}, Defaults(a=1),
                    collections.OrderedDict(b=2, a=1),
                    {":a": 1, ":b": 2},
                    {"a": object(), "b": 1}):
        await box.outcome(db.execute_fetchall(named, mapping), type(mapping).__name__)
    for statement in ("SELECT :a, @b, $c", "SELECT ?2, ?1", "SELECT ?3", "SELECT :a, ?", "SELECT ?, :a",
                      "SELECT :a, :a", "SELECT 1", "SELECT :ä"):
        await box.outcome(db.execute_fetchall(statement, {"a": 1, "b": 2, "c": 3, "ä": 4}), statement)
        if ":" not in statement and "@" not in statement:
            await box.outcome(db.execute_fetchall(statement, (1, 2)), statement)
            await box.outcome(db.execute_fetchall(statement, (1, 2, 3)), statement)
    await box.outcome(db.execute("SELECT ?", 1))
    await box.outcome(db.execute("SELECT ?", parameters=(1,)))
    await box.outcome(db.execute_fetchall(sql="SELECT ?", parameters=[1]))


if sys.version_info < (3, 12):
    # Later versions warn of it, or refuse it; here it works with all.

    @case
    async def named_placeholders_with_a_sequence(box: Box) -> None:
        db = await box.open()
        await box.outcome(db.execute_fetchall("SELECT :a, :b", (1, 2)))
        await box.outcome(db.execute_fetchall("SELECT ?, :b", (1, 2)))
        await box.outcome(db.execute("SELECT :a", (1, 2)))


@case
async def a_parameter_that_changes_while_it_is_bound(box: Box) -> None:
    db = await box.open()
    rows: list[Any] = [1, 2]

    class Growing:
        def __conform__(self, protocol: Any) -> Any:
            rows.append(3)
            return "grown"

    rows[0] = Growing()
    await box.outcome(db.execute_fetchall("SELECT ?, ?", rows))


@case
async def text_factories(box: Box) -> None:
    db = await box.open()
    box.note(db.text_factory is str)

    def raising(data: bytes) -> Any:
        raise KeyError("mine")

    query = "SELECT 'text', x'626c6f62', 1, NULL, '', 'a' || char(0) || 'b', 'äö'"
    factories: tuple[Any, ...] = (bytes, bytearray, str, lambda data: data.decode() + "!",
                                  lambda data: type(data).__name__, raising, len, int, None)
    for factory in factories:
        db.text_factory = factory
        await box.outcome(db.execute_fetchall(query), db.text_factory is factory)
        await box.outcome(db.execute_fetchall("SELECT CAST(x'ff61' AS TEXT)"))
    db.text_factory = str
    for blob in ("ff", "61ff62", "c3", "eda080", "f0908d88", "f4908080", "c080"):
        await box.outcome(db.execute_fetchall(f"SELECT 1 AS one, CAST(x'{blob}' AS TEXT) AS name"), blob)
    cursor = await db.execute("SELECT CAST(x'ff' AS TEXT) UNION ALL SELECT 'fine'")
    await box.outcome(cursor.fetchone())
    db.text_factory = bytes
    cursor = await db.execute("SELECT 'one' UNION ALL SELECT 'two' UNION ALL SELECT 'three'")
    box.note(await cursor.fetchone(), await cursor.fetchall())


@case
async def row_factories(box: Box) -> None:
    db = await box.open()

    def as_dict(cursor: Any, row: Any) -> Any:
        return {column[0]: value for column, value in zip(cursor.description, row)}

    def kinds(cursor: Any, row: Any) -> Any:
        return type(row).__name__, cursor.description

    def raising(cursor: Any, row: Any) -> Any:
        raise KeyError("mine")

    class MyRow(sqlite3.Row):
        pass

    for factory in (None, as_dict, kinds, sqlite3.Row, MyRow, lambda c, r: r[0], raising, lambda c, r: None, 5, tuple,
                    dict):
        db.row_factory = factory
        box.note(db.row_factory is factory)
        await box.outcome(db.execute_fetchall("SELECT 1 AS a, 'two' AS b, 3 AS a"))
        cursor = await db.cursor()
        box.note(cursor.row_factory is factory)
        await box.outcome(cursor.execute("SELECT 1 AS a, 'two' AS \"b c\""))
        await box.outcome(cursor.fetchone())
        for statement in ("SELECT 1 WHERE 0", "CREATE TABLE IF NOT EXISTS t(x)", "INSERT INTO t VALUES (1)",
                          "UPDATE t SET x = 2"):
            await box.outcome(db.execute_fetchall(statement), statement)
            cursor = await db.execute(statement)
            await box.outcome(cursor.fetchone())
            await box.outcome(db.execute_insert(statement), statement)


@case
async def the_row_factory_of_a_cursor(box: Box) -> None:
    db = await box.open()
    cursor = await db.cursor()
    db.row_factory = sqlite3.Row
    box.note(cursor.row_factory, await (await cursor.execute("SELECT 1 AS a")).fetchone())
    cursor.row_factory = sqlite3.Row
    await cursor.execute("SELECT 1 AS a UNION ALL SELECT 2 UNION ALL SELECT 3")
    box.note(await cursor.fetchone())
    cursor.row_factory = None
    box.note(await cursor.fetchone())
    cursor.row_factory = lambda c, r: list(r)
    box.note([row async for row in cursor])
    other = await db.execute("SELECT 1 AS a")
    db.row_factory = None
    box.note(await other.fetchone(), await (await db.execute("SELECT 1 AS a")).fetchone())


@case
async def rows_by_index_and_by_name(box: Box) -> None:
    db = await box.open()
    db.row_factory = box.library.Row
    [row] = await db.execute_fetchall("SELECT 1 AS a, 'two' AS B, 3.5 AS \"c d\", NULL AS a")
    [same] = await db.execute_fetchall("SELECT 1 AS a, 'two' AS B, 3.5 AS \"c d\", NULL AS a")
    [other] = await db.execute_fetchall("SELECT 1 AS z, 'two' AS B, 3.5 AS \"c d\", NULL AS a")
    for key in (0, 1, -1, 3, 4, -5, "a", "A", "b", "B", "c d", "C D", "missing", slice(1, 3), slice(None, None, -1),
                None, 1.5, 1 << 70):
        box.outcome_of(lambda: row[key], repr(key))
    box.note(row.keys(), len(row), list(row), tuple(row), dict(row), row == same, row == other, row == tuple(row),
             hash(row) == hash(same), 1 in row)
    box.note(type(row) is sqlite3.Row, repr(row), isinstance(row, tuple))


@case
async def adapters(box: Box) -> None:
    db = await box.open()
    await db.execute("CREATE TABLE t(x)")

    class Point:
        def __init__(self, x: float, y: float) -> None:
            self.x, self.y = x, y

    class Child(Point):
        pass

    with adapter(Point, lambda p: f"{p.x};{p.y}"):
        for point in (Point(1, 2), Child(3, 4)):
            await box.outcome(db.execute_fetchall("SELECT ?", (point,)))
            await box.outcome(db.execute_fetchall("SELECT :p", {"p": point}))
            await box.outcome(db.executemany("INSERT INTO t VALUES (?)", [(point,)]))
    await box.outcome(db.execute_fetchall("SELECT ?", (Point(1, 2),)))
    with adapter(Point, lambda p: [p.x]):
        await box.outcome(db.execute_fetchall("SELECT ?", (Point(1, 2),)))
    with adapter(Point, lambda p: 1 // 0):
        await box.outcome(db.execute_fetchall("SELECT ?", (Point(1, 2),)))
    with adapter(decimal.Decimal, str), adapter(list,
                                                lambda items: ",".join(items)), adapter(bool, lambda b: f"bool {b}"):
        await box.outcome(db.execute_fetchall("SELECT ?, ?, ?", (decimal.Decimal("1.50"), ["a", "b"], True)))
    with adapter(type(None), lambda none: "none"):
        await box.outcome(db.execute_fetchall("SELECT ?", (None,)))
    with adapter(bytes, lambda b: b.decode()), adapter(Text, lambda t: "adapted"):
        await box.outcome(db.execute_fetchall("SELECT ?, ?, ?", (b"abc", Text("t"), "t")))
    box.note(box.library.register_adapter is sqlite3.register_adapter)


@case
async def adapters_of_dates(box: Box) -> None:
    db = await box.open()
    with box.warnings():
        await box.outcome(db.execute_fetchall("SELECT ?", (datetime.date(2024, 2, 29),)))
        await box.outcome(db.execute_fetchall("SELECT ?", (datetime.datetime(2024, 2, 29, 1, 2, 3, 4),)))
        await box.outcome(db.execute_fetchall("SELECT ?", (datetime.datetime(2024, 2, 29, 1, 2, 3),)))
    await box.outcome(db.execute_fetchall("SELECT ?", (datetime.time(1, 2, 3),)))


@case
async def converters(box: Box) -> None:
    both = sqlite3.PARSE_DECLTYPES | sqlite3.PARSE_COLNAMES
    with converter("seen", lambda data: ("seen", data)), converter("point", lambda data: ("point", data)):
        for detect in (0, sqlite3.PARSE_DECLTYPES, sqlite3.PARSE_COLNAMES, both):
            db = await box.open(detect_types=detect)
            await db.execute("CREATE TABLE t(a seen, b SEEN(10), c 'Seen more words', d point, e unseen, f INTEGER, g)")
            rows = [("text", 1, 2.5, b"blob", "x", 7, "y"), (None,) * 7, ("", 0, 1e100, b"", "", -1, 0),
                    ("ä\0ö", -(2**63), -0.0, b"\0\xff", 1, 2, 3)]
            await db.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            for query in ("SELECT * FROM t", "SELECT a || '' FROM t", 'SELECT f AS "f [point]" FROM t',
                          'SELECT a AS "a [point]", g AS "g[seen]" FROM t',
                          'SELECT 1 AS "x [missing]"',
                          'SELECT 1 AS "[seen]", 2 AS "y [seen", 3 AS "z seen]", 4 AS "] [seen]"',
                          "SELECT count(*) FROM t",
                          'SELECT 0.1 AS "r [seen]", 1e100 AS "[seen]", -1.5e-10 AS "[seen]", 9e999 AS "[seen]"',
                          "SELECT a FROM (SELECT a FROM t)", "INSERT INTO t(a) VALUES ('r') RETURNING a, f",
                          "WITH u AS (SELECT a AS z FROM t) SELECT z FROM u"):
                cursor = await db.cursor()
                await box.outcome(cursor.execute(query), detect, query)
                box.note(cursor.description)
                await box.outcome(cursor.fetchall(), detect, query)
            cursor = await db.execute("SELECT a FROM t")
            box.note(await cursor.fetchone(), await cursor.fetchmany(2), [row async for row in cursor])
            await db.execute("ALTER TABLE t RENAME COLUMN e TO h")
            box.note(await db.execute_fetchall("SELECT * FROM t LIMIT 1"))
            await db.close()


@case
async def the_declared_type_follows_the_table(box: Box) -> None:
    db = await box.open(detect_types=sqlite3.PARSE_DECLTYPES, isolation_level=None)
    with converter("one", lambda data: ("one", data)), converter("two", lambda data: ("two", data)):
        for kind in ("one", "two", "three", "one"):
            await db.execute(f"CREATE TABLE t(x {kind})")
            await db.execute("INSERT INTO t VALUES ('v')")
            box.note(kind, await db.execute_fetchall("SELECT x FROM t"))
            await db.execute("DROP TABLE t")


@case
async def converters_that_fail_or_come_late(box: Box) -> None:
    db = await box.open(detect_types=sqlite3.PARSE_DECLTYPES)
    await db.execute("CREATE TABLE t(x late, y failing)")
    await db.execute("INSERT INTO t VALUES (1, 2)")
    box.note(await db.execute_fetchall("SELECT * FROM t"))
    with converter("late", lambda data: data + b"!"), converter("failing", lambda data: 1 // 0):
        await box.outcome(db.execute_fetchall("SELECT x FROM t"))
        await box.outcome(db.execute_fetchall("SELECT y FROM t"))
        cursor = await db.cursor()
        await box.outcome(cursor.execute("SELECT y FROM t"))
        await box.outcome(cursor.fetchone())
    with converter("late", lambda data: None):
        await box.outcome(db.execute_fetchall("SELECT x FROM t"))
    box.note(await db.execute_fetchall("SELECT * FROM t"))
    box.note(box.library.register_converter is sqlite3.register_converter)


@case
async def converters_of_dates(box: Box) -> None:
    with box.warnings():
        db = await box.open(detect_types=sqlite3.PARSE_DECLTYPES | sqlite3.PARSE_COLNAMES)
        await db.execute("CREATE TABLE t(d date, ts timestamp)")
        await db.execute("INSERT INTO t VALUES (?, ?)", (datetime.date(2024, 2, 29),
                                                         datetime.datetime(2024, 2, 29, 1, 2, 3, 456)))
        await box.outcome(db.execute_fetchall("SELECT d, ts FROM t"))
        await box.outcome(db.execute_fetchall('SELECT current_date AS "d [date]" WHERE 0'))
        await db.execute("INSERT INTO t VALUES ('garbage', 'garbage')")
        await box.outcome(db.execute_fetchall("SELECT d FROM t"))


@case
async def converters_with_factories(box: Box) -> None:
    db = await box.open(detect_types=sqlite3.PARSE_COLNAMES)
    db.row_factory = sqlite3.Row
    db.text_factory = bytes
    with converter("up", bytes.upper):
        box.note(await db.execute_fetchall("SELECT 'abc' AS \"a [up]\", 'abc' AS b, 1 AS c"))


@case
async def description_of_names(box: Box) -> None:
    for detect in (0, sqlite3.PARSE_DECLTYPES, sqlite3.PARSE_COLNAMES):
        db = await box.open(detect_types=detect)
        for name in ("a", "a [b]", "a[b]", "[b]", "a  [b]", "a [b", "ä [ö]", "", " ", "a]b[c"):
            cursor = await db.execute(f'SELECT 1 AS "{name}"')
            box.note(name, cursor.description)


@case
async def many_columns_and_parameters(box: Box) -> None:
    db = await box.open()
    for count in (1, 50, 999, 2000, 2001):
        marks = ", ".join("?" * count)
        await box.outcome(db.execute_fetchall(f"SELECT {marks}", list(range(count))), count)
    await box.outcome(db.execute_fetchall("SELECT ?32766", [0] * 32766))
    await box.outcome(db.execute_fetchall("SELECT ?32766"))


@case
async def values_too_large(box: Box) -> None:
    db = await box.open()
    await box.outcome(db.execute_fetchall("SELECT zeroblob(1000000001)"))
    await box.outcome(db.execute_fetchall("SELECT length(zeroblob(5000000))"))
    await box.outcome(db.execute_fetchall("SELECT length(?)", (b"x" * 5_000_000,)))
    box.note([len(row[0]) for row in await db.execute_fetchall("SELECT ?", ("y" * 5_000_000,))])


if sys.version_info >= (3, 12):

    @case
    async def default_adapters_are_deprecated(box: Box) -> None:
        db = await box.open(detect_types=sqlite3.PARSE_DECLTYPES)
        with box.warnings():
            await box.outcome(db.execute_fetchall("SELECT ?", (datetime.date(2024, 1, 1),)))
