"""Values of a program's own types on their way into SQLite and out of it, by the registries of the `sqlite3` module."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import lru_cache
from typing import Any

Converter = Callable[[bytes], Any]

# Of these exact types values go in as they are, unless someone has registered an adapter even for them.
PLAIN = (type(None), int, float, str, bytes, bytearray)


def adapt(value: object) -> object:
    """What goes in for a value: what its adapter or its `__conform__` makes of it; without one the value itself."""
    return sqlite3.adapt(value, sqlite3.PrepareProtocol, value)


def plain_types_are_adapted() -> bool:
    """Whether values of plain types want `adapt`, too."""
    return any((kind, sqlite3.PrepareProtocol) in sqlite3.adapters for kind in PLAIN)


def converters_of(names: Sequence[str], declared: Sequence[str | None],
                  detect_types: int) -> list[Converter | None] | None:
    """
    The converter of each column of a result, or None when there is none for any.

    `names` are those that SQLite gives, `declared` the types that the columns were declared with, if they are a
    table's. A type in brackets in the name goes before the one that was declared.
    """
    found = [_converter(name, kind, detect_types) for name, kind in zip(names, declared)]
    return found if any(found) else None


def _converter(name: str, declared: str | None, detect_types: int) -> Converter | None:
    converters: dict[str, Converter] = sqlite3.converters
    converter = None
    if detect_types & sqlite3.PARSE_COLNAMES:
        converter = converters.get(_in_brackets(name).upper())
    if converter is None and declared and detect_types & sqlite3.PARSE_DECLTYPES:
        converter = converters.get(declared.partition(" ")[0].partition("(")[0].upper())
    return converter


def _in_brackets(name: str) -> str:
    found = re.search(r"\[([^\[\]]*)\]", name)
    return found[1] if found else ""


def column_name(name: str, detect_types: int) -> str:
    """The name of a column as the description has it: without the type in brackets, when that is looked for."""
    if not detect_types & sqlite3.PARSE_COLNAMES or "[" not in name:
        return name
    before = name.partition("[")[0]
    return before[:-1] if before.endswith(" ") else before


def bytes_of(value: object) -> bytes | None:
    """The bytes that a converter gets for a cell: the text of a number, as SQLite writes it; None for NULL."""
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    return (_text_of_real(value) if isinstance(value, float) else str(value)).encode()


def _text_of_real(value: float) -> str:
    if value in (float("inf"), float("-inf")):
        return "Inf" if value > 0 else "-Inf"
    mantissa, _, exponent = repr(value).partition("e")
    if 0 <= int(exponent or 0) <= 16:
        return f"{value:.1f}" if exponent else mantissa
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{exponent}"


@lru_cache(maxsize=256)
def cursor_of(names: tuple[str, ...]) -> sqlite3.Cursor:
    """
    A cursor of sqlite3's with a description of these names, for row factories.

    sqlite3.Row takes no other, and reads its description alone. It has run on an empty database in memory, which is
    closed: no file is opened by a second copy of SQLite.
    """
    columns = ", ".join('NULL AS "{}"'.format(name.replace('"', '""')) for name in names)
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as connection:
        return connection.execute(f"SELECT {columns} WHERE 0")
