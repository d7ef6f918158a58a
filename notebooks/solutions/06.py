"""Checks, hints and reference solutions of notebook 06."""

import math

import numpy as np
import torch
from torch import nn

from helpers.check import agree

HINTS = {
    1: [
        "Divide m by the root of v on paper before you put numbers in: the 4 drops out.",
        "With correction each step is 0.01; without, 0.01 (1 - 0.9^t) / (1 - 0.999^t)^0.5.",
    ],
    2: [
        "Update the velocity first. The step then holds the gradient and the new velocity.",
        "velocity = momentum * velocity + g; theta - lr * (g + momentum * velocity).",
    ],
    3: [
        "One norm for the whole list: square and sum all entries of all tensors, then the root.",
        "factor = min(1, most / norm) for every tensor; a norm of 0 needs no clipping.",
    ],
    4: [
        "One step is W - 0.003 * gradient(W, rows); an epoch goes through "
        "torch.randperm(N).split(16).",
        "Keep loss(W) after the epoch; then start again at START, step with gradient(W) over "
        "all rows, and count until loss(W) is as low. The same at 0.03: the order of the batches "
        "matters there, so any one run will do.",
    ],
}


def check_1(answer):
    answer = np.asarray(answer, dtype=float).flatten()
    assert answer.shape == (2,), "Give a pair: (with the correction, without it)."
    given, without = answer
    assert given > 0 and without > 0, "Give lengths: two positive numbers."
    assert not (
        math.isclose(given, 0.1236, abs_tol=5e-4) and math.isclose(without, 0.03, abs_tol=5e-4)
    ), "You swapped the two: the corrected one comes first."
    assert not math.isclose(given, 0.12, abs_tol=1e-6), (
        "That is three steps of plain SGD: Adam divides by the root of v."
    )
    assert math.isclose(given, 0.03, abs_tol=5e-4), (
        "With the correction m is 4 and v is 16 at every step: what is 4 / 16^0.5?"
    )
    assert not math.isclose(without, 0.0949, abs_tol=5e-4), (
        "That takes the first step three times: m and v grow from step to step."
    )
    assert not math.isclose(without, 0.0561 / 10, abs_tol=5e-4), (
        "You corrected v but not m: leave out both corrections."
    )
    assert math.isclose(without, 0.1236, abs_tol=5e-4), (
        "Without the correction: m is 0.4, 0.76, 1.084; find v likewise, and add three steps."
    )


def solution_1():
    return 0.03, sum(0.01 * (1 - 0.9**t) / (1 - 0.999**t) ** 0.5 for t in (1, 2, 3))


def check_2(answer):
    generator = torch.Generator().manual_seed(0)
    for momentum in (0.9, 0.5):
        theta, old, g = torch.randn(3, 4, 2, generator=generator, dtype=torch.float64)
        start, memory = theta.clone(), old.clone()
        given = answer(theta, old, g, 0.1, momentum)
        assert isinstance(given, tuple) and len(given) == 2, (
            "Return two things: the new weights and the new velocity."
        )
        assert torch.equal(theta, start) and torch.equal(old, memory), (
            "Do not change the tensors that you are given: avoid += and -=."
        )
        moved, velocity = given
        theirs = nn.Parameter(start.clone())
        theirs.grad = g.clone()
        optimizer = torch.optim.SGD([theirs], lr=0.1, momentum=momentum, nesterov=True)
        optimizer.state[theirs]["momentum_buffer"] = new = memory.clone()
        optimizer.step()  # updates new, too
        assert torch.allclose(velocity, new), (
            "The velocity is wrong: momentum times the old velocity, plus the gradient."
        )
        assert not torch.allclose(moved, start - 0.1 * new), (
            "That is plain momentum. In g + momentum * velocity, take the velocity after its "
            "update: with the old one the sum is the new velocity itself."
        )
        assert torch.allclose(moved, theirs.data), (
            "The new weights differ from torch's: theta - lr * (g + momentum * velocity)."
        )
    drawn = torch.randn(3, 5, generator=generator, dtype=torch.float64)
    agree(answer, solution_2(), (*drawn, 0.3, 0.7), (*drawn.flip(0), 0.01))


def solution_2():
    def nesterov(theta, velocity, g, lr, momentum=0.9):
        velocity = momentum * velocity + g
        return theta - lr * (g + momentum * velocity), velocity

    return nesterov


def check_3(answer):
    pair = [torch.tensor([[3.0, 0.0]]), torch.tensor([4.0])]  # common norm 5
    given = answer([g.clone() for g in pair], 1.0)
    assert len(given) == 2, "Return a list with one tensor for each gradient."
    first, second = (torch.as_tensor(g) for g in given)
    assert not (
        torch.allclose(first, torch.tensor([[1.0, 0.0]]))
        and torch.allclose(second, torch.tensor([1.0]))
    ), (
        "You clipped each tensor, or each entry, by itself: all get one factor, so that the "
        "direction of the step stays."
    )
    assert not torch.allclose(first, torch.tensor([[3 / 7, 0.0]])), (
        "That is the sum of the tensors' norms: the common norm is the root of the sum of squares."
    )
    assert not torch.allclose(first, torch.tensor([[3 / 25, 0.0]])), (
        "You divided by the squared norm: take the root."
    )
    for ours, wanted in zip((first, second), pair, strict=True):
        assert torch.allclose(ours, wanted / 5), "The norm is 5, the limit 1: the factor is 1/5."
    for most in (5.0, 10.0):
        for ours, wanted in zip(answer([g.clone() for g in pair], most), pair, strict=True):
            assert torch.allclose(ours, wanted), (
                "These are within the limit and must stay: never scale up."
            )
    zero = answer([torch.zeros(2), torch.zeros(1)], 1.0)
    assert all(bool((g == 0).all()) for g in zero), (
        "Gradients of 0 must stay 0: mind the division by a norm of 0."
    )
    three = [torch.ones(2, 3), torch.ones(4), torch.ones(1)]
    agree(answer, solution_3(), (three, 2.0), ([torch.tensor([0.6, 0.8])], 0.5))


def solution_3():
    def clip(gradients, most):
        norm = torch.sqrt(sum((g**2).sum() for g in gradients)).item()
        factor = most / norm if norm > most else 1.0
        return [factor * g for g in gradients]

    return clip


def check_4(answer):
    given = np.asarray(answer, dtype=float).flatten()
    assert given.shape == (2,), "Give a pair of steps: (at the rate 0.003, at 0.03)."
    assert (given == given.astype(int)).all(), "Give whole numbers of steps."
    assert (given < 1000).all(), "Count steps of the full batch, not reviews."
    slow, fast = given
    assert not (15 <= slow <= 65 and 85 <= fast <= 105), "You swapped the two: 0.003 comes first."
    assert slow > 10, "An epoch of 16 at a time has 94 steps: run it, then count full ones."
    assert 85 <= slow <= 105, "Both start at START, rate 0.003; compare loss(W) over all rows."
    assert fast < 85, "At 0.03 the noise of a batch bites: measure it, it is not one step for one."
    assert 15 <= fast <= 65, "At 0.03, too: loss(W) after the epoch, START again, full steps."


def solution_4():
    return 96, 43  # measured by the code that the notebook shows under "Solution"
