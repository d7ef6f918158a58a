"""Mistakes that a reader of notebook 20 may well make."""

import numpy as np


def strict(ratings, least):
    return np.where(ratings > least, 1, np.where(ratings < -least, 0, -1))


def signs(ratings, least):
    return np.where(ratings >= least, 1, np.where(ratings <= -least, -1, 0))


WRONG = {
    "20-1": [
        (strict, "exactly 1 or -1"),
        (signs, "exactly 1 or -1"),
        (lambda ratings, least: (ratings > 0).astype(int), "is dropped"),
        (lambda ratings, least: (ratings[abs(ratings) >= least] > 0).astype(int), "each rating"),
    ],
    "20-2": [
        (lambda odds, share: np.quantile(odds, 1 - share, method="higher"), "The middle"),
        (lambda odds, share: np.sort(odds)[round(share * len(odds)) - 1 :][:2].mean(), "share"),
        (lambda odds, share: np.median(odds), "The middle"),
        (lambda odds, share: 0.2, "midpoint"),
        (lambda odds, share: odds.mean(), "share"),
    ],
    "20-3": [
        ((0.12, 0.007), "In points"),
        ((-12.0, -0.7), "other way round"),
        ((0.7, 12.0), "comes first"),
        ((4.0, 0.7), "With 4 labels: c"),
        ((12.0, 4.0), "With 256 labels: c"),
        ((10.0, 0.0), "With 4 labels: c"),
        ((11.7, 1.0), "With 256 labels: c"),
        ((8.8, 0.8), "draws 0 to 9"),
        (12.0, "a pair"),
    ],
    "20-4": [
        ((0.04, 0.48), "not the error"),
        ((0.1, 1.8), "comes first"),
        ((1.8, 1.74), "not enough"),
        ((1.5, 0.1), "lowercase=False"),
        ((1.8, 1.0), "all 800"),
        (1.8, "a pair"),
    ],
}
