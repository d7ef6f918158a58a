"""Mistakes that a reader of notebook 09 may well make."""

import numpy as np


def over_labels(pool):
    """A verbalizer that pools the logits of a label's words in another way."""
    return lambda logits, ids: np.stack([pool(logits[:, some]) for some in ids.values()], 1)


def normal(q):
    return q / q.sum(1, keepdims=True)


KEYS = [(size, strength) for size in (16, 2000) for strength in (100, 1000, 10_000)]
WRONG = {
    "09-1": [
        (
            lambda logits, ids: np.stack(
                [np.log(np.exp(logits[:, ids[name]]).sum(1)) for name in sorted(ids)], 1
            ),
            "wrong elsewhere",
        ),
        (over_labels(lambda z: z.mean(1)), "mean of the logits"),
        (over_labels(lambda z: z.sum(1)), "Logits are logarithms"),
        (over_labels(lambda z: z.max(1)), "other words of a label"),
        (over_labels(lambda z: np.exp(z).sum(1)), "Take the logarithm"),
        (
            lambda logits, ids: np.stack(
                [np.log(np.exp(logits[:, some]).sum(1)) for some in ids.values()]
            ),
            "yours is turned",
        ),
        (lambda logits, ids: np.log(np.exp(logits).sum(1)), "not (2,)"),
    ],
    "09-2": [
        (lambda p, p_free: p / p_free.mean(0), "normalise them"),
        (lambda p, p_free: normal(p / p_free), "average the empty inputs"),
        (lambda p, p_free: normal(p * p_free.mean(0)), "divide"),
        (lambda p, p_free: normal(p / p_free.mean(0)).argmax(1), "not (2,)"),
        (lambda p, p_free: p, "Divide each column"),
    ],
    "09-3": [
        (11, "not for nothing"),
        (1200 / 8800, "Upside down"),
        (7600, "difference"),
        (20, "Divide the tokens"),
    ],
    "09-4": [
        (
            lambda sizes, accuracies, target: (
                np.inf
                if target >= max(accuracies)
                else np.exp(np.interp(target, accuracies, np.log(sizes)))
            ),
            "wrong elsewhere",
        ),
        (lambda sizes, accuracies, target: np.interp(target, accuracies, sizes), "linear axis"),
        (
            lambda sizes, accuracies, target: np.interp(target, accuracies, np.log(sizes)),
            "Undo the logarithm",
        ),
        (
            lambda sizes, accuracies, target: np.interp(target, accuracies, np.log2(sizes)),
            "2 to the power",
        ),
        (
            lambda sizes, accuracies, target: np.exp(np.interp(target, accuracies, np.log(sizes))),
            "np.inf",
        ),
        (lambda sizes, accuracies, target: 64, "half-way"),
    ],
    "09-5": [
        (dict.fromkeys(KEYS, 0.37), "makes no difference"),
        ({key: 0.3 + key[1] / 1e6 for key in KEYS}, "fits too well"),
        ({key: 100 + key[1] for key in KEYS}, "mean loss"),
        ({key: 0.4 + key[1] / 1e6 for key in KEYS}, "other draws"),
        ({16: 0.43, 2000: 0.36}, "Six keys"),
    ],
}
