"""Measure speed and accuracy beside the libraries that do the same.

    python -m tests.benchmarks                 all of it, some twenty minutes on 2 cores
    python -m tests.benchmarks encoding curve  parts of it
    python -m tests.benchmarks --save FILE     and keep the lines in a CSV file

Each line is printed as soon as it is measured. Rivals run in one process and in turn, so that
noise hits them alike; leave the machine alone meanwhile.
"""

import argparse
import importlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version

import pandas as pd
import torch

from tests.benchmarks.common import peak

PARTS = {
    "encoding": ("encoding", "encoding"),
    "head": ("training", "heads"),
    "prompts": ("training", "prompts"),
    "weights": ("training", "weights"),
    "curve": ("curve", "curve"),
}
LIBRARIES = ("torch", "transformers", "peft", "scikit-learn", "sentence-transformers")
COLUMNS = {"benchmark": 10, "who": 34, "size": 20, "seconds": 9, "accuracy": 9, "note": 0}


def machine():
    """Where and with what it was measured, in one line."""
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"no {name}")
    speeds = [f"{str(kind)[6:]} {peak(kind):.0f}" for kind in (torch.float32, torch.bfloat16)]
    return (
        f"{torch.get_num_threads()} threads on {os.cpu_count()} cores ({platform.machine()}, "
        f"{torch.backends.cpu.get_cpu_capability()}), Python {platform.python_version()}, "
        f"{', '.join(found)}; matrix products in GFLOP/s: {', '.join(speeds)}"
    )


def printed(row):
    """A row as a line; a number that was not measured is left blank."""
    form = {"seconds": "{:.2f}", "accuracy": "{:.1f}%"}
    texts = []
    for name, width in COLUMNS.items():
        text = row.get(name, "")
        text = text if isinstance(text, str) else form[name].format(text)
        texts.append(text.rjust(width) if name in form else text.ljust(width))
    return " ".join(texts).rstrip()


def main():
    parser = argparse.ArgumentParser("tests.benchmarks", description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--save", help="a CSV file for the lines")
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"no part is called {', '.join(unknown)}: there are {', '.join(PARTS)}")
    about, rows = machine(), []
    print(about + "\n" + printed({name: name for name in COLUMNS}), flush=True)
    for part in chosen.parts or PARTS:
        module, function = PARTS[part]
        for row in getattr(importlib.import_module(f"tests.benchmarks.{module}"), function)():
            rows.append({"benchmark": part} | row)
            print(printed(rows[-1]), flush=True)
            if chosen.save:  # at once: what was measured before an interruption stays
                with open(chosen.save, "w", encoding="utf8") as file:
                    file.write(f"# {about}\n")
                    table = pd.DataFrame(rows, columns=list(COLUMNS))
                    table.to_csv(file, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
