"""Mistakes that a reader of notebook 17 may well make."""

import torch


def mixed(weights, own, pool, left=True, swap=False, even=True):
    """Rollout with the choices that a reader may get wrong."""
    flow = identity = torch.eye(weights.shape[-1])
    for layer in weights:
        layer = pool(layer)
        layer = layer / layer.sum(-1, keepdim=True) if even else layer
        share = 1 - own if swap else own
        layer = (1 - share) * layer + share * identity
        flow = layer @ flow if left else flow @ layer
    return flow


def largest(layer):
    return layer.amax(0)


def greedy(words, places):
    near = []
    for place in sorted(places):
        free = [at for at in range(len(words)) if at not in places]
        near.append(min(free, key=lambda at: (abs(len(words[at]) - len(words[place])), at)))
    return near


def latest(words, places):
    found = []
    for place in sorted(places):
        free = [at for at in range(len(words)) if at not in places and at not in found]
        near = min(free, key=lambda at: (abs(len(words[at]) - len(words[place])), -at))
        found.append(near)
    return found


def matching(words, places, apart):
    found = []
    for place in places:
        free = [at for at in range(len(words)) if at not in places and at not in found]
        found.append(min(free, key=lambda at: (apart(len(words[at]) - len(words[place])), at)))
    return found


def as_given(words, places):
    return matching(words, places, abs)


def longer_first(words, places):
    return matching(words, sorted(places), lambda by: (by < 0, abs(by)))


WRONG = {
    "17-1": [
        (lambda weights, own: mixed(weights, own, lambda layer: layer.mean(0)), "no mean"),
        (lambda weights, own: mixed(weights, own, largest, left=False), "elsewhere"),
        (lambda weights, own: mixed(weights, own, largest, swap=True), "share of the identity"),
        (lambda weights, own: mixed(weights, own, largest, even=False), "sum to 1"),
        (lambda weights, own: weights.amax((0, 1)), "sum to 1"),
    ],
    "17-2": [
        (greedy, "Each place once"),
        (latest, "the earliest"),
        (as_given, "order of the text"),
        (longer_first, "either way"),
        (lambda words, places: {0, 4}, "return a list"),
        (lambda words, places: places, "Other places"),
        (lambda words, places: [words[0], words[3]], "raised"),
        (lambda words, places: [0, 0], "Each place once"),
        (lambda words, places: [0], "As many places"),
    ],
    "17-3": [
        ((-4.9, -3.7, 0.8), "not back"),
        ((4.9, 3.7, 8.7), "no sum"),
        ((0.4, 3.7, -0.8), "count from 0"),
        ((4.9, 0.4, -0.8), "place 4"),
        ((4.9, 3.7, 1.0), "this is a film"),
        (4.9, "three falls"),
    ],
    "17-4": [
        ((0.57, 0.25), "In percent"),
        ((25, 57), "comes first"),
        ((33, 25), "of the examples"),
        ((57, 40), "Each weight times"),
        (57, "two shares"),
    ],
}
