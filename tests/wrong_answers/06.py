"""Mistakes that a reader of notebook 06 may well make."""

import math

import torch


def plain_momentum(theta, velocity, g, lr, momentum=0.9):
    velocity = momentum * velocity + g
    return theta - lr * velocity, velocity


def stale_velocity(theta, velocity, g, lr, momentum=0.9):
    return theta - lr * (g + momentum * velocity), momentum * velocity + g


def averaged_velocity(theta, velocity, g, lr, momentum=0.9):
    velocity = momentum * velocity + (1 - momentum) * g
    return theta - lr * (g + momentum * velocity), velocity


def default_of_its_own(theta, velocity, g, lr, momentum=0.99):
    velocity = momentum * velocity + g
    return theta - lr * (g + momentum * velocity), velocity


def in_place(theta, velocity, g, lr, momentum=0.9):
    velocity *= momentum
    velocity += g
    theta -= lr * (g + momentum * velocity)
    return theta, velocity


def no_velocity(theta, velocity, g, lr, momentum=0.9):
    velocity = momentum * velocity + g
    return theta - lr * (g + momentum * velocity)


def scaled(gradients, factor):
    return [factor * g for g in gradients]


def norm_of(gradients):
    return math.sqrt(sum(float((g**2).sum()) for g in gradients))


def sum_of_norms(gradients, most):
    return scaled(gradients, min(1.0, most / sum(g.norm() for g in gradients)))


def squared_norm(gradients, most):
    return scaled(gradients, min(1.0, most / norm_of(gradients) ** 2))


def always(gradients, most):
    return scaled(gradients, most / norm_of(gradients))


def zero_division(gradients, most):
    norm = torch.tensor(norm_of(gradients))
    factor = most / norm if norm > most or norm == 0 else 1.0
    return scaled(gradients, factor)


WRONG = {
    "06-1": [
        ((0.1236, 0.03), "swapped"),
        ((0.12, 0.1236), "plain SGD"),
        ((0.03, 0.0949), "first step three times"),
        ((0.03, 0.00561), "corrected v but not m"),
        ((0.03, 0.03), "m is 0.4"),
        ((0.01, 0.1236), "4 / 16^0.5"),
        ((-0.03, -0.1236), "positive"),
        (0.03, "a pair"),
    ],
    "06-2": [
        (plain_momentum, "plain momentum"),
        (stale_velocity, "after its update"),
        (averaged_velocity, "The velocity is wrong"),
        (in_place, "avoid +="),
        (default_of_its_own, "wrong elsewhere"),
        (no_velocity, "two things"),
    ],
    "06-3": [
        (lambda gradients, most: [g * min(1.0, most / g.norm()) for g in gradients], "one factor"),
        (lambda gradients, most: [g.clamp(-most, most) for g in gradients], "one factor"),
        (sum_of_norms, "root of the sum of squares"),
        (squared_norm, "take the root"),
        (always, "never scale up"),
        (zero_division, "norm of 0"),
    ],
    "06-4": [
        (94, "a pair"),
        ((94, 94), "noise of a batch"),
        ((43, 96), "swapped"),
        ((1, 1), "has 94 steps"),
        ((1500, 150), "not reviews"),
        ((70, 40), "start at START"),
        ((95, 9), "START again"),
        ((95.5, 43), "whole number"),
    ],
}
