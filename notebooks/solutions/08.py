"""Checks, hints and reference solutions of notebook 08."""

from numbers import Real

import numpy as np

from helpers.check import agree

HINTS = {
    1: [
        "One table chooses the template, the other one says how good it is.",
        "max(choose, key=choose.get) is the name of the best one.",
    ],
    2: [
        "Sort the p-values, compare the smallest with 0.05 / m, the next with 0.05 / (m - 1), ...",
        "After the first that is not small enough, nothing further counts, however small.",
    ],
    3: [
        "Average over the prompts first, choose the label afterwards.",
        "probabilities.mean(0) has the shape (reviews, labels).",
    ],
    4: [
        "The accuracy of one template has the standard error sqrt(0.75 * 0.25 / 2000).",
        "Draw 24 accuracies with rng.binomial(2000, 0.75, size=(10000, 24)) / 2000; take the "
        "maximum of each row, then the mean of all.",
    ],
}


def check_1(answer):
    choose = {"a": 76.0, "b": 78.0, "c": 77.0}
    judge = {"a": 77.0, "b": 75.5, "c": 79.0}
    given = answer(dict(choose), dict(judge))
    assert given != "b", "That is the template; return its accuracy on the test reviews."
    assert given != 79.0, "You chose on the test reviews: the best of many is flattered there."
    assert given != 78.0, "That number chose the template, so it is flattered; report the other."
    assert given == 75.5, "Take the template with the highest number in the first table."
    assert answer({"x": 1.0, "y": 2.0}, {"y": 3.0, "x": 4.0}) == 3.0, "Go by name, not by place."
    agree(answer, solution_1(), ({"p": 3.0, "q": 9.0, "r": 4.0}, {"r": 1.0, "p": 8.0, "q": 2.5}))


def solution_1():
    def honest(choose, judge):
        return judge[max(choose, key=choose.get)]

    return honest


def check_2(answer):
    given = answer([0.03, 0.001, 0.04, 0.02])
    given = [bool(value) for value in given]
    assert given != [True] * 4, (
        "No correction, or from the largest p down? With many tests, chance alone gives small "
        "p-values: begin at the smallest."
    )
    assert given != [False, True, True, False], (
        "A larger p cannot count where a smaller one failed: stop at the first that is too large."
    )
    assert given == [False, True, False, False], "Compare the smallest p with 0.05 / 4."
    assert [bool(v) for v in answer([0.02, 0.001, 0.01])] == [True] * 3, (
        "That is Bonferroni: the second smallest is compared with 0.05 / (m - 1)."
    )
    rng = np.random.default_rng(0)
    agree(answer, solution_2(), *((list(rng.random(m) ** 6),) for m in (5, 12, 23)))
    edges = 0.05 / np.array([2, 4, 1, 3])
    near = [edges * 0.995] + [edges * np.where(edges == one, 1.005, 0.995) for one in edges]
    agree(answer, solution_2(), *((list(p),) for p in near))


def solution_2():
    def holm(p):
        p = np.asarray(p)
        order = p.argsort()
        small = p[order] <= 0.05 / np.arange(len(p), 0, -1)
        found = np.zeros(len(p), bool)
        found[order] = small.cumprod().astype(bool)  # until the first that is not small
        return found

    return holm


def check_3(answer):
    probabilities = np.array(
        [
            [[0.45, 0.55], [0.2, 0.8]],
            [[0.45, 0.55], [0.6, 0.4]],
            [[0.95, 0.05], [0.3, 0.7]],
        ]
    )
    given = answer(probabilities.copy())
    given = np.asarray(given)
    assert given.shape == (2,), f"One label for each of the 2 reviews, not {given.shape}."
    assert given.tolist() != [1, 1], "That is a vote: two lukewarm prompts beat one sure one."
    assert given.tolist() == [0, 1], "Average the probabilities over the prompts."
    rng = np.random.default_rng(0)
    agree(
        answer,
        solution_3(),
        (rng.dirichlet(np.ones(3), (4, 20)),),
        (rng.dirichlet([1, 1], (2, 9)),),
    )


def solution_3():
    def ensemble(probabilities):
        return probabilities.mean(0).argmax(-1)

    return ensemble


def check_4(answer):
    assert isinstance(answer, Real), "Give a number."
    assert not 0 < answer < 1, "Give it in percent."
    assert answer != 75, "The best of 24 is not the average of 24."
    assert abs(answer - 75.97) > 0.1, "One standard error is what one template is off by."
    assert abs(answer - 76.9) < 0.15, "Draw 24 accuracies many times and average the maximum."


def solution_4():
    rng = np.random.default_rng(0)
    drawn = 100 * rng.binomial(2000, 0.75, size=(10_000, 24)) / 2000
    return drawn.max(1).mean()
