"""The programs that mypy and pyright read use all that there is."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import sidelite

FOLDER = Path(__file__).parent / "types"


def attributes() -> set[str]:
    trees = [ast.parse(path.read_text()) for path in FOLDER.glob("*.py")]
    return {node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("owner", (sidelite.Connection, sidelite.Cursor, sidelite.Blob, sidelite.Transaction))
def test_types_name_all_that_there_is(owner: type) -> None:
    names = {name for name in vars(owner) if not name.startswith("_") and not hasattr(vars(owner)[name], "mro")}
    assert names <= attributes(), names - attributes()


def test_types_know_of_all_modules() -> None:
    assert (Path(sidelite.__file__).parent / "py.typed").exists()
    assert set(sidelite.__all__) <= set(dir(sidelite))
