"""What the README shows: its programs, with what they print, and the code in its tables."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

from support import HANG_SECONDS, Ended, child

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```python\n(.*?)```(?:\n\nIt prints\n\n```text\n(.*?)```)?", re.DOTALL)
PRINTED = re.compile(r"print\(.*\)  # (.*)")
HEADING = re.compile(r"^## (.*)$", re.MULTILINE)
IS_A_PROGRAM = re.compile(r"^asyncio\.run\(", re.MULTILINE)

PEOPLE = """
    CREATE TABLE person(name TEXT UNIQUE, born INTEGER);
    INSERT INTO person VALUES ('Ada Lovelace', 1815), ('Grace Hopper', 1906), ('Alan Turing', 1912);
"""
IN_A_COROUTINE = """
import asyncio
import sqlite3
import {library}
{names}
connect = {library}.connect

async def main():
    async with connect("people.db") as db:
        await db.executescript({people!r})
        await db.commit()
{code}

asyncio.run(main())
"""


def in_a_coroutine(code: str, library: str = "sidelite", names: str = "") -> str:
    """As a program: with `db` open, and the three people in it."""
    return IN_A_COROUTINE.format(library=library, names=names, people=PEOPLE, code=textwrap.indent(code, " " * 8))


class Block(NamedTuple):
    section: str
    code: str
    output: str | None

    @property
    def printed(self) -> str:
        """What it says that it prints: all of it in a block that follows, or in comments, line by line."""
        return "".join(f"{text}\n" for text in PRINTED.findall(self.code)) if self.output is None else self.output

    def run(self) -> Ended:
        """What is no program by itself stands in a coroutine, as the README says."""
        program = self.code if IS_A_PROGRAM.search(self.code) else in_a_coroutine(self.code)
        return child(program, seconds=HANG_SECONDS, PYTHONWARNINGS="error")


def section_at(position: int) -> str:
    return ([heading[1] for heading in HEADING.finditer(README, 0, position)] or ["first"])[-1]


BLOCKS = [Block(section_at(found.start()), found[1], found[2]) for found in BLOCK.finditer(README)]
FOR_CLIENTS = [block for block in BLOCKS if "sqlalchemy" in block.code]


def cells(heading: str) -> list[list[str]]:
    """The columns of the table that begins so: the first code in each of their cells."""
    lines = README[README.index(f"\n| {heading} |") :].strip().split("\n\n")[0].splitlines()[2:]
    rows = [[re.search(r"`([^`]+)`", cell) for cell in line.strip("| ").split(" | ")] for line in lines]
    return [[cell[1] for cell in column if cell] for column in zip(*rows)]
