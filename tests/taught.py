"""What a notebook's cells tagged `sweep` define, for tests and benchmarks."""

import contextlib
import importlib.util

from helpers.files import DATA


def taught(number: str) -> dict:
    """The namespace itself, so that what a test replaces in it is replaced for its functions."""
    spec = importlib.util.spec_from_file_location("sweep", DATA / "sweep.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    with contextlib.chdir(DATA):  # the script moves to the notebooks; back again afterwards
        return script.definitions(number)
