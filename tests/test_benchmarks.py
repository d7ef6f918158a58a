"""The benchmarks run, print and save."""

import pandas as pd
import pytest

from tests.benchmarks import __main__ as benchmarks


@pytest.mark.slow
def test_a_part_runs_prints_and_saves(tmp_path, monkeypatch, capsys):
    where = tmp_path / "lines.csv"
    monkeypatch.setattr("sys.argv", ["benchmarks", "head", "--save", str(where)])
    benchmarks.main()
    printed = capsys.readouterr().out
    assert "cores" in where.read_text("utf8").splitlines()[0]
    rows = pd.read_csv(where, comment="#")
    assert list(rows.columns) == list(benchmarks.COLUMNS)
    assert list(rows["benchmark"]) == ["head", "head"] and (rows["seconds"] > 0).all()
    assert rows["accuracy"].between(70, 80).all()
    assert all(who in printed for who in rows["who"]) and "GFLOP/s" in printed
