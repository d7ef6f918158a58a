"""Checks, hints and reference solutions of notebook 05."""

import math

import numpy as np
import torch

from helpers.check import agree

HINTS = {
    1: [
        "Each row has its own maximum: z.max(-1, keepdim=True).values has shape (reviews, 1).",
        "With that maximum taken off, the answer is z - z.exp().sum(-1, keepdim=True).log().",
    ],
    2: [
        "For one review the gradient is p - e_y (section 4, with x = 1).",
        "torch.nn.functional.one_hot(labels, logits.shape[-1]) has the e_y as rows; take the mean "
        "over the reviews.",
    ],
    3: [
        "Shuffle with labels[torch.randperm(len(labels))]; scikit-learn's "
        "LogisticRegression(C=1e4, max_iter=20000) has hardly any decay.",
        "Fit and score the same rows: head.fit(X[:k], shuffled[:k]).score(X[:k], shuffled[:k]) "
        "for k = 600 and 1,500, all as NumPy arrays.",
    ],
    4: [
        "said is probabilities.max(-1); right is whether probabilities.argmax(-1) equals labels.",
        "bins_of(said, right, count).T gives size, said and seen of each bin; weigh the absolute "
        "gaps by size.",
    ],
    5: [
        "With p = p(positive): what does the answer positive cost on average, and the answer "
        "negative?",
        "(1 - p) * false_positive against p * false_negative: where are they equal?",
    ],
}


def check_1(answer):
    z = torch.tensor([[0.0, math.log(3)], [2.0, 2.0]])
    given = answer(z.clone())
    assert torch.is_tensor(given) and given.shape == z.shape, (
        "Return a tensor of the shape of z, (reviews, labels): keepdim=True keeps the rows apart."
    )
    given = given.float()
    right = torch.tensor([[1, 3], [2, 2]]) / 4
    assert not torch.allclose(given, right), "These are the probabilities: return their logarithms."
    assert not torch.allclose(given.exp().sum(0), torch.ones(2)), (
        "Each column sums to 1: sum over the labels, which are the last dimension (-1)."
    )
    assert torch.allclose(given, right.log()), (
        "For logits (0, ln 3) it should be (ln 1/4, ln 3/4): z minus log-sum-exp, row by row."
    )
    given = answer(torch.tensor([[0.0, 1000.0]])).float()
    assert given.isfinite().all() and not given.isnan().any(), (
        "Logits of (0, 1000) give infinity or NaN: take off the maximum before exp, and never "
        "take the log of a softmax."
    )
    assert torch.allclose(given, torch.tensor([[-1000.0, 0.0]])), (
        "For logits (0, 1000) it should be (-1000, 0)."
    )
    given = answer(torch.tensor([[1000.0, 1000.0], [-1000.0, -1000.0]])).float()
    assert torch.allclose(given, torch.full((2, 2), 0.5).log(), atol=2e-4), (  # float32 at 1000
        "Rows of very different size fail: each row needs its own maximum."
    )
    given = answer(torch.zeros(2, 5)).float()
    assert given.shape == (2, 5) and torch.allclose(given, torch.full((2, 5), 0.2).log()), (
        "Five equal logits should give ln 1/5 each: do not assume two labels."
    )


def solution_1():
    def log_softmax(z):
        z = z - z.max(-1, keepdim=True).values  # (reviews, labels)
        return z - z.exp().sum(-1, keepdim=True).log()

    return log_softmax


def check_2(answer):
    logits = torch.tensor([[0.0, math.log(3)], [0.0, 0.0]])
    given = answer(logits.clone(), torch.tensor([0, 0]))
    given = torch.as_tensor(given).float()
    assert given.shape == (2,), "Return one number for each label: average over the reviews."
    right = torch.tensor([-0.625, 0.625])
    assert not torch.allclose(given, -right), (
        "The sign is turned round: the gradient is what was said minus what was right."
    )
    assert not torch.allclose(given, 2 * right), (
        "That is the sum: the loss is a mean over the reviews, and so is its gradient."
    )
    assert torch.allclose(given, right), (
        "For p = (1/4, 3/4) and (1/2, 1/2), both with label 0, it should be (-0.625, 0.625): the "
        "mean of p - e_y."
    )
    torch.manual_seed(0)
    logits, labels = (
        torch.randn(6, 4),
        torch.tensor([0, 1, 2, 0, 1, 2]),
    )  # nobody has label 3
    bias = torch.zeros(4, requires_grad=True)
    torch.nn.functional.cross_entropy(logits + bias, labels).backward()
    given = torch.as_tensor(answer(logits, labels)).float()
    assert given.shape == (4,), "Count the labels from the logits: one may be missing in a batch."
    assert torch.allclose(given, bias.grad, atol=1e-6), "With four labels autograd disagrees."


