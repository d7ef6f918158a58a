"""Exercises: ``check`` an answer, ask for one ``hint`` after the other, read the ``solution``.

The exercises of notebook 07 stand in ``notebooks/solutions/07.py``: for exercise 2 the functions
``check_2(answer)`` (asserts, each with the advice that fits the mistake) and ``solution_2()``
(returns the reference answer), and ``HINTS[2]``.
"""

from __future__ import annotations

import importlib.util
import inspect
import textwrap
from functools import lru_cache

from helpers.assets import ROOT

_hints_given: dict[str, int] = {}


class ExerciseError(ValueError):
    """There is no such exercise."""


@lru_cache
def _exercises(notebook: str):
    path = ROOT / "notebooks" / "solutions" / f"{notebook}.py"
    if not path.is_file():
        raise ExerciseError(f"Notebook {notebook!r} has no exercises: write for example '07-1'.")
    spec = importlib.util.spec_from_file_location(f"solutions_{notebook}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _find(exercise: str):
    notebook, _, number = exercise.partition("-")
    module = _exercises(notebook)
    if not hasattr(module, f"check_{number}"):
        known = [f"{notebook}-{n}" for n in module.HINTS]
        raise ExerciseError(f"There is no exercise {exercise!r}: choose from {', '.join(known)}.")
    return module, number


def check(exercise: str, answer: object) -> bool:
    """Print whether ``answer`` is right, with advice where it is not; True if it is."""
    module, number = _find(exercise)
    if answer is None or answer is Ellipsis:
        print(f"{exercise}: not answered yet. Replace the ... and run this cell again.")
        return False
    try:
        getattr(module, f"check_{number}")(answer)
    except AssertionError as advice:
        print(f"{exercise}: not yet. {advice}")
        return False
    except Exception as error:  # the answer is the reader's code: anything may go wrong in it
        print(f"{exercise}: not yet. Your answer raised {type(error).__name__}: {error}")
        return False
    print(f"{exercise}: right.")
    return True


def hint(exercise: str) -> None:
    """Print the next hint; each call gives one more."""
    module, number = _find(exercise)
    hints = module.HINTS[int(number)]
    given = _hints_given.get(exercise, 0)
    _hints_given[exercise] = min(given + 1, len(hints))
    print(f"{exercise}, hint {min(given + 1, len(hints))} of {len(hints)}: "
          f"{hints[min(given, len(hints) - 1)]}")


def solution(exercise: str) -> None:
    """Print the code of the reference solution."""
    module, number = _find(exercise)
    print(textwrap.dedent(inspect.getsource(getattr(module, f"solution_{number}"))))
