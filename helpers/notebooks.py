"""Notebooks: execute and store them, begin a new one, and give the learner copies to write in."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import time
from html import unescape
from pathlib import Path

import nbformat
from latex2mathml.converter import convert as mathml
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbconvert import HTMLExporter
from nbconvert.filters import markdown2html

from helpers.files import ROOT, writing

NOTEBOOKS = ROOT / "notebooks"
MINE = ROOT / "my_notebooks"  # the learner's, which git ignores
# One block for all, whatever machine they were executed on.
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
KEPT = ("tags", "tolerance")  # of a cell's metadata


class NotebookError(RuntimeError):
    """A notebook could not be found, made or run; the message says what to do."""


def all_of_them() -> list[Path]:
    return sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def find(number: str) -> Path:
    """The notebook of that number."""
    found = sorted(NOTEBOOKS.glob(f"{number}_*.ipynb"))
    if len(found) != 1:
        have = ", ".join(path.name[:2] for path in all_of_them())
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
    try:
        client.execute()
    except CellExecutionError as error:
        raise NotebookError(re.sub(r"\x1b\[[\d;]*m", "", str(error))) from error
    except DeadKernelError as error:
        raise NotebookError(f"{path.name}: the kernel died; was there enough memory?") from error
    return notebook


def tidy(notebook) -> None:
    """Leave what a reader sees: no traces of the machine, and printed lines in one piece."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = {key: cell.metadata[key] for key in KEPT if key in cell.metadata}
        if cell.cell_type == "code":
            cell.outputs = joined(still(output) for output in cell.outputs if not is_noise(output))


def is_noise(output) -> bool:
    """What a progress bar leaves, or a line on stderr."""
    return output.get("name") == "stderr" or output.get("data") == {"text/plain": ""}


def still(output):
    """The output; for a widget, which lives in its kernel alone, what to do."""
    if "application/vnd.jupyter.widget-view+json" in output.get("data", {}):
        output.data = {"text/plain": "Run this cell to explore."}
    return output


def joined(outputs) -> list:
    """The outputs, with what was printed in several pieces as one."""
    whole = []
    for output in outputs:
        if whole and output.get("name") and output.get("name") == whole[-1].get("name"):
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


def link() -> None:
    """Under the first and last cell of each notebook, links to the one before and the one after."""
    paths = all_of_them()
    first = {path: nbformat.read(path, as_version=4).cells[0].source for path in paths}
    titles = {path: re.split("[:\n]", text)[0][2:] for path, text in first.items()}
    for before, path, after in zip([None, *paths], paths, [*paths[1:], None], strict=False):
        back = [f"[← {titles[before]}]({before.name})"] if before else []
        on = [f"[{titles[after]} →]({after.name})"] if after else []
        notebook = nbformat.read(path, as_version=4)
        old = [cell.source for cell in notebook.cells]
        for cell in (notebook.cells[0], notebook.cells[-1]):
            text = re.sub(r"\n\n\[(← .*|.* →\]\(.*\))\Z", "", cell.source)
            cell.source = "\n\n".join([text, " | ".join(back + on)]).rstrip()
        if old != [cell.source for cell in notebook.cells]:
            with writing(path) as part:
                nbformat.write(notebook, part)


def copy() -> None:
    """Give the learner a copy of each notebook, without outputs: they would answer its questions.

    A copy that was opened and stored is the learner's. When the course has a newer version, that
    is put beside it; a copy that nobody touched is replaced.
    """
    record = MINE / ".course.json"  # of each notebook the version that was handed out last
    given = json.loads(record.read_text("utf8")) if record.exists() else {}
    for path in all_of_them():
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        new = (nbformat.writes(notebook) + "\n").encode()
        version, mine = hashlib.sha256(new).hexdigest(), MINE / path.name
        old = hashlib.sha256(mine.read_bytes()).hexdigest() if mine.exists() else None
        if version in (old, given.get(path.name)) and old:
            given[path.name] = version
            continue
        touched = old and old != given.get(path.name)
        target = MINE / f"{path.stem}_{version[:6]}.ipynb" if touched else mine
        with writing(target) as part:
            part.write_bytes(new)
        if touched:
            print(f"{path.name} is newer in the course: yours stays, {target.name} is beside it.")
        given[path.name] = version
    with writing(record) as part:
        part.write_text(json.dumps(given, indent=1), "utf8")


