"""Right answers to notebook 16 in other forms than the reference solutions'."""

import numpy as np
import torch


def counted(said, wanted, n):
    texts = ["".join(text.split()) for text in (said, wanted)]
    ours, theirs = ([text[at : at + n] for at in range(len(text) - n + 1)] for text in texts)
    both = sum(min(ours.count(own), theirs.count(own)) for own in {*ours})
    return torch.tensor([both / len(ours), both / len(theirs)])


def listed(said, wanted, n):
    return [float(part) for part in counted(said, wanted, n)]


def by_tril(front, done, new):
    return torch.ones(new, front + done + new, dtype=torch.bool).tril(front + done)


def by_numpy(front, done, new):
    return np.tri(new, front + done + new, front + done, dtype=bool)


RIGHT = {
    "16-1": [counted, listed],
    "16-2": [by_tril, by_numpy],
    "16-3": [[1.787, 6.26], np.array([1.8, 6.3])],
    "16-4": [torch.tensor([9.7, 10.1]), [9.675, 10.125]],
}
