"""Right answers to notebook 15 in other forms than the reference solutions'."""

import numpy as np
import torch


def class_by_class(table):
    scores = []
    for label in range(len(table)):
        hits, there = table[label][label], sum(table[label])
        given = sum(row[label] for row in table)
        if there:
            precision, recall = hits / given if given else 0, hits / there
            both = precision + recall
            scores.append(2 * precision * recall / both if both else 0)
    return sum(scores) / len(scores)


def as_tensor(table):
    table = torch.as_tensor(table, dtype=torch.float64)
    both = table.sum(0) + table.sum(1)
    return (2 * table.diag() / both)[table.sum(1) > 0].mean()


def by_tensor(log_p, shares):
    log_p, wanted = torch.as_tensor(log_p), torch.as_tensor(shares).log()
    for _ in range(2000):
        mean = log_p.logsumexp(0) - np.log(len(log_p))
        log_p = (log_p + wanted - mean).log_softmax(-1)
    return log_p


def by_offset(log_p, shares):
    offset = np.zeros(len(shares))
    for _ in range(3000):
        p = np.exp(log_p + offset)
        p /= p.sum(1, keepdims=True)
        offset -= 0.5 * np.log(p.mean(0) / shares)
    return np.log(p)


RIGHT = {
    "15-1": [class_by_class, as_tensor, lambda table: class_by_class(np.asarray(table).tolist())],
    "15-2": [by_tensor, by_offset, lambda log_p, shares: by_offset(log_p, shares).tolist()],
    "15-3": [[47.2, 48.4, 16.1], np.array([47.0, 48.6, 16.0]), torch.tensor([47.2, 48.4, 16.1])],
    "15-4": [
        [99.54, 87.44],
        np.array([99.54, 87.44]),
        torch.tensor([99.5404, 87.4424]),
        (100 * (1 - 10 / 2176), 12.5 * (6 + 216 / 217)),
    ],
}
