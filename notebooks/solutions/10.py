"""Checks, hints and reference solutions of notebook 10."""

from numbers import Real

import numpy as np
import torch
from torch.nn import functional as F

from helpers.check import agree

HINTS = {
    1: [
        "again.prompt.vectors[i] = 0 inside torch.no_grad(); keep a clone, and put the vector "
        "back.",
        "(logits_of(again, inputs).argmax(-1) != before).sum() for each vector; give the largest.",
    ],
    2: [
        "np.bincount(answers) counts each class.",
        "Compare the largest count, not the count of one particular class.",
    ],
    3: [
        "words[:, :place] is what stands in front of the prompt.",
        "The prompt has no batch dimension yet: prompt.expand(len(words), -1, -1).",
    ],
    4: [
        "The angle of one step is its length divided by the length of the vector.",
        "rate / sigma radians a step; a radian has 180 / pi degrees.",
    ],
    5: [
        "The cosine is the product of two vectors of length 1.",
        "F.normalize(vectors, dim=-1) makes each row that long; argmax(-1) picks the row.",
    ],
}


def check_1(answer):
    assert isinstance(answer, Real), "Give one number of answers."
    assert answer >= 1, "Give a count, out of 500."
    assert answer < 25, "So many only change when several are gone: put each vector back."
    assert answer >= 15, "Another vector changes more: try all eight, on all 500 reviews."
    assert answer <= 19, "Count the answers that change, not the accuracy."


def solution_1():
    return 17  # measured by the code that the notebook shows under "Solution"


def check_2(answer):
    given = answer(np.ones(500, int))
    assert given, "500 times class 1 is as stuck as can be."
    assert answer(np.zeros(500, int)), "Whichever class it is: 500 times class 0 is stuck, too."
    some = np.repeat([0, 1], [480, 20])
    assert answer(some), "480 of 500 are 96%: that is more than 95%."
    assert not answer(np.repeat([0, 1], [475, 25])), "475 of 500 are 95%, and not more than that."
    assert not answer(np.repeat([0, 1], [250, 250])), "Half and half is not stuck."
    assert answer(np.repeat([2, 0], [97, 3])), "It must work for three classes and 100 reviews."
    assert answer(np.repeat([0, 1], [4, 96])), "The first answer need not be the frequent one."
    assert not answer(np.repeat([0, 1, 2], [10, 80, 10])), "80% of class 1 is not stuck."


def solution_2():
    def stuck(answers):
        return bool(np.bincount(answers).max() > 0.95 * len(answers))

    return stuck


def check_3(answer):
    words, prompt = torch.arange(24.0).view(2, 4, 3), -torch.ones(2, 3)
    given = answer(words.clone(), prompt.clone(), 1)
    assert given.shape != words.shape, "No word may be lost: insert the prompt, do not overwrite."
    assert given.shape == (2, 6, 3), f"The shape must be (2, 6, 3), not {tuple(given.shape)}."
    assert not torch.equal(given[:, :2], prompt.expand(2, -1, -1)), (
        "The prompt stands at the front; `place` tokens of the text come before it."
    )
    assert torch.equal(given[:, [0, 3, 4, 5]], words), "Keep the words in their order around it."
    assert torch.equal(given[:, 1:3], prompt.expand(2, -1, -1)), "The prompt stands behind place 1."
    assert torch.equal(answer(words, prompt, 0)[:, 2:], words), "Place 0 is before all words."
    rng = torch.Generator().manual_seed(0)
    for batch, tokens, m, at in ((3, 5, 1, 2), (1, 2, 4, 0)):
        drawn = torch.randn(batch, tokens, 2, generator=rng), torch.randn(m, 2, generator=rng)
        agree(answer, solution_3(), (*drawn, at))


def solution_3():
    def insert(words, prompt, place):
        prompt = prompt.expand(len(words), -1, -1)
        return torch.cat([words[:, :place], prompt, words[:, place:]], 1)

    return insert


def check_4(answer):
    given = answer(1.0, 0.0005, 48)
    assert abs(given - 0.024) > 1e-4, "That is in radians."
    assert abs(given - np.degrees(0.024 * np.sqrt(384))) > 1e-3, (
        "The vector is as much longer than one of its numbers as the step is: sqrt(384) cancels."
    )
    assert abs(given - np.degrees(0.0005)) > 1e-5, "That is one step; there are 48."
    assert abs(given - 1.375) < 0.01, f"At sigma 1 it is 1.4 degrees, not {given:.3g}."
    small = answer(0.05, 0.0005, 48)
    assert abs(small - 27.5) < 0.1 or not 25 < small < 28, (
        "Take the small angle itself: no arctan, no arcsin."
    )
    assert abs(small - 27.5) < 0.1, "A smaller vector turns further."
    agree(answer, solution_4(), (0.056, 0.01, 20), (2.0, 0.003, 7))


def solution_4():
    def most_turn(sigma, rate, steps):
        return np.degrees(steps * rate / sigma)

    return most_turn


def check_5(answer):
    table = torch.tensor([[1.0, 0.0], [0.0, 1.0], [3.0, 3.0]])
    vectors = torch.tensor([[2.0, 0.1], [0.02, 0.2], [1.0, 1.1]])
    given = answer(vectors.clone(), table.clone())
    given = torch.as_tensor(given)
    assert given.shape == (3,), f"One number for each of the 3 vectors, not {tuple(given.shape)}."
    assert given.tolist() != [2, 2, 2], "Long rows win: divide by the lengths of the table's rows."
    assert given.tolist() != [0, 1, 1], (
        "That is the distance, which depends on the lengths; the cosine does not."
    )
    assert given.tolist() == [0, 1, 2], "The highest cosine wins, so argmax over the table."
    rng = torch.Generator().manual_seed(0)
    for m, words in ((4, 30), (2, 5)):
        scales = torch.arange(1.0, words + 1)[:, None]
        drawn = torch.randn(m, 3, generator=rng), scales * torch.randn(words, 3, generator=rng)
        agree(answer, solution_5(), drawn)


def solution_5():
    def read(vectors, table):
        return (F.normalize(vectors, dim=-1) @ F.normalize(table, dim=-1).T).argmax(-1)

    return read
