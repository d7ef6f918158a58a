"""Mistakes that a reader of notebook 07 may well make."""

import numpy as np
from scipy.stats import binomtest, chi2


def one_sided(right_a, right_b):
    only_a, only_b = (right_a & ~right_b).sum(), (right_b & ~right_a).sum()
    return binomtest(int(only_a), int(only_a + only_b), 0.5, alternative="greater").pvalue


def of_all_reviews(right_a, right_b):
    return binomtest(int(right_a.sum()), len(right_a), 0.5).pvalue


def of_all_right_answers(right_a, right_b):
    return binomtest(int(right_a.sum()), int(right_a.sum() + right_b.sum()), 0.5).pvalue


def chi_square(right_a, right_b):
    only_a, only_b = (right_a & ~right_b).sum(), (right_b & ~right_a).sum()
    return chi2.sf((only_a - only_b) ** 2 / (only_a + only_b), 1)


def one_when_a_wins_none(right_a, right_b):
    only_a, only_b = (right_a & ~right_b).sum(), (right_b & ~right_a).sum()
    return binomtest(int(only_a), int(only_a + only_b), 0.5).pvalue if only_a else 1.0


def abstain(probabilities, labels, sure, among=None):
    right = probabilities.argmax(-1) == labels
    return sure.mean(), right[sure if among is None else among].mean()


WRONG = {
    "07-1": [
        ((2, 9), "swapped"),
        ((0.37, 0.08), "not shares"),
        (9, "two counts"),
        ((20, 18), "first 24"),
        ((180, 90), "24 reviews"),
        ((12, 0), "first 24"),
        ((6, 5), "first 24"),
        ((9.5, 2), "whole numbers"),
    ],
    "07-2": [
        (lambda m: {"precision": 60 / 70, "recall": 60 / 90}, "two numbers"),
        (lambda m: (60 / 70, 60 / 90, 0.75), "two numbers"),
        (lambda m: (m[1, 1] / m[1].sum(), m[1, 1] / m[:, 1].sum()), "swapped"),
        (lambda m: (m[0, 0] / m[:, 0].sum(), m[0, 0] / m[0].sum()), "label negative"),
        (lambda m: (np.trace(m) / m.sum(), m[1, 1] / m[1].sum()), "Precision"),
        (lambda m: (m[1, 1] / m[:, 1].sum(), np.trace(m) / m.sum()), "Recall"),
    ],
    "07-3": [
        (lambda p, y, t: abstain(p, y, p.max(-1) > t), "use >="),
        (lambda p, y, t: abstain(p, y, p.max(-1) >= t, slice(None)), "answered reviews only"),
        (lambda p, y, t: ((p.max(-1) >= t).sum(), 2 / 3), "not the number"),
        (lambda p, y, t: abstain(p, y, p[:, 1] >= t), "use >="),
    ],
    "07-4": [
        (one_sided, "one-sided"),
        (of_all_right_answers, "exactly one of the two"),
        (of_all_reviews, "Of 11 disagreements"),
        (chi_square, "Of 11 disagreements"),
        (one_when_a_wins_none, "wrong elsewhere"),
        (lambda a, b: one_when_a_wins_none(b, a), "wrong elsewhere"),
    ],
}
