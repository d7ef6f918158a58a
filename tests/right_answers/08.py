"""Right answers to notebook 08 in other forms than the reference solutions'."""

import numpy as np
import pandas as pd
import torch


def adjusted(p):
    order, m = np.argsort(p), len(p)
    larger = np.maximum.accumulate(np.sort(p) * (m - np.arange(m)))
    return [bool(larger[rank] <= 0.05) for rank in order.argsort()]


def one_at_a_time(p):
    left, found = list(p), [0] * len(p)
    while left and min(left) <= 0.05 / len(left):
        found[p.index(min(left))] = 1
        left.remove(min(left))
    return found


def sorted_first(choose, judge):
    return judge[sorted(choose, key=lambda name: -choose[name])[0]]


AGAIN, RAIN = "{} would i watch it again ? [MASK] .", "{} would it rain on monday ? [MASK] ."
RIGHT = {
    "08-1": [
        sorted_first,
        lambda choose, judge: pd.Series(judge)[pd.Series(choose).idxmax()],
        lambda choose, judge: torch.tensor(sorted_first(choose, judge)),
    ],
    "08-2": [adjusted, one_at_a_time, lambda p: torch.tensor(adjusted(p))],
    "08-3": [
        [AGAIN, RAIN, *np.array([0.95, 0.15, 1.75])],
        (AGAIN.replace("i", "I", 1), RAIN, torch.tensor(0.9), 0.1, 1.8),
    ],
    "08-4": [76.9, np.float32(76.9), torch.tensor(76.85), 76.92],
}
