"""nbval compares outputs to the letter. A cell with the metadata ``{"tolerance": t}`` may differ in
its numbers by up to ``t`` each (and in nothing else): another CPU rounds otherwise. Progress bars
are not compared: they show how long something took."""

import re
from copy import deepcopy

from nbval.plugin import IPyNbCell

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
to_the_letter = IPyNbCell.compare_outputs


def within(tested: str, stored: str, tolerance: float) -> bool:
    """Whether two texts have the same words and numbers no further apart than ``tolerance``."""
    words = [NUMBER.sub("#", text).split() for text in (tested, stored)]
    numbers = zip(NUMBER.findall(tested), NUMBER.findall(stored), strict=False)
    return words[0] == words[1] and all(
        abs(float(a) - float(b)) <= tolerance for a, b in numbers
    )


def is_bar(output: dict) -> bool:
    """Whether ``output`` is a progress bar, in either of tqdm's forms."""
    return "%|" in output.get("text", "") + output.get("data", {}).get("text/plain", "")


def compare_outputs(cell, test, ref, skip_compare=None):
    test = deepcopy([output for output in test if not is_bar(output)])
    ref = [output for output in ref if not is_bar(output)]
    tolerance = cell.cell.metadata.get("tolerance")
    if tolerance:
        for tested, stored in zip(test, ref, strict=False):
            data = tested.get("data", {}), stored.get("data", {})
            for ours, theirs in ((tested, stored), data):
                for key in ("text", "text/plain"):
                    if (
                        key in ours
                        and key in theirs
                        and within(ours[key], theirs[key], tolerance)
                    ):
                        ours[key] = theirs[key]
    return to_the_letter(cell, test, ref, skip_compare)


IPyNbCell.compare_outputs = compare_outputs
