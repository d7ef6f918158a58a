"""Checks, hints and reference solutions of notebook 12."""

import math

import numpy as np
import torch

from helpers.check import agree

HINTS = {
    1: [
        "Sort the accuracies. The k-th smallest is the best of n if the other n - 1 come from the "
        "k - 1 below it: how many such cases are there, of how many?",
        "math.comb(k - 1, n - 1) / math.comb(N, n) is the share of these cases; add up.",
    ],
    2: [
        "words @ slope scores all words at once; what matters is the difference from old.",
        "change = (words - words[old]) @ slope; then argmin, and the change there.",
    ],
    3: [
        "student = slice_of(HAND, 8); its numbers are student.prompt.vectors, which may be "
        "overwritten in torch.no_grad(). A trained student is spent: make a new slice_of.",
        'train_on(student, wanted, some, "label words", epochs=1), then gap_of(student); the same '
        "for a slice that is left as it is.",
    ],
    4: [
        'by_family["random words"] holds six rows; numbers(row) gives the log-odds of one.',
        "np.corrcoef(one, other)[0, 1]; itertools.combinations(words, 2) gives the 15 pairs.",
    ],
}

NOISE_SLICE = (0.285, 0.36), (0.13, 0.18)  # where the two of exercise 3 lie, in any format


def one_number(given):
    """A number, also from an array or tensor that holds only this one."""
    return np.asarray(given, dtype=float).item()


def check_1(answer):
    given = one_number(answer([70.0, 80.0, 90.0], 2))
    assert not np.isclose(given, 80), "That is the mean of all: keep the best of each two."
    assert not np.isclose(given, 90), "The best of all three; only two are drawn."
    assert not np.isclose(given, 85), (
        "Of the three pairs two have 90 as their best, and one has 80: (90 + 90 + 80) / 3."
    )
    assert not np.isclose(given, 84.4444, atol=1e-3), (
        "Without replacement: no prompt is drawn twice."
    )
    assert np.isclose(given, 260 / 3), "The pairs are 70-80, 70-90 and 80-90: 80, 90 and 90."
    assert np.isclose(one_number(answer([90.0, 70.0, 80.0], 2)), 260 / 3), (
        "The order given must not matter."
    )
    assert np.isclose(one_number(answer([70.0, 80.0, 90.0], 1)), 80), "The best of one is the mean."
    rng = np.random.default_rng(0)
    cases = [(rng.random(size), n) for size, n in ((6, 3), (8, 8), (24, 5))]
    agree(lambda *case: one_number(answer(*case)), solution_1(), *cases)


def solution_1():
    def best_of(accuracies, n):
        ranked, total = np.sort(np.asarray(accuracies, float)), len(accuracies)
        cases = [math.comb(below, n - 1) for below in range(total)]  # `below` are smaller
        return float(ranked @ np.array(cases, float)) / math.comb(total, n)

    return best_of


def check_2(answer):
    slope = torch.tensor([1.0, -2.0])
    words = torch.tensor([[0.0, 0.0], [1.0, 1.0], [-1.0, 2.0], [3.0, 1.0]])
    word, change = map(one_number, answer(slope, words, 1))
    assert int(word) != 3, "The loss shall fall: the lowest change, not the highest."
    assert int(word) == 2, "(words - words[old]) @ slope is 1, 0, -4, 2: word 2."
    assert not np.isclose(float(change), -5), (
        "Less what stands there already: the change is (words[new] - words[old]) @ slope."
    )
    assert np.isclose(float(change), -4), "(-1 - 1) * 1 + (2 - 1) * (-2) = -4."
    kept, none = map(one_number, answer(slope, words, 2))
    assert int(kept) == 2 and np.isclose(none, 0), "Where old is the best, it stays: (old, 0)."
    generator = torch.Generator().manual_seed(0)
    cases = [
        (torch.randn(5, generator=generator), torch.randn(30, 5, generator=generator), old)
        for old in (0, 7, 29)
    ]
    agree(lambda *case: tuple(map(one_number, answer(*case))), solution_2(), *cases)


def solution_2():
    def best_flip(slope, words, old):
        change = (words - words[old]) @ slope  # (vocabulary,)
        word = int(change.argmin())
        return word, float(change[word])

    return best_flip


def check_3(answer):
    given = np.asarray(answer, dtype=float).flatten()
    assert given.shape == (2,), "Give a pair: the KL on the 64 other reviews, (noise, slice)."
    noise, own = given
    assert noise > own, "Noise comes first; it ends higher than the slice."
    (low, high), (lowest, highest) = NOISE_SLICE
    assert own < highest, "The slice: that is its KL before training, or another start."
    assert lowest < own, (
        "The slice: twelve steps, no more. A student that was trained is spent; make a new one."
    )
    assert noise < high, "Noise: that is its KL before training, or another scale of the noise."
    assert low < noise, (
        "Noise: twelve steps from the slice's standard deviation and seed 0, on the 64 "
        "reviews that the student was not trained on."
    )


def solution_3():
    return 0.31, 0.15  # measured by the code that the notebook shows under "Solution"


def check_4(answer):
    given = np.asarray(answer, dtype=float).flatten()
    assert given.shape == (2,), "Give a pair: (among random words, with nothing)."
    among, with_nothing = given
    assert not among < with_nothing, "The pairs among random words come first."
    assert not np.isclose(among, 0.9494, atol=2e-3), (
        "A prompt agrees with itself; leave the six comparisons of that kind out."
    )
    assert 0.934 < among < 0.944, "Among: the 15 pairs of the six random-word prompts."
    assert not 0.80 < with_nothing < 0.84, 'That is another family: compare with "nothing".'
    assert 0.865 < with_nothing < 0.886, 'With nothing: by_family["nothing"][0], mean of six.'


def solution_4():
    return 0.939, 0.875  # from the stored table, by the code under "Solution"
