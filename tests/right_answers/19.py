"""Right answers to notebook 19 in other forms than the reference solutions'."""

import math

import numpy as np
import torch


def by_ceiling(side, kernel, stride):
    lack = (math.ceil(side / stride) - 1) * stride + kernel - side
    return [max(lack, 0) // 2, math.ceil(max(lack, 0) / 2)]


def by_remainder(side, kernel, stride):
    lack = max(kernel - (side % stride or stride), 0)
    return np.array([lack // 2, (lack + 1) // 2])


def by_sorting(scores, prior):
    scores = torch.as_tensor(np.asarray(scores) - np.asarray(prior))
    return [1 + int((row > row[n]).sum()) for n, row in enumerate(scores)]


def one_by_one(scores, prior):
    found = []
    for n, row in enumerate(np.asarray(scores).tolist()):
        less = [score - own for score, own in zip(row, np.asarray(prior).tolist(), strict=True)]
        found.append(1 + sum(score > less[n] for score in less))
    return found


def by_torch(x, penalty):
    x = torch.as_tensor(np.asarray(x))
    squares = torch.linalg.svdvals(torch.cat([x, torch.zeros(x.shape[1], x.shape[1])])) ** 2
    return squares / (squares + penalty)


def by_eigenvalues(x, penalty):
    x = np.asarray(x)
    squares = np.sort(np.linalg.eigvalsh(x.T @ x))[::-1]
    return [square / (square + penalty) for square in squares]


RIGHT = {
    "19-1": [by_ceiling, by_remainder],
    "19-2": [by_sorting, one_by_one],
    "19-3": [[64, 38.3, 63.7], np.array([63.7, 38.7, 64.0]), torch.tensor([64.3, 38.0, 63.3])],
    "19-4": [by_torch, by_eigenvalues],
}
