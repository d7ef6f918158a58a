"""Checks, hints and reference solutions of notebook 08."""

from functools import cache
from numbers import Real

import numpy as np
import pandas as pd
import torch

from helpers.check import agree
from helpers.classifier import PromptClassifier
from helpers.data import load_reviews
from helpers.encode import cached_encode
from helpers.files import DATA
from helpers.models import load_encoder
from helpers.score import gain, right_answers
from helpers.templates import Template

HINTS = {
    1: [
        "One table chooses the template, the other one says how good it is.",
        "max(choose, key=choose.get) is the name of the best one.",
    ],
    2: [
        "Sort the p-values, compare the smallest with 0.05 / m, the next with 0.05 / (m - 1), ...",
        "After the first that is not small enough, nothing further counts, however small.",
    ],
    3: [
        "The control keeps all but the meaning: its length, its place, its blank. Section 2 has "
        "some, such as '{} the weather was [MASK] .'.",
        "gain(right_answers(features_of('ReviewBERT', template, texts), y), the same of the "
        "control) gives the last three.",
    ],
    4: [
        "The accuracy of one template has the standard error sqrt(0.75 * 0.25 / 2000).",
        "Draw 24 accuracies with rng.binomial(2000, 0.75, size=(10000, 24)) / 2000; take the "
        "maximum of each row, then the mean of all.",
    ],
}


def check_1(answer):
    choose = {"a": 76.0, "b": 78.0, "c": 77.0}
    judge = {"a": 77.0, "b": 75.5, "c": 79.0}
    given = answer(dict(choose), dict(judge))
    assert given != "b", "That is the template; return its accuracy on the test reviews."
    assert given != 79.0, "You chose on the test reviews: the best of many is flattered there."
    assert given != 78.0, "That number chose the template, so it is flattered; report the other."
    assert given == 75.5, "Take the template with the highest number in the first table."
    assert answer({"x": 1.0, "y": 2.0}, {"y": 3.0, "x": 4.0}) == 3.0, "Go by name, not by place."
    agree(answer, solution_1(), ({"p": 3.0, "q": 9.0, "r": 4.0}, {"r": 1.0, "p": 8.0, "q": 2.5}))


def solution_1():
    def honest(choose, judge):
        return judge[max(choose, key=choose.get)]

    return honest


def check_2(answer):
    given = answer([0.03, 0.001, 0.04, 0.02])
    given = [bool(value) for value in given]
    assert given != [True] * 4, (
        "No correction, or from the largest p down? With many tests, chance alone gives small "
        "p-values: begin at the smallest."
    )
    assert given != [False, True, True, False], (
        "A larger p cannot count where a smaller one failed: stop at the first that is too large."
    )
    assert given == [False, True, False, False], "Compare the smallest p with 0.05 / 4."
    assert [bool(v) for v in answer([0.02, 0.001, 0.01])] == [True] * 3, (
        "That is Bonferroni: the second smallest is compared with 0.05 / (m - 1)."
    )
    rng = np.random.default_rng(0)
    agree(answer, solution_2(), *((list(rng.random(m) ** 6),) for m in (5, 12, 23)))
    edges = 0.05 / np.array([2, 4, 1, 3])
    near = [edges * 0.995] + [edges * np.where(edges == one, 1.005, 0.995) for one in edges]
    agree(answer, solution_2(), *((list(p),) for p in near))


def solution_2():
    def holm(p):
        p = np.asarray(p)
        order = p.argsort()
        small = p[order] <= 0.05 / np.arange(len(p), 0, -1)
        found = np.zeros(len(p), bool)
        found[order] = small.cumprod().astype(bool)  # until the first that is not small
        return found

    return holm


@cache
def _right(template):
    """Which training reviews a head on ReviewBERT's states gets, as in the notebook."""
    reviews = load_reviews("rotten_tomatoes", sizes="course")["train"]
    tokenizer, encoder = load_encoder("ReviewBERT", torch.float32)
    pooling = "mask" if "[MASK]" in template else "mean"
    labels = ["negative", "positive"]
    reader = PromptClassifier(tokenizer, encoder, labels, Template(template), pooling, 96)
    return right_answers(cached_encode(reader, reviews["text"]), np.array(reviews["label"]))


def check_3(answer):
    assert isinstance(answer, tuple | list) and len(answer) == 5, (
        "Give five things: template, control, gain, low, high."
    )
    template, control, *given = answer
    for text in (template, control):
        assert isinstance(text, str) and text.count("{}") == 1 and text.count("[MASK]") < 2, (
            "A template is a text with one {} for the review and at most one [MASK]."
        )
    plain = [" ".join(text.lower().split()) for text in (template, control)]
    known = pd.read_csv(DATA / "08_sweep.csv", comment="#")["template"].str.lower()
    assert plain[0] not in set(known), "Write a template of your own: this is one of the 24."
    assert plain[0] != plain[1], "The control is another text: the same form, another meaning."
    assert ("[MASK]" in template) == ("[MASK]" in control), (
        "Pool both alike: with a blank in one alone, words and pooling change at once."
    )
    assert plain[0].startswith("{}") == plain[1].startswith("{}"), (
        "Put the review in the same place in both: here words and place change at once."
    )
    tokenizer, _ = load_encoder("ReviewBERT", torch.float32)
    long, other = (len(tokenizer.tokenize(text.replace("{}", ""))) for text in (template, control))
    assert abs(long - other) <= 2, f"{long} tokens against {other}: make the control as long."
    given, wanted = np.array(given, float), np.array(gain(_right(template), _right(control)))
    right = np.allclose(given, wanted, atol=0.3)
    assert right or not np.allclose(-given[[0, 2, 1]], wanted, atol=0.3), (
        "You swapped the two: take the template minus the control."
    )
    assert right or not np.allclose(100 * given, wanted, atol=0.3), "Give it in points."
    assert right, (
        "These templates give something else on the 2,000 training reviews: gain of the template's "
        "right answers against the control's, not against those of the bare review."
    )


def solution_3():
    template = "{} would i watch it again ? [MASK] ."
    control = "{} would it rain on monday ? [MASK] ."
    return template, control, 0.95, 0.15, 1.75  # measured by the code under "Solution" in 08


def check_4(answer):
    assert isinstance(answer, Real), "Give a number."
    assert not 0 < answer < 1, "Give it in percent."
    assert answer != 75, "The best of 24 is not the average of 24."
    assert abs(answer - 75.97) > 0.1, "One standard error is what one template is off by."
    assert abs(answer - 76.9) < 0.15, "Draw 24 accuracies many times and average the maximum."


def solution_4():
    rng = np.random.default_rng(0)
    drawn = 100 * rng.binomial(2000, 0.75, size=(10_000, 24)) / 2000
    return drawn.max(1).mean()
