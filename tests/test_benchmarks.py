"""The benchmarks run, and what one run printed is kept with its machine."""

import pandas as pd

from helpers.files import ROOT
from tests.benchmarks import __main__ as benchmarks

MEASURED = ROOT / "tests" / "benchmarks" / "measured.csv"


def test_a_part_runs_prints_and_saves(tmp_path, monkeypatch, capsys):
    where = tmp_path / "lines.csv"
    monkeypatch.setattr("sys.argv", ["benchmarks", "head", "--save", str(where)])
    benchmarks.main()
    printed = capsys.readouterr().out
    rows = pd.read_csv(where, comment="#")
    assert list(rows["benchmark"]) == ["head", "head"] and (rows["seconds"] > 0).all()
    assert rows["accuracy"].between(70, 80).all()
    assert all(who in printed for who in rows["who"]) and "GFLOP/s" in printed


def test_the_kept_run_has_every_part_and_names_its_machine():
    assert "cores" in MEASURED.read_text("utf8").splitlines()[0]
    rows = pd.read_csv(MEASURED, comment="#")
    assert set(rows["benchmark"]) == set(benchmarks.PARTS)
    assert list(rows.columns) == list(benchmarks.COLUMNS)
