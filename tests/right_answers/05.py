"""Right answers to notebook 05 in other forms than the reference solutions'."""

import math
from fractions import Fraction

import numpy as np
import torch


def row_by_row(z):
    rows = []
    for row in z:
        most = row.max()
        rows.append(row - (most + torch.log(torch.exp(row - most).sum())))
    return torch.stack(rows)


def in_numpy(z):
    z = z.double().numpy()
    most = z.max(1, keepdims=True)
    return z - most - np.log(np.exp(z - most).sum(1, keepdims=True))


def as_lists(z):
    wide = [[x - max(row) for x in row] for row in z.tolist()]
    return [[x - math.log(sum(map(math.exp, row))) for x in row] for row in wide]


def less_one(logits, labels):
    p = logits.softmax(-1)
    p[torch.arange(len(p)), labels] -= 1
    return p.mean(0)


def by_counting(logits, labels):
    seen = torch.bincount(labels, minlength=logits.shape[1])
    return (logits.softmax(-1).sum(0) - seen) / len(labels)


def by_autograd(logits, labels):
    bias = torch.zeros(logits.shape[1], requires_grad=True)
    torch.nn.functional.cross_entropy(logits + bias, labels).backward()
    return bias.grad.tolist()


def bin_by_bin(probabilities, labels, count=10):
    error, left = (
        0.0,
        [(max(p), max(p) == p[y]) for p, y in zip(probabilities, labels, strict=True)],
    )
    for k in range(1, count + 1):
        here = [(p, right) for p, right in left if (k - 1) / count < p <= k / count]
        said, seen = sum(p for p, _ in here), sum(right for _, right in here)
        error += abs(said - seen) / len(labels)
    return error


def in_torch(probabilities, labels, count=10):
    said, answers = torch.tensor(probabilities).max(-1)
    gap = said - (answers == torch.tensor(labels)).double()
    place = (said * count).ceil().long()
    return torch.zeros(count + 1, dtype=gap.dtype).index_add(0, place, gap).abs().sum() / len(gap)


RIGHT = {
    "05-1": [row_by_row, in_numpy, as_lists, lambda z: z - z.logsumexp(-1, keepdim=True)],
    "05-2": [less_one, by_counting, by_autograd, lambda *given: less_one(*given).numpy()],
    "05-3": [[1.0, 0.717], np.array([1.0, 0.72]), torch.tensor([0.9983, 0.7]), (1, 0.73)],
    "05-4": [bin_by_bin, in_torch, lambda *given: np.float32(bin_by_bin(*given))],
    "05-5": [
        lambda false_positive, false_negative: (
            1 - false_negative / (false_positive + false_negative)
        ),
        lambda *costs: Fraction(costs[0], sum(costs)),
        lambda *costs: torch.tensor(costs, dtype=torch.float32)[0] / sum(costs),
    ],
}
