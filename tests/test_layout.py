"""helpers: few short files, each importing only what stands before it in the flow of data."""

import ast
from pathlib import Path

import pytest

HELPERS = Path(__file__).resolve().parent.parent / "helpers"
FLOW = """files progress formats assets data templates models attention layers prompts verbalizers
    classifier encode checkpoints train score""".split()
BESIDE = {
    "__init__",
    "__main__",
    "notebooks",
    "adapters",
    "check",
    "diagrams",
    "plots",
    "widgets",
}  # used by no module
PATHS = sorted(HELPERS.glob("*.py"))


def imported(path):
    for node in ast.walk(ast.parse(path.read_text("utf8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("helpers"):
            module = node.module.removeprefix("helpers").lstrip(".")
            yield from [module] if module else [alias.name for alias in node.names]


def test_every_file_has_its_place():
    assert {path.stem for path in PATHS} == {*FLOW, *BESIDE}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_no_import_goes_up(path):
    before = FLOW[: FLOW.index(path.stem)] if path.stem in FLOW else FLOW + ["notebooks", "plots"]
    assert {*imported(path)} <= {*before}


def test_it_stays_small():
    lines = {path.stem: len(path.read_text("utf8").splitlines()) for path in PATHS}
    assert max(lines.values()) <= 350, lines
    assert sum(lines.values()) <= 4400, lines
