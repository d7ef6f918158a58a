"""Tables that a notebook quotes: whole, consistent, and made by the notebook's own functions."""

import ast
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parent.parent
TABLES = sorted((ROOT / "data").glob("[0-9][0-9]_sweep.csv"))


@pytest.fixture(params=TABLES, ids=lambda path: path.stem)
def table(request):
    return request.param


def test_there_is_a_table():
    assert TABLES


def test_it_says_how_it_was_made(table):
    first = table.read_text("utf8").splitlines()[0]
    assert first.startswith(f"# python data/sweep.py {table.name[:2]}: ")
    assert "cores" in first and "torch" in first and "transformers" in first


def test_the_notebook_defines_the_sweep(table):
    (path,) = (ROOT / "notebooks").glob(f"{table.name[:2]}_*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    tagged = [cell.source for cell in cells if "sweep" in cell.metadata.get("tags", [])]
    names = {
        node.name
        for source in tagged
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
    }
    assert "sweep" in names
    assert table.name in "".join(cell.source for cell in cells)  # and quotes the table


def test_rows_of_08_agree_with_each_other():
    table = pd.read_csv(ROOT / "data" / "08_sweep.csv", comment="#")
    grid = table[~table["family"].isin(["test", "few"])]
    assert len(grid) == 48 and not grid.duplicated(["model", "template"]).any()
    for _, own in grid.groupby("model"):
        assert len(own) == 24
        bare = own.loc[own["template"] == "{}", "accuracy"].item()
        assert own["accuracy"].to_numpy() == pytest.approx(
            (bare + (own["b"] - own["c"]) / 2000).to_numpy(), abs=1e-3
        )
        prompts = own[own["template"] != "{}"]
        best = prompts.loc[prompts["accuracy"].idxmax(), "template"]
        judged = table[(table["family"] == "test") & table["model"].eq(own["model"].iloc[0])]
        assert set(judged["template"]) == {"{}", best} and len(judged) == 10
    few = table[table["family"] == "few"]
    draws = few.groupby(["model", "template", "size"])["draw"].nunique()
    assert len(few) == 320 and len(draws) == 16 and (draws == 20).all()


def test_no_setting_is_lost_to_rounding():
    table = pd.read_csv(ROOT / "data" / "11_sweep.csv", comment="#")
    trained = table[table["epochs"] > 0]
    assert (trained["lr"] > 0).all()


def test_rows_of_11_hold_what_the_course_claims():
    table = pd.read_csv(ROOT / "data" / "11_sweep.csv", comment="#")
    assert not table.duplicated(["method", "seed"]).any()
    for row in table.itertuples():  # the stored answers are those of the stored accuracy
        digits = bytes.fromhex(row.right)
        assert 10 * row.accuracy == pytest.approx(int.from_bytes(digits[:125]).bit_count())
    deep = table[table["method"].str.match("deep|SmolLM2 prefix")]
    assert (
        deep.groupby("method").size()[["deep 1", "deep 2", "deep 4", "deep 6", "SmolLM2 prefix"]]
        == 5
    ).all()
    base = deep["method"].str.startswith("SmolLM2").map({True: 134.5e6, False: 22.7e6})
    assert (deep["learnt"] <= 0.005 * base).all()
    assert deep["accuracy"].min() > 70  # no seed ends at the majority class


def test_a_sweep_without_a_number_says_what_to_do():
    done = subprocess.run(
        [sys.executable, "data/sweep.py"], cwd=ROOT, text=True, capture_output=True
    )
    assert done.returncode == 1 and "python data/sweep.py 08" in done.stderr
