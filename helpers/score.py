"""Say how good a classifier is, with an interval, and whether one is better than another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy import stats
from scipy.stats import bootstrap
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def interval(values: np.ndarray, seed: int = 0, resamples: int = 9999) -> tuple[float, float]:
    """95% bootstrap interval of the mean of ``values`` (Efron 1979)."""
    if np.ptp(values) == 0:  # the interval of a constant is that constant
        return values[0], values[0]
    options = {"method": "percentile", "n_resamples": resamples, "rng": seed, "batch": 200}
    return tuple(bootstrap((values,), np.mean, **options).confidence_interval)


def evaluate(predicted, labels, seed: int = 0) -> dict[str, float]:
    """Accuracy with a 95% bootstrap interval and macro F1, all in percent."""
    predicted, labels = np.asarray(predicted), np.asarray(labels)
    check_answers(predicted, labels)
    right = (predicted == labels).astype(float)
    low, high = interval(right, seed, 2000)
    f1 = f1_score(labels, predicted, average="macro")
    scores = {"accuracy": accuracy_score(labels, predicted), "low": low, "high": high, "f1": f1}
    return {name: round(100 * float(score), 1) for name, score in scores.items()}


def check_answers(predicted: np.ndarray, labels: np.ndarray) -> None:
    """ValueError unless there is one answer for each label."""
    if predicted.shape != labels.shape or labels.size == 0:
        raise ValueError(
            f"There are answers of shape {predicted.shape} for labels of shape {labels.shape}: "
            "give one predicted label number for each text."
        )


def gain(right: np.ndarray, baseline: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """Difference in accuracy (points) and its 95% bootstrap interval, paired by text."""
    points = 100 * (right.astype(float) - baseline)  # -100, 0 or 100
    return points.mean(), *interval(points, seed)


def p_value(answers: np.ndarray, baseline: np.ndarray, draws: int = 100_000) -> float:
    """How often coins in place of the reviews that differ give a difference as large.

    Both (texts,) of bool, paired by text: the exact sign test (McNemar 1947), simulated.
    """
    gained = answers.astype(int) - baseline  # -1, 0 or 1
    changed = np.abs(gained).sum()
    heads = np.random.default_rng(0).binomial(changed, 0.5, draws)
    return np.mean(np.abs(2 * heads - changed) >= abs(gained.sum()))


def survivors(p: np.ndarray) -> np.ndarray:
    """Which p-values are below 5% by Holm's method (1979): (looks,) of bool."""
    order, kept = np.argsort(p), np.zeros(len(p), bool)
    for rank, number in enumerate(order):
        if p[number] > 0.05 / (len(p) - rank):
            break
        kept[number] = True
    return kept


def t_interval(values: np.ndarray) -> tuple[float, float]:
    """Mean and half width of its 95% t-interval (Student 1908): for few values, as of seeds."""
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return np.mean(values), half


def bits(digits: str) -> np.ndarray:
    """Right or wrong on each text, (texts,) of bool, from the hexadecimal digits of a table."""
    return np.unpackbits(np.frombuffer(bytes.fromhex(digits), np.uint8)).astype(bool)


def kept_answers(right: np.ndarray) -> dict:
    """Columns of a table: the accuracy, and which texts were right, as ``bits`` reads it."""
    return {"accuracy": np.mean(right), "right": np.packbits(right).tobytes().hex()}


def gain_of_draws(gap: np.ndarray, level: float = 95, times: int = 4000):
    """Mean (points) and interval of a difference that varies with the draw and with the text.

    ``gap`` (draws, texts) is the difference of right answers, 1, 0 or -1; a draw is a seed or a
    training set. Both are drawn anew, with replacement.
    """
    rng, found = np.random.default_rng(0), []
    for _ in range(times):
        draws, texts = (rng.integers(n, size=n) for n in gap.shape)
        found.append(100 * gap[draws].mean(0)[texts].mean())
    return 100 * gap.mean(), *np.percentile(found, [50 - level / 2, 50 + level / 2])


def linear_head() -> Callable:
    """An untrained linear head with one fixed regularisation (scikit-learn's exact optimum)."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.01))


def right_answers(features: torch.Tensor, labels: np.ndarray) -> np.ndarray:
    """Which texts a linear head gets right that was fitted on the others: (texts,) of bool.

    Five-fold cross-validation.
    """
    predicted = cross_val_predict(linear_head(), features.numpy(), labels, cv=5)
    return predicted == labels
