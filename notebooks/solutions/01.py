"""Checks, hints and reference solutions of notebook 01."""

import numpy as np
import torch

from helpers.attention import attention
from helpers.check import agree

HINTS = {
    1: [
        "First the three scores q·k / √4; the second is ln 3.",
        "exp of the scores is 1, 3 and 4, so the weights are 1/8, 3/8 and 4/8.",
    ],
    2: [
        "Row 0 is the first token as a reader: it may read token 0 only.",
        "torch.ones(tokens, tokens).tril() keeps the diagonal and what is left of it.",
    ],
    3: [
        "The matrix of layer 6 is WEIGHTS['encoder.layer.5.attention.output.dense.weight']; head 1 "
        "has its first 32 columns.",
        "Keep a clone of the matrix, set the 32 columns to 0, run bert(ids), copy the clone back.",
    ],
    4: [
        "Tokens are the second dimension: states[:, order] shuffles them.",
        "Compare layer(states[:, order]) with layer(states)[:, order], by torch.allclose.",
    ],
    5: [
        "After n words the first has been multiplied n - 1 times.",
        "Start with n = 1 and left = 1.0; while left >= share, multiply by w and count.",
    ],
}


def check_1(answer):
    given = np.asarray(answer, dtype=float).flatten()
    assert not (given.shape == (3,) and np.allclose(given, [1 / 8, 3 / 8, 1 / 2])), (
        "Those are the weights, and they are right: now mix the three values with them."
    )
    assert given.shape == (2,), "The context has the size of a value: give two numbers."
    assert not np.allclose(given, [264 / 26, -56 / 26], atol=0.02), (
        "Divide each score by √size = √4 = 2 before the softmax."
    )
    assert not np.allclose(given, [72, -8]), "Weights must sum to 1: divide by 1 + 3 + 4."
    assert not np.allclose(given, [8, 0]), "Equal weights? Use exp of the scores."
    assert np.allclose(given, [9, -1], atol=0.01), (
        "The weights are 1/8, 3/8 and 4/8: multiply each value by its weight and add up."
    )


def solution_1():
    # scores 0, ln 3, ln 4 -> exp 1, 3, 4 -> weights 1/8, 3/8, 4/8
    return [8 / 8 + 16 * 4 / 8, 8 * 3 / 8 - 8 * 4 / 8]  # 9, -1


def check_2(answer):
    given = answer(3)
    given = torch.as_tensor(given).float()
    assert given.shape == (3, 3), "The mask has a row for each query and a column for each key."
    assert not given.isinf().any(), (
        "Give 1 where a key may be read and 0 where not: attention() puts the -inf there itself."
    )
    assert not (given.diagonal() == 0).any(), (
        "A token reads itself, too: keep the diagonal, or the first row has nothing to read."
    )
    assert not torch.equal(given, torch.ones(3, 3).triu()), (
        "That shows each token the future and hides the past: rows are the readers."
    )
    assert torch.equal(given, torch.ones(3, 3).tril()), "Row i has ones in columns 0 to i."
    for tokens in (1, 5, 40):
        made = torch.as_tensor(answer(tokens)).float()
        assert torch.equal(made, torch.ones(tokens, tokens).tril()), (
            f"For {tokens} tokens it is wrong: use the argument for the size."
        )


def solution_2():
    def causal_mask(tokens):
        return torch.ones(tokens, tokens).tril()

    return causal_mask


def check_3(answer):
    assert len(answer) == 2, "Give a pair: (layer, head)."
    layer, head = (int(number) for number in answer)
    assert (layer, head) != (5, 10), "Count both from 1."
    assert 1 <= layer <= 6 and 1 <= head <= 12, "There are 6 layers of 12 heads, counted from 1."
    assert (layer, head) not in {(1, 3), (3, 10)}, (
        "A head with a habit, and yet the state hardly misses it: measure, for all 72."
    )
    assert (layer, head) == (6, 11), (
        "Another one moves it further. Did you put each slice back, and take the state of [CLS] "
        "after layer 6?"
    )


def solution_3():
    return 6, 11  # measured by the code that the notebook shows under "Solution"


def check_4(answer):
    states = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0))
    order = torch.tensor([3, 0, 4, 1, 2])
    places = torch.arange(5.0)[:, None]
    given = answer(lambda x: attention(x, x, x)[0], states, order)
    assert given, (
        "Attention alone ignores order, yet you say no: its outputs come in the new order, so "
        "shuffle layer(states), too, along the tokens, before you compare."
    )
    positions = answer(lambda x: attention(x + places, x + places, x)[0], states, order)
    assert not positions, (
        "Positions added to the states make order count. Shuffle the tokens, dimension 1."
    )
    causal = answer(lambda x: attention(x, x, x, torch.ones(5, 5).tril())[0], states, order)
    assert not causal, "Under a causal mask order counts: who comes first is read by more."
    assert not answer(lambda x: x.cumsum(1), states, order), "A running sum depends on order."
    assert answer(lambda x: 2 * x + 1, states, order), "Token by token: no order in this layer."
    assert answer(lambda x: attention(x, 8 * x, x)[0], 9 * states, order), (
        "The order of a sum changes its rounding: compare within 1e-5, by torch.allclose."
    )
    causal = torch.ones(7, 7).tril()
    others = (
        torch.randn(3, 7, 2, generator=torch.Generator().manual_seed(1)),
        torch.arange(7).flip(0),
    )
    agree(
        answer,
        solution_4(),
        (lambda x: attention(x, x, x)[0], *others),
        (lambda x: attention(x, x, x, causal)[0], *others),
        (lambda x: x[:, :1] + 0 * x, others[0], torch.tensor([0, 2, 1, 3, 4, 5, 6])),
        (lambda x: x[:, :1] + 0 * x, *others),
        (lambda x: x.flip(1), states, order),  # the same sum
        (lambda x: torch.cat([x[:1], x[1:].cumsum(1)]), states, order),  # the second text alone
        (lambda x: x + 1e-3 * places, states, order),  # a small difference
    )


def solution_4():
    def ignores_order(layer, states, order):
        before, after = layer(states[:, order]), layer(states)[:, order]
        return torch.allclose(before, after, atol=1e-5)

    return ignores_order


def check_5(answer):
    given = answer(0.5, 0.01)
    assert given != 7, "After n words the first was multiplied n - 1 times: one word more."
    assert given != 7.643856189774724, "Words come whole: round up."
    assert given == 8, "0.5 to the power 7 is 0.008, the first below 0.01: that is 8 words."
    assert answer(0.5, 0.25) == 4, "Below the share, not equal to it: 0.5 squared is 0.25 itself."
    assert answer(0.9, 0.01) == 45, "For w = 0.9 and a share of 0.01 it takes 45 words."
    assert answer(0.9, 1.0) == 2, "One word alone counts 1, which is not below 1: it takes two."
    agree(answer, solution_5(), (0.7, 0.003), (0.3, 0.2), (0.99, 0.5))


def solution_5():
    def words_until(w, share):
        words, left = 1, 1.0
        while left >= share:
            words, left = words + 1, left * w
        return words

    return words_until
