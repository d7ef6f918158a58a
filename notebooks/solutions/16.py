"""Checks, hints and reference solutions of notebook 16."""

from collections import Counter

import numpy as np

from helpers.check import agree

HINTS = {
    1: [
        'Spaces first: "".join(text.split()). The n-grams of a text begin at each place up to '
        "len(text) - n.",
        "Counter(a) & Counter(b) keeps the smaller count of each; its total, divided by the "
        "number of n-grams of `said`, is precision, by that of `wanted`, recall.",
    ],
    2: [
        "All words may read the prompt and all that is written: the first front + done columns "
        "are True in each row.",
        "New word i may read new word j if j <= i: itself, and no later one.",
    ],
    3: [
        "states, ids = packed(parts['tatoeba']['validation'], PROMPTS['zh']); held_out(decoder, "
        "(states, ids)) is the first number.",
        "The states are a list: states[-1:] + states[:-1] moves each one place on.",
    ],
    4: [
        "states_of(list of the 40 English texts, PROMPTS['zh']), then beam(decoder, own, "
        "penalty=...) for each: its first result are the ids.",
        "len(ids) is the number of words; mean over the 40, once for each penalty.",
    ],
}


def check_1(answer):
    given = answer("aab", "ab", 1)
    assert not isinstance(given, int | float), "Give a pair: (precision, recall)."
    precision, recall = (float(part) for part in given)
    assert not (precision > 0.9 and recall > 0.9), "An n-gram counts as often as it is in both."
    assert not (precision > 0.9 and recall < 0.7), "Precision comes first: of what was said."
    assert abs(precision - 2 / 3) < 1e-3 and abs(recall - 1) < 1e-3, (
        "'aab' has three letters, two of which 'ab' has as well: precision 2/3, recall 1."
    )
    spaced = [float(part) for part in answer("a b", "ab", 2)]
    assert spaced == [1, 1], "Spaces are left out: 'a b' and 'ab' are the same."
    texts = [("我们看电影", "我们在看电影"), ("他去哪儿了", "他在哪儿"), ("the the", "the cat")]
    agree(answer, solution_1(), *[(*pair, n) for pair in texts for n in (1, 2, 3)])


def solution_1():
    def overlap(said, wanted, n):
        texts = ["".join(text.split()) for text in (said, wanted)]
        ours, theirs = (
            Counter(text[at : at + n] for at in range(len(text) - n + 1)) for text in texts
        )
        both = (ours & theirs).total()
        return both / ours.total(), both / theirs.total()

    return overlap


def check_2(answer):
    given = np.asarray(answer(1, 2, 3), dtype=float)
    assert given.shape == (3, 6), "A row for each new word, a column for each of the keys."
    assert given[:, :3].all(), "Every new word may read the prompt and what is written."
    assert given[0, 3], "A word may read itself."
    assert not given[0, 4:].any(), "No word may read a later one."
    agree(answer, solution_2(), (1, 2, 3), (0, 0, 4), (2, 0, 1), (0, 3, 2), (3, 1, 2))


def solution_2():
    def may_read(front, done, new):
        return [
            [column <= front + done + row for column in range(front + done + new)]
            for row in range(new)
        ]

    return may_read


def check_3(answer):
    given = np.asarray(answer, dtype=float).flatten()
    assert given.shape == (2,), "Give a pair of losses: (own, other)."
    own, other = given
    assert own < other, "The loss with its own states comes first; it is the lower one."
    assert OWN[0] < own < OWN[1], "Its own states: all 300 validation pairs, PROMPTS['zh']."
    assert OTHER[0] < other < OTHER[1], "Another's: each text with the states of the one before it."


OWN, OTHER = (1.75, 1.83), (6.1, 6.4)


def solution_3():
    return 1.79, 6.26  # measured by the code that the notebook shows under "Solution"


def check_4(answer):
    given = np.asarray(answer, dtype=float).flatten()
    assert given.shape == (2,), "Give a pair of mean lengths: (without, with)."
    without, penalised = given
    assert 4 < without < 20, "The mean number of words of the 40 texts, not their sum."
    assert without <= penalised, "penalty=0 comes first; it gives the shorter texts."
    assert WITHOUT[0] < without < WITHOUT[1], "penalty=0: width 4, the first 40 of validation."
    assert WITH[0] < penalised < WITH[1], "penalty=1: width 4, the first 40 of validation."


WITHOUT, WITH = (9.55, 9.85), (9.95, 10.25)


def solution_4():
    return 9.7, 10.1  # measured by the code that the notebook shows under "Solution"
