"""A notebook introduces an idea in the open; only later ones import it, and it is the same code."""

import ast
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
# Notebook 00 is a preview and says so.
PATHS = [
    path
    for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    if not path.name.startswith("00")
]
TAUGHT = (
    "attention",
    "data",
    "models",
    "prompts",
    "encode",
    "train",
    "soft_prompts",
    "verbalizers",
)
# What the course does not teach: reading and writing of files. (Checks of arguments, errors and
# constants need no introduction either.)
PLUMBING = {
    "build_prompt",
    "describe",
    "find_model",
    "loading",
    "read_features",
    "read_saved",
    "read_table",
    "resume",
    "save_checkpoint",
    "weights_hash",
    "write_features",
}


def normal(node: ast.AST) -> str:
    """Code without docstrings and annotations of arguments and results."""
    for part in ast.walk(node):
        if isinstance(part, (ast.FunctionDef, ast.ClassDef)):
            if ast.get_docstring(part) is not None:
                part.body = part.body[1:] or [ast.Pass()]
        if isinstance(part, ast.FunctionDef):
            part.returns = None
        if isinstance(part, ast.arg):
            part.annotation = None
    return ast.unparse(node)


def definitions(source: str) -> dict[str, str]:
    return {
        node.name: normal(node)
        for node in ast.parse(source).body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    }


def code_of(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "code")


def imports_of(source: str) -> set[str]:
    """Names that ``source`` imports from the taught modules."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith("helpers") for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module == "helpers":
            assert not {alias.name for alias in node.names} & set(TAUGHT), "import names"
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("helpers."):
            if node.module.split(".")[1] in TAUGHT:
                found |= {alias.name for alias in node.names}
    return found


def needs_no_introduction(name: str) -> bool:
    return (
        name.isupper() or name.endswith("Error") or name.startswith("check_") or (name in PLUMBING)
    )


HELPERS = {
    name: code
    for module in TAUGHT
    for name, code in definitions((ROOT / "helpers" / f"{module}.py").read_text("utf8")).items()
}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_imports_come_after_their_introduction(path):
    introduced = set()
    for earlier in PATHS[: PATHS.index(path)]:
        introduced |= set(definitions(code_of(earlier)))
    late = {
        name
        for name in imports_of(code_of(path))
        if name not in introduced and not needs_no_introduction(name)
    }
    assert not late, f"not introduced by an earlier notebook: {sorted(late)}"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_notebook_and_the_helper_are_the_same_code(path):
    code = code_of(path)
    for name, definition in definitions(code).items():
        if name in HELPERS:
            assert definition == HELPERS[name], name
            assert name not in imports_of(code), f"{name} is imported and defined"


def test_plumbing_is_no_excuse():
    assert PLUMBING <= set(HELPERS)
