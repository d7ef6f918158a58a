"""What notebook 20 builds, beside the libraries that it stands for."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from helpers.files import DATA
from tests.taught import taught


@pytest.fixture(scope="module")
def names():
    return taught("20")


def test_a_head_pulled_to_zero_is_scikit_learns(names):
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 6)), rng.integers(0, 2, 40)
    ours = names["pulled_head"](x, y, c=0.1)
    theirs = LogisticRegression(C=0.1, tol=1e-10).fit(x, y)
    np.testing.assert_allclose(ours[:-1], theirs.coef_[0], atol=1e-3)
    assert ours[-1] == pytest.approx(theirs.intercept_[0], abs=1e-3)


def test_a_strong_pull_stays_at_the_start_and_a_weak_one_leaves_it(names):
    rng = np.random.default_rng(1)
    x, y, start = rng.normal(size=(40, 6)), rng.integers(0, 2, 40), rng.normal(size=7)
    stays = names["pulled_head"](x, y, start, c=1e-6)
    np.testing.assert_allclose(stays[:-1], start[:-1], atol=1e-3)
    leaves, free = (names["pulled_head"](x, y, own, c=1e4) for own in (start, None))
    np.testing.assert_allclose(leaves, free, atol=0.02)


def test_no_text_is_in_two_parts_or_at_home(names):
    parts, keys = names["parts"], names["keys"]
    home = set.union(*(keys(parts["home"][part]["text"]) for part in ("train", "validation")))
    for domain in names["TARGETS"]:
        found = {part: keys(parts[domain][part]["text"]) for part in parts[domain]}
        assert not found["test"] & found["pool"] and not found["validation"] & found["pool"]
        assert not found["test"] & found["validation"]
        assert not set.union(*found.values()) & home, domain


def test_labels_are_drawn_in_equal_halves(names):
    y = np.array([0] * 30 + [1] * 100)
    for draw in range(3):
        rows = names["draw_rows"](y, 16, draw)
        assert len(set(rows)) == 16 and y[rows].sum() == 8


def test_lora_starts_as_the_reader_and_leaves_no_trace(names):
    texts = ["it broke after a week", "a joy to use"]
    plain = names["odds_of"](names["reader"](names["examples"]()), texts)
    with names["lora"](0) as classifier:
        started = names["odds_of"](classifier, texts)
        trained = [name for name, part in classifier.named_parameters() if part.requires_grad]
    assert trained and all(name.endswith((".a", ".b")) for name in trained)
    np.testing.assert_allclose(started, plain, atol=0.02)
    again = names["odds_of"](names["reader"](names["examples"]()), texts)
    np.testing.assert_array_equal(again, plain)


def test_upper_layers_over_kept_lower_ones_are_the_whole_model(names):
    texts = ["it broke after a week", "a joy to use"]
    vectors = load_file(DATA / "20_source.safetensors")["prefix"].float()
    whole = names["odds_of"](names["reader"](vectors), texts)
    kept = names["kept_odds"](names["reader"](vectors, names["TOP"]), texts)
    np.testing.assert_allclose(kept, whole, atol=0.05)
    assert torch.isfinite(vectors).all()
