"""Each exercise accepts its solution and answers a wrong answer with the advice that fits."""

import importlib.util
from copy import deepcopy
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers import check as exercises

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def modules():
    return {
        path.stem: exercises._exercises(path.stem)
        for path in sorted((NOTEBOOKS / "solutions").glob("[0-9][0-9].py"))
    }


ALL = [f"{name}-{k}" for name, module in modules().items() for k in module.HINTS]


def answers(kind: str) -> dict:
    """What the files of tests/wrong_answers or tests/right_answers hold, of all notebooks."""
    found = {}
    for path in sorted((Path(__file__).parent / f"{kind}_answers").glob("[0-9][0-9].py")):
        spec = importlib.util.spec_from_file_location(f"{kind}_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found |= getattr(module, kind.upper())
    return found


WRONG = answers("wrong")  # {exercise: [(answer, words expected in the advice)]}
RIGHT = answers("right")  # {exercise: [answer in another form, or by another order of operations]}


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


FUNCTIONS = [exercise for exercise in ALL if callable(answer_of(exercise))]


@pytest.mark.parametrize("exercise", FUNCTIONS)
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
        assert f": {text}\n" in capsys.readouterr().out
    exercises.solution(exercise)
    assert capsys.readouterr().out.startswith(f"def solution_{number}")


class Recorded:
    """The reference solution, which notes what it is asked and what it answers."""

    def __init__(self, exercise):
        self.solve, self.calls = answer_of(exercise), []

    def __call__(self, *given):
        result = self.solve(*deepcopy(given))
        self.calls.append((given, result))
        return result


def shifted(result):
    """Off by one, in whatever form the answer has."""
    if isinstance(result, bool | np.bool_):
        return not result
    if isinstance(result, str):
        return ""
    if isinstance(result, tuple | list):
        return type(result)(shifted(part) for part in result)
    return 1 if result is None else result + 1


def turned(result):
    """Rows for columns; of a pair, second for first."""
    if isinstance(result, tuple) and len(result) == 2:
        return result[::-1]
    square = isinstance(result, np.ndarray | torch.Tensor) and result.ndim >= 2
    return result.swapaxes(-1, -2) if square else None


def generated(exercise):
    """{how it is wrong: answer}, made from what ``check`` asks of the solution."""
    recorded = Recorded(exercise)
    exercises.check(exercise, recorded)
    (first, result), *others = recorded.calls
    wrong = {
        "a constant": lambda *given: deepcopy(result),
        "off by one": lambda *given: shifted(recorded.solve(*given)),
        "the first case alone": lambda *given, calls=[]: (
            calls.append(1) or deepcopy(result) if not calls else shifted(result)
        ),
    }
    if turned(result) is not None:
        wrong["transposed"] = lambda *given: turned(recorded.solve(*given))
    for place, (name, argument) in enumerate(signature(recorded.solve).parameters.items()):
        if argument.default is not argument.empty:
            wrong[f"another default of {name}"] = lambda *given, place=place, argument=argument: (
                recorded.solve(*given, *[shifted(argument.default)][len(given) - place :])
            )
    for place in range(len(first)):
        if turned(first[place]) is not None:
            wrong[f"argument {place} transposed"] = lambda *given, place=place: recorded.solve(
                *given[:place], turned(given[place]), *given[place + 1 :]
            )
        if any(
            len(given) > place and repr(given[place]) != repr(first[place]) for given, _ in others
        ):
            wrong[f"argument {place} ignored"] = lambda *given, place=place: recorded.solve(
                *given[:place], deepcopy(first[place]), *given[place + 1 :]
            )
        else:
            wrong[f"argument {place} never changes"] = recorded.solve
    return wrong


@pytest.mark.parametrize("exercise", FUNCTIONS)
def test_generated_mistakes_are_found(exercise, capsys):
    """A constant, off by one, the first case alone, transposed, each argument ignored or
    transposed, another default: none is right."""
    mistakes = generated(exercise)
    capsys.readouterr()
    for how, answer in mistakes.items():
        assert "not yet" in advice(capsys, exercise, answer), how


@pytest.mark.parametrize("exercise, answer", [(e, a) for e, some in RIGHT.items() for a in some])
def test_another_right_answer_is_right(exercise, answer, capsys):
    exercises.check(exercise, answer)
    assert capsys.readouterr().out == f"{exercise}: right.\n"


def test_a_notebook_with_right_answers_has_them_for_each_exercise():
    notebooks = {exercise[:2] for exercise in RIGHT}
    assert set(RIGHT) == {exercise for exercise in ALL if exercise[:2] in notebooks}
    assert all(len(some) >= 2 for some in RIGHT.values())


def in_form(form, value):
    """A value, or each part of several, in another form."""
    if isinstance(value, tuple | list):
        return type(value)(in_form(form, part) for part in value)
    return form(value) if hasattr(value, "tolist") or isinstance(value, float) else value


FORMS = {
    "list": lambda value: value.tolist() if hasattr(value, "tolist") else value,
    "array": np.asarray,
    "tensor": torch.as_tensor,
    "float32": lambda value: torch.as_tensor(value).float(),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("exercise", ALL)
def test_a_right_answer_is_right_in_any_form(exercise, form, capsys):
    answer = answer_of(exercise)
    other = in_form(form, answer)
    if callable(answer):
        other = lambda *given: in_form(form, answer(*given))  # noqa: E731
    exercises.check(exercise, other)
    assert capsys.readouterr().out == f"{exercise}: right.\n"
