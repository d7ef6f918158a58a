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
TAUGHT = ("data", "templates", "models", "attention", "layers", "prompts", "verbalizers",
          "classifier", "encode", "train", "score")  # fmt: skip
# What the course does not teach: files and formats. (Checks of arguments, errors and constants need
# no introduction either.)
PLUMBING = {
    "blank",
    "build_classifier",
    "build_prompt",
    "built_in",
    "bytes_of",
    "code_version",
    "course_split",
    "describe",
    "each",
    "find_model",
    "loading",
    "padding_id",
    "read_features",
    "read_saved",
    "keep_parts",
    "read_tables",
    "same_states",
    "special_tokens",
    "tokenizer_hash",
    "weights_hash",
    "write_features",
}
# 07 explains what it does and says that 09 builds it.
PREVIEW = {"07": {"Examples"}, "08": {"Examples"}}


class WithoutChecks(ast.NodeTransformer):
    """Leaves out what a notebook need not show: calls of check_*, docstrings, annotations."""

    def visit_Expr(self, node):
        call = node.value
        if isinstance(call, ast.Call) and getattr(call.func, "id", "").startswith("check_"):
            return None
        return node

    def visit_arg(self, node):
        node.annotation = None
        return node

    def visit_body(self, node):
        self.generic_visit(node)
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:]
        node.body = node.body or [ast.Pass()]
        node.returns = None
        return node

    visit_FunctionDef = visit_ClassDef = visit_body


def normal(node: ast.AST) -> str:
    """Code as it is compared."""
    return ast.unparse(WithoutChecks().visit(node))


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
        if name not in introduced | PREVIEW.get(path.name[:2], set())
        and not needs_no_introduction(name)
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
