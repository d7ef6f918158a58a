"""Checks, hints and reference solutions of notebook 07."""

import numpy as np

from helpers.check import agree

HINTS = {
    1: [
        "Texts: the first 24 validation reviews that are positive and that classifier answers "
        "so; put the sentence in front of each.",
        "probabilities_of(classifier, encode(classifier, [sentence + ' ' + text for text in "
        "some]))[:, 1] < 0.5 counts the flips.",
    ],
    2: [
        "Precision looks down a column, recall along a row.",
        "matrix[1, 1] is in both numerators; divide by matrix[:, 1].sum() and matrix[1].sum().",
    ],
    3: [
        "probabilities.max(-1) is how sure it is; compare with >= threshold.",
        "With sure = probabilities.max(-1) >= threshold, both numbers are means.",
    ],
    4: [
        "Only the reviews on which the two disagree count.",
        "scipy.stats.binomtest(k, n, 0.5).pvalue, n the disagreements, k those that a gets right.",
    ],
}


def check_1(answer):
    given = np.asarray(answer, dtype=float).flatten()
    assert given.shape == (2,), "Give two counts: flipped by closed, flipped by open."
    assert not (given < 1).all(), "Give counts out of 24, not shares."
    closed, opened = given
    assert not (opened > 5 and closed < 5), "You swapped the two: first *closed*."
    assert closed <= 24 and opened <= 24, "There are 24 reviews: take those answered *positive*."
    assert (given == given.round()).all(), "Answers that flip are whole numbers."
    assert 7 <= closed <= 11 and opened <= 4, (
        "Take the first 24 validation reviews that are positive and answered so, the sentence in "
        "front of each and a space between."
    )


def solution_1():
    return 9, 2  # measured by the code that the notebook shows under "Solution"


def check_2(answer):
    matrix = np.array([[50, 10], [30, 60]])
    given = answer(matrix)
    assert isinstance(given, tuple | list | np.ndarray) and len(given) == 2, (
        "Return two numbers: return precision, recall."
    )
    precision, recall = given
    assert not np.isclose(precision, 60 / 90), "You swapped the two: precision divides a column."
    assert not np.isclose(precision, 50 / 80), "That is for the label negative: use index 1."
    assert np.isclose(precision, 60 / 70), "Precision: of those predicted positive, who is?"
    assert np.isclose(recall, 60 / 90), "Recall: of the true positives, how many were found?"
    agree(answer, solution_2(), (np.array([[5, 1], [2, 8]]),), (np.array([[90, 3], [7, 4]]),))


def solution_2():
    def precision_recall(matrix):
        return matrix[1, 1] / matrix[:, 1].sum(), matrix[1, 1] / matrix[1].sum()

    return precision_recall


def check_3(answer):
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.55, 0.45], [0.3, 0.7]])
    given = answer(probabilities, np.array([0, 0, 0, 1]), 0.7)
    share, accuracy = given
    assert not np.isclose(share, 0.5), "'At least' includes the threshold itself: use >=."
    assert not np.isclose(share, 3), "Return the share, not the number, of reviews."
    assert np.isclose(share, 0.75), "Three of these four reviews are at least 70% sure."
    assert not np.isclose(accuracy, 0.75), "Take the accuracy over the answered reviews only."
    assert np.isclose(accuracy, 2 / 3), "Two of the three answered reviews are right."
    rng = np.random.default_rng(0)
    drawn = rng.dirichlet(np.ones(3), 40), rng.integers(3, size=40)
    agree(answer, solution_3(), (*drawn, 0.5), (*drawn, 0.8))


def solution_3():
    def with_abstention(probabilities, labels, threshold):
        sure = probabilities.max(-1) >= threshold
        return sure.mean(), (probabilities.argmax(-1) == labels)[sure].mean()

    return with_abstention


def check_4(answer):
    right_a = np.array([True] * 90 + [False] * 10)
    right_b = np.array([True] * 81 + [False] * 9 + [True] * 2 + [False] * 8)
    p = answer(right_a, right_b)
    assert not np.isclose(p, 67 / 2048), "That is one-sided: a fair coin may err to both sides."
    assert p < 0.2, "Count only the reviews on which exactly one of the two is right."
    assert np.isclose(p, 134 / 2048), "Of 11 disagreements a wins 9: p = 134/2048 = 0.065."
    rng = np.random.default_rng(0)
    for size in (30, 200):
        agree(answer, solution_4(), rng.random((2, size)) < [[0.8], [0.7]])
    never = np.zeros(100, bool)  # one wins all; and they never disagree
    agree(answer, solution_4(), (never, right_b), (right_a, never), (right_a, right_a))


def solution_4():
    from scipy.stats import binomtest

    def mcnemar(right_a, right_b):
        only_a, only_b = (right_a & ~right_b).sum(), (right_b & ~right_a).sum()
        if not only_a + only_b:
            return 1.0
        return binomtest(int(only_a), int(only_a + only_b), 0.5).pvalue

    return mcnemar
