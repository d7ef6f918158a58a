"""Every committed notebook keeps the contract that a reader relies on."""

import ast
import html
import importlib.util
import re
from pathlib import Path

import nbformat
import pytest

from helpers.notebooks import KEPT, METADATA, page

ROOT = Path(__file__).resolve().parent.parent
PATHS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
IGNORE = "nbval-ignore-output"
# 15 is the aim; two more are for wrapped calls. A line of closing brackets is none.
MOST_LINES = 17
MOST_SETUP = 12
NETWORK = {
    "aiohttp",
    "ftplib",
    "http",
    "httpx",
    "huggingface_hub",
    "pip",
    "requests",
    "socket",
    "subprocess",
    "urllib",
    "urllib3",
}
MACHINE = re.compile(r"/home/|/root/|/Users/|C:\\|/tmp/")


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def path(request) -> Path:
    return request.param


@pytest.fixture
def cells(path):
    return nbformat.read(path, as_version=4).cells


@pytest.fixture
def code(cells):
    return [cell for cell in cells if cell.cell_type == "code"]


@pytest.fixture
def prose(cells):
    return [cell.source for cell in cells if cell.cell_type == "markdown"]


def tree(cell) -> ast.Module:
    return ast.parse(re.sub(r"(?m)^(\s*)%.*$", r"\1pass", cell.source))


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


def texts_of(cell):
    """Every text that ``cell`` shows or stores as output (images left out)."""
    for output in cell.get("outputs", []):
        yield output.get("text", "")
        for content in output.get("data", {}).values():
            if "data:image/png" not in content:
                yield str(content)


def headings(prose) -> list[str]:
    fenceless = (re.sub(r"(?ms)^```.*?^```", "", source) for source in prose)
    return [line for source in fenceless for line in source.splitlines() if line.startswith("## ")]


def exercises_of(code) -> list[str]:
    """The first argument of each ``check("NN-k", ...)``, in order."""
    return [
        node.args[0].value
        for cell in code
        for node in ast.walk(tree(cell))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "check"
    ]


