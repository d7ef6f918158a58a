"""Tables that a notebook quotes: whole, consistent, and made by the notebook's own functions."""

import ast
import re
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


def test_a_sweep_uses_only_what_its_cells_define(table):
    """A name that only an untagged cell imports is missing after hours."""
    (path,) = (ROOT / "notebooks").glob(f"{table.name[:2]}_*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if "sweep" in cell.metadata.get("tags", []))
    check = ["-m", "ruff", "check", "--isolated", "--select", "F821", "-"]
    done = subprocess.run([sys.executable, *check], input=code, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout


def test_rows_of_08_agree_with_each_other():
    table = pd.read_csv(ROOT / "data" / "08_sweep.csv", comment="#")
    grid = table[~table["family"].isin(["test", "few", "reader"])]
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
        assert list(judged["template"]) == ["{}", best]
    few = table[table["family"] == "few"]
    draws = few.groupby(["model", "template", "size"])["draw"].nunique()
    assert len(few) == 640 and len(draws) == 32 and (draws == 20).all()
    read = table[table["family"] == "reader"].groupby(["template", "size"])["draw"].nunique()
    assert len(read) == 52 and (read.loc[:, [16, 64, 256]] == 20).all()
    assert_answers_fit(table, 2000)


def assert_answers_fit(table, reviews):
    """The stored answers are those of the stored accuracy."""
    for row in table[table["right"].notna()].itertuples():
        count = int(row.right, 16).bit_count()
        assert reviews * row.accuracy == pytest.approx(count, abs=0.02)


def test_rows_of_07_agree_with_each_other():
    table = pd.read_csv(ROOT / "data" / "07_sweep.csv", comment="#")
    table["accuracy"] /= 100
    test = table[table["part"] == "test"]
    assert_answers_fit(test[test["set"] == "Rotten Tomatoes"], 2000)
    assert_answers_fit(test[test["set"] == "IMDB"], 1500)
    trials = table[table["part"] == "trial"]
    counts = trials.groupby(["set", "method"]).size()
    rotten = counts["Rotten Tomatoes"]
    assert rotten["TF-IDF"] == rotten["LSTM"] == rotten.drop(["TF-IDF", "LSTM"]).sum() == 21
    assert set(test["method"]) == set(trials["method"])


LOOKS = {  # rows that hold answers to test reviews of Rotten Tomatoes
    "07": "part == 'labels' or (part == 'test' and set == 'Rotten Tomatoes')",
    "08": "family in ('reader', 'test')",
    "09": "part in ('calibration', 'few-shot', 'control')",
    "13": "part in ('run', 'start')",
    "14": "task == 'reviews' and part in ('labels', 'remedy')",
    "18": "part in ('attack', 'injection', 'search')",
    "20": "home.notna() or (domain == 'rated' and right.notna())",
} | dict.fromkeys(("10", "11", "12", "21"), "right.notna()")


@pytest.mark.parametrize("number", LOOKS)
def test_the_card_counts_the_looks_at_the_test_reviews(number):
    table = pd.read_csv(ROOT / "data" / f"{number}_sweep.csv", comment="#", low_memory=False)
    card = (ROOT / "data" / "README.md").read_text("utf8")
    (said,) = re.findall(rf"(?m)^\| {number} \| ([\d,]+) \|", card)
    assert int(said.replace(",", "")) == len(table.query(LOOKS[number]))


def test_no_setting_is_lost_to_rounding():
    table = pd.read_csv(ROOT / "data" / "11_sweep.csv", comment="#")
    trained = table[table["epochs"] > 0]
    assert (trained["lr"] > 0).all()


def bits(digits: str) -> int:
    return int.from_bytes(bytes.fromhex(digits)).bit_count()


def test_rows_of_09_hold_what_the_course_claims():
    table = pd.read_csv(ROOT / "data" / "09_sweep.csv", comment="#")
    for row in table.dropna(subset="right").itertuples():
        size = row.k if row.part == "order" else 2000
        assert size * row.calibrated == pytest.approx(bits(row.right), abs=1e-2)
    order = table[table["part"] == "order"].pivot(index="way", columns="k", values="calibrated")
    assert (order.idxmax() == "- +, spaced").all()  # validation chose what the course uses
    written = table[(table["part"] == "context") & (table["draw"] == -2)]["calibrated"].item()
    assert order.loc["+ -, spaced", 150] == written


def test_rows_of_10_hold_what_the_course_claims():
    table = pd.read_csv(ROOT / "data" / "10_sweep.csv", comment="#")
    for row in table.dropna(subset="right").itertuples():
        assert 20 * row.accuracy == pytest.approx(bits(row.right))
    long = table[table["family"] == "long"]
    for _, own in long.groupby("base"):  # the rates with the lowest loss in a trial were taken
        best = own[own["name"] == "trial"].sort_values("loss").iloc[0]
        soft = own[own["name"] == "soft"].set_index("seed")
        assert (soft[["lr", "head_lr"]] == best[["lr", "head_lr"]]).all(axis=None)
        assert (soft["loss"] < own[own["name"] == "head"].set_index("seed")["loss"]).all()


def test_rows_of_11_hold_what_the_course_claims():
    table = pd.read_csv(ROOT / "data" / "11_sweep.csv", comment="#")
    runs, tried = (table[table["part"] == part] for part in ("run", "trial"))
    assert not table.duplicated(["part", "method", "lr", "epochs", "seed"]).any()
    for row in runs.itertuples():  # the stored answers are those of the stored accuracy
        assert 20 * row.accuracy == pytest.approx(bits(row.right))
    for method, own in tried.groupby("method"):  # validation chose, and its choice was run
        best = own.sort_values("loss").iloc[0]
        ran = runs[runs["method"] == method]
        assert len(ran) == 2
        assert (ran[["lr", "epochs"]] == best[["lr", "epochs"]]).all(axis=None)
    deep = runs[runs["method"].str.match("deep|bottom|SmolLM2 prefix")]
    base = deep["method"].str.startswith("SmolLM2").map({True: 134.5e6, False: 22.7e6})
    assert (deep["learnt"] <= 0.005 * base).all()
    assert deep["accuracy"].min() > 70  # no seed ends at the majority class


def test_rows_of_12_hold_what_the_course_claims():
    table = pd.read_csv(ROOT / "data" / "12_sweep.csv", comment="#", keep_default_na=False)
    candidates = table[table["part"] == "candidate"].groupby("family").size()
    assert candidates.drop(["hand-written", "nothing"]).eq(6).all() and len(candidates) == 6
    tests = table[table["part"] == "test"].groupby(["family", "k"])["draw"].nunique()
    assert len(tests) == 14 and tests.eq(5).all()
    searches = table[table["part"] == "search"].groupby(["family", "k"])["draw"].nunique()
    assert len(searches) == 7 and searches.eq(5).all()
    distilled = table[table["part"] == "distilled"].groupby("family")["draw"].nunique()
    assert {"slice", "labels"} < set(distilled.index) and distilled.eq(5).all()


def test_rows_of_14_hold_what_the_course_claims():
    table = pd.read_csv(ROOT / "data" / "14_sweep.csv", comment="#")
    for row in table.dropna(subset="right").itertuples():
        assert 1000 * row.accuracy == pytest.approx(bits(row.right))
    trials = table[table["part"] == "trial"].groupby(["prompt", "k"])["loss"].mean()
    for remedy, own in table[table["part"] == "remedy"].groupby("prompt"):
        assert set(own["k"]) == {trials[remedy].idxmin()} and len(own) == 20
    draws = table[table["part"] == "labels"].groupby(["task", "prompt", "k"])["draw"].nunique()
    assert len(draws) == 48 and (draws[draws.index.get_level_values("k") < 1000] == 20).all()
    assert len(table[table["part"] == "base"]) == 3 * 5 * 20


def test_rows_of_15_hold_what_the_course_claims():
    table = pd.read_csv(ROOT / "data" / "15_sweep.csv", comment="#")
    trials, runs = (table[table["part"] == part] for part in ("trial", "run"))
    key = ["task", "way", "k"]
    counts = trials.groupby(key).size()
    assert len(set(counts[counts.index.get_level_values("k") < 4873])) == 1  # equal trials
    best = trials.groupby([*key, "weight", "place"])["f1"].mean()
    for which, own in runs.groupby([*key, "weight"]):  # validation chose
        assert set(own["place"]) == {best[which].idxmax()}
        assert len(own) == (1 if which[2] == 4873 else 5)
    for row in runs.itertuples():
        tested = 1000 if row.task == "posts" else 800 if "SmolLM2" in row.way else 2176
        assert len(row.said) == tested
    forms = table[table["part"] == "form"]
    for row in forms.itertuples():
        assert 100 * row.said.count("b") / len(row.said) == pytest.approx(row.accuracy, abs=1e-3)
    assert len(table[table["part"] == "random"]) == 60
    for way, own in table[table["part"] == "tuned trial"].groupby("way"):  # loss chose the rate
        best = own.loc[own["loss"].idxmin(), "place"]
        ran = table[(table["part"] == "tuned run") & (table["way"] == way)]
        assert len(own) == 3 and list(ran["draw"]) == [0, 1, 2] and set(ran["place"]) == {best}
        assert (ran["said"].str.len() == 2176).all()


def test_rows_of_18_hold_what_the_course_claims():
    table = pd.read_csv(ROOT / "data" / "18_sweep.csv", comment="#", dtype={"edits": str})
    trials, runs = (table[table["part"] == part] for part in ("trial", "run"))
    score = trials.assign(score=trials["clean"] + trials["robust"])
    for (way, defence), own in runs.groupby(["way", "defence"]):  # validation chose
        tried = score[(score["way"] == way) & (score["defence"] == defence)]
        best = tried.loc[tried["score"].idxmax(), ["rate", "strength"]]
        assert len(tried) == 4 and (own[["rate", "strength"]] == best).all(axis=None)
        assert list(own["seed"]) == list(range(len(own)))
    key = ["way", "defence", "kind", "seed"]
    assert not table[table["part"].isin(["attack", "injection"])].duplicated(["part", *key]).any()
    searched = table[table["edits"].notna()]
    assert set(searched["edits"].str.len()) == {100, 200, 300}
    assert set("".join(searched["edits"])) == set("01239")
    kinds = (
        table[table["part"] == "injection"].groupby(["way", "defence", "seed"])["kind"].nunique()
    )
    assert (kinds == 42).all()
    held = searched[searched["kind"] == "seen"].set_index(["way", "defence", "seed"])["edits"]
    share = held.map(lambda edits: edits.count("9") / len(edits))
    assert share["prefix", "attack", 0] > share["prefix", "none", 0] + 0.05


def test_rows_of_20_hold_what_the_course_claims():
    table = pd.read_csv(ROOT / "data" / "20_sweep.csv", comment="#")
    for row in table.dropna(subset="right").itertuples():
        size = 300 if row.part == "transfer" else 500
        assert size * row.accuracy == pytest.approx(bits(row.right), abs=0.01)
    heads = table[(table["part"] == "head") & (table["way"] != "TF-IDF") & (table["k"] > 0)]
    trials = heads.groupby(["way", "domain", "k", "start", "draw"])["rate"].nunique()
    assert len(trials) == 3 * 5 * 2 * 2 * 5 and (trials == 4).all()  # equal trials
    source = table[table["part"] == "source"].groupby(["way", "rate"])["loss"].mean().unstack("way")
    for way in ("prefix", "LoRA"):  # validation chose the rate
        used = table.query("part == 'run' and start == 'source' and way == @way")
        assert set(used["rate"]) == {source[way].idxmin()}
        assert (used.groupby("domain")["draw"].nunique() == 5).all()
    trials, runs = (table[table["part"] == part] for part in ("transfer trial", "transfer"))
    best = trials.loc[trials.groupby("start")["loss"].idxmin()].set_index("start")["rate"]
    for (start, _), own in runs[runs["k"] > 0].groupby(["start", "domain"]):
        assert set(own["rate"]) == {best[start]} and len(own) == 2 * 5


def test_a_sweep_without_a_number_says_what_to_do():
    done = subprocess.run(
        [sys.executable, "data/sweep.py"], cwd=ROOT, text=True, capture_output=True
    )
    assert done.returncode == 1 and "python data/sweep.py 08" in done.stderr
