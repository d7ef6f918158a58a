"""Checks, hints and reference solutions of notebook 15."""

import numpy as np

from helpers.check import agree

HINTS = {
    1: [
        "F1 of a class is 2 · hits / (times given + times there): hits stand on the diagonal, "
        "times there are the row's sum, times given the column's.",
        "A class that never occurs has a row of zeros: leave it out of the mean.",
    ],
    2: [
        "log(mean of exp(log_p)) over the texts is the share that each class has now; the offset "
        "to add is log(wanted share) less that.",
        "After adding it the rows no longer sum to 1: subtract np.logaddexp.reduce(..., axis=1, "
        "keepdims=True), and begin again.",
    ],
    3: [
        "names = rng.permutation(NAMES); then dict(zip(GROUPS, np.split(names, [2, 5]))) has the "
        "sizes of the true groups.",
        "topic.argmax(1) are the answers without groups, within_groups(topic, group, groups)"
        ".argmax(1) those with: the true hierarchy, then the mean over the ten shuffled ones.",
    ],
    4: [
        "Accuracy counts texts: of 2,176 only the 10 on grain are wrong.",
        "Six classes have an F1 of 1, grain one of 0; earn has 1,080 hits, is there 1,080 times "
        "and given 1,090 times. The mean is over all eight.",
    ],
}


def check_1(answer):
    table = np.array([[8, 2, 0], [1, 4, 0], [3, 0, 0]])
    given = float(answer(table.copy()))
    rows, columns, hits = table.sum(1), table.sum(0), np.diag(table)
    assert not np.isclose(given, hits.sum() / table.sum()), "That is the accuracy (micro F1)."
    assert not np.isclose(given, np.mean(hits / rows)), (
        "That is the mean recall; F1 also asks how often a class was given."
    )
    by_class = 2 * hits / (rows + columns)
    assert not np.isclose(given, (by_class * rows).sum() / rows.sum()), (
        "Weighted by frequency: in macro F1 every class counts the same."
    )
    assert not np.isclose(given, by_class[:2].mean()), (
        "The third class is there and never found: its F1 is 0, and it counts."
    )
    assert not np.isclose(given, 100 * by_class.mean()), "As a share, not in percent."
    assert np.isclose(given, by_class.mean()), "The mean over the classes of 2h / (row + column)."
    empty = np.pad(table, ((0, 1), (0, 1)))
    assert np.isclose(float(answer(empty)), by_class.mean()), (
        "A class that never occurs does not count, nor may it give nan."
    )
    phantom = float(answer(np.array([[3, 1], [0, 0]])))
    assert np.isclose(phantom, 6 / 7), (
        "A class that is given and never occurs does not count: average over those that occur."
    )
    rng = np.random.default_rng(0)
    agree(answer, solution_1(), *[(rng.integers(0, 9, (n, n)),) for n in (2, 5, 8)])


def solution_1():
    def macro_f1_of(table):
        table = np.asarray(table)
        there = table.sum(1)
        both = table.sum(0) + there
        return (2 * np.diag(table)[there > 0] / both[there > 0]).mean()

    return macro_f1_of


def check_2(answer):
    rng = np.random.default_rng(0)
    log_p = rng.normal(size=(200, 3)) + [2.0, 0.0, -1.0]
    log_p -= np.logaddexp.reduce(log_p, axis=1, keepdims=True)
    shares = np.array([0.6, 0.3, 0.1])
    given = np.asarray(answer(log_p.copy(), shares.copy()), dtype=float)
    assert given.shape == log_p.shape, "Give log-probabilities of the same shape, (texts, classes)."
    assert np.allclose(np.exp(given).sum(1), 1, atol=1e-6), (
        "Each row must be log-probabilities again: subtract np.logaddexp.reduce of the row."
    )
    found = np.exp(given).mean(0)
    assert not np.allclose(found, 1 / 3, atol=0.01), "The classes are to get `shares`, not a third."
    assert not np.allclose(found, np.exp(log_p).mean(0), atol=0.01), "Nothing has changed."
    assert np.allclose(found, shares, atol=1e-3), (
        f"The mean probabilities are {np.round(found, 3)}: one step does not get there; repeat it."
    )
    offset = given - log_p
    assert np.allclose(offset - offset[:, :1], (offset - offset[:, :1])[0], atol=1e-6), (
        "One offset for each class, the same for all texts."
    )
    agree(answer, solution_2(), (log_p[:50], np.array([0.2, 0.3, 0.5])))


def solution_2():
    def matched(log_p, shares):
        log_p = np.asarray(log_p)
        for _ in range(500):
            log_p = log_p + np.log(shares) - np.log(np.exp(log_p).mean(0))
            log_p = log_p - np.logaddexp.reduce(log_p, axis=1, keepdims=True)
        return log_p

    return matched


FLAT, TRUE, SHUFFLED = 47.2, 48.4, 16.1  # measured by the code shown under "Solution"


def check_3(answer):
    given = np.asarray(answer, dtype=float).flatten()
    assert given.shape == (3,), "Give three: macro F1 without groups, with the true, with shuffled."
    flat, true, shuffled = given
    assert min(given) > 1, "In percent, as macro_f1 gives it."
    assert not (abs(true - SHUFFLED) < 2 and abs(shuffled - TRUE) < 2), "The true groups first."
    assert flat != true, "The same number twice: within_groups makes the second one."
    assert abs(true - TRUE) < 1.5, (
        "The true groups: GROUPS as they are, all 800 stories, the offset over validation texts."
    )
    assert abs(flat - FLAT) < 1.5, (
        "Without groups: topic.argmax(1), with the offset in the same way."
    )
    assert abs(shuffled - SHUFFLED) < 2.5, (
        "Shuffled: the mean over the seeds 0 to 9, the group words left where they are."
    )


def solution_3():
    return FLAT, TRUE, SHUFFLED


def check_4(answer):
    given = np.asarray(answer, dtype=float).flatten()
    assert given.shape == (2,), "Give a pair, in percent: (accuracy, macro F1)."
    accuracy, f1 = given
    assert accuracy > 1.5, "In percent, of 100."
    assert abs(accuracy - 100 * 2166 / 2176) < 0.06, "Accuracy: 10 of 2,176 texts are wrong."
    assert abs(f1 - 100 * 7 / 8) > 0.005, (
        "Nearly: earn gets ten texts too many, so its F1 is not quite 1."
    )
    assert abs(f1 - 100) > 1, "Macro-F1 is a mean over classes; one of eight is 0."
    assert abs(f1 - solution_4()[1]) < 0.03, "Macro-F1: (6 + F1 of earn + 0) / 8."


def solution_4():
    earn = 2 * 1080 / (1080 + 1090)
    return 100 * 2166 / 2176, 100 * (6 + earn) / 8
