"""What the benchmarks share: turns, and two classifiers judged on the same texts."""

import statistics
import time

import torch

from helpers.score import gain


def peak(dtype, tokens=1024, repeats=20):
    """Best measured speed (GFLOP/s) of a BERT-sized product (tokens, 384) x (384, 1536)."""
    left, right = torch.ones(tokens, 384, dtype=dtype), torch.ones(384, 1536, dtype=dtype)
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - begin)
    return 2 * left.numel() * 1536 / min(seconds) / 1e9


def in_turn(runs, rounds=3):
    """Median seconds of each, {name: seconds}; they take turns. ``runs`` is {name: function}."""
    seconds = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            begin = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - begin)
    return {name: statistics.median(own) for name, own in seconds.items()}


def beside(ours, theirs):
    """The difference in accuracy, paired by text, in words."""
    mean, low, high = gain(ours, theirs)
    return f"accuracy {mean:+.1f} [{low:+.1f}, {high:+.1f}]"
