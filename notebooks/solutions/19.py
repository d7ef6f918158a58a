"""Checks, hints and reference solutions of notebook 19."""

import numpy as np

from helpers.check import agree

HINTS = {
    1: [
        "There are ceil(side / stride) outputs. The last window begins at (outputs - 1) * stride "
        "and is kernel points long: how many points does that take in all?",
        "What is missing, at least 0, is split in two; the odd point goes behind.",
    ],
    2: [
        "scores - prior takes its own prior from each column. Picture i's own name is on the "
        "diagonal.",
        "The place is 1 plus the number of names in the row that score strictly more.",
    ],
    3: [
        "begun(z['test']) is (pictures, 2, 576), begun(torch.zeros(1, 256)) the average "
        "picture's. tokens[:, 0] = average[:, 0] replaces the first.",
        "kind_logits(tokens) has eight columns: set column FOOD to -inf, then argmax, and compare "
        "with truth['test'].",
    ],
    4: [
        "np.linalg.svd(x, compute_uv=False) gives the singular values, largest first.",
        "Each is squared, and divided by itself plus the penalty. There are as many singular "
        "values as the smaller side of x is long: fill up with zeros to the features.",
    ],
}


def check_1(answer):
    given = tuple(int(points) for points in answer(224, 3, 2))
    assert len(given) == 2, "Give a pair: (before, behind)."
    assert given != (1, 1), "112 windows of 3, moved by 2, need 225 points, and there are 224."
    assert given != (1, 0), "The odd point goes behind the picture, not before it."
    few = tuple(int(points) for points in answer(8, 1, 2))
    assert min(few) >= 0, "Nothing is missing where a window is smaller than its stride: 0, not -1."
    cases = [(14, 5, 2), (7, 3, 1), (15, 5, 2), (9, 2, 2), (10, 7, 3), (6, 1, 4)]
    agree(answer, solution_1(), (224, 3, 2), *cases)


def solution_1():
    def padding(side, kernel, stride):
        outputs = -(-side // stride)
        missing = max((outputs - 1) * stride + kernel - side, 0)
        return missing // 2, missing - missing // 2

    return padding


def check_2(answer):
    scores = np.array([[-2.0, -1.0, -9.0], [-4.0, -3.0, -8.0], [-5.0, -1.0, -6.0]])
    prior = np.array([-3.0, -1.0, -8.0])
    given = np.asarray(answer(scores.copy(), prior.copy()), float)
    assert given.shape == (3,), "One place for each picture."
    assert not (given == [2, 1, 3]).all(), "Take the prior away first: a name's, so a column's."
    assert given.min() >= 1, "The first place is 1, not 0."
    tied = np.asarray(answer(np.zeros((2, 2)), np.zeros(2)), float)
    assert (tied == 1).all(), "Equal scores share the better place: count those that are more."
    rng = np.random.default_rng(0)
    cases = [(rng.normal(size=(n, n)), 3 * rng.normal(size=n)) for n in (4, 9, 6)]
    agree(answer, solution_2(), (scores, prior), *cases)


def solution_2():
    def own_places(scores, prior):
        scores = np.asarray(scores) - np.asarray(prior)
        return 1 + (scores > np.diag(scores)[:, None]).sum(1)

    return own_places


def check_3(answer):
    given = np.asarray(answer, dtype=float).flatten()
    assert given.shape == (3,), "Give three: (as_they_are, first_replaced, second_replaced)."
    assert given.max() > 1.5, "In percent: multiply by 100."
    whole, first, second = given
    assert abs(whole - WHOLE) < 2, "As they are: 300 test pictures, food left out of the choice."
    assert not (abs(first - SECOND) < 3 and abs(second - FIRST) < 3), "The other way round."
    assert abs(first - FIRST) < 3, "The first token replaced: tokens[:, 0] = average[:, 0]."
    assert abs(second - SECOND) < 3, "The second token alone replaced: begin with a fresh clone."


WHOLE, FIRST, SECOND = 64.0, 38.3, 63.7


def solution_3():
    return WHOLE, FIRST, SECOND  # measured by the code that the notebook shows under "Solution"


def check_4(answer):
    x = np.array([[3.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    given = np.asarray(answer(x.copy(), 1.0), float).flatten()
    assert given.shape == (2,), "One share for each feature."
    assert not np.allclose(given, [0.75, 0.5]), "Square the singular values first."
    assert not np.allclose(given, [0.1, 0.5]), "The share that is kept, not the one that is lost."
    assert not np.allclose(given, [0.5, 0.9]), "Largest first."
    wide = np.asarray(answer(x.T.copy(), 1.0), float).flatten()
    assert wide.shape == (3,), "More features than pictures: the shares that are left are 0."
    rng = np.random.default_rng(0)
    cases = [(rng.normal(size=shape), penalty) for shape, penalty in
             (((6, 4), 2.0), ((3, 5), 0.3), ((8, 3), 10.0))]  # fmt: skip
    agree(answer, solution_4(), (x, 1.0), *cases)


def solution_4():
    def shares(x, penalty):
        squares = np.linalg.svd(np.asarray(x), compute_uv=False) ** 2
        found = np.zeros(np.shape(x)[1])
        found[: len(squares)] = squares / (squares + penalty)
        return found

    return shares
