"""Right answers to notebook 13 in other forms than the reference solutions'."""

import numpy as np
import torch
from torch import nn


def made_anew(layer):
    old = layer.linear
    merged = nn.Linear(old.in_features, old.out_features, bias=old.bias is not None)
    change = torch.einsum("or,ri->oi", layer.up * layer.scale, layer.down)
    parts = {"weight": (old.weight + change).detach()}
    if old.bias is not None:
        parts["bias"] = old.bias.detach().clone()
    merged.load_state_dict(parts)
    return merged


def by_columns(layer):
    """What the detour makes of each unit vector is a column of the difference."""
    merged = made_anew(layer)
    units = torch.eye(layer.linear.in_features)
    change = layer.scale * (units @ layer.down.T @ layer.up.T).T
    merged.weight = nn.Parameter((layer.linear.weight + change).detach())
    return merged


def kind_by_kind(total, learnt, frozen_bytes=4):
    gradients = moments = 4 * learnt
    weights = frozen_bytes * (total - learnt) + 4 * learnt
    return np.float64(weights + gradients + 2 * moments) / 1000**3


def one_by_one(trials, peaks, k, most_mb):
    losses = {}
    for row in trials.itertuples():
        if row.k == k and peaks[row.method] <= most_mb:
            losses.setdefault((row.method, row.rate), []).append(row.loss)
    return list(min(losses, key=lambda pair: np.mean(losses[pair])))


def sorted_table(trials, peaks, k, most_mb):
    means = trials.query("k == @k").groupby(["rate", "method"], as_index=False)["loss"].mean()
    fits = means[[peaks[method] <= most_mb for method in means["method"]]]
    best = fits.sort_values("loss").iloc[0]
    return best["method"], np.float64(best["rate"])


RIGHT = {
    "13-1": [made_anew, by_columns],
    "13-2": [
        kind_by_kind,
        lambda total, learnt, frozen_bytes=4: torch.tensor(
            (frozen_bytes * total + (16 - frozen_bytes) * learnt) * 1e-9
        ),
    ],
    "13-3": [0.655, np.float32(0.6549), torch.tensor(0.656)],
    "13-4": [one_by_one, sorted_table],
}
