"""Right answers to notebook 11 in other forms than the reference solutions'."""

import numpy as np
import torch


def query_by_query(weights, m, mask):
    texts, heads, queries, _ = weights.shape
    real = [(b, q) for b in range(texts) for q in range(queries) if mask[b, q]]
    shares = [[float(weights[b, h, q, :m].sum()) for b, q in real] for h in range(heads)]
    return [sum(share) / len(share) for share in shares]


def by_einsum(weights, m, mask):
    return torch.einsum("bhqk,bq->h", weights[..., :m], mask.to(weights)) / mask.sum()


def step_by_step(keeping, kept, plain):
    for epochs in range(1, 10_000):
        if keeping + epochs * kept < epochs * plain:
            return epochs


def by_division(keeping, kept, plain):
    saved = plain - kept
    return None if saved <= 0 else np.floor(keeping / saved) + 1


def row_by_row(rows, layers, heads):
    each = [row.reshape(layers, 2, heads, -1) for row in rows]
    return torch.stack(each, dim=-2)


def in_numpy(rows, layers, heads):
    split = rows.numpy().reshape(len(rows), layers, 2, heads, -1)
    return np.moveaxis(split, 0, 3)


RIGHT = {
    "11-1": [[1, 41], np.array([1, 40]), torch.tensor([1.0, 42.0])],
    "11-2": [query_by_query, by_einsum, lambda *given: by_einsum(*given).numpy()],
    "11-3": [step_by_step, by_division, lambda *g: g[2] > g[1] and step_by_step(*g) or None],
    "11-4": [row_by_row, in_numpy, lambda *given: row_by_row(*given).tolist()],
}