def solution_2():
    from torch.nn import functional as F

    def bias_gradient(logits, labels):
        truth = F.one_hot(labels, logits.shape[-1])  # (reviews, labels)
        return (logits.softmax(-1) - truth).mean(0)

    return bias_gradient


def check_3(answer):
    given = np.asarray(answer, dtype=float).flatten()
    assert given.shape == (2,), "Give two accuracies: on 600 and on 1,500 shuffled labels."
    assert (given <= 1).all(), "Give shares, 0 to 1."
    assert not np.allclose(given, 0.5, atol=0.06), (
        "Half right is what reviews would give that the head has not seen: score those it learnt."
    )
    assert given[0] > 0.99, (
        "600 can be learnt by heart: fit with hardly any decay (C=1e4) and enough iterations."
    )
    assert given[1] < 0.8, "Are the labels shuffled, and all 1,500 rows in the fit?"
    assert given[1] > 0.67, "1,500 go better with less decay (C=1e4) and more iterations."


def solution_3():
    return 1.0, 0.717  # measured by the code that the notebook shows under "Solution"


def check_4(answer):
    high = np.array([[0.05, 0.05, 0.9], [0.02, 0.03, 0.95], [0.9, 0.05, 0.05], [0.05, 0.94, 0.01]])
    low = np.array([[0.2, 0.55, 0.25], [0.25, 0.55, 0.2]])
    probabilities, labels = np.concatenate([high, low]), np.array([2, 2, 0, 0, 1, 1])
    given = answer(probabilities, labels, 5)  # bins of 0.2: four reviews and two
    gaps = [high.max(-1).mean() - 0.75, 0.55 - 1.0]
    assert not np.isclose(given, abs(np.mean(probabilities.max(-1)) - 5 / 6)), (
        "The gaps have cancelled: take the absolute value in each bin before you average."
    )
    assert not np.isclose(given, (4 * gaps[0] + 2 * gaps[1]) / 6), (
        "The gaps have cancelled: take the absolute value in each bin before you average."
    )
    assert not np.isclose(given, np.abs(gaps).mean()), (
        "A bin with more reviews counts more: weigh the gaps by the number of reviews."
    )
    assert np.isclose(given, np.dot([4, 2], np.abs(gaps)) / 6), (
        "In each bin compare the mean highest probability with the share of right answers "
        "(argmax equals label); count gives the number of bins."
    )
    sure = answer(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([1, 0]), 10)
    assert np.isclose(sure, 0), (
        "Probability 1 and always right is no error: 1.0 belongs to the last bin."
    )
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 60)  # too sure above 0.6, too modest below
    drawn = p, np.where(p.max(-1) < 0.6, p.argmax(-1), rng.integers(3, size=60))
    many = rng.dirichlet(np.full(12, 0.5), 90)  # gaps of both signs, side by side
    mixed = many, rng.multinomial(1, many).argmax(-1)
    agree(answer, solution_4(), (*drawn, 3), (*drawn, 10), (*mixed, 10), mixed)


def solution_4():
    import numpy as np

    def bins_of(p, truth, count=10):  # as in section 10
        place = np.searchsorted(np.linspace(0, 1, count + 1)[1:-1], p)
        return np.array(
            [
                (np.sum(place == k), p[place == k].mean(), truth[place == k].mean())
                for k in np.unique(place)
            ]
        )

    def confidence_error(probabilities, labels, count=10):
        right = probabilities.argmax(-1) == labels
        size, said, seen = bins_of(probabilities.max(-1), right, count).T
        return (size * abs(said - seen)).sum() / size.sum()

    return confidence_error


def check_5(answer):
    given = answer(1, 9)
    assert not np.isclose(given, 0.9), (
        "Turned round: if a missed positive is dear, answer positive at a LOW probability already."
    )
    assert not np.isclose(given, 1 / 9), (
        "That is the odds p / (1 - p) at which both cost the same: turn them into p."
    )
    assert not np.isclose(given, 0.5), "The costs differ, so the threshold is not one half."
    assert np.isclose(given, 0.1), "At costs 1 and 9: (1 - p) * 1 = p * 9 gives p = 0.1."
    assert np.isclose(answer(4, 1), 0.8), "At costs 4 and 1: (1 - p) * 4 = p * 1 gives p = 0.8."
    agree(answer, solution_5(), (2, 3), (30, 10), (7, 7))


def solution_5():
    def threshold(false_positive, false_negative):
        return false_positive / (false_positive + false_negative)

    return threshold
