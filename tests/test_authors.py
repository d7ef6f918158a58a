"""python -m helpers notebook: a new one keeps the contract, a failing one stays as it was."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def course(tmp_path):
    """A copy of the course without its notebooks; ``course(*command)`` runs a command in it."""
    for folder in ("helpers", "tests", ".github"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for file in ("README.md", "requirements.txt", ".pytest.ini", ".ruff.toml"):
        shutil.copy(ROOT / file, tmp_path)
    (tmp_path / "notebooks" / "solutions").mkdir(parents=True)
    for file in (tmp_path / "tests" / "wrong_answers").glob("*.py"):
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
        readme.write("| 99 | [Dummy](notebooks/99_dummy.ipynb) |\n")
    files = ("tests/test_notebooks.py", "tests/test_exercises.py", "notebooks/99_dummy.ipynb")
    tests = course("pytest", "-q", "-p", "no:cacheprovider", "--nbval", *files)
    assert tests.returncode == 0, tests.stdout
    style = course("ruff", "format", "--check", "notebooks", "tests/wrong_answers")
    assert style.returncode == 0, style.stdout


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
    ],
)
def test_complaints(course, command, says):
    run = course("helpers.notebooks", *command)
    assert run.returncode == 1 and says in run.stderr
