"""What the README shows is run, and prints what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from readme import BLOCKS, FOR_CLIENTS, PRINTED, Block, cells, in_a_coroutine
from support import child

pytestmark = pytest.mark.package

# What the code in the table of those who come from aiosqlite is about.
NAMES = """
class Longest:
    def __init__(self):
        self.texts = [""]

    def step(self, text):
        self.texts.append(text)

    def finalize(self):
        return max(self.texts, key=len)

def compare(a, b):
    return len(a) - len(b)

def use(*values):
    pass

sql = "SELECT name, born FROM person WHERE born > ?"
change, other = "UPDATE person SET born = born + 1", "DELETE FROM person WHERE born > 1900"
"""


def test_there_are_programs_and_all_their_output_is_said() -> None:
    assert len(BLOCKS) > 10
    assert BLOCKS[0].printed == "Ada Lovelace, 1815\n"
    for block in BLOCKS:
        assert block.output is not None or block.code.count("print(") == len(PRINTED.findall(block.code)), block.code


@pytest.mark.parametrize("block", [one for one in BLOCKS if one not in FOR_CLIENTS], ids=lambda block: block.section)
def test_programs_print_what_they_say(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = block.run()
    assert (ended.code, ended.output, ended.errors) == (0, block.printed, ""), block.code


@pytest.mark.parametrize("column, library", [(0, "aiosqlite"), (1, "sidelite")])
def test_code_for_those_who_come_from_aiosqlite(
    column: int, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = cells("aiosqlite | sidelite")[column]
    assert len(pieces) > 5
    for number, code in enumerate(pieces):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        ended = child(in_a_coroutine(code, library, NAMES))
        assert (ended.code, ended.errors) == (0, ""), code
