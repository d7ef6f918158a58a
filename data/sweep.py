"""Measure what takes too long for a notebook, with the notebook's own functions.

    python data/sweep.py 08

runs the cells of notebook 08 that are tagged ``sweep`` (set-up and definitions), calls the
``sweep()`` that they define, and writes its rows to ``data/08_sweep.csv``. The notebook measures a
few of the rows again and compares.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

import nbformat
import pandas as pd
import torch
from tqdm import tqdm

HERE = Path(__file__).resolve().parent
NOTEBOOKS = HERE.parent / "notebooks"


def definitions(number: str) -> dict:
    """The names that the ``sweep`` cells of a notebook define."""
    (path,) = NOTEBOOKS.glob(f"{number}_*.ipynb")
    names = {"__name__": "sweep"}
    os.chdir(NOTEBOOKS)  # where Jupyter runs them
    for cell in nbformat.read(path, as_version=4).cells:
        if "sweep" in cell.metadata.get("tags", []):
            exec(compile(cell.source, path.name, "exec"), names)
    return names


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("Name one notebook by its number: python data/sweep.py 08")
    number, start = sys.argv[1], time.perf_counter()
    rows = list(tqdm(definitions(number)["sweep"](), "measuring"))
    minutes = (time.perf_counter() - start) / 60
    where = HERE / f"{number}_sweep.csv"
    with open(where, "w", encoding="utf8") as file:
        file.write(
            f"# python data/sweep.py {number}: {minutes:.0f} minutes on {os.cpu_count()} "
            f"cores ({platform.machine()}), Python {platform.python_version()}, "
            f"torch {torch.__version__}, transformers {version('transformers')}, "
            f"scikit-learn {version('scikit-learn')}\n"
        )
        pd.DataFrame(rows).to_csv(file, index=False, float_format="%.6g")
    print(f"{len(rows)} rows in {where.name}")


if __name__ == "__main__":
    main()
