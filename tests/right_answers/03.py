"""Right answers to notebook 03 in other forms than the reference solutions'."""

from fractions import Fraction

import numpy as np
import torch

from helpers.data import fingerprint


def one_by_one(train, test):
    count = 0
    for text in test:
        count += any(fingerprint(text) == fingerprint(other) for other in train)
    return count


def in_numpy(train, test):
    return np.isin(list(map(fingerprint, test)), list(map(fingerprint, train))).sum()


def as_tensors(lengths, batches):
    squares = torch.tensor(lengths) ** 2
    return sum(squares[rows].max() * len(rows) for rows in batches) / squares.sum()


def as_fraction(lengths, batches):
    paid = sum(max(lengths[r] ** 2 for r in rows) for rows in batches for _ in rows)
    return Fraction(paid, sum(n * n for n in lengths))


RIGHT = {
    "03-1": [("unl", "##ikely"), ["unl"] + ["##ikely"]],
    "03-2": [one_by_one, in_numpy, lambda *given: torch.tensor(one_by_one(*given))],
    "03-3": [64.0, np.int64(64), torch.tensor(64), 2**6],
    "03-4": [as_tensors, as_fraction, lambda *given: np.float32(as_fraction(*given))],
}
