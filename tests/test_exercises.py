"""Each exercise accepts its solution and answers a wrong answer with the advice that fits."""

import importlib.util
from pathlib import Path

import pytest

from helpers import check as exercises

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def modules():
    return {
        path.stem: exercises._exercises(path.stem)
        for path in sorted((NOTEBOOKS / "solutions").glob("[0-9][0-9].py"))
    }


ALL = [f"{name}-{k}" for name, module in modules().items() for k in module.HINTS]


def wrong_answers() -> dict:
    """{exercise: [(wrong answer, words expected in the advice)]} of all notebooks."""
    found = {}
    for path in sorted((Path(__file__).parent / "wrong_answers").glob("[0-9][0-9].py")):
        spec = importlib.util.spec_from_file_location(f"wrong_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found |= module.WRONG
    return found


WRONG = wrong_answers()


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
    "exercise", [exercise for exercise in ALL if callable(answer_of(exercise))]
)
def test_function_stub_returns_nothing_yet(exercise, capsys):
    assert "returns nothing yet" in advice(capsys, exercise, lambda *given: None)


@pytest.mark.parametrize(
    "exercise, answer, words",
    [(exercise, *wrong) for exercise, answers in WRONG.items() for wrong in answers],
)
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
