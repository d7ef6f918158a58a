"""What waiting leaves: of a progress bar nothing, of Kernel > Interrupt one line."""

from __future__ import annotations

import sys

from IPython import get_ipython
from IPython.display import display
from tqdm import tqdm


class Line:
    """A file for tqdm: an output of the cell, written anew each time and empty at the end.

    tqdm's own widget is gone when the notebook is opened again, and an error stands in its place;
    its text goes to stderr, which JupyterLab shows on red.
    """

    handle = None

    def write(self, text: str) -> None:
        shown = {"text/plain": text.strip()}
        if self.handle is None:
            self.handle = display(shown, raw=True, display_id=True)
        else:
            self.handle.update(shown, raw=True)

    def flush(self) -> None:
        """tqdm asks for it; ``write`` keeps nothing back."""


def progress(*args, **options) -> tqdm:
    """``tqdm(*args, **options)``, which goes when it is done; with ``delay``, only long waits."""
    file = Line() if hasattr(get_ipython(), "kernel") else sys.stderr
    return tqdm(*args, leave=False, file=file, **options)


def stopped(shell, kind, error, trace, tb_offset=None) -> None:
    """A line where an interrupted cell would leave a page of red; it counts as failed all the same,
    so that what was to run after it does not."""
    print("Stopped. What earlier cells made is still there; run this one again when you like.")


if hasattr(get_ipython(), "kernel"):
    get_ipython().set_custom_exc((KeyboardInterrupt,), stopped)
