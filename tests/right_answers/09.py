"""Right answers to notebook 09 in other forms than the reference solutions'."""

import math
from fractions import Fraction

import numpy as np
import torch
from scipy.special import logsumexp

SIZES = (16, 2000)
LOSSES = [0.436, 0.430, 0.431, 0.361, 0.368, 0.388]
KEYS = [(labels, strength) for labels in SIZES for strength in (100, 1000, 10_000)]


def in_torch(logits, ids):
    logits = torch.tensor(logits)
    return torch.stack([logits[:, some].logsumexp(-1) for some in ids.values()], -1)


def one_by_one(logits, ids):
    return [
        [math.log(sum(math.exp(row[word]) for word in some)) for some in ids.values()]
        for row in logits
    ]


def rows_of(p, p_free):
    shares = np.sum(p_free, 0)
    return [list(row / shares / np.sum(row / shares)) for row in p]


def by_softmax(p, p_free):
    return (torch.tensor(p).log() - torch.tensor(p_free).mean(0).log()).softmax(-1)


def between(sizes, accuracies, target):
    points = list(zip(sizes, accuracies, strict=True))
    if target <= accuracies[0]:
        return sizes[0]
    for (size, low), (larger, high) in zip(points, points[1:], strict=False):
        if low < target <= high:
            return size * (larger / size) ** ((target - low) / (high - low))
    return math.inf


RIGHT = {
    "09-1": [
        in_torch,
        one_by_one,
        lambda logits, ids: np.transpose([logsumexp(logits[:, s], 1) for s in ids.values()]),
    ],
    "09-2": [rows_of, by_softmax, lambda *given: by_softmax(*given).float()],
    "09-3": [22 / 3, Fraction(22, 3), np.float32(22 / 3), torch.tensor(22 / 3), 7.33],
    "09-4": [
        between,
        lambda *given: torch.tensor(between(*given)),
        lambda sizes, seen, aim: 2 ** np.interp(aim, seen, np.log2(sizes), right=np.inf),
    ],
    "09-5": [
        dict(zip(KEYS, LOSSES, strict=True)),
        dict(zip(reversed(KEYS), map(torch.tensor, reversed(LOSSES)), strict=True)),
        dict(zip(KEYS, np.float32(LOSSES), strict=True)),
    ],
}
