"""Mistakes that a reader of notebook 12 may well make."""

import math

import numpy as np


def with_replacement(accuracies, n):
    ranked, total = np.sort(accuracies), len(accuracies)
    shares = [((k + 1) / total) ** n - (k / total) ** n for k in range(total)]
    return float(ranked @ np.array(shares))


def unsorted(accuracies, n):
    total = len(accuracies)
    cases = [math.comb(below, n - 1) for below in range(total)]
    return float(np.asarray(accuracies) @ np.array(cases, float)) / math.comb(total, n)


def flip(score, pick="argmin"):
    """A `best_flip` that scores words by `score(slope, words, old)`."""

    def best_flip(slope, words, old):
        change = score(slope, words, old)
        word = int(getattr(change, pick)())
        return word, float(change[word])

    return best_flip


def never_old(slope, words, old):
    change = (words - words[old]) @ slope
    change[old] = 1e9
    return int(change.argmin()), float(change.min())


WRONG = {
    "12-1": [
        (lambda accuracies, n: float(np.mean(accuracies)), "the mean of all"),
        (lambda accuracies, n: float(np.max(accuracies)), "The best of all three"),
        (with_replacement, "Without replacement"),
        (unsorted, "The order given must not matter"),
    ],
    "12-2": [
        (never_old, "Where old is the best, it stays"),
        (flip(lambda slope, words, old: words @ slope), "Less what stands there already"),
        (
            flip(lambda slope, words, old: (words - words[old]) @ slope, "argmax"),
            "the lowest change, not the highest",
        ),
        (
            flip(lambda slope, words, old: (words[old] - words) @ slope),
            "the lowest change, not the highest",
        ),
    ],
    "12-3": [
        ((0.15, 0.31), "Noise comes first"),
        ((0.44, 0.29), "The slice: that is its KL before training"),
        ((0.44, 0.15), "Noise: that is its KL before training"),
        ((0.31, 0.06), "is spent"),
        ((0.26, 0.15), "seed 0"),
        ((0.39, 0.15), "another scale of the noise"),
        (0.31, "Give a pair"),
    ],
    "12-4": [
        ((0.875, 0.939), "come first"),
        ((0.939, 0.828), "another family"),
        (0.939, "Give a pair"),
    ],
}
