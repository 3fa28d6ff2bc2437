"""Codes as exceptions: the very classes of the `sqlite3` module, chosen as that module chooses them."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Sequence

# SQLite's codes by their number, and what their extended codes add, in order, beginning with `code | 1 << 8`.
_PRIMARY: Sequence[str] = (
    "OK ERROR INTERNAL PERM ABORT BUSY LOCKED NOMEM READONLY INTERRUPT IOERR CORRUPT NOTFOUND FULL CANTOPEN PROTOCOL "
    "EMPTY SCHEMA TOOBIG CONSTRAINT MISMATCH MISUSE NOLFS AUTH FORMAT RANGE NOTADB NOTICE WARNING"
).split()
_EXTENDED = {
    "OK": "LOAD_PERMANENTLY SYMLINK",
    "ERROR": "MISSING_COLLSEQ RETRY SNAPSHOT RESERVESIZE KEY UNABLE",
    "ABORT": "- ROLLBACK",
    "BUSY": "RECOVERY SNAPSHOT TIMEOUT",
    "LOCKED": "SHAREDCACHE VTAB",
    "READONLY": "RECOVERY CANTLOCK ROLLBACK DBMOVED CANTINIT DIRECTORY",
    "IOERR": (
        "READ SHORT_READ WRITE FSYNC DIR_FSYNC TRUNCATE FSTAT UNLOCK RDLOCK DELETE BLOCKED NOMEM ACCESS "
        "CHECKRESERVEDLOCK LOCK CLOSE DIR_CLOSE SHMOPEN SHMSIZE SHMLOCK SHMMAP SEEK DELETE_NOENT MMAP GETTEMPPATH "
        "CONVPATH VNODE AUTH BEGIN_ATOMIC COMMIT_ATOMIC ROLLBACK_ATOMIC DATA CORRUPTFS IN_PAGE"
    ),
    "CORRUPT": "VTAB SEQUENCE INDEX",
    "CANTOPEN": "NOTEMPDIR ISDIR FULLPATH CONVPATH DIRTYWAL SYMLINK",
    "CONSTRAINT": "CHECK COMMITHOOK FOREIGNKEY FUNCTION NOTNULL PRIMARYKEY TRIGGER UNIQUE VTAB ROWID PINNED DATATYPE",
    "AUTH": "USER",
    "NOTICE": "RECOVER_WAL RECOVER_ROLLBACK RBU",
    "WARNING": "AUTOINDEX",
}
_OUR_OWN = {
    -101: ("SIDELITE_ERR_FULL", sqlite3.OperationalError),
    -102: ("SIDELITE_ERR_CLOSED", ValueError),
    -103: ("SIDELITE_ERR_BAD_HANDLE", sqlite3.ProgrammingError),
    -104: ("SIDELITE_ERR_MISUSE", sqlite3.ProgrammingError),
    -105: ("SIDELITE_ERR_BAD_TEXT", sqlite3.ProgrammingError),
    -106: ("SIDELITE_ERR_TOO_BIG", sqlite3.DataError),
    -107: ("SIDELITE_ERR_UNSUPPORTED", sqlite3.NotSupportedError),
    -108: ("SIDELITE_ERR_FORKED", sqlite3.ProgrammingError),
    -201: ("SIDELITE_ERR_CANCELLED", asyncio.CancelledError),
    -202: ("SIDELITE_ERR_TIMEOUT", asyncio.TimeoutError),
    -203: ("SIDELITE_ERR_ABORTED", sqlite3.OperationalError),
    -204: ("SIDELITE_ERR_PANIC", sqlite3.InternalError),
    -301: ("SIDELITE_ERR_NO_MEMORY", MemoryError),
    -302: ("SIDELITE_ERR_NO_THREAD", sqlite3.OperationalError),
    -303: ("SIDELITE_ERR_NO_FD", sqlite3.OperationalError),
}  # fmt: skip
_OPERATIONAL = (
    "ERROR PERM ABORT BUSY LOCKED READONLY INTERRUPT IOERR FULL CANTOPEN PROTOCOL EMPTY SCHEMA"
).split()  # fmt: skip
_CLASSES: dict[str, type[BaseException]] = {
    **dict.fromkeys(_OPERATIONAL, sqlite3.OperationalError),
    "INTERNAL": sqlite3.InternalError,
    "NOTFOUND": sqlite3.InternalError,
    "NOMEM": MemoryError,
    "TOOBIG": sqlite3.DataError,
    "CONSTRAINT": sqlite3.IntegrityError,
    "MISMATCH": sqlite3.IntegrityError,
    "MISUSE": sqlite3.InterfaceError,
    "RANGE": sqlite3.InterfaceError,
}


def _names() -> dict[int, str]:
    names = {number: f"SQLITE_{name}" for number, name in enumerate(_PRIMARY)}
    names |= {100: "SQLITE_ROW", 101: "SQLITE_DONE"}
    for primary, details in _EXTENDED.items():
        for detail, name in enumerate(details.split(), 1):
            if name != "-":
                names[_PRIMARY.index(primary) | detail << 8] = f"SQLITE_{primary}_{name}"
    return names | {code: name for code, (name, _) in _OUR_OWN.items()}


_NAMES = _names()
_RANGE, _MISUSE, _CLOSED = 25, -104, -102


def name_of(code: int) -> str:
    """The name of one of SQLite's codes, or of sidelite's; "unknown" for others, as sqlite3 has it."""
    return _NAMES.get(code, "unknown")


def class_of(code: int) -> type[BaseException]:
    """The class of the exception for a code: SQLite's, extended or not, or one of sidelite's own."""
    if code < 0:
        return _OUR_OWN.get(code, ("", sqlite3.OperationalError))[1]
    primary = code & 0xFF
    return _CLASSES.get(_PRIMARY[primary], sqlite3.DatabaseError) if primary < len(_PRIMARY) else sqlite3.DatabaseError


# What the sqlite3 module finds before SQLite does, and tells in words of its own, without a code.
_OWN_WORDS = (
    (
        _RANGE,
        re.compile(r"the statement has (\d+) parameters, but (\d+) values were given"),
        r"Incorrect number of bindings supplied. The current statement uses \1, and there are \2 supplied.",
    ),
    (_MISUSE, re.compile(r"more than one statement: .*"), "You can only execute one statement at a time."),
)
_NO_PERMISSION = "an authorizer must return ALLOW, DENY or IGNORE"
_PATH = "unable to open database file: "


def error_of(code: int, message: str, sqlite_code: int = 0) -> BaseException:
    """
    The exception for an event that failed. It has `sqlite_errorcode` and `sqlite_errorname`, in Python 3.10 too.

    `sqlite_code` is SQLite's code behind one of sidelite's own, or 0.
    """
    if code == _CLOSED:
        return ValueError("Connection closed")
    for own, pattern, words in _OWN_WORDS:
        if code == own and (found := pattern.fullmatch(message)):
            return sqlite3.ProgrammingError(found.expand(words))
    if code == _MISUSE and message == _NO_PERMISSION:
        code, sqlite_code, message = 1, 0, "authorizer malfunction"
    if message.startswith(_PATH):
        message = _PATH[:-2]
    error = class_of(code)(message)
    if isinstance(error, sqlite3.Error):
        error.sqlite_errorcode = sqlite_code or code
        error.sqlite_errorname = name_of(sqlite_code or code)
    return error