def solutions_of(path: Path):
    file = path.parent / "solutions" / f"{path.name[:2]}.py"
    spec = importlib.util.spec_from_file_location(f"solutions_of_{path.name[:2]}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_names_are_numbered_without_duplicates():
    assert PATHS
    names = [path.name for path in (ROOT / "notebooks").glob("*.ipynb")]
    assert all(re.fullmatch(r"\d\d_[a-z0-9_]+\.ipynb", name) for name in names), names
    assert len({name[:2] for name in names}) == len(names)


def test_metadata_is_the_same_for_all(path, cells):
    """So that opening one changes nothing; python -m helpers notebook run sees to it."""
    notebook = nbformat.read(path, as_version=4)
    assert notebook.metadata == METADATA and (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert all(set(cell.metadata) <= set(KEPT) for cell in cells)


def test_it_links_to_its_neighbours(path, cells):
    """python -m helpers notebook run sees to it."""
    at = PATHS.index(path)
    near = PATHS[max(0, at - 1) : at] + PATHS[at + 1 : at + 2]
    for cell in (cells[0], cells[-1]):
        assert re.findall(r"\]\((\S+)\)", cell.source.splitlines()[-1]) == [p.name for p in near]


def test_readme_links_to_it(path):
    assert f"](notebooks/{path.name})" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_first_cell_has_title_and_facts(path, cells):
    first = cells[0]
    assert first.cell_type == "markdown"
    title = re.match(r"# (\d\d) · \S", first.source)
    assert title and title[1] == path.name[:2]
    assert "You will learn" in first.source and "You need" in first.source
    assert re.search(r"\*\*Time\*\*.*reading .*running ", first.source)


def test_the_reading_time_is_honest(cells, path):
    """180 words a minute, four seconds for a line of code, a minute for a formula."""
    text = "".join(cell.source for cell in cells if cell.cell_type == "markdown")
    code = "".join(cell.source + "\n" for cell in cells if cell.cell_type == "code")
    formulas = re.findall(r"(?s)\$\$.*?\$\$", text)
    prose = re.sub(r"(?s)\$\$.*?\$\$|```.*?```|\]\([^)]*\)", "", text)
    words, lines = re.findall(r"\w+", prose), [line for line in code.splitlines() if line.strip()]
    minutes = len(words) / 180 + len(lines) * 4 / 60 + len(formulas)
    said = int(re.search(r"\*\*Time\*\*.*reading (\d+) minutes", cells[0].source)[1])
    assert abs(said - minutes) < 4 + minutes / 10, f"about {minutes:.0f} minutes, not {said}"
    (row,) = re.findall(rf"(?m)^\| {path.name[:2]} \|.*$", (ROOT / "README.md").read_text("utf8"))
    assert f"| {said} min |" in row


def test_only_the_setup_touches_sys_path(code):
    assert "sys.path" in code[0].source
    assert not any("sys.path" in cell.source for cell in code[1:])


def test_setup_can_run_twice(code):
    for node in ast.walk(tree(code[0])):
        assert not isinstance(node, (ast.AugAssign, ast.While, ast.Delete)), ast.unparse(node)
        if isinstance(node, ast.Assign):  # x = f(x) gives another x the second time
            targets = {n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)}
            used = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
            assert not targets & used, ast.unparse(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in {"append", "extend", "pop", "remove"}, ast.unparse(node)


def test_sections_end_with_recap_and_going_further(prose):
    found = headings(prose)
    assert len(found) >= 4
    assert found[-2:] == ["## Recap", "## Going further"]


def test_sections_are_numbered_one_after_the_other(prose):
    numbers = re.findall(r"(?m)^## (\d+) · ", "\n".join(prose))
    assert numbers == [str(k + 1) for k in range(len(numbers))]


def test_predict_prompts_hide_their_answer(prose):
    prompts = [part for source in prose for part in source.split("**Before you run")[1:]]
    assert prompts
    for prompt in prompts:
        assert re.search(r"(?s)<details>\s*<summary>.+?</summary>.+?</details>", prompt), prompt


def test_exercises_have_checks_hints_and_solutions(path, code, prose):
    number, found, module = path.name[:2], exercises_of(code), solutions_of(path)
    assert 3 <= len(found) <= 5
    assert found == [f"{number}-{k}" for k in range(1, len(found) + 1)]
    assert list(module.HINTS) == list(range(1, len(found) + 1))
    for k, hints in module.HINTS.items():
        assert len(hints) >= 2 and len(set(hints)) == len(hints), f"hints of {k}"
        assert callable(getattr(module, f"check_{k}")) and callable(
            getattr(module, f"solution_{k}")
        )
        kind = rf"\*\*{number}-{k}\.\*\* \*(Paper|Code|Experiment), \d+ minutes\.\* "
        assert any(re.search(kind, source) for source in prose), f"no text for {k}, or not its kind"


def test_explorers_call_functions_whose_output_is_compared(path, code):
    """An explorer is not compared, so the plain function behind it is run by another cell."""
    calls = [
        (cell, node)
        for cell in code
        for node in ast.walk(tree(cell))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    explorers = [node for _, node in calls if node.func.id == "explore"]
    if "01" <= path.name[:2] <= "06":
        assert explorers
    compared = {node.func.id for cell, node in calls if IGNORE not in tags(cell)}
    for node in explorers:
        assert isinstance(node.args[0], ast.Name) and node.args[0].id in compared


def test_exercises_are_left_to_the_reader(code):
    for cell in code:
        if exercises_of([cell]):
            assert "..." in cell.source
            assert ": not " in "".join(texts_of(cell)), "stored output of an unanswered exercise"


def test_ran_once_from_top_to_bottom(code):
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


def test_no_errors_and_no_warnings(code):
    for cell in code:
        for output in cell.outputs:
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", output.text


def lines_of_code(cell) -> int:
    """Lines without blank ones, comments and docstrings."""
    left_out = set()
    for node in ast.walk(tree(cell)):
        docstring = (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        )
        if docstring:
            left_out |= set(range(node.lineno, node.end_lineno + 1))
    return sum(
        bool(line.strip(" ])},")) and not line.strip().startswith("#") and number not in left_out
        for number, line in enumerate(cell.source.splitlines(), 1)
    )


def test_cells_are_short(code):
    assert lines_of_code(code[0]) <= MOST_SETUP, code[0].source
    for cell in code:
        assert lines_of_code(cell) <= MOST_LINES, cell.source


def test_few_outputs_escape_comparison(code):
    ignored = sum(IGNORE in tags(cell) for cell in code)
    assert 4 * ignored <= len(code), f"{ignored} of {len(code)} cells are not compared"


def test_text_outputs_are_compared(code):
    for cell in code:
        assert not re.search(r"(?i)nbval_|pytest_validate", cell.source), "a marker in a comment"
        other = [tag for tag in tags(cell) if re.search("nbval|raises|skip", tag)]
        assert set(other) <= {IGNORE}, other
        if cell.metadata.get("tolerance") is not None:
            assert IGNORE not in tags(cell), "a tolerance that nothing uses"
    options = (ROOT / ".pytest.ini").read_text(encoding="utf-8")
    assert "--nbval " in options and "lax" not in options and "sanitize" not in options


NUMBER = re.compile(r"(?P<sign>[+-])?(?P<digits>\d+(?:\.(?P<decimals>\d+))?)")


def test_no_tolerance_reaches_the_numbers_that_it_covers(code):
    """Otherwise anything would pass. Of differences (printed with a sign) and their intervals the
    largest counts: they may be nothing, which no tolerance can be below."""
    for cell in code:
        covered = {}
        for number in NUMBER.finditer("\n".join(texts_of(cell))):
            kind = str(len(number["decimals"] or ""))
            covered.setdefault(kind, []).append((number["sign"], float(number["digits"])))
        tolerance = dict(cell.metadata.get("tolerance", {}))
        assert tolerance.pop("share", 0) <= 0.2, cell.source
        assert set(tolerance) <= set(covered), f"{tolerance} for no number in {cell.source}"
        for kind, most in tolerance.items():
            signed = [size for sign, size in covered[kind] if sign]
            plain = [size for sign, size in covered[kind] if not sign and size]
            assert 0 < most < min([*plain, max(signed, default=1e9)]), (kind, most, cell.source)


def test_printed_lines_are_stored_in_one_piece(code):
    """Two streams in a row would be drawn as two paragraphs, in the middle of a line."""
    for cell in code:
        names = [output.get("name", "") for output in cell.outputs]
        for first, second in zip(names, names[1:], strict=False):
            assert not first or first != second, cell.source


def test_cells_that_print_have_stored_output(code):
    for cell in code:
        prints = any(
            isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
            for statement in tree(cell).body
            if not isinstance(statement, (ast.FunctionDef, ast.ClassDef))
            for node in ast.walk(statement)
        )
        assert not prints or any(text.strip() for text in texts_of(cell)), cell.source


def test_figures_have_alt_text(code):
    for cell in code:
        for output in cell.outputs:
            data = output.get("data", {})
            assert "image/png" not in data, "JupyterLab shows no alternative text for it"
            for alt in re.findall(r'<img [^>]*alt="([^"]*)"', data.get("text/html", "")):
                assert len(alt.split()) >= 5, cell.source
                assert html.unescape(alt) in data["text/plain"]


def test_the_rendered_page(path, code):
    """Each picture has its text, formulas are MathML, and nothing is fetched."""
    rendered = page(path)
    pictures = re.findall(r"<img [^>]*>", rendered)
    figures = sum("data:image/png" in str(output) for cell in code for output in cell.outputs)
    assert len(pictures) >= figures
    for picture in pictures:
        (alt,) = re.findall(r'alt="([^"]*)"', picture)
        assert len(alt.split()) >= 5 and "No description" not in alt
    assert not re.search(r"<script[^>]*\bsrc=|<link[^>]*\bhref=\"http", rendered)
    prose = re.sub(r"(?s)<(pre|code|script|style)\b.*?</\1>", "", rendered)
    assert "$" not in prose and "<merror" not in prose


def test_no_shell_pip_or_network(code):
    for cell in code:
        assert not re.search(r"(?m)^\s*(!|%%?(pip|conda|mamba|bash|sh|system|sx)\b)", cell.source)
        assert not re.search(r"pip install|os\.system|get_ipython|https?://", cell.source)
        modules = {
            name.split(".")[0]
            for node in ast.walk(tree(cell))
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for name in (
                [node.module]
                if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names]
            )
        }
        assert not modules & NETWORK


def test_no_path_of_a_machine(cells):
    for cell in cells:
        for text in [cell.source, *texts_of(cell)]:
            assert not MACHINE.search(text), text
