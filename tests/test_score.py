"""helpers.score: against textbook formulas, scipy and the definitions."""

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score

from helpers.score import (
    bits,
    evaluate,
    gain,
    kept_answers,
    p_value,
    right_answers,
    survivors,
)


@pytest.mark.parametrize("size, rate, classes", [(50, 0.6, 2), (400, 0.9, 2), (300, 0.5, 4)])
def test_evaluate(size, rate, classes):
    rng = np.random.default_rng(size)
    labels = rng.integers(classes, size=size)
    predicted = np.where(rng.random(size) < rate, labels, rng.integers(classes, size=size))
    score = evaluate(torch.tensor(predicted), labels.tolist())
    assert score["accuracy"] == round(100 * accuracy_score(labels, predicted), 1)
    assert score["f1"] == round(100 * f1_score(labels, predicted, average="macro"), 1)
    assert score["low"] < score["accuracy"] < score["high"]
    p = score["accuracy"] / 100
    normal = 100 * 3.92 * (p * (1 - p) / size) ** 0.5  # width of the textbook interval
    assert score["high"] - score["low"] == pytest.approx(normal, rel=0.15)
    assert evaluate(predicted, labels) == score


@pytest.mark.parametrize("predicted, f1", [([0] * 10, 44.4), ([1] + [0] * 7 + [0, 1], 68.8)])
def test_evaluate_by_hand(predicted, f1):
    """8 negative, 2 positive: (16/18 + 0) / 2 for a shrug, (14/16 + 2/4) / 2 for an attempt."""
    score = evaluate(predicted, [0] * 8 + [1] * 2)
    assert (score["accuracy"], score["f1"]) == (80.0, f1)


@pytest.mark.parametrize("predicted, percent", [([0, 1, 1], 100), ([1, 0, 0], 0)])
def test_evaluate_all_or_nothing(predicted, percent):
    score = evaluate(predicted, [0, 1, 1])
    assert score == dict.fromkeys(("accuracy", "low", "high", "f1"), percent)


def test_right_answers_never_come_from_a_head_that_saw_the_text():
    labels = np.random.default_rng(0).permutation([0, 1] * 100)
    own = torch.eye(200)  # a feature for each text: learnt by heart, of no use on others
    assert right_answers(own, labels).mean() < 0.6
    telling = torch.randn(200, 5, generator=torch.Generator().manual_seed(0))
    telling[:, 0] += torch.tensor(3.0 * labels)
    assert right_answers(telling, labels).mean() > 0.85


def test_gain_is_paired():
    baseline = np.arange(2000) % 4 > 0  # right in 75%
    right = baseline | (np.arange(2000) % 40 == 0)  # and in 50 texts more
    points, low, high = gain(right, baseline)
    assert points == pytest.approx(2.5) and low < 2.5 < high
    b, n = 50, 2000  # the standard error from the texts that differ
    assert high - low == pytest.approx(2 * 196 * np.sqrt((b / n - (b / n) ** 2) / n), rel=0.1)
    assert gain(baseline, right)[0] == pytest.approx(-2.5)
    assert gain(baseline, baseline) == (0, 0, 0)


def test_evaluate_wants_one_answer_a_label():
    with pytest.raises(ValueError, match="one predicted label number"):
        evaluate([0, 1, 1], [0, 1])


@pytest.mark.parametrize("gained, lost", [(10, 30), (30, 10), (5, 5), (1, 0), (0, 0)])
def test_p_value_is_that_of_the_sign_test(gained, lost):
    right, baseline = np.ones(200, bool), np.ones(200, bool)
    baseline[:gained], right[gained : gained + lost] = False, False
    exact = binomtest(gained, gained + lost).pvalue if gained + lost else 1
    assert p_value(right, baseline) == pytest.approx(exact, abs=0.005)


@pytest.mark.parametrize("seed", range(5))
def test_survivors_are_those_of_the_step_down_definition(seed):
    p = np.random.default_rng(seed).beta(0.2, 2, size=9)
    corrected = [
        max(min(1, (9 - k) * q) for k, q in enumerate(np.sort(p)) if q <= own) for own in p
    ]
    found = survivors(p)
    assert found.tolist() == (np.array(corrected) <= 0.05).tolist()
    assert found.sum() <= (p < 0.05).sum()


@pytest.mark.parametrize("size", [8, 16, 1064])
def test_kept_answers_are_read_again(size):
    right = np.random.default_rng(size).random(size) < 0.8
    row = kept_answers(right)
    assert row["accuracy"] == right.mean() and (bits(row["right"]) == right).all()
