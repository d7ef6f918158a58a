"""Checks, hints and reference solutions of notebook 14."""

import math

import numpy as np

from helpers.check import agree

HINTS = {
    1: [
        "Bring every text into one form first: ' '.join(text.lower().split()).",
        "A set of the training texts answers `in` at once; then take the mean over the test.",
    ],
    2: [
        "At the threshold t, p >= t is said to be spam; its recall is the mean of that over the "
        "texts whose label is 1.",
        "Go through the observed probabilities from the largest down; the first that reaches the "
        "recall is the answer.",
    ],
    3: [
        "score_without(np.zeros(1000, bool), labels, tuned) gives the right answers for 1,000 "
        "labels; for 100, leave out all others: dropped is True for them.",
        "Average the differences over the ten seeds, times 100; once fixed, once tuned=True.",
    ],
    4: [
        "labels_needed(counts, without, wanted) says at how many labels the bare curve is there; "
        "`wanted` is one of the accuracies behind the prompt.",
        "Subtract the labels that the prompt itself has at that point: one number for each count.",
    ],
}


def check_1(answer):
    train = ["A good film.", "dull", "who  wrote it ?"]
    test = ["a GOOD film.", " dull ", "who wrote it ?", "something else"]
    given = answer(list(train), list(test))
    assert not np.isclose(given, 0), "Upper and lower case and spaces do not count."
    assert not np.isclose(given, 0.25), "Spaces do not count, at the ends and doubled."
    assert not np.isclose(given, 0.5), (
        "One of three is missing: case, spaces at the ends, and doubled ones between words."
    )
    assert not np.isclose(given, 1.0), "Divide by the number of test texts."
    assert not np.isclose(given, 3), "Give the share, not the count."
    assert np.isclose(given, 0.75), "Three of these four test texts stand in training."
    assert np.isclose(answer(["a b"], ["ab"]), 0), (
        "A space between words is no noise: a b is not ab."
    )
    assert np.isclose(answer(["a   b"], ["a b", "a"]), 0.5), (
        "Any number of spaces counts as one, and a part of a text is not the text."
    )
    assert np.isclose(answer(["a!"], ["a"]), 0), "Only case and spaces do not count; a! is not a."
    agree(answer, solution_1(), (["x", "y"], ["X", "x", "z", "z", "q"]), (test, train))


def solution_1():
    def leaked(train, test):
        seen = {" ".join(text.lower().split()) for text in train}
        return sum(" ".join(text.lower().split()) in seen for text in test) / len(test)

    return leaked


def check_2(answer):
    p = np.array([0.9, 0.8, 0.7, 0.4, 0.3, 0.1])
    labels = np.array([1, 0, 1, 0, 1, 0])
    given = float(answer(p.copy(), labels.copy(), 0.6))
    assert any(np.isclose(given, p)), "Give one of the observed probabilities."
    assert not np.isclose(given, 0.1), (
        "The largest such probability: the smallest finds everything."
    )
    assert not np.isclose(given, 0.9), "At 0.9 one of three is found: the recall is a third."
    assert not np.isclose(given, 0.3), (
        "At 0.7 two of three are found already: 0.67 is at least 0.6."
    )
    assert not np.isclose(given, 0.8), "That is no spam's probability: the recall jumps at 0.7."
    assert np.isclose(given, 0.7), "The recall reaches 0.6 at the second spam, at 0.7."
    assert np.isclose(answer(p, labels, 2 / 3), 0.7), "At least that share: equality is enough."
    rng = np.random.default_rng(0)
    for recall in (0.3, 0.5, 0.9, 1.0):
        labels = (rng.random(40) < 0.3).astype(int)
        agree(answer, solution_2(), (rng.random(40).round(2), labels, recall))


def solution_2():
    def threshold_for(p, labels, recall):
        for t in np.sort(np.unique(p))[::-1]:
            if (p >= t)[labels == 1].mean() >= recall:
                return t

    return threshold_for


def check_3(answer):
    given = np.asarray(answer, dtype=float).flatten()
    assert given.shape == (2,), "Give a pair of means over the ten seeds: (fixed, tuned)."
    fixed, tuned = given
    assert abs(fixed) > 0.5, "In points, of 100: multiply by 100."
    assert not 2 < fixed < 4, "The other way round: 1,000 flipped less 100 right."
    assert not fixed > 0 > tuned, "Fixed comes first, then tuned."
    assert -3.3 < fixed < -2.4, (
        "Fixed: measure over the seeds 0 to 9, 1,000 flipped less 100 right."
    )
    assert not np.isclose(fixed, tuned), "tuned=True changes both, the thousand and the hundred."
    assert 0 < tuned < 1.5, "Tuned: both with tuned=True, over the seeds 0 to 9."


def solution_3():
    return -2.8, 0.7  # measured by the code that the notebook shows under "Solution"


def check_4(answer):
    counts, without, behind = (16, 64, 256), (0.6, 0.7, 0.8), (0.65, 0.7, 0.9)
    given = np.asarray(answer(counts, without, behind), dtype=float)
    assert given.shape == (3,), "One number for each count."
    assert not np.isclose(given[0], 32), "Subtract the labels that the prompt has had itself: 16."
    assert not np.isclose(given[0], 24), (
        "labels_needed goes straight on a logarithmic axis: use it."
    )
    assert np.isclose(given[0], 16) and np.isclose(given[1], 0), (
        "At 16 labels the prompt reaches 0.65, where the bare curve is at 32: it saves 16. At 64 "
        "both are at 0.7: it saves none."
    )
    assert given[2] == math.inf, "Beyond the curve's end it saves more than can be said: math.inf."
    fewer = np.asarray(answer(counts, without, (0.6, 0.65, 0.7)), dtype=float)
    assert fewer[1] < 0, "Where the prompt does worse than nothing, the number is negative."
    cases = [((10, 1000), (0.5, 0.9), (0.7, 0.8)), ((4, 8, 64), (0.2, 0.5, 0.6), (0.4, 0.55, 0.6))]
    agree(answer, solution_4(), *cases, (counts, without, (0.7, 0.75, 0.8)))


def solution_4():
    def labels_saved(counts, without, behind):
        def needed(wanted):  # the notebook's labels_needed
            if wanted > without[-1]:
                return math.inf
            return float(np.exp(np.interp(wanted, without, np.log(counts))))

        return [needed(wanted) - k for k, wanted in zip(counts, behind, strict=True)]

    return labels_saved
