"""Progress bars that leave no trace: text in a terminal, one line of output in a notebook."""

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
