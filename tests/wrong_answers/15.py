"""Mistakes that a reader of notebook 15 may well make."""

import numpy as np


def by_class(table):
    with np.errstate(invalid="ignore"):
        return 2 * np.diag(table) / (table.sum(0) + table.sum(1))


def normal(scores):
    return scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)


def one_step(log_p, shares):
    return normal(log_p + np.log(shares) - np.log(np.exp(log_p).mean(0)))


WRONG = {
    "15-1": [
        (lambda table: np.diag(table).sum() / table.sum(), "accuracy"),
        (lambda table: (np.diag(table) / table.sum(1)).mean(), "mean recall"),
        (lambda table: np.average(by_class(table), weights=table.sum(1)), "Weighted by frequency"),
        (lambda table: np.mean([f for f in by_class(table) if f]), "never found"),
        (lambda table: 100 * by_class(table).mean(), "not in percent"),
        (lambda table: np.nan_to_num(by_class(table)).mean(), "does not count"),
        (lambda table: np.nanmean(by_class(table)), "average over those that occur"),
    ],
    "15-2": [
        (lambda log_p, shares: log_p, "Nothing has changed"),
        (lambda log_p, shares: log_p + np.log(shares), "log-probabilities again"),
        (one_step, "repeat it"),
        (lambda log_p, shares: np.log(np.tile(shares, (len(log_p), 1))), "the same for all texts"),
        (lambda log_p, shares: shares, "same shape"),
    ],
    "15-3": [
        (48.4, "Give three"),
        ((0.472, 0.484, 0.161), "In percent"),
        ((47.2, 16.1, 48.4), "The true groups first"),
        ((47.2, 64.0, 16.1), "GROUPS as they are"),
        ((72.5, 48.4, 16.1), "in the same way"),
        ((47.2, 47.2, 16.1), "within_groups makes"),
        ((47.2, 48.4, 47.2), "seeds 0 to 9"),
    ],
    "15-4": [
        ((0.995, 0.874), "In percent"),
        ((99.54, 87.5), "Nearly"),
        ((87.4, 99.54), "10 of 2,176"),
        ((99.54, 90.0), "(6 + F1"),
        ((99.54, 100.0), "mean over classes"),
        (99.54, "a pair"),
    ],
}
