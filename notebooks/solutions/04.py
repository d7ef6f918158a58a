"""Checks, hints and reference solutions of notebook 04."""

import hashlib
import json
from numbers import Real
from unittest.mock import patch

import numpy as np
import torch

from helpers.check import agree

HINTS = {
    1: [
        "Padding must lose every comparison, also against negative numbers.",
        "hidden.masked_fill(attention_mask.unsqueeze(-1) == 0, -torch.inf), then the maximum over "
        "dimension 1.",
    ],
    2: [
        "Set the gradient of the sum of squares by the vector to 0: it is a mean over the reviews.",
        "Means over the reviews are a.mean(0) and b.mean(0), both (hidden,).",
    ],
    3: [
        "Divide both sides of the inequality by 4 d.",
        "n > 2 d + f. Which is the first whole number above that?",
    ],
    4: [
        "Whatever is joined into one text must be joined so that the borders stay visible.",
        "json.dumps([base, template, list(texts)]) keeps them; hash it with hashlib.sha256.",
    ],
    5: [
        "encode(reader(template), texts) gives the vectors of the first 200 validation reviews "
        "under a template.",
        "torch.cosine_similarity(a, b).mean() for the pairs (front, bare) and (front, behind).",
    ],
}


def check_1(answer):
    hidden = torch.tensor([[[-1.0, 2.0], [-3.0, 4.0], [7.0, 7.0]], [[5.0, -6.0]] * 3])
    attention_mask = torch.tensor([[1, 1, 0], [1, 0, 0]])
    given = answer(hidden.clone(), attention_mask)
    assert isinstance(given, torch.Tensor), "Return a tensor."
    assert given.shape == (2, 2), f"(batch, hidden) is (2, 2), not {tuple(given.shape)}."
    assert not torch.equal(given, hidden.amax(1)), "The padding took part: use attention_mask."
    zeros = (hidden * attention_mask.unsqueeze(-1)).amax(1)
    assert not torch.equal(given, zeros), "Multiplying leaves zeros, which beat negative numbers."
    low = torch.as_tensor(answer(hidden - 1e9, attention_mask))
    assert (low < -5e8).all(), "A state may be below your number in the padding: take -torch.inf."
    right = torch.tensor([[-1.0, 4.0], [5.0, -6.0]])
    assert torch.equal(given, right), f"For {hidden.tolist()} it is {right.tolist()}."
    rng = torch.Generator().manual_seed(0)
    for tokens in (4, 2):
        mask = (torch.arange(tokens) < torch.tensor([[tokens], [1], [2]])).long()
        agree(answer, solution_1(), (torch.randn(3, tokens, 5, generator=rng), mask))


def solution_1():
    def max_pool(hidden, attention_mask):
        padding = attention_mask.unsqueeze(-1) == 0  # (batch, tokens, 1)
        return hidden.masked_fill(padding, -torch.inf).amax(1)

    return max_pool


def check_2(answer):
    a, b = np.array([[1.0, 2.0], [3.0, 6.0]]), np.array([[11.0, 0.0], [15.0, 2.0]])
    given = answer(a.copy(), b.copy())
    given = np.asarray(given)
    assert given.shape == b.shape, f"The shape stays (reviews, hidden) = {b.shape}."
    assert not np.allclose(given, a), "That is a: subtract one common vector, not each shift."
    assert not np.allclose(given, b - b.mean(0)), "The mean is now zero; it should be that of a."
    assert not np.allclose(given, b - b.mean() + a.mean()), "Average over the reviews only: axis 0."
    assert not np.allclose(given, b + b.mean(0) - a.mean(0)), "You moved it the other way."
    assert np.allclose(given, [[0, 3], [4, 5]]), "Subtract b's mean, add a's."
    rng = np.random.default_rng(0)
    agree(answer, solution_2(), rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 4, 2)))


def solution_2():
    def remove_shift(a, b):
        return b - b.mean(0) + a.mean(0)

    return remove_shift


def check_3(answer):
    assert isinstance(answer, Real), "Give a number."
    assert answer != 2304, "At 2304 the two cost the same."
    assert answer != 1153, "A weight costs two FLOP, a multiplication and an addition."
    assert answer not in (1536, 1537), "Count the four matrices of attention, 4 d^2, too."
    assert answer not in (768, 769), "Count the feed-forward matrices, 2 d f, too."
    assert answer == 2305, "Solve 4 n d > 2 (4 d^2 + 2 d f) for n."


def solution_3():
    return 2 * 384 + 1536 + 1


def check_4(answer):
    tomorrow = AssertionError("Python's hash() is another tomorrow: take hashlib.")
    with patch("builtins.hash", side_effect=tomorrow):
        given = answer("b1", "{}", ["a b", "c"])
    assert given == answer("b1", "{}", ["a b", "c"]), "The same input must give the same key."
    others = {
        "The key forgets the weights.": ("b2", "{}", ["a b", "c"]),
        "The key forgets the template.": ("b1", "{} !", ["a b", "c"]),
        "The key forgets the texts.": ("b1", "{}", ["a b", "d"]),
        "The key forgets the order of the texts.": ("b1", "{}", ["c", "a b"]),
        "Two texts joined into one get the same key.": ("b1", "{}", ["a b c"]),
        "The border between two texts is lost.": ("b1", "{}", ["a", "b c"]),
        "The border between two texts is lost, though you count them.": ("b1", "{}", ["a ", "bc"]),
        "The key forgets that a text comes twice.": ("b1", "{}", ["a b", "c", "c"]),
        "The key forgets capitals.": ("b1", "{}", ["A b", "c"]),
        "The border between template and text is lost.": ("b1", "{}a b", ["", "c"]),
        "The border between weights and template is lost.": ("b", "1{}", ["a b", "c"]),
    }
    for advice, other in others.items():
        assert given != answer(*other), advice
    marks = "||", "\r\n", "\n\n", "', '", '", "', "</s>", "[SEP]", "\u241f"
    for mark in (*map(chr, range(128)), *(f" {chr(n)} " for n in range(33, 128)), *marks):
        held = f"A text, or the template, may hold {mark!r}, which you put between them."
        pairs = (
            (("b1", "{}", ["a b", "c"]), ("b1", "{}", [f"a b{mark}c"])),
            (("b1", "{}", [f"a{mark}b"]), ("b1", f"{{}}{mark}a", ["b"])),
            (("b1", f"{{}}{mark}{{}}", ["c"]), (f"b1{mark}{{}}", "{}", ["c"])),
        )
        assert all(answer(*one) != answer(*other) for one, other in pairs), held


def solution_4():
    def key(base, template, texts):
        about = json.dumps([base, template, list(texts)])
        return hashlib.sha256(about.encode()).hexdigest()

    return key


def check_5(answer):
    given = np.asarray(answer, dtype=float).flatten()
    assert given.shape == (2,), "Give two numbers: front with bare, front with behind."
    assert (given <= 1).all(), "A cosine is at most 1: average over the reviews, do not add."
    assert not np.allclose(given, (0.984, 0.725), atol=0.02), "You swapped the two."
    assert not np.isclose(given[0], 0.768, atol=0.02), "That is behind with bare: take front."
    assert np.allclose(given, (0.725, 0.984), atol=0.02), (
        "Take the first 200 validation reviews, the mean pooling, and the question as it stands."
    )


def solution_5():
    return 0.725, 0.984  # measured by the code that the notebook shows under "Solution"
