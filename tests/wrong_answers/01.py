"""Mistakes that a reader of notebook 01 may well make."""

import math

import torch


def same_place(layer, states, order):
    return torch.allclose(layer(states[:, order]), layer(states), atol=1e-5)


def shuffled_batch(layer, states, order):
    return torch.allclose(layer(states.flip(0)), layer(states).flip(0), atol=1e-5)


def layer(hidden, inner, maps=4, biases=True, norms=2):
    weights = maps * hidden**2 + 2 * hidden * inner
    return weights + biases * ((maps + 1) * hidden + inner) + norms * 2 * hidden


WRONG = {
    "01-1": [
        ([1 / 8, 3 / 8, 1 / 2], "mix the three values"),
        ([264 / 26, -56 / 26], "√4 = 2"),
        ([72, -8], "sum to 1"),
        ([8, 0], "Equal weights"),
        (9, "two numbers"),
        ([9, 1], "multiply each value"),
    ],
    "01-2": [
        (lambda tokens: torch.ones(tokens, tokens).triu(), "rows are the readers"),
        (lambda tokens: torch.ones(tokens, tokens).tril(-1), "keep the diagonal"),
        (lambda tokens: torch.ones(tokens, tokens), "Row i has ones"),
        (lambda tokens: torch.full((tokens, tokens), -math.inf).triu(1), "puts the -inf there"),
        (lambda tokens: torch.ones(3, 3).tril(), "use the argument"),
        (lambda tokens: torch.ones(tokens), "a row for each query"),
    ],
    "01-3": [
        ((5, 10), "from 1"),
        ((7, 1), "6 layers of 12"),
        ((3, 10), "hardly misses it"),
        ((6, 7), "Another one"),
    ],
    "01-4": [
        (same_place, "new order"),
        (shuffled_batch, "dimension 1"),
        (lambda layer, states, order: True, "make order count"),
        (lambda layer, states, order: False, "ignores order"),
    ],
    "01-5": [
        (lambda w, share: math.ceil(math.log(share) / math.log(w)), "n - 1 times"),
        (lambda w, share: math.log(share) / math.log(w) + 1, "round up"),
        (lambda w, share: math.ceil(math.log(share) / math.log(w)) + 1, "not equal to it"),
    ],
}
