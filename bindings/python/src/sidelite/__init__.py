"""
SQLite for asyncio: every connection has a thread of its own, and the event loop never waits.

The interface is that of aiosqlite: `import sidelite as aiosqlite`. Errors are the classes of the `sqlite3` module.
"""

from __future__ import annotations

from sqlite3 import (
    PARSE_COLNAMES,
    PARSE_DECLTYPES,
    Binary,
    DatabaseError,
    DataError,
    Date,
    DateFromTicks,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    PrepareProtocol,
    ProgrammingError,
    Row,
    Time,
    TimeFromTicks,
    TimestampFromTicks,
    Warning,
    adapt,
    adapters,
    apilevel,
    complete_statement,
    converters,
    paramstyle,
    register_adapter,
    register_converter,
    threadsafety,
)
from sqlite3.dbapi2 import Timestamp

from . import _native
from . import loops as _loops
from .blob import Blob
from .changes import Change, Changes
from .context import Result
from .core import LEGACY_TRANSACTION_CONTROL, Connection, Statistics, connect
from .cursor import Cursor
from .private import install_as_aiosqlite
from .transaction import Transaction

__version__: str = _native.version
sqlite_version: str = _native.sqlite_version
_major, _minor, _patch = map(int, sqlite_version.split("."))
sqlite_version_info: tuple[int, int, int] = (_major, _minor, _patch)

__all__ = [
    "LEGACY_TRANSACTION_CONTROL",
    "PARSE_COLNAMES",
    "PARSE_DECLTYPES",
    "Binary",
    "Blob",
    "Change",
    "Changes",
    "Connection",
    "Cursor",
    "DataError",
    "DatabaseError",
    "Date",
    "DateFromTicks",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "PrepareProtocol",
    "ProgrammingError",
    "Result",
    "Row",
    "Statistics",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "Transaction",
    "Warning",
    "__version__",
    "adapt",
    "adapters",
    "apilevel",
    "complete_statement",
    "connect",
    "converters",
    "install_as_aiosqlite",
    "paramstyle",
    "register_adapter",
    "register_converter",
    "sqlite_version",
    "sqlite_version_info",
    "threadsafety",
]
