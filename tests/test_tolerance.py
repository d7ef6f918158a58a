"""notebooks/conftest.py lets numbers differ by a cell's tolerance, and nothing else."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbval.plugin import IPyNbCell

CONFTEST = Path(__file__).resolve().parent.parent / "notebooks" / "conftest.py"


@pytest.fixture
def conftest(monkeypatch):
    """The module, loaded without its change of nbval outlasting the test."""
    monkeypatch.setattr(IPyNbCell, "compare_outputs", IPyNbCell.compare_outputs)
    spec = importlib.util.spec_from_file_location("notebooks_conftest", CONFTEST)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "tested, fits",
    [
        ("accuracy 75.6% [72.9, 78.2]", True),
        ("accuracy 75.1% [73.4, 78.2]", True),
        ("accuracy  75.6%  [72.9, 78.2]\n", True),  # columns move with the width of a number
        ("accuracy 76% [73, 78]", True),
        ("precision 75.6% [72.9, 78.2]", False),
        ("accuracy 75.6% [72.9, 78.2] 1", False),
        ("accuracy 75.6% [72.9]", False),
        ("accuracy 77.6% [72.9, 78.2]", False),
        ("accuracy -75.6% [72.9, 78.2]", False),
        ("accuracy nan% [72.9, 78.2]", False),
        ("", False),
    ],
)
def test_within(conftest, tested, fits):
    assert conftest.within(tested, "accuracy 75.6% [72.9, 78.2]", {"1": 0.5}) is fits


@pytest.mark.parametrize(
    "tested, fits",
    [("loss 0.741, 75.9% of 500", True), ("loss 0.753, 75.6% of 501", False),
     ("loss 0.9, 75.6% of 500", False), ("loss 0.790, 75.6% of 500", False)],
)  # fmt: skip
def test_a_tolerance_is_for_numbers_with_so_many_decimals(conftest, tested, fits):
    stored = "loss 0.753, 75.6% of 500"
    assert conftest.within(tested, stored, {"1": 0.5, "3": 0.02}) is fits


@pytest.mark.parametrize(
    "tested, fits",
    [("64.0 0.61 0.00", True), ("60.1 0.55 0.01", True), ("53.9 0.61 0.00", False),
     ("64.0 0.50 0.00", False), ("64.0 0.61 0.02", False), ("64 0.61 0.00", True)],
)  # fmt: skip
def test_a_share_of_the_number_or_a_unit_of_its_last_digit(conftest, tested, fits):
    assert conftest.within(tested, "60.0 0.60 0.00", {"share": 0.1}) is fits


def test_progress_bars_are_known(conftest):
    assert conftest.is_bar({"text": "encoding:  50%|#####     | 1/2"})
    assert conftest.is_bar({"data": {"text/plain": "encoding:   0%|          | 0/2"}})
    assert not conftest.is_bar({"text": "accuracy 50%"})


def cell(source, stored, count, **metadata):
    kind = "execute_result" if not source.startswith("print") else "stream"
    output = (
        nbformat.v4.new_output("stream", name="stdout", text=stored)
        if kind == "stream"
        else nbformat.v4.new_output(kind, {"text/plain": stored}, execution_count=count)
    )
    return nbformat.v4.new_code_cell(
        source, outputs=[output], execution_count=count, metadata=metadata
    )


def test_pytest_applies_the_tolerance(tmp_path):
    cases = [
        ("passed", "print('score 1.50')", "score 1.50\n", {}),
        ("failed", "print('score 1.50')", "score 1.49\n", {}),
        ("passed", "print('score 1.50')", "score 1.49\n", {"tolerance": {"1": 0.1, "2": 0.1}}),
        ("failed", "print('score 1.50')", "score 1.30\n", {"tolerance": {"1": 0.1, "2": 0.1}}),
        ("failed", "print('score 1.50')", "loss 1.50\n", {"tolerance": {"1": 0.1, "2": 0.1}}),
        ("failed", "print('score 1.50 2')", "score 1.50\n", {"tolerance": {"1": 0.1, "2": 0.1}}),
        ("passed", "1.5", "1.49", {"tolerance": {"1": 0.1, "2": 0.1}}),
        ("failed", "1.5", "1.3", {"tolerance": {"1": 0.1, "2": 0.1}}),
    ]
    cells = [
        cell(source, stored, count, **metadata)
        for count, (_, source, stored, metadata) in enumerate(cases, 1)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), tmp_path / "tiny.ipynb")
    shutil.copy(CONFTEST, tmp_path / "conftest.py")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "--nbval",
            "--nbval-current-env",
            "-rA",
            "-p",
            "no:cacheprovider",
            "--color=no",
            "tiny.ipynb",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    for number, (outcome, *_) in enumerate(cases):
        assert f"{outcome.upper()} tiny.ipynb::Cell {number}" in run.stdout, run.stdout
    assert run.returncode == 1
