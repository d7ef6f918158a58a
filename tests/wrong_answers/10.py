"""Mistakes that a reader of notebook 10 may well make."""

import numpy as np
import torch


def overwrite(words, prompt, place):
    words[:, place : place + len(prompt)] = prompt
    return words


def in_front(words, prompt, place):
    return torch.cat([prompt.expand(len(words), -1, -1), words], 1)


WRONG = {
    "10-1": [
        (0.034, "a count"),
        (60, "put each vector back"),
        (13, "Another vector"),
        (22, "not the accuracy"),
        ([2, 3], "one number"),
    ],
    "10-2": [
        (lambda answers: answers.mean() > 0.95, "Whichever class"),
        (lambda answers: answers.min() == answers.max(), "480 of 500"),
        (lambda answers: np.bincount(answers).max() >= 0.95 * len(answers), "not more than"),
        (lambda answers: np.bincount(answers).max() > 475, "three classes"),
        (lambda answers: (answers == answers[0]).mean() > 0.95, "need not be the frequent"),
    ],
    "10-3": [
        (overwrite, "do not overwrite"),
        (in_front, "stands at the front"),
        (
            lambda words, prompt, place: torch.cat([words, prompt.expand(2, -1, -1)], 1),
            "in their order",
        ),
    ],
    "10-4": [
        (lambda sigma, rate, steps: steps * rate / sigma, "in radians"),
        (lambda sigma, rate, steps: np.degrees(steps * rate * np.sqrt(384) / sigma), "cancels"),
        (lambda sigma, rate, steps: np.degrees(rate / sigma), "one step"),
        (lambda sigma, rate, steps: np.degrees(steps * rate), "turns further"),
        (lambda sigma, rate, steps: np.degrees(np.arctan(steps * rate / sigma)), "no arctan"),
    ],
    "10-5": [
        (lambda vectors, table: (vectors @ table.T).argmax(-1), "Long rows win"),
        (lambda vectors, table: torch.cdist(vectors, table).argmin(-1), "the distance"),
        (lambda vectors, table: (vectors @ table.T).argmax(0)[:2], "not (2,)"),
    ],
}
