"""Mistakes that a reader of notebook 08 may well make."""

import numpy as np


def holm_without_stopping(p):
    p = np.asarray(p)
    rank = p.argsort().argsort()
    return p <= 0.05 / (len(p) - rank)


def holm_at(thresholds):
    """Step down from the smallest p, by thresholds for 1, 2, ... tests that are left."""

    def holm(p):
        order = np.argsort(p)
        found = np.zeros(len(p), bool)
        found[order] = np.cumprod(np.asarray(p)[order] <= thresholds(np.arange(len(p), 0, -1)))
        return found

    return holm


def from_the_largest(p):
    """Hochberg's: the first that is small enough, from the largest down, and all below it."""
    small = holm_without_stopping(p)
    return np.asarray(p) <= max(np.asarray(p)[small], default=-1)


WRONG = {
    "08-1": [
        (lambda choose, judge: max(judge.values()), "chose on the test"),
        (lambda choose, judge: max(choose.values()), "flattered; report"),
        (lambda choose, judge: max(choose, key=choose.get), "That is the template"),
        (
            lambda choose, judge: list(judge.values())[np.argmax(list(choose.values()))],
            "Go by name",
        ),
    ],
    "08-2": [
        (lambda p: np.asarray(p) < 0.05, "No correction"),
        (lambda p: np.asarray(p) < 0.05 / len(p), "Bonferroni"),
        (holm_without_stopping, "stop at the first"),
        (from_the_largest, "begin at the smallest"),
        (holm_at(lambda left: 1 - 0.95 ** (1 / left)), "wrong elsewhere"),  # Šidák's
        (holm_at(lambda left: 0.0505 / left), "wrong elsewhere"),
        (
            lambda p: [x == min(p) for x in p] if len(p) == 4 else [True] * len(p),
            "wrong elsewhere",
        ),
    ],
    "08-3": [
        (lambda p: (p.argmax(-1).mean(0) > 0.5).astype(int), "a vote"),
        (lambda p: p.mean(1).argmax(-1), "not (3,)"),
        (lambda p: p.mean(0), "not (2, 2)"),
    ],
    "08-4": [
        (75, "not the average"),
        (0.769, "percent"),
        (75.97, "One standard error"),
        (78.5, "average the maximum"),
    ],
}
