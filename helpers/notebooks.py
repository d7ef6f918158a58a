"""Notebooks: execute and store them as the course wants them, and begin a new one."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from helpers.files import ROOT, writing

NOTEBOOKS = ROOT / "notebooks"
# One block for all, whatever machine they were executed on.
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
KEPT = ("tags", "tolerance")  # of a cell's metadata


class NotebookError(RuntimeError):
    """A notebook could not be found, made or run; the message says what to do."""


def find(number: str) -> Path:
    """The notebook of that number."""
    found = sorted(NOTEBOOKS.glob(f"{number}_*.ipynb"))
    if len(found) != 1:
        have = ", ".join(path.name[:2] for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")))
        raise NotebookError(f"There is no notebook {number!r}: choose from {have}.")
    return found[0]


def execute(path: Path):
    """The notebook, run from top to bottom in a fresh kernel; nothing is stored.

    Raises:
        NotebookError: a cell failed; the message is its traceback.
    """
    notebook = nbformat.read(path, as_version=4)
    folder = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, resources=folder, extra_arguments=["--log-level=ERROR"])
    client.comm_open_handlers = {}  # it would play the page of an Output widget, and may hang
    try:
        client.execute()
    except CellExecutionError as error:
        raise NotebookError(re.sub(r"\x1b\[[\d;]*m", "", str(error))) from error
    return notebook


def tidy(notebook) -> None:
    """Leave what a reader sees: no traces of the machine, and printed lines in one piece."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = {key: cell.metadata[key] for key in KEPT if key in cell.metadata}
        if cell.cell_type == "code":
            cell.outputs = joined(output for output in cell.outputs if not is_noise(output))


def is_noise(output) -> bool:
    """A progress bar, or another line on stderr."""
    return output.get("name") == "stderr" or "%|" in output.get("data", {}).get("text/plain", "")


def joined(outputs) -> list:
    """The outputs, with what was printed in several pieces as one."""
    whole = []
    for output in outputs:
        if whole and output.get("name") and output.get("name") == whole[-1].get("name"):
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


def run(numbers: list[str]) -> None:
    """Execute the notebooks and store them with their outputs; a failing one stays as it was."""
    for path in map(find, numbers):
        start = time.monotonic()
        notebook = execute(path)
        tidy(notebook)
        with writing(path) as part:
            nbformat.write(notebook, part)
        print(f"{path.name}: {time.monotonic() - start:.0f} s", flush=True)


def show(path: str, tag: str) -> None:
    """Run a notebook, keep nothing, and print what its cells with that tag print."""
    cells = [c for c in execute(Path(path)).cells if tag in c.metadata.get("tags", [])]
    for output in (output for cell in cells for output in cell.outputs):
        if output.get("name") != "stderr":
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            print(*text.splitlines(), sep="\n")
    if not cells:
        raise NotebookError(f"no cell is tagged '{tag}'")


def new(number: str, name: str) -> None:
    """Write a skeleton that keeps the contract: notebook, solutions and wrong answers."""
    if not re.fullmatch(r"\d\d", number) or not re.fullmatch(r"[a-z0-9_]+", name):
        raise NotebookError("Give two digits and a name of a-z, 0-9 and _: notebook new 12 costs")
    if list(NOTEBOOKS.glob(f"{number}_*.ipynb")):
        raise NotebookError(f"There is a notebook {number} already ({find(number).name}).")
    skeleton = ROOT / ".github" / "skeleton"
    title = name.replace("_", " ").capitalize()
    targets = {
        "notebook.py": NOTEBOOKS / f"{number}_{name}.ipynb",
        "solutions.py": NOTEBOOKS / "solutions" / f"{number}.py",
        "wrong_answers.py": ROOT / "tests" / "wrong_answers" / f"{number}.py",
    }
    for source, target in targets.items():
        text = (skeleton / source).read_text("utf8").replace("NN", number).replace("TITLE", title)
        with writing(target) as part:
            if target.suffix == ".ipynb":
                nbformat.write(from_script(text), part)
            else:
                part.write_text(text, "utf8")
        print(f"wrote {target.relative_to(ROOT)}")
    print(f"fill it in, then: python -m helpers notebook run {number}")


def from_script(text: str):
    """A notebook from a script in which ``# %%`` begins a cell and ``# %% [markdown]`` prose."""
    cells = []
    for part in re.split(r"(?m)^# %%", text)[1:]:
        kind, _, source = part.partition("\n")
        if "markdown" in kind:
            source = re.sub(r"(?m)^# ?", "", source)
        make = nbformat.v4.new_markdown_cell if "markdown" in kind else nbformat.v4.new_code_cell
        cells.append(make(source.strip(), id=f"cell-{len(cells):03}"))
    return nbformat.v4.new_notebook(cells=cells, metadata=METADATA)


def main(command: str, *names: str) -> None:
    """``run 12 13`` or ``new 12 costs`` or ``show path tag``; ends with an error's message."""
    try:
        if command == "run" and names:
            run(list(names))
        elif command in ("new", "show") and len(names) == 2:
            {"new": new, "show": show}[command](*names)
        else:
            raise NotebookError("Say: notebook new 12 costs, or: notebook run 12 13")
    except NotebookError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
