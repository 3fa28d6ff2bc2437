"""The text of a database, as the `iterdump` of CPython's sqlite3 module writes it, that of its newest version."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from .constants import FETCH, SHAPE_ROWS

if TYPE_CHECKING:
    from .core import Connection

# Text is asked for as bytes, and so does not go through the connection's text factory.
_TABLES = """
    SELECT CAST("name" AS BLOB), CAST("sql" AS BLOB) FROM "sqlite_master"
    WHERE "sql" NOT NULL AND "type" == 'table' AND (?1 IS NULL OR "name" LIKE ?1) ORDER BY "name"
"""
_COLUMNS = """
    SELECT CAST(m."name" AS BLOB), CAST(c."name" AS BLOB) FROM "sqlite_master" AS m, pragma_table_info(m."name") AS c
    WHERE m."sql" NOT NULL AND m."type" == 'table' ORDER BY m."name", c."cid"
"""
_OTHERS = """
    SELECT CAST("sql" AS BLOB) FROM "sqlite_master"
    WHERE "sql" NOT NULL AND "type" IN ('index', 'trigger', 'view') AND (?1 IS NULL OR "name" LIKE ?1)
"""
_VERSION = "PRAGMA schema_version"
_VIOLATIONS = "PRAGMA foreign_key_check"

_Rows = list[tuple[Any, ...]]


async def dump(connection: Connection, filter: str | None) -> AsyncIterator[str]:
    """
    The statements that make the database again, those with a name like the filter if one is given.

    What other requests of the connection do comes before all of it or after: the rows of all tables are fetched in one
    array. The schema is asked for first, and once more when it has changed until then.
    """
    while True:
        schema = await _Schema.fetch(connection, filter)
        version, *contents = await _fetch(connection, [(_VERSION, ()), *((table.query(), ())
                                                                         for table in schema.tables)])
        if version == schema.version:
            break
    for line in schema.lines(contents):
        yield line


async def _fetch(connection: Connection, queries: list[tuple[str, tuple[Any, ...]]]) -> list[_Rows]:
    """The rows of some queries, between which no other request runs."""
    commands = [{"kind": FETCH, "sql": sql, "values": values, "shape": SHAPE_ROWS} for sql, values in queries]
    waiters = connection._active("Connection closed").array(commands)
    return [await waiter for waiter in waiters]


class _Table:
    def __init__(self, name: str, sql: str, columns: list[str]) -> None:
        self.name = name
        self.sql = sql
        self.columns = columns

    def query(self) -> str:
        """For a table's INSERT statements; of sqlite_sequence it is for what comes at the end of all."""
        table = _name(self.name)
        if self.name == "sqlite_sequence":
            return _inserts(table, ["name", "seq"])
        if self.is_internal:
            return "SELECT NULL WHERE 0"
        return _inserts(table, self.columns)

    @property
    def is_internal(self) -> bool:
        return self.name.startswith("sqlite_") and self.name not in ("sqlite_stat1", "sqlite_sequence")

    @property
    def is_virtual(self) -> bool:
        return self.sql.startswith("CREATE VIRTUAL TABLE")

    def create(self) -> str:
        if self.name == "sqlite_stat1":
            return 'ANALYZE "sqlite_master";'
        if self.is_virtual:
            name, sql = _text(self.name), _text(self.sql)
            return f"INSERT INTO sqlite_master(type,name,tbl_name,rootpage,sql)VALUES('table',{name},{name},0,{sql});"
        return f"{self.sql};"


def _inserts(table: str, columns: list[str]) -> str:
    values = " || ',' || ".join(f"quote({_name(column)})" for column in columns)
    head = _text(f"INSERT INTO {table} VALUES(")
    return f"SELECT CAST({head} || {values} || ')' AS BLOB) FROM {table}"


class _Schema:
    def __init__(self, version: _Rows, violations: _Rows, tables: _Rows, columns: _Rows, others: _Rows) -> None:
        of_tables: dict[bytes, list[str]] = {}
        for table, column in columns:
            of_tables.setdefault(table, []).append(column.decode())
        self.version = version
        self.has_violations = bool(violations)
        self.tables = [_Table(name.decode(), sql.decode(), of_tables.get(name, [])) for name, sql in tables]
        self.others = [sql.decode() for (sql,) in others]

    @classmethod
    async def fetch(cls, connection: Connection, filter: str | None) -> _Schema:
        like = (filter or None,)
        return cls(*await _fetch(connection, [(_VERSION, ()), (_VIOLATIONS, ()), (_TABLES, like), (_COLUMNS, ()),
                                              (_OTHERS, like)]))

    def lines(self, contents: list[_Rows]) -> Iterator[str]:
        """All of the text; `contents` are the rows of the tables' queries."""
        sequence: list[str] = []
        has_virtual = False
        if self.has_violations:
            yield "PRAGMA foreign_keys=OFF;"
        yield "BEGIN TRANSACTION;"
        for table, rows in zip(self.tables, contents):
            inserts = [f"{row[0].decode()};" for row in rows]
            if table.name == "sqlite_sequence":
                sequence = ['DELETE FROM "sqlite_sequence";', *inserts]
            elif not table.is_internal:
                if table.is_virtual and not has_virtual:
                    has_virtual = True
                    yield "PRAGMA writable_schema=ON;"
                yield table.create()
                yield from inserts
        for sql in self.others:
            yield f"{sql};"
        if has_virtual:
            yield "PRAGMA writable_schema=OFF;"
        yield from sequence
        yield "COMMIT;"


def _name(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""'))


def _text(text: str) -> str:
    return "'{}'".format(text.replace("'", "''"))
