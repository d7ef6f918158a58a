"""Checks, hints and reference solutions of notebook 11."""

import math

import numpy as np
import torch

from helpers.check import agree

HINTS = {
    1: [
        "trained.prompt.vectors is (layers, 2, heads, tokens, size): set one layer to 0 inside "
        "torch.no_grad(), and put its clone back.",
        "logits_of(trained, inputs).argmax(-1), with (inputs, labels) the first that inputs_of "
        "gives of the validation part; count the answers that change.",
    ],
    2: [
        "The share of one query is the sum of its first m weights.",
        "Bring queries before heads, then let mask.bool() choose: (real queries, heads).",
    ],
    3: [
        "After e epochs the one way has taken keeping + e * kept, the other e * plain.",
        "Solve for e, and take the next whole number above.",
    ],
    4: [
        "view(tokens, layers, 2, heads, -1) names the parts of a row in the order they are stored.",
        "permute then puts the tokens in front of the size.",
    ],
}


def check_1(answer):
    given = np.asarray(answer, dtype=float).flatten()
    assert given.shape == (2,), "Give a pair: the layer, counted from 1, and how many answers."
    layer, answers = given
    assert layer in range(1, 7), "There are six layers, counted from 1."
    assert layer != 6, "The top layer is nearest to the head, and yet: measure all six."
    assert layer == 1, "Another one changes more answers. Did you put each layer back?"
    assert 34 <= answers <= 48, "Count the answers of all 500 validation reviews that change."


def solution_1():
    return 1, 41  # measured by the code that the notebook shows under "Solution"


def check_2(answer):
    scores = torch.tensor(
        [
            [
                [[2.0, 0, 1, 0, 0], [0, 1, 0, 3, 0], [9, 9, 0, 0, 0]],
                [[0, 0, 1, 1, 1], [1, 0, 0, 0, 0], [9, 9, 0, 0, 0]],
            ],
            [
                [[1, 1, 0, 0, 0], [0, 0, 2, 0, 0], [0, 0, 0, 0, 1]],
                [[0, 2, 0, 0, 0], [0, 0, 0, 1, 0], [3, 0, 0, 0, 0]],
            ],
        ]
    )
    weights, mask = scores.softmax(-1), torch.tensor([[1, 1, 0], [1, 1, 1]])
    given = answer(weights.clone(), 2, mask.clone())
    given = torch.as_tensor(given)
    share = weights[..., :2].sum(-1)  # (batch, heads, queries)
    wanted = share.transpose(1, 2)[mask.bool()].mean(0)

    def near(other):
        return given.shape == other.shape and torch.allclose(given, other, atol=1e-6)

    assert given.shape == (2,), f"One share for each of the 2 heads, not {tuple(given.shape)}."
    assert not near(share.mean((0, 2))), "Padding asks, too: leave its queries out."
    assert not near(1 - wanted), "That is the text's part."
    masked = share * mask[:, None]
    assert not near(masked.mean((0, 2))), "Divide by the number of real queries, not of all."
    each = masked.sum(2) / mask.sum(1)[:, None]
    assert not near(each.mean(0)), (
        "That is the mean of the texts' means: here each real query counts the same."
    )
    assert near(wanted), "Sum the first m weights of a query, then average over the real queries."
    rng = torch.Generator().manual_seed(0)
    for shape, m in (((3, 4, 2, 7), 3), ((1, 2, 5, 6), 1)):
        drawn = torch.randn(shape, generator=rng).softmax(-1)
        mask = (torch.arange(shape[2]) < torch.tensor([[1], [2], [shape[2]]]))[: shape[0]].long()
        agree(answer, solution_2(), (drawn, m, mask))


def solution_2():
    def mean_share(weights, m, mask):
        share = weights[..., :m].sum(-1)  # (batch, heads, queries)
        return share.transpose(1, 2)[mask.bool()].mean(0)

    return mean_share


def check_3(answer):
    given = answer(20.0, 4.0, 14.0)
    assert given != 2, "After 2 epochs both have taken 28 seconds: not yet faster."
    assert given != 5, "20 / 4 forgets what an epoch takes without keeping."
    assert given == 3, "Find the first whole e with keeping + e * kept < e * plain."
    assert answer(5.0, 4.0, 14.0) == 1, "Keeping 5 seconds' worth pays in the first epoch here."
    assert answer(20.0, 9.0, 9.0) is None, "If an epoch is no shorter, it never pays: None."
    assert answer(21.0, 4.0, 14.0) == 3, "Part of an epoch does not help: take the next whole one."
    agree(answer, solution_3(), (7.0, 1.5, 2.0), (1.0, 3.0, 2.0), (0.1, 1.0, 9.0))


def solution_3():
    def pays_after(keeping, kept, plain):
        if kept >= plain:
            return None
        return math.floor(keeping / (plain - kept)) + 1

    return pays_after


def check_4(answer):
    layers, heads, tokens, size = 3, 2, 4, 5
    rows = torch.arange(tokens * layers * 2 * heads * size).view(tokens, -1).float()
    given = answer(rows.clone(), layers, heads)
    wanted = rows.view(tokens, layers, 2, heads, size).permute(1, 2, 3, 0, 4)
    shape = tuple(given.shape)
    assert shape == tuple(wanted.shape), f"(layers, 2, heads, tokens, size), not {shape}."
    assert not torch.equal(given, rows.view(wanted.shape)), (
        "view alone mixes the tokens: it fills the new shape in the old order."
    )
    swapped = rows.view(tokens, 2, layers, heads, size).permute(2, 1, 3, 0, 4)
    assert not torch.equal(given, swapped), (
        "Within a row the layer comes before key and value: layer 1's key, layer 1's value."
    )
    assert torch.equal(given, wanted), "Name the parts of a row with view, then permute."
    for layers, heads, tokens, size in ((2, 3, 5, 4), (1, 4, 1, 2)):
        rows = torch.randn(tokens, layers * 2 * heads * size)
        agree(answer, solution_4(), (rows, layers, heads))


def solution_4():
    def from_peft(rows, layers, heads):
        split = rows.view(len(rows), layers, 2, heads, -1)
        return split.permute(1, 2, 3, 0, 4)

    return from_peft
