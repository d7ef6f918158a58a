"""Mistakes that a reader of notebook 19 may well make."""

import numpy as np


def missing(side, kernel, stride):
    return (-(-side // stride) - 1) * stride + kernel - side


def unbounded(side, kernel, stride):
    lack = missing(side, kernel, stride)
    return lack // 2, lack - lack // 2


def before(side, kernel, stride):
    lack = max(missing(side, kernel, stride), 0)
    return lack - lack // 2, lack // 2


def from_nought(scores, prior):
    scores = np.asarray(scores) - prior
    return (scores > np.diag(scores)[:, None]).sum(1)


def raw(scores, prior):
    return 1 + (scores > np.diag(scores)[:, None]).sum(1)


def generous(scores, prior):
    scores = np.asarray(scores) - prior
    return (scores >= np.diag(scores)[:, None]).sum(1) + 1


def lost(x, penalty):
    squares = np.linalg.svd(x, compute_uv=False) ** 2
    return penalty / (squares + penalty)


def not_squared(x, penalty):
    values = np.linalg.svd(x, compute_uv=False)
    return values / (values + penalty)


WRONG = {
    "19-1": [
        (lambda side, kernel, stride: (kernel // 2, kernel // 2), "225 points"),
        (before, "behind the picture"),
        (unbounded, "Nothing is missing"),
    ],
    "19-2": [
        (raw, "Take the prior away"),
        (from_nought, "is 1, not 0"),
        (generous, "share the better place"),
    ],
    "19-3": [
        ((0.64, 0.383, 0.637), "In percent"),
        ((64.0, 63.7, 38.3), "other way round"),
        ((58.0, 38.3, 63.7), "As they are"),
        ((64.0, 50.0, 63.7), "The first token replaced"),
        ((64.0, 38.3, 25.0), "fresh clone"),
        (64.0, "Give three"),
    ],
    "19-4": [
        (not_squared, "Square"),
        (lost, "kept"),
        (lambda x, penalty: np.sort(1 - lost(x, penalty)), "Largest first"),
        (lambda x, penalty: 1 - lost(x, penalty), "that are left are 0"),
    ],
}
