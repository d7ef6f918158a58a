"""Mistakes that a reader of notebook 14 may well make."""

import math

import numpy as np


def share(form):
    """`leaked`, with texts brought into a form by `form`."""
    return lambda train, test: np.mean([form(text) in set(map(form, train)) for text in test])


def tidy(text):
    return " ".join(text.lower().split())


def first(p, labels, recall, order=1):
    fine = [t for t in np.sort(np.unique(p))[::order] if (p >= t)[labels == 1].mean() >= recall]
    return fine[0]


def needed(counts, accuracies, wanted):
    if wanted > accuracies[-1]:
        return math.inf
    return float(np.exp(np.interp(wanted, accuracies, np.log(counts))))


WRONG = {
    "14-1": [
        (share(str), "do not count"),
        (share(str.lower), "Spaces do not count"),
        (share(lambda text: text.lower().strip()), "One of three"),
        (share(lambda text: text.lower().replace(" ", "")), "no noise"),
        (
            lambda train, test: sum(tidy(text) in set(map(tidy, train)) for text in test),
            "not the count",
        ),
        (
            lambda train, test: (
                sum(tidy(text) in set(map(tidy, train)) for text in test) / len(train)
            ),
            "number of test texts",
        ),
    ],
    "14-2": [
        (first, "smallest finds everything"),
        (lambda p, labels, recall: max(p), "a third"),
        (lambda p, labels, recall: recall, "observed"),
        (lambda p, labels, recall: np.quantile(p[labels == 1], 0, method="lower"), "already"),
        (lambda p, labels, recall: p[labels == 0].max(), "no spam's"),
    ],
    "14-3": [
        ((-0.028, 0.007), "In points"),
        ((2.8, -0.7), "other way round"),
        ((0.7, -2.8), "Fixed comes first"),
        ((-6.0, 0.7), "Fixed: measure"),
        ((-2.8, -2.8), "changes both"),
        ((-2.8, 4.0), "Tuned: both"),
        (-2.8, "a pair"),
    ],
    "14-4": [
        (
            lambda counts, without, behind: [needed(counts, without, own) for own in behind],
            "Subtract",
        ),
        (
            lambda counts, without, behind: [
                np.interp(own, without, counts) - k for k, own in zip(counts, behind, strict=True)
            ],
            "logarithmic",
        ),
        (
            lambda counts, without, behind: [
                max(0, needed(counts, without, own) - k)
                for k, own in zip(counts, behind, strict=True)
            ],
            "is negative",
        ),
        (
            lambda counts, without, behind: [
                float(np.exp(np.interp(own, without, np.log(counts)))) - k
                for k, own in zip(counts, behind, strict=True)
            ],
            "math.inf",
        ),
        (lambda counts, without, behind: 16, "for each count"),
    ],
}
