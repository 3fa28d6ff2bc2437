"""Every public name of aiosqlite is here, with the same signature; and every one of sqlite3 that has a place here."""

from __future__ import annotations

import inspect
import sqlite3
from collections.abc import Callable
from types import ModuleType
from typing import Any

import aiosqlite
import aiosqlite.context
import aiosqlite.core
import aiosqlite.cursor
import pytest
import sidelite
import sidelite.context
import sidelite.core
import sidelite.cursor

CLASSES = [(aiosqlite.Connection, sidelite.Connection), (aiosqlite.Cursor, sidelite.Cursor)]


def members(owner: type) -> dict[str, Any]:
    names = [name for name in vars(owner) if not name.startswith("_")]
    return {name: inspect.getattr_static(owner, name) for name in names}


PUBLIC = [(theirs, ours, name) for theirs, ours in CLASSES for name in members(theirs)]


def shape(function: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


def assert_takes_the_same(theirs: Callable[..., Any], ours: Callable[..., Any]) -> None:
    """What there is beyond theirs has a default, and goes by its name alone."""
    wanted, given = shape(theirs), shape(ours)
    assert [parameter for parameter in given if parameter in wanted] == wanted
    for name, kind, default in given:
        if (name, kind, default) not in wanted:
            assert kind is inspect.Parameter.KEYWORD_ONLY and default is not inspect.Parameter.empty, name


@pytest.mark.parametrize("theirs, ours, name", PUBLIC, ids=[f"{theirs.__name__}.{name}" for theirs, _, name in PUBLIC])
def test_members_are_the_same(theirs: type, ours: type, name: str) -> None:
    member, own = inspect.getattr_static(theirs, name), inspect.getattr_static(ours, name)
    if isinstance(member, property):
        assert isinstance(own, property), own
        assert (own.fset is not None) >= (member.fset is not None)
        return
    assert_takes_the_same(getattr(theirs, name), getattr(ours, name))
    assert inspect.isasyncgenfunction(own) == inspect.isasyncgenfunction(member)
    if inspect.iscoroutinefunction(member) and not hasattr(member, "__wrapped__"):
        assert inspect.iscoroutinefunction(own)


def test_connect_takes_the_same() -> None:
    wanted = [parameter for parameter in shape(aiosqlite.connect) if parameter[1] is not inspect.Parameter.VAR_KEYWORD]
    given = shape(sidelite.connect)
    assert given[: len(wanted)] == wanted
    by_keyword = {name for name, kind, _ in given if kind is inspect.Parameter.KEYWORD_ONLY}
    assert {"timeout", "detect_types", "isolation_level", "check_same_thread", "cached_statements",
            "uri"} <= by_keyword or any(
        kind is inspect.Parameter.VAR_KEYWORD for _, kind, _ in given
    )


def test_connections_are_made_the_same() -> None:
    """Cursors are not: aiosqlite's take one of sqlite3's, and are made by nobody else."""
    assert_takes_the_same(aiosqlite.Connection, sidelite.Connection)


def test_attributes_of_a_cursor() -> None:
    for name in ("iter_chunk_size", "rowcount", "lastrowid", "arraysize", "description", "row_factory", "connection"):
        assert name in dir(sidelite.Cursor(sidelite.connect(":memory:"))), name


@pytest.mark.parametrize("name", ("", "core", "cursor", "context"))
def test_modules_have_the_same_names(name: str) -> None:
    theirs: ModuleType = getattr(aiosqlite, name) if name else aiosqlite
    ours: ModuleType = getattr(sidelite, name) if name else sidelite
    names = getattr(theirs, "__all__", None) or [n for n, value in vars(theirs).items() if inspect.isclass(value)
                                                 and value.__module__ == theirs.__name__]
    for name in names:
        assert hasattr(ours, name), name
        if getattr(sqlite3, name, None) is getattr(theirs, name):
            assert getattr(ours, name) is getattr(sqlite3, name) or name.startswith("sqlite_version"), name
    assert set(names) <= set(getattr(ours, "__all__", names))


def test_what_sqlite3_has_beyond() -> None:
    """Not in aiosqlite: the names of sqlite3 that a program needs to do without importing it."""
    for name in ("DataError", "InterfaceError", "InternalError", "PARSE_DECLTYPES", "PARSE_COLNAMES", "Binary", "adapt",
                 "PrepareProtocol",
                 "complete_statement", "threadsafety", "apilevel"):
        assert hasattr(sidelite, name), name
    for name in ("DataError", "InterfaceError", "InternalError"):
        assert getattr(sidelite, name) is getattr(sqlite3, name)
    wanted = {name for name in dir(sqlite3.Connection) if not name.startswith("_")
              and not inspect.isclass(getattr(sqlite3.Connection, name))}
    assert wanted <= set(dir(sidelite.Connection)), wanted - set(dir(sidelite.Connection))
    wanted = {name for name in dir(sqlite3.Cursor) if not name.startswith("_")}
    assert wanted <= set(dir(sidelite.Cursor)), wanted - set(dir(sidelite.Cursor))


@pytest.mark.parametrize("owner", (sidelite.Connection, sidelite.Cursor))
def test_everything_is_documented(owner: type) -> None:
    assert owner.__doc__ and sidelite.__doc__
    for name, member in members(owner).items():
        assert inspect.getdoc(member), name


def test_names_of_codes_are_those_of_sqlite3() -> None:
    from sidelite.errors import class_of, name_of

    of_others = ("SQLITE_DENY", "SQLITE_IGNORE", "SQLITE_LIMIT_", "SQLITE_DBCONFIG_", "SQLITE_CREATE_", "SQLITE_DROP_",
                 "SQLITE_ALTER_", "SQLITE_ANALYZE",
                 "SQLITE_ATTACH", "SQLITE_DELETE", "SQLITE_DETACH", "SQLITE_FUNCTION", "SQLITE_INSERT", "SQLITE_PRAGMA",
                 "SQLITE_READ", "SQLITE_RECURSIVE",
                 "SQLITE_REINDEX", "SQLITE_SAVEPOINT", "SQLITE_SELECT", "SQLITE_TRANSACTION",
                 "SQLITE_UPDATE")  # fmt: skip
    names = [name for name in dir(sqlite3) if name.startswith("SQLITE_") and name != "SQLITE_READONLY"
             and not name.startswith(of_others)]
    names += [name for name in dir(sqlite3) if name.startswith("SQLITE_READONLY")]
    for name in names:
        assert name_of(getattr(sqlite3, name)) == name
    assert name_of(2067) == "SQLITE_CONSTRAINT_UNIQUE" and class_of(2067) is sqlite3.IntegrityError
    assert name_of(12345678) == "unknown" and class_of(12345678) is sqlite3.DatabaseError