SCRIPT = re.compile(
    r"<script[^>]*\bsrc=.*?</script>|<!-- MathJax conf.*?<!-- End of mathjax conf[^>]*>", re.S
)
CODE_OR_FORMULA = re.compile(r"(<(pre|code)\b.*?</\2>)|(\$\$?)(.+?)\3", re.S)


def with_mathml(text: str) -> str:
    """HTML with its formulas as MathML: browsers draw it, screen readers read it, no network."""

    def drawn(found):
        display = "block" if found[3] == "$$" else "inline"
        return found[1] or mathml(unescape(found[4]), display=display)

    return CODE_OR_FORMULA.sub(drawn, text)


def page(path: Path, theme: str = "light") -> str:
    """The notebook as a web page, its colours with a contrast of 4.5 to 1 (nbconvert's are not)."""
    exporter = HTMLExporter(template_name="lab", theme=theme)
    exporter.register_filter("markdown2html", lambda text, **_: with_mathml(markdown2html(text)))
    html, _ = exporter.from_filename(str(path))
    html = SCRIPT.sub("", html)  # what would be fetched: MathJax, and what live widgets need
    comment, operator, number, prompt = {
        "light": ("#2f6b6b", "#8500cc", "#006600", "#595959"),
        "dark": ("#7fb3b3", "#c58bff", "#66bb6a", "#b0b0b0"),
    }[theme]
    style = f"""<style>
        body {{ --jp-mirror-editor-comment-color: {comment}; }}
        body {{ --jp-mirror-editor-operator-color: {operator}; }}
        body {{ --jp-mirror-editor-number-color: {number}; }}
        body .jp-InputPrompt, body .jp-OutputPrompt {{ color: {prompt} !important; }}
        body .jp-Cell * {{ opacity: 1 !important; }}
        .jp-RenderedHTMLCommon a:link {{ text-decoration: underline !important; }}
        </style></head>"""
    return html.replace("</head>", style, 1).replace("<th></th>", "<td></td>")


def pages(folder: str) -> None:
    """Write each notebook as a web page, for readers without Jupyter."""
    for path in all_of_them():
        target = Path(folder).expanduser() / f"{path.stem}.html"
        text = re.sub(r"(href=\"\d\d_\w+)\.ipynb", r"\1.html", page(path))
        with writing(target) as part:
            part.write_text(text, "utf8")
    print(f"wrote {len(all_of_them())} pages to {folder}")


def run(numbers: list[str]) -> None:
    """Execute the notebooks and store them with their outputs; a failing one stays as it was.

    A figure with colliding or faint text fails.
    """
    os.environ["PROMPT_COURSE_STRICT"] = "1"
    for path in map(find, numbers):
        start = time.monotonic()
        notebook = execute(path)
        for output in (o for cell in notebook.cells for o in cell.get("outputs", ())):
            if output.get("name") == "stderr" and "%|" not in output.text:
                print(output.text.strip(), file=sys.stderr)  # a warning, which is not stored
        tidy(notebook)
        with writing(path) as part:
            nbformat.write(notebook, part)
        print(f"{path.name}: {time.monotonic() - start:.0f} s", flush=True)
    link()


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
    """Write a skeleton that keeps the contract: notebook, solutions, wrong and right answers."""
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
        "right_answers.py": ROOT / "tests" / "right_answers" / f"{number}.py",
    }
    there = [str(target.relative_to(ROOT)) for target in targets.values() if target.exists()]
    if there:
        raise NotebookError(f"There is {' and '.join(there)} already: move it away first.")
    for source, target in targets.items():
        text = (skeleton / source).read_text("utf8").replace("NN", number).replace("TITLE", title)
        with writing(target) as part:
            if target.suffix == ".ipynb":
                nbformat.write(from_script(text), part)
            else:
                part.write_text(text, "utf8")
        print(f"wrote {target.relative_to(ROOT)}")
    link()
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


def main(command: str = "", *names: str) -> None:
    """``run 12 13``, ``new 12 costs``, ``show path tag``, ``copy``."""
    try:
        if command == "run" and names:
            run(list(names))
        elif command == "copy" and not names:
            copy()
        elif command == "pages" and len(names) == 1:
            pages(*names)
        elif command in ("new", "show") and len(names) == 2:
            {"new": new, "show": show}[command](*names)
        else:
            raise NotebookError("Say: notebook new 12 costs, or: notebook run 12 13")
    except (NotebookError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
