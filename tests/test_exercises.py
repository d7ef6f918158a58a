"""Each exercise accepts its solution and answers a wrong answer with the advice that fits."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest, chi2

from helpers import check as exercises

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def modules():
    return {path.stem: exercises._exercises(path.stem)
            for path in sorted((NOTEBOOKS / "solutions").glob("[0-9][0-9].py"))}


ALL = [f"{name}-{k}" for name, module in modules().items() for k in module.HINTS]


def one_sided(right_a, right_b):
    only_a, only_b = (right_a & ~right_b).sum(), (right_b & ~right_a).sum()
    return binomtest(int(only_a), int(only_a + only_b), 0.5, alternative="greater").pvalue


def of_all_reviews(right_a, right_b):
    return binomtest(int(right_a.sum()), len(right_a), 0.5).pvalue


def of_all_right_answers(right_a, right_b):
    return binomtest(int(right_a.sum()), int(right_a.sum() + right_b.sum()), 0.5).pvalue


def chi_square(right_a, right_b):
    only_a, only_b = (right_a & ~right_b).sum(), (right_b & ~right_a).sum()
    return chi2.sf((only_a - only_b) ** 2 / (only_a + only_b), 1)


def abstain(probabilities, labels, sure, among=None):
    right = probabilities.argmax(-1) == labels
    return sure.mean(), right[sure if among is None else among].mean()


# {exercise: [(wrong answer, words expected in the advice)]}: mistakes a reader may well make
WRONG = {
    "00-1": [
        (768, "a bias too"),
        (386, "weights of its own"),
        (384 + 384 + 1, "one bias for each label"),
    ],
    "00-2": [
        ("Did the writer enjoy this film?", "exactly one {}"),
        ("Is {} positive or is {} negative?", "exactly one {}"),
        ("The writer enjoyed this film. {}", "question mark"),
        ("Good? {}", "at least three words"),
        (["Did the writer enjoy this film? {}"], "as a string"),
    ],
    "00-3": [
        (lambda trainable, total: trainable / total, "a fraction"),
        (lambda trainable, total: 100 * total / trainable, "Upside down"),
        (lambda trainable, total: 100 * trainable / (trainable + total), "5 of 200"),
    ],
    "07-1": [
        ("It was [MASK].", "exactly one {}"),
        ("{} It was great.", "exactly one [MASK]"),
        ("{} It was [mask].", "in capitals"),
        ("This film was [MASK]: {}", "behind the review"),
        ("{} [MASK]", "a bare [MASK]"),
        ("{} When I came out of the cinema that night I felt that it was [MASK].", "at most 12"),
        (0, "as a string"),
    ],
    "07-2": [
        (lambda m: (m[1, 1] / m[1].sum(), m[1, 1] / m[:, 1].sum()), "swapped"),
        (lambda m: (m[0, 0] / m[:, 0].sum(), m[0, 0] / m[0].sum()), "label negative"),
        (lambda m: (np.trace(m) / m.sum(), m[1, 1] / m[1].sum()), "Precision"),
        (lambda m: (m[1, 1] / m[:, 1].sum(), np.trace(m) / m.sum()), "Recall"),
    ],
    "07-3": [
        (lambda p, y, t: abstain(p, y, p.max(-1) > t), "use >="),
        (lambda p, y, t: abstain(p, y, p.max(-1) >= t, slice(None)), "answered reviews only"),
        (lambda p, y, t: ((p.max(-1) >= t).sum(), 2 / 3), "not the number"),
        (lambda p, y, t: abstain(p, y, p[:, 1] >= t), "use >="),
    ],
    "07-4": [
        (one_sided, "one-sided"),
        (of_all_right_answers, "exactly one of the two"),
        (of_all_reviews, "Of 11 disagreements"),
        (chi_square, "Of 11 disagreements"),
    ],
}


def answer_of(exercise: str):
    module, number = exercises._find(exercise)
    return getattr(module, f"solution_{number}")()


def advice(capsys, exercise, answer) -> str:
    """What ``check`` prints for a wrong answer."""
    exercises.check(exercise, answer)
    printed = capsys.readouterr().out
    assert ": right." not in printed
    return printed


@pytest.mark.parametrize("exercise", ALL)
def test_solution_is_right(exercise, capsys):
    exercises.check(exercise, answer_of(exercise))
    assert capsys.readouterr().out == f"{exercise}: right.\n"


@pytest.mark.parametrize("answer", [..., None])
@pytest.mark.parametrize("exercise", ALL)
def test_stub_is_not_answered_yet(exercise, answer, capsys):
    assert "not answered yet" in advice(capsys, exercise, answer)


@pytest.mark.parametrize(
    "exercise", [exercise for exercise in ALL if callable(answer_of(exercise))])
def test_function_stub_returns_nothing_yet(exercise, capsys):
    assert "returns nothing yet" in advice(capsys, exercise, lambda *given: None)


@pytest.mark.parametrize(
    "exercise, answer, words",
    [(exercise, *wrong) for exercise, answers in WRONG.items() for wrong in answers])
def test_wrong_answer_gets_the_advice_that_fits(exercise, answer, words, capsys):
    assert words in advice(capsys, exercise, answer)


def test_each_exercise_has_two_wrong_answers():
    assert set(WRONG) == set(ALL)
    assert all(len(answers) >= 2 for answers in WRONG.values())


@pytest.mark.parametrize("exercise", ALL)
def test_hints_come_one_by_one_and_solution_prints(exercise, capsys, monkeypatch):
    monkeypatch.setattr(exercises, "_hints_given", {})
    module, number = exercises._find(exercise)
    hints = module.HINTS[int(number)]
    for text in [*hints, hints[-1]]:
        exercises.hint(exercise)
        assert capsys.readouterr().out.endswith(f": {text}\n")
    exercises.solution(exercise)
    assert capsys.readouterr().out.startswith(f"def solution_{number}")
