"""Checks, hints and reference solutions of notebook 09."""

from numbers import Real

import numpy as np

from helpers.check import agree

HINTS = {
    1: [
        "logits[:, ids[label]] are the logits of a label's words, (texts, words).",
        "The logsumexp is np.log(np.exp(z).sum(1)), one number a text; stack the labels.",
    ],
    2: [
        "p_free.mean(0) is one probability for each label.",
        "After the division the rows do not sum to 1: divide by q.sum(1, keepdims=True).",
    ],
    3: [
        "Read each time: 20 times examples and review.",
        "Read once: the examples' 400 tokens a single time, then 20 reviews.",
    ],
    4: [
        "np.interp(target, accuracies, something) goes from accuracies to somethings.",
        "Interpolate the logarithms of the sizes and undo the logarithm at the end.",
        "np.interp does not say when target lies above all accuracies: test for it first.",
    ],
    5: [
        "fit_from_words takes the strength as its fourth argument.",
        "The margin of a validation review is t (a s + b + v x), with t = 2 y - 1.",
        "np.logaddexp(0, -margin).mean() is the loss; average over balanced_rows(16, 0 ... 19).",
    ],
}


def check_1(answer):
    logits = np.array([[0.0, 1.5, 2.0, -1.0], [1.0, 0.0, -2.0, 3.0]])
    ids = {"no": [2, 0], "yes": [1]}
    given = answer(logits.copy(), dict(ids))
    given = np.asarray(given, float)
    assert given.shape == (2, 2), f"(texts, labels) is (2, 2) here, not {given.shape}."
    right = np.array([[np.log(np.exp(2) + 1), 1.5], [np.log(np.exp(-2) + np.exp(1)), 0.0]])
    mean = np.array([[1.0, 1.5], [-0.5, 0.0]])
    assert not np.allclose(given, mean), "That is the mean of the logits; add the exponentials."
    assert not np.allclose(given, [[2, 1.5], [-1, 0]]), (
        "Logits are logarithms: their sum multiplies the probabilities, which are to be added."
    )
    assert not np.allclose(given, [[2, 1.5], [1, 0]]), "The other words of a label count too."
    assert not np.allclose(given, np.exp(right)), "Take the logarithm of the sum."
    assert not np.allclose(given, right.T), "One row a text, one column a label: yours is turned."
    assert np.allclose(given, right), "For each label: the log of the summed exponentials."
    rng = np.random.default_rng(0)
    cases = {"c": [1, 4], "a": [0], "b": [5, 2, 3]}, {"yes": [0], "no": [6]}  # order of ids
    agree(answer, solution_1(), *((rng.normal(size=(3, 7)), ids) for ids in cases))


def solution_1():
    def label_logits(logits, ids):
        columns = [np.log(np.exp(logits[:, some]).sum(1)) for some in ids.values()]
        return np.stack(columns, 1)

    return label_logits


def check_2(answer):
    p = np.array([[0.3, 0.7], [0.1, 0.9]])
    p_free = np.array([[0.1, 0.9], [0.3, 0.7]])
    given = answer(p.copy(), p_free.copy())
    given = np.asarray(given, float)
    assert given.shape == p.shape, f"One row a text, one column a label, not {given.shape}."
    q = p / np.array([0.2, 0.8])
    assert not np.allclose(given, q), "These rows do not sum to 1 yet: normalise them."
    each = p / p_free
    assert not np.allclose(given, each / each.sum(1, keepdims=True)), (
        "Text 1 has nothing to do with empty input 1: average the empty inputs first."
    )
    times = p * np.array([0.2, 0.8])
    assert not np.allclose(given, times / times.sum(1, keepdims=True)), (
        "Multiplied, the liking counts twice: divide."
    )
    assert np.allclose(given, q / q.sum(1, keepdims=True)), (
        "Divide each column of p by the mean of that column of p_free, then normalise the rows."
    )
    rng = np.random.default_rng(0)
    for texts, labels in ((5, 3), (1, 4)):
        agree(answer, solution_2(), [rng.dirichlet(np.ones(labels), n) for n in (texts, 2)])


def solution_2():
    def contextual(p, p_free):
        q = p / p_free.mean(0)
        return q / q.sum(1, keepdims=True)

    return contextual


def check_3(answer):
    assert isinstance(answer, Real), "Give a number."
    assert abs(answer - 11) > 0.01, "The examples are read once, and that is not for nothing."
    assert abs(answer - 1200 / 8800) > 0.001, "Upside down: how many times fewer is above 1."
    assert abs(answer - 7600) > 1, "That is the difference; take the ratio."
    assert abs(answer - 8800 / 1200) < 0.05, "Divide the tokens read without by those with it."


def solution_3():
    return 20 * (400 + 40) / (400 + 20 * 40)


def check_4(answer):
    sizes, accuracies = [16, 64, 256], [60.0, 70.0, 80.0]
    given = answer(list(sizes), list(accuracies), 75.0)
    assert abs(given - 160) > 0.5, "That is the middle on a linear axis; the axis is logarithmic."
    assert abs(given - np.log(128)) > 0.01, "Undo the logarithm at the end."
    assert abs(given - 7) > 0.01, "Undo the logarithm at the end: 2 to the power of that."
    assert abs(given - 128) < 0.5, "75 lies half-way between 70 and 80, so at sqrt(64 * 256)."
    assert answer(list(sizes), list(accuracies), 85.0) == np.inf, (
        "The head never reaches 85 here: say so with np.inf."
    )
    sizes, accuracies = [4, 16, 100, 2000], [55.0, 61.0, 62.5, 79.0]
    targets = (58.0, 62.0, 70.0, 79.0, 79.5)  # reached at the last size, and never
    agree(answer, solution_4(), *((sizes, accuracies, target) for target in targets))


def solution_4():
    def worth(sizes, accuracies, target):
        if target > max(accuracies):
            return np.inf
        return np.exp(np.interp(target, accuracies, np.log(sizes)))

    return worth


LOSSES = {
    (16, 100): 0.4363,
    (16, 1000): 0.4301,
    (16, 10_000): 0.4309,
    (2000, 100): 0.3607,
    (2000, 1000): 0.3677,
    (2000, 10_000): 0.3877,
}


def check_5(answer):
    assert set(answer) == set(LOSSES), f"Six keys, (labels, strength): {sorted(LOSSES)}."
    given = {key: float(answer[key]) for key in LOSSES}
    many = [given[2000, strength] for strength in (100, 1000, 10_000)]
    assert max(many) - min(many) > 1e-6, "The strength makes no difference here: hand it on."
    assert all(0 < value < 1 for value in given.values()), "A mean loss lies between 0 and 1 here."
    assert many[0] > 0.34, "That fits too well: measure on the validation reviews."
    wrong = [key for key in LOSSES if abs(given[key] - LOSSES[key]) > 0.003]
    assert not wrong, f"Measured with other draws, reviews or another loss? Not right: {wrong}."


def solution_5():
    return dict(LOSSES)  # measured by the code that the notebook shows under "Solution"
