"""Notebooks: a new one keeps the contract, a failing one stays as it was, a learner's is kept."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from helpers import notebooks

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def course(tmp_path):
    """A copy of the course without its notebooks; ``course(*command)`` runs a command in it."""
    for folder in ("helpers", "tests", ".github"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for file in ("README.md", "requirements.txt", ".pytest.ini", ".ruff.toml"):
        shutil.copy(ROOT / file, tmp_path)
    (tmp_path / "notebooks" / "solutions").mkdir(parents=True)
    for file in (tmp_path / "tests").glob("*_answers/*.py"):
        file.unlink()
    env = os.environ | {"PYTHONPATH": str(tmp_path)}

    def run(*command):
        command = [sys.executable, "-m", *command]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)

    run.path = tmp_path
    return run


@pytest.mark.slow
def test_a_dummy_notebook_by_the_how_to_alone(course):
    new = course("helpers.notebooks", "new", "99", "dummy")
    assert new.returncode == 0 and "wrote notebooks/99_dummy.ipynb" in new.stdout, new.stderr
    again = course("helpers.notebooks", "new", "99", "other")
    assert again.returncode == 1 and "There is a notebook 99 already" in again.stderr
    run = course("helpers.notebooks", "run", "99")
    assert run.returncode == 0 and "99_dummy.ipynb: " in run.stdout, run.stderr
    with open(course.path / "README.md", "a") as readme:
        readme.write("| 99 | [Dummy](notebooks/99_dummy.ipynb) | a try | 2 min | 60 s |\n")
    files = ("tests/test_notebooks.py", "tests/test_exercises.py", "notebooks/99_dummy.ipynb")
    tests = course("pytest", "-q", "-p", "no:cacheprovider", "--nbval", *files)
    assert tests.returncode == 0, tests.stdout
    style = course("ruff", "format", "--check", "notebooks", "tests")
    assert style.returncode == 0, style.stdout


@pytest.mark.slow
def test_a_warning_is_shown_and_not_stored(course):
    cell = nbformat.v4.new_code_cell("import warnings; warnings.warn('old news')")
    path = course.path / "notebooks" / "97_warns.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    run = course("helpers.notebooks", "run", "97")
    assert run.returncode == 0 and "old news" in run.stderr
    assert nbformat.read(path, as_version=4).cells[0].outputs == []


@pytest.mark.slow
def test_a_failing_notebook_stays_as_it_was(course):
    cell = nbformat.v4.new_code_cell("1 / 0")
    path = course.path / "notebooks" / "98_fails.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    before = path.read_bytes()
    run = course("helpers.notebooks", "run", "98")
    assert run.returncode == 1 and "ZeroDivisionError" in run.stderr
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "command, says",
    [
        (("run", "97"), "There is no notebook '97'"),
        (("new", "7", "costs"), "Give two digits and a name"),
        (("new", "12", "My costs"), "Give two digits and a name"),
        (("run",), "Say: notebook new 12 costs"),
        ((), "Say: notebook new 12 costs"),
        (("new", "12", "costs"), "There is notebooks/solutions/12.py already"),
    ],
)
def test_complaints(tmp_path, monkeypatch, command, says):
    (tmp_path / "notebooks" / "solutions").mkdir(parents=True)
    (tmp_path / "notebooks" / "solutions" / "12.py").touch()
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path / "notebooks")
    with pytest.raises(SystemExit, match=says):
        notebooks.main(*command)


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """A course of two notebooks with outputs, and an empty folder for the learner's."""
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(notebooks, "MINE", tmp_path / "mine")
    (tmp_path / "notebooks").mkdir()
    for number, name in (("00", "one"), ("01", "two")):
        change(tmp_path / "notebooks" / f"{number}_{name}.ipynb", f"# {number} · {name}: why?", "1")
    return tmp_path


def change(path, title, code):
    cell = nbformat.v4.new_code_cell(code, id="a", execution_count=3)
    cell.outputs = [nbformat.v4.new_output("stream", text="the answer")]
    cells = [nbformat.v4.new_markdown_cell(title, id="b"), cell]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def names(folder):
    return sorted(path.name for path in folder.glob("*.ipynb"))


def test_copies_have_no_outputs_and_are_made_once(copies, capsys):
    notebooks.copy()
    assert names(copies / "mine") == ["00_one.ipynb", "01_two.ipynb"]
    code = nbformat.read(copies / "mine" / "00_one.ipynb", as_version=4).cells[1]
    assert code.source == "1" and code.outputs == [] and code.execution_count is None
    before = (copies / "mine" / "00_one.ipynb").stat().st_mtime_ns
    notebooks.copy()
    assert (copies / "mine" / "00_one.ipynb").stat().st_mtime_ns == before
    assert capsys.readouterr().out == ""


def test_a_newer_course_never_takes_a_learner_s_work(copies, capsys):
    notebooks.copy()
    work = copies / "mine" / "00_one.ipynb"
    change(work, "# 00 · one: why?", "my answer")
    mine = work.read_bytes()
    notebooks.copy()  # the course is as it was
    assert len(names(copies / "mine")) == 2
    for number, name in (("00", "one"), ("01", "two")):
        change(copies / "notebooks" / f"{number}_{name}.ipynb", f"# {number} · {name}: how?", "2")
    notebooks.copy()
    assert work.read_bytes() == mine
    first, beside, untouched = names(copies / "mine")
    assert beside.startswith("00_one_") and untouched == "01_two.ipynb"
    for name in (beside, untouched):
        cells = nbformat.read(copies / "mine" / name, as_version=4).cells
        assert "how?" in cells[0].source and cells[1].source == "2"
    printed = capsys.readouterr().out
    assert printed == f"00_one.ipynb is newer in the course: yours stays, {beside} is beside it.\n"
    (copies / "mine" / beside).unlink()
    notebooks.copy()  # said once, and what was thrown away stays away
    assert capsys.readouterr().out == "" and len(names(copies / "mine")) == 2


def test_links_lead_on_and_back(copies):
    notebooks.link()
    notebooks.link()  # and are there once
    first, second = (
        nbformat.read(path, as_version=4).cells for path in sorted(copies.glob("notebooks/*"))
    )
    assert first[0].source == "# 00 · one: why?\n\n[01 · two →](01_two.ipynb)"
    assert second[1].source.endswith("\n\n[← 00 · one](00_one.ipynb)")


def test_links_and_solutions_of_the_course():
    """Each link leads somewhere, from the originals and from a copy one folder beside."""
    for path in notebooks.all_of_them():
        text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
        for target in re.findall(r"\]\(([^)#:\s]+\.(?:ipynb|md|py|csv))\)", text):
            assert (path.parent / target).exists(), (path.name, target)
