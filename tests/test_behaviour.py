"""data/behaviour.csv: the minimal pairs are complete, distinct and consistent."""

import pandas as pd
import pytest

from helpers.assets import ROOT

COLUMNS = ["pair", "capability", "expectation", "text_a", "label_a", "text_b", "label_b"]


@pytest.fixture(scope="module")
def pairs() -> pd.DataFrame:
    return pd.read_csv(ROOT / "data" / "behaviour.csv", encoding="utf-8", keep_default_na=False)


def test_schema(pairs):
    assert list(pairs.columns) == COLUMNS
    assert set(pairs["expectation"]) == {"flip", "same"}
    for side in ("a", "b"):
        assert set(pairs[f"label_{side}"]) == {0, 1}
        texts = pairs[f"text_{side}"]
        assert (texts.str.strip() == texts).all() and texts.str.len().gt(0).all()
    assert pairs["pair"].is_unique


def test_counts(pairs):
    counts = pairs["capability"].value_counts()
    assert len(pairs) >= 120
    assert len(counts) == 6 and counts.min() >= 20, counts


def test_texts_are_unique(pairs):
    texts = pd.concat([pairs["text_a"], pairs["text_b"]])
    assert texts.is_unique, texts[texts.duplicated()].tolist()


def test_labels_flip_exactly_where_expected(pairs):
    flipped = pairs["label_a"] != pairs["label_b"]
    wrong = pairs[flipped != (pairs["expectation"] == "flip")]
    assert wrong.empty, wrong["pair"].tolist()


def test_labels_are_balanced(pairs):
    labels = pd.concat([pairs["label_a"], pairs["label_b"]])
    assert 0.45 <= labels.mean() <= 0.55
