"""Right answers to notebook 07 in other forms than the reference solutions'."""

from math import comb

import numpy as np
import torch
from scipy.stats import binom


def by_names(matrix):
    (_, false_positive), (false_negative, true_positive) = matrix.tolist()
    precision = true_positive / (true_positive + false_positive)
    return [precision, true_positive / (true_positive + false_negative)]


def in_torch(matrix):
    matrix = torch.tensor(matrix, dtype=torch.float32)
    return torch.stack([matrix[1, 1] / matrix.sum(0)[1], matrix[1, 1] / matrix.sum(1)[1]])


def one_by_one(probabilities, labels, threshold):
    right = [
        int(p.argmax()) == y
        for p, y in zip(probabilities, labels, strict=True)
        if not p.max() < threshold
    ]
    return [len(right) / len(labels), sum(right) / len(right)]


def twice_the_smaller_tail(right_a, right_b):
    a, b = np.sum(right_a > right_b), np.sum(right_b > right_a)
    return min(1.0, 2 * binom.cdf(min(a, b), a + b, 0.5))


def by_hand(right_a, right_b):
    b = sum(not x and y for x, y in zip(right_a.tolist(), right_b.tolist(), strict=True))
    n = int((right_a != right_b).sum())
    tail = sum(comb(n, k) for k in range(min(b, n - b) + 1)) / 2**n
    return torch.tensor(min(1, 2 * tail))


RIGHT = {
    "07-1": [[9, 2], np.array([9, 2]), torch.tensor([9.0, 2.0])],
    "07-2": [by_names, in_torch, lambda matrix: np.array(by_names(matrix))],
    "07-3": [one_by_one, lambda *given: torch.tensor(one_by_one(*given))],
    "07-4": [twice_the_smaller_tail, by_hand],
}
