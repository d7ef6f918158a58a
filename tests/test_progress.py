"""A progress bar shows up while one waits, and nothing of it is left."""

import sys

import nbformat
from nbclient import NotebookClient

from helpers.notebooks import tidy
from helpers.progress import progress

SLOW = """import time
from helpers.progress import progress
for _ in progress(range(3), "waiting"):
    time.sleep(0.15)
print("done")
"""


def test_in_a_terminal_it_is_text_on_stderr(capsys):
    assert list(progress(range(3), "waiting")) == [0, 1, 2]
    shown = capsys.readouterr()
    assert shown.out == "" and "waiting: " in shown.err
    assert not shown.err.split("\r")[-1].strip()  # wiped out at the end


def test_in_a_notebook_its_line_is_empty_at_the_end():
    code = f"import sys; sys.path[:0] = {sys.path!r}\n" + SLOW
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook).execute()
    bar, printed = notebook.cells[0].outputs
    assert bar.data == {"text/plain": ""} and printed.text == "done\n"
    tidy(notebook)
    assert [output.get("text") for output in notebook.cells[0].outputs] == ["done\n"]
