"""Checks, hints and reference solutions of notebook 18."""

import numpy as np
import torch

from helpers.check import agree

HINTS = {
    1: [
        "delta.norm(dim=(1, 2), keepdim=True) is the length of each text's change, shape "
        "(texts, 1, 1).",
        "The factor is reach / length, but never more than 1: clamp(max=1). Where nothing was "
        "changed the length is 0: add a tiny number before you divide.",
    ],
    2: [
        "Take the three as NumPy arrays of bool; before & ~injected are the answers that the "
        "injection turned.",
        "Divide by the number of texts that were right before, not by all; and mind the case in "
        "which that number is 0.",
    ],
    3: [
        "margins(untrained, [injected(text, name, word) ...], labels) <= 0 says which answers are "
        "wrong; count them among those that were right before, kept.",
        'The misspelt words: [word.replace("ive", "ve") for word in wrong]. The third count is '
        'injected(text, "word alone", word) with the words spelt rightly.',
    ],
    4: [
        "The attacker chooses for each review: a review is left only if it is right under every "
        "attack.",
        "np.all(right, axis=0), and then the mean over the reviews.",
    ],
}


def check_1(answer):
    delta = torch.zeros(3, 2, 2)
    delta[0], delta[1, 0, 1] = torch.tensor([[1.8, 2.4], [0.0, 4.0]]), 0.5
    given = torch.as_tensor(answer(delta.clone(), 1.0))
    assert given.shape == delta.shape, "Return a change of the same shape."
    assert torch.isfinite(given).all(), (
        "A text that was not changed has length 0: do not divide by it."
    )
    assert not torch.allclose(given[1].norm(), torch.tensor(1.0)), (
        "The second text's change is 0.5 long, within reach: leave it as it is."
    )
    assert not torch.allclose(given[0, 0].norm(), torch.tensor(1.0)), (
        "The length is that of a text's whole change, over all of its tokens, not of each token."
    )
    assert not torch.allclose(given[0], delta[0].clamp(-1, 1)), (
        "That cuts each number by itself (the maximum norm): shorten the whole change."
    )
    assert torch.allclose(given[0].norm(), torch.tensor(1.0)), (
        "The first text's change is 5 long: shorten it to 1, each text by itself."
    )
    rng = torch.Generator().manual_seed(0)
    cases = [(torch.randn(4, 3, 5, generator=rng), reach) for reach in (0.3, 3.5, 4.2, 100.0)]
    agree(answer, solution_1(), *cases)


def solution_1():
    def project(delta, reach):
        length = delta.norm(dim=(1, 2), keepdim=True)  # (texts, 1, 1)
        return delta * (reach / (length + 1e-12)).clamp(max=1)

    return project


def check_2(answer):
    before = [True, True, True, True, False, False]
    injected = [False, False, False, True, False, True]
    control = [True, False, True, True, False, False]
    given = float(answer(list(before), list(injected), list(control)))
    assert not np.isclose(given, 3 / 4), "Subtract what the control turns."
    assert not np.isclose(given, 2 / 6), "Divide by the texts that were right before, four of six."
    assert not np.isclose(given, -0.5), "The injection's share less the control's."
    assert not np.isclose(given, 0), (
        "Count only texts that were right before: an answer that was wrong cannot be turned."
    )
    assert np.isclose(given, 0.5), (
        "Of four right answers the injection turns three, the control one."
    )
    nothing = float(answer([False, False], [False, True], [False, False]))
    assert nothing == 0, "If none was right before, the net success is 0."
    rng = np.random.default_rng(0)
    cases = [tuple(list(map(bool, row)) for row in rng.random((3, n)) < 0.6) for n in (5, 9, 30)]
    agree(answer, solution_2(), *cases, ([True], [True], [False]))


def solution_2():
    def net_success(before, injected, control):
        before, injected, control = (np.asarray(part, bool) for part in (before, injected, control))
        if not before.any():
            return 0.0
        return ((before & ~injected).sum() - (before & ~control).sum()) / before.sum()

    return net_success


def check_3(answer):
    assert not isinstance(answer, (dict, str)), "Give three counts, as a list: no dict, no text."
    given = np.asarray(answer, dtype=float).flatten()
    assert given.shape == (3,), "Give three counts: the note, the note misspelt, the word alone."
    assert not (given < 1).any() or not (given > 0).any(), (
        "Counts, not shares: of 11 right answers."
    )
    assert not given[0] > 11, "Only 11 of the 12 were right before: count among those (kept)."
    assert given[0] != given[2] or given[0] != 11, "The third is another sentence: word alone."
    assert given[0] != 8, "First the note with the word as it is, last the word alone."
    assert given[0] == 10, "The note turns another number: injected(text, 'note', word), behind it."
    assert given[1] != 11, "Misspell the label word alone, and count among those right before."
    assert given[1] == 10, "The misspelt note: word.replace('ive', 've') for the wrong labels."
    assert given[2] == 8, "The word alone: injected(text, 'word alone', word)."


def solution_3():
    return 10, 10, 8  # measured by the code that the notebook shows under "Solution"


def check_4(answer):
    right = np.array([[1, 1, 1, 1, 0, 0], [1, 1, 0, 0, 1, 1]], bool)
    given = float(answer(right.copy()))
    assert not np.isclose(given, 4 / 6), "Each attack alone leaves 4 of 6: the attacker has both."
    assert not np.isclose(given, 1.0), "A review is left only if it is right under every attack."
    assert not np.isclose(given, 2), "Give a share of the reviews, not a count."
    assert np.isclose(given, 2 / 6), "Only the first two reviews are right under both: 2 of 6."
    rng = np.random.default_rng(1)
    cases = [(rng.random(shape) < 0.8,) for shape in ((1, 7), (3, 10), (5, 40))]
    agree(answer, solution_4(), *cases)


def solution_4():
    def worst_case(right):
        return np.all(right, axis=0).mean()

    return worst_case
