"""What the README shows with programs of others is run, and prints what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from readme import FOR_CLIENTS


def test_programs_print_what_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert FOR_CLIENTS
    for block in FOR_CLIENTS:
        ended = block.run()
        assert (ended.code, ended.output, ended.errors) == (0, block.printed, ""), block.code
