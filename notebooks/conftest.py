"""nbval compares outputs to the letter. In a cell with the metadata ``{"tolerance": {"1": 0.5}}``
a number printed with one decimal may differ by up to 0.5, one with two decimals not at all:
another CPU rounds otherwise, and a loss of 0.75 needs another tolerance than 75.0%. For tables of
large and small numbers ``{"share": 0.1}`` lets each differ by a tenth of itself, or by one unit of
its last digit. All else must be the same. Progress bars are not compared: they show how long
something took. Figures are strict: texts that collide or are hard to read fail the cell."""

import os
import re
from copy import deepcopy

from nbval.plugin import IPyNbCell

os.environ["PROMPT_COURSE_STRICT"] = "1"  # for the kernels
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
to_the_letter = IPyNbCell.compare_outputs


def decimals(number: str) -> str:
    """How many decimals ``number`` is printed with, as the key of a tolerance."""
    return str(len(number.partition(".")[2]))


def allowed(stored: str, tolerance: dict[str, float]) -> float:
    """By how much a number may differ from ``stored``."""
    if "share" not in tolerance:
        return tolerance.get(decimals(stored), 0)
    unit = 10.0 ** -int(decimals(stored))
    return max(tolerance["share"] * abs(float(stored)), 1.001 * unit)


def within(tested: str, stored: str, tolerance: dict[str, float]) -> bool:
    """Whether two texts have the same words, and numbers as close as their decimals ask for."""
    words = [NUMBER.sub("#", text).split() for text in (tested, stored)]
    numbers = zip(NUMBER.findall(tested), NUMBER.findall(stored), strict=False)
    return words[0] == words[1] and all(
        abs(float(a) - float(b)) <= allowed(b, tolerance) for a, b in numbers
    )


def is_bar(output: dict) -> bool:
    """Whether ``output`` is a progress bar or what one leaves."""
    text = output.get("text", "") + output.get("data", {}).get("text/plain", "")
    return "%|" in text or output.get("data") == {"text/plain": ""}


def is_figure(output: dict) -> bool:
    return "data:image/png" in output.get("data", {}).get("text/html", "")


def compare_outputs(cell, test, ref, skip_compare=None):
    test, ref = (deepcopy([o for o in outputs if not is_bar(o)]) for outputs in (test, ref))
    for output in filter(is_figure, (*test, *ref)):
        output["data"]["text/html"] = ""  # what remains is the alternative text
    tolerance = cell.cell.metadata.get("tolerance")
    if tolerance:
        for tested, stored in zip(test, ref, strict=False):
            data = tested.get("data", {}), stored.get("data", {})
            for ours, theirs in ((tested, stored), data):
                for key in ("text", "text/plain"):
                    if key in ours and key in theirs and within(ours[key], theirs[key], tolerance):
                        ours[key] = theirs[key]
    return to_the_letter(cell, test, ref, skip_compare)


IPyNbCell.compare_outputs = compare_outputs
