"""The scripts in data/, and what a notebook's `sweep` cells define, for tests and benchmarks."""

import contextlib
import importlib.util

from helpers.files import DATA


def script_of(name: str):
    """``data/NAME.py`` as a module of its own."""
    spec = importlib.util.spec_from_file_location(name, DATA / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def taught(number: str) -> dict:
    """The namespace itself, so that what a test replaces in it is replaced for its functions."""
    sweep = script_of("sweep")
    with contextlib.chdir(DATA):  # the script moves to the notebooks; back again afterwards
        return sweep.definitions(number)
