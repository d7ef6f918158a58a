"""Mistakes that a reader of notebook 13 may well make."""

import copy

import torch
from torch import nn


def merged(change, keep_bias=True):
    """A merge that adds `change(layer)`, (out, in)."""

    def merge(layer):
        new = copy.deepcopy(layer.linear)
        if not keep_bias:
            new = nn.Linear(new.in_features, new.out_features, bias=False)
            new.weight.data.copy_(layer.linear.weight)
        with torch.no_grad():
            new.weight += change(layer)
        return new

    return merge


def in_place(layer):
    with torch.no_grad():
        layer.linear.weight += layer.scale * layer.up @ layer.down
    return layer.linear


def emptied(layer):
    new = merged(lambda one: one.scale * one.up @ one.down)(layer)
    layer.up.data.zero_()
    return new


def best_of(rows):
    row = rows.loc[rows["loss"].idxmin()]
    return row["method"], row["rate"]


def mean_of(rows):
    return rows.groupby(["method", "rate"])["loss"].mean().idxmin()


def fitting(trials, peaks, most_mb):
    return trials[trials["method"].map(peaks) <= most_mb]


def in_the_table(trials, peaks, k, most_mb):
    trials.loc[trials["k"] != k, "loss"] = 1.0
    return mean_of(fitting(trials, peaks, most_mb))


WRONG = {
    "13-1": [
        (merged(lambda layer: layer.up @ layer.down), "scale times"),
        (merged(lambda layer: 0), "Nothing was added"),
        (merged(lambda layer: layer.scale * layer.up @ layer.down, False), "bias stays"),
        (in_place, "add to a copy"),
        (emptied, "add to a copy"),
        (lambda layer: layer.linear.weight + layer.scale * layer.up @ layer.down, "an nn.Linear"),
        (merged(lambda layer: 2 * layer.scale * layer.up @ layer.down), "W + scale"),
    ],
    "13-2": [
        (lambda total, learnt, frozen_bytes=4: 4 * total + 12 * learnt, "gigabytes"),
        (lambda total, learnt, frozen_bytes=4: 16 * total / 1e9, "neither gradient"),
        (
            lambda total, learnt, frozen_bytes=4: (frozen_bytes * total + 16 * learnt) / 1e9,
            "counted twice",
        ),
        (
            lambda total, learnt, frozen_bytes=4: (
                (frozen_bytes * (total - learnt) + 12 * learnt) / 1e9
            ),
            "two moments",
        ),
        (
            lambda total, learnt, frozen_bytes=4: (frozen_bytes * total + 12 * learnt) / 1e9,
            "its weight too",
        ),
        (lambda total, learnt, frozen_bytes=4: 4 * total / 1e9, "16 for each trained"),
        (lambda total, learnt, frozen_bytes=4: (4 * total + 4 * learnt) / 1e9, "8 bytes"),
        (lambda total, learnt, frozen_bytes=4: (4 * total + 12 * learnt) / 1e9, "not used"),
    ],
    "13-3": [
        (1 / 3 + 0.01, "passes all thirty"),
        (0.345, "falls away"),
        (1.5, "the other way"),
        (0.978, "in the bottom layers"),
        (2 / 3, "the formula"),
        (0.685, "another way"),
        (3.3e10, "a count"),
        (65.5, "In percent"),
        (0.5, "Measure"),
        (-0.67, "above 0"),
    ],
    "13-4": [
        (lambda trials, peaks, k, most_mb: mean_of(trials[trials["k"] == k]), "more memory"),
        (lambda trials, peaks, k, most_mb: mean_of(fitting(trials, peaks, most_mb)), "k labels"),
        (
            lambda trials, peaks, k, most_mb: best_of(
                fitting(trials[trials["k"] == k], peaks, most_mb)
            ),
            "mean over",
        ),
        (
            lambda trials, peaks, k, most_mb: mean_of(
                fitting(trials[trials["k"] == k], peaks, most_mb)
            )[0],
            "a pair",
        ),
        (in_the_table, "as it is"),
        (
            lambda trials, peaks, k, most_mb: (
                fitting(trials[trials["k"] == k], peaks, most_mb)
                .groupby(["method", "rate"])["loss"]
                .sum()
                .idxmin()
            ),
            "not the sum",
        ),
        (
            lambda trials, peaks, k, most_mb: mean_of(
                fitting(trials[trials["k"] == k], peaks, most_mb)
            )[::-1],
            "method, then rate",
        ),
        (lambda trials, peaks, k, most_mb: ("wide", 0.01), "The lowest mean loss"),
    ],
}
