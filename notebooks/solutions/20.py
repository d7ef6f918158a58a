"""Checks, hints and reference solutions of notebook 20."""

import numpy as np

from helpers.check import agree

HINTS = {
    1: [
        "Begin with -1 everywhere: np.full(len(ratings), -1).",
        "Both ends belong to the labels: ratings >= least are 1, ratings <= -least are 0.",
    ],
    2: [
        "Sort the log-odds. Of n texts, share · n are to lie above the cut.",
        "The cut lies in the middle between the value number n - share · n, counted from 1 upward, "
        "and the next one. share * n may come out as 1.9999: round it.",
    ],
    3: [
        "domain_of gives x and y by role; rows = draw_rows(y['pool'], k, draw) are the labelled "
        "texts of a draw, and x['test'], y['test'] judge.",
        "pulled_head(x_rows, y_rows, source) pulls to the source's head, without source to zero. "
        "Accuracy of the first less that of the second, mean over ten draws, times 100.",
    ],
    4: [
        "here = np.repeat([0, 1], 400) says which text is from which set; the distance is "
        "2 · (1 - 2 · error) of the cross-validated answers.",
        "Once with the texts as they are, once with [fingerprint(text) for text in texts]; the "
        "vectorizer must not lower-case by itself.",
    ],
}


def check_1(answer):
    ratings, least = np.array([2.0, 0.5, -1.0, 1.0, -0.2, -3.0]), 1
    given = np.asarray(answer(ratings.copy(), least), dtype=float)
    assert given.shape == ratings.shape, "One number for each rating: what is dropped is -1."
    assert given[3] == 1 and given[2] == 0, "At least `least`: a rating of exactly 1 or -1 counts."
    assert given[1] == -1 and given[4] == -1, "Between -least and least a rating is dropped: -1."
    assert given[5] == 0, "Negative is 0; -1 stands for dropped."
    rng = np.random.default_rng(0)
    cases = [(rng.normal(0, 2, 12).round(1), least) for least in (0.5, 1.5, 2)]
    agree(answer, solution_1(), (ratings, least), *cases)


def solution_1():
    def to_labels(ratings, least):
        ratings = np.asarray(ratings)
        labels = np.full(len(ratings), -1)
        labels[ratings >= least] = 1
        labels[ratings <= -least] = 0
        return labels

    return to_labels


def check_2(answer):
    odds = np.array([3.0, -1.0, 0.0, 1.0, 7.0])
    given = float(answer(odds.copy(), 0.6))
    assert not np.isclose(given, 1.0), "The middle between two values: here 0 and 1."
    assert not np.isclose(given, 2.0), "That cut leaves 40% above it: the share is of positives."
    assert (odds > given).mean() == 0.6, "Of these five log-odds three must lie above the cut."
    assert np.isclose(given, 0.5), "Take the midpoint between the neighbours 0 and 1."
    rng = np.random.default_rng(1)
    cases = [(rng.normal(size=10), share) for share in (0.1, 0.5, 0.8)]
    agree(answer, solution_2(), *cases, (rng.normal(size=4), 0.25))


def solution_2():
    def cut_for(odds, share):
        odds = np.sort(odds)
        below = len(odds) - round(share * len(odds))
        return (odds[below - 1] + odds[below]) / 2

    return cut_for


def check_3(answer):
    given = np.asarray(answer, dtype=float).flatten()
    assert given.shape == (2,), "Give a pair of means over the ten draws: (with_4, with_256)."
    four, many = given
    assert abs(four) > 0.5, "In points, of 100: multiply by 100."
    assert four > -8, "The other way round: pulled to the source's head less pulled to zero."
    assert not many > 8 > four, "With 4 labels comes first, then with 256."
    assert 11.5 < four < 12.5, "With 4 labels: c = 0.01 for both, draws 0 to 9, test of rated."
    assert 0.4 < many < 0.95, "With 256 labels: c = 0.01 for both, draws 0 to 9."


def solution_3():
    return 12.0, 0.7  # measured by the code that the notebook shows under "Solution"


def check_4(answer):
    given = np.asarray(answer, dtype=float).flatten()
    assert given.shape == (2,), "Give a pair of distances: (as_they_are, letters_alone)."
    raw, letters = given
    assert not (0 < raw < 0.1 and letters < 0.6), "The distance, not the error: 2 (1 - 2 error)."
    assert not raw < 0.6 < letters, "As they are comes first, then the letters alone."
    assert not 1.7 < letters, "fingerprint both sets of texts; lower-casing alone is not enough."
    assert 1.7 < raw < 1.95, "As they are: character n-grams of 1 to 3, lowercase=False."
    assert -0.2 < letters < 0.35, "Letters alone: fingerprint(text) of all 800 texts."


def solution_4():
    return 1.8, 0.1  # measured by the code that the notebook shows under "Solution"
