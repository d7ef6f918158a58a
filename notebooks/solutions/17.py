"""Checks, hints and reference solutions of notebook 17."""

import numpy as np
import torch

from helpers.check import agree

HINTS = {
    1: [
        "Begin with the identity matrix and go through weights in order: one (heads, tokens, "
        "tokens) a layer.",
        "weights[layer].amax(0) is the largest weight over the heads; its rows no longer sum to 1: "
        "divide each by its sum before you mix it.",
        "flow = ((1 - own) * layer + own * identity) @ flow: the new layer stands on the left.",
    ],
    2: [
        "Go through sorted(places). For each, the candidates are the places that are neither in "
        "places nor taken already.",
        "min(candidates, key=lambda at: (abs(len(words[at]) - len(words[place])), at)) takes the "
        "word nearest in length and, of several, the earliest.",
    ],
    3: [
        "words = word_ids(text); a text without some places is filled([word for at, word in "
        "enumerate(words) if at not in places]).",
        "margins takes a list of four: the whole, without *not* (place 2), without *bad* (place "
        "4), without both. Each fall is the whole's log-odds less the other's.",
    ],
    4: [
        "reading(PICK[:8]) is (layers, heads, tokens); prompt.kept[layer][1] holds the values, "
        "(1, key heads, tokens, size), each shared by three heads.",
        "norms = values[0].float().norm(dim=-1).repeat_interleave(3, 0) is (heads, tokens). The "
        "share is the sum at token 0 over the sum at all 36.",
    ],
}


def example_weights(seed, layers=2, heads=2, tokens=3):
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(layers, heads, tokens, tokens, generator=generator).tril()
    return weights / weights.sum(-1, keepdim=True)


def check_1(answer):
    weights, wanted = example_weights(0), solution_1()
    given = torch.as_tensor(np.asarray(answer(weights.clone(), 0.5)))
    assert given.shape == (3, 3), "From tokens to tokens: one matrix for all layers and heads."
    assert torch.allclose(given.sum(-1), torch.ones(3).to(given), atol=1e-4), (
        "Each row must sum to 1: divide each row of the largest weights by its sum."
    )
    plain = torch.as_tensor(np.asarray(answer(weights.clone(), 1.0)))
    assert torch.allclose(plain.float(), torch.eye(3)), (
        "own=1 leaves every token where it is: `own` is the share of the identity."
    )
    mean = torch.eye(3)
    for layer in weights.mean(1):
        mean = (0.5 * layer + 0.5 * torch.eye(3)) @ mean
    assert not torch.allclose(given.float(), mean, atol=1e-4), "The largest over heads, no mean."
    agree(answer, wanted, (weights, 0.5), (example_weights(1, 3, 4, 5), 0.3),
          (example_weights(2, 4, 1, 4), 0.0))  # fmt: skip


def solution_1():
    def rollout_of(weights, own):
        flow = identity = torch.eye(weights.shape[-1])
        for layer in weights:
            layer = layer.amax(0)
            layer = layer / layer.sum(-1, keepdim=True)
            flow = ((1 - own) * layer + own * identity) @ flow
        return flow

    return rollout_of


def check_2(answer):
    words = "a truly moving film about a very silly war".split()
    given = answer(words, [1, 2])
    assert not isinstance(given, set), "A set has no order: return a list."
    given = list(given)
    assert len(given) == 2, "As many places as were given."
    assert not set(map(int, given)) & {1, 2}, "Other places than the ones given."
    assert len(set(map(int, given))) == 2, "Each place once: it cannot be taken twice."
    assert all(float(at).is_integer() for at in given), "Give places, not words."
    wanted = solution_2()
    assert int(given[0]) == 4, "Nearest in length; of several, the earliest: *truly* gets *about*."
    other = "it is dull , but it is short and sweet".split()
    late = "the superb script was".split()
    assert list(map(int, answer(late, [2, 0]))) == [3, 1], (
        "In the order of the text: sort the places first."
    )
    assert list(map(int, answer("the film delights".split(), [1]))) == [0], (
        "Nearest in length either way: *film* is nearer to *the* than to *delights*."
    )
    agree(answer, wanted, (words, [1, 2]), (words, [0, 8]), (other, [9, 2, 7]), (other, [4]))


def solution_2():
    def matched(words, places):
        found = []
        for place in sorted(places):
            free = [at for at in range(len(words)) if at not in places and at not in found]
            near = min(free, key=lambda at: (abs(len(words[at]) - len(words[place])), at))
            found.append(near)
        return found

    return matched


def check_3(answer):
    given = np.asarray(answer, dtype=float).flatten()
    assert given.shape == (3,), "Give three falls: (without_not, without_bad, without_both)."
    alone_not, alone_bad, both = given
    assert not (alone_not < -3 and alone_bad < -2), (
        "The whole's log-odds less the other's, not back."
    )
    assert not both > 3, "Without both at once: one text that lacks two words, no sum."
    assert 4.4 < alone_not < 5.4, "Without not: places count from 0, so not is place 2."
    assert 3.2 < alone_bad < 4.2, "Without bad: place 4."
    assert -1.3 < both < -0.3, "Without both: 'this is a film .'"


def solution_3():
    return 4.9, 3.7, -0.8  # measured by the code that the notebook shows under "Solution"


def check_4(answer):
    given = np.asarray(answer, dtype=float).flatten()
    assert given.shape == (2,), "Give two shares: (by_weights, by_weights_times_norms)."
    weights, norms = given
    assert not (weights < 1 and norms < 1), "In percent: times 100."
    assert not norms > 45 > weights, "By weights comes first, then by weights times norms."
    assert 54 < weights < 60, "By weights: of what the 36 tokens of the examples get, PICK[:8]."
    assert 21 < norms < 28.5, "Each weight times the length of the value that it multiplies."


def solution_4():
    return 57, 25  # measured by the code that the notebook shows under "Solution"
