"""One coroutine for each case, run on aiosqlite and on sidelite: what they see must be the same."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
import sidelite
from same import CASES, connections, cursors, functions, run, transactions, values
from support import HANG_SECONDS

pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason="words and codes of errors are those of 3.11 on")
assert all(module.__name__.startswith("same.") for module in (connections, cursors, functions, transactions, values))


@pytest.mark.parametrize("name", CASES)
def test_same(name: str, loop: asyncio.AbstractEventLoop, tmp_path: Path) -> None:
    theirs = run(CASES[name], aiosqlite, tmp_path / "theirs", loop, HANG_SECONDS)
    ours = run(CASES[name], sidelite, tmp_path / "ours", loop, HANG_SECONDS)
    assert theirs, "it noted nothing"
    different = list(differences(ours, theirs))
    if different:
        pytest.fail("\n".join(different), pytrace=False)


def differences(ours: list[Any], theirs: list[Any]) -> list[str]:
    pairs = enumerate(zip(ours, theirs))
    found = [f"{i}: ours   {own!r}\n{i}: theirs {other!r}" for i, (own, other) in pairs if own != other]
    return found if len(ours) == len(theirs) else [*found, f"{len(ours)} notes, theirs {len(theirs)}"]
