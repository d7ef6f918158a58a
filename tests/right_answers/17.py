"""Right answers to notebook 17 in other forms than the reference solutions'."""

import numpy as np
import torch


def in_numpy(weights, own):
    weights = np.asarray(weights)
    flow = np.eye(weights.shape[-1])
    for layer in weights.max(1):
        layer = layer / layer.sum(1)[:, None]
        flow = (1 - own) * (layer @ flow) + own * flow
    return flow


def by_products(weights, own):
    layers = weights.double().max(1).values
    layers = layers / layers.sum(-1, keepdim=True)
    mixed = [(1 - own) * layer + own * torch.eye(len(layer)).double() for layer in layers]
    return torch.linalg.multi_dot(mixed[::-1])


def by_table(words, places):
    lengths, taken = np.array([len(word) for word in words]), set(places)
    found = []
    for place in sorted(places):
        apart = np.abs(lengths - lengths[place]).astype(float)
        apart[list(taken)] = np.inf
        found.append(apart.argmin())
        taken.add(found[-1])
    return np.array(found)


def as_tuple(words, places):
    free = [at for at in range(len(words)) if at not in places]
    found = ()
    for place in sorted(places):
        free.sort(key=lambda at: (abs(len(words[at]) - len(words[place])), at))
        found += (free.pop(0),)
    return found


RIGHT = {
    "17-1": [in_numpy, by_products],
    "17-2": [by_table, as_tuple],
    "17-3": [[4.93, 3.74, -0.77], torch.tensor([4.8, 3.8, -0.7])],
    "17-4": [np.array([56.9, 24.7]), [57, 25]],
}
