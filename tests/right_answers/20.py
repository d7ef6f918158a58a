"""Right answers to notebook 20 in other forms than the reference solutions'."""

import numpy as np
import torch


def one_by_one(ratings, least):
    return [1 if r >= least else 0 if r <= -least else -1 for r in np.asarray(ratings).tolist()]


def by_sign(ratings, least):
    ratings = torch.as_tensor(ratings)
    return torch.where(ratings.abs() >= least, (ratings > 0).long(), -1)


def midpoint(odds, share):
    down = sorted(map(float, odds), reverse=True)
    count = round(share * len(down))
    return sum(down[count - 1 : count + 1]) / 2


def in_torch(odds, share):
    down = torch.as_tensor(odds).sort(descending=True).values
    count = round(share * len(down))
    return (down[count - 1] + down[count]) / 2


RIGHT = {
    "20-1": [one_by_one, by_sign],
    "20-2": [midpoint, in_torch],
    "20-3": [[12.02, 0.68], np.array([12.1, 0.7])],
    "20-4": [torch.tensor([1.835, 0.065]), [1.8, 0.1]],
}
