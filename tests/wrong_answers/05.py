"""Mistakes that a reader of notebook 05 may well make."""

import numpy as np
import torch
from torch.nn import functional as F


def softmax_then_log(z):
    return z.softmax(-1).log()


def without_maximum(z):
    return z - z.exp().sum(-1, keepdim=True).log()


def one_maximum_for_all(z):
    z = z - z.max()
    return z - z.exp().sum(-1, keepdim=True).log()


def two_labels_only(z):
    return torch.stack([F.logsigmoid(z[:, 0] - z[:, 1]), F.logsigmoid(z[:, 1] - z[:, 0])], 1)


def p_minus_e(logits, labels):
    return logits.softmax(-1) - F.one_hot(labels, logits.shape[-1])


def counted_from_labels(logits, labels):
    known = max(2, len(labels.unique()))
    return (logits.softmax(-1)[:, :known] - F.one_hot(labels, known)).mean(0)


def binned(probabilities, labels, count, strict=False):
    said = probabilities.max(-1)
    right = probabilities.argmax(-1) == labels
    place = np.floor(said * count) if strict else np.ceil(said * count)
    rows = [
        (np.sum(place == k), said[place == k].mean(), right[place == k].mean())
        for k in np.unique(place)
        if k < count or not strict
    ]
    return np.array(rows).reshape(-1, 3).T


def mean_of_gaps(probabilities, labels, count=10):
    _, said, seen = binned(probabilities, labels, count)
    return abs(said - seen).mean()


def cancelled(probabilities, labels, count=10):
    size, said, seen = binned(probabilities, labels, count)
    return (size * (said - seen)).sum() / size.sum()


def in_bins(probabilities, labels, count):
    size, said, seen = binned(probabilities, labels, count)
    return (size * abs(said - seen)).sum() / size.sum()


def last_bin_forgotten(probabilities, labels, count=10):
    size, said, seen = binned(probabilities, labels, count, strict=True)
    with np.errstate(invalid="ignore"):
        return (size * abs(said - seen)).sum() / size.sum()


def of_label_one(probabilities, labels, count=10):
    p, seen = probabilities[:, 1], labels == 1
    place = np.ceil(p * count)
    return sum(
        (place == k).mean() * abs(p[place == k].mean() - seen[place == k].mean())
        for k in np.unique(place)
    )


WRONG = {
    "05-1": [
        (softmax_then_log, "infinity or NaN"),
        (without_maximum, "infinity or NaN"),
        (one_maximum_for_all, "its own maximum"),
        (lambda z: z.softmax(-1), "return their logarithms"),
        (lambda z: z.log_softmax(0), "last dimension"),
        (lambda z: z.logsumexp(-1), "shape of z"),
        (lambda z: -z.log_softmax(-1), "z minus log-sum-exp"),
        (two_labels_only, "do not assume two labels"),
    ],
    "05-2": [
        (lambda z, y: -p_minus_e(z, y).mean(0), "turned round"),
        (lambda z, y: p_minus_e(z, y).sum(0), "the sum"),
        (p_minus_e, "one number for each label"),
        (lambda z, y: z.softmax(-1).mean(0), "mean of p - e_y"),
        (counted_from_labels, "Count the labels from the logits"),
    ],
    "05-3": [
        ((0.52, 0.49), "has not seen"),
        ((0.9, 0.7), "learnt by heart"),
        ((1.0, 0.93), "labels shuffled"),
        ((100, 72), "0 to 1"),
        (0.72, "two accuracies"),
        ((1.0, 0.6), "less decay"),
    ],
    "05-4": [
        (mean_of_gaps, "weigh the gaps"),
        (cancelled, "cancelled"),
        (last_bin_forgotten, "last bin"),
        (of_label_one, "mean highest probability"),
        (lambda p, y, count=10: abs(p.max(-1).mean() - (p.argmax(-1) == y).mean()), "cancelled"),
        (lambda p, y, count=9: in_bins(p, y, count), "wrong elsewhere"),
        (
            lambda p, y, count=10: in_bins(p, y, count / 2 if count > 5 else count),
            "wrong elsewhere",
        ),
    ],
    "05-5": [
        (lambda a, b: b / (a + b), "Turned round"),
        (lambda a, b: a / b, "the odds"),
        (lambda a, b: 0.5, "not one half"),
        (lambda a, b: a * b / (a + b) ** 2 + 0.2, "At costs 1 and 9"),
    ],
}
