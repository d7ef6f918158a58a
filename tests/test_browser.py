"""The working copies as a learner meets them: JupyterLab in a real browser (Chromium).

00, 01 and 07 always; all of them by ``python -m helpers test --browser``.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from helpers import notebooks

ROOT = Path(__file__).resolve().parent.parent
ALL = [path.stem for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))]
NAMES = ALL if os.environ.get("PROMPT_COURSE_BROWSER") else [n for n in ALL if n[:2] in "00 01 07"]
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
WRONG = ["Error displaying widget", "Javascript Error", "Traceback (most recent", "model not found"]
# Of the open notebook: is a cell waiting or at work; how many code cells have never run?
CELLS = """() => {
  const panel = window.jupyterapp.shell.currentWidget;
  const code = panel.content.widgets.map(w => w.model).filter(m => m.type === 'code');
  return {
    busy: panel.sessionContext.session?.kernel?.status !== 'idle',
    unrun: code.filter(m => m.executionCount === null && m.sharedModel.source.trim()).length,
    outputs: code.flatMap(m => m.outputs.toJSON()),
  };
}"""
expect.set_options(timeout=60_000)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine: JupyterLab is not tried"),
]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the course, as the launcher finds it in a fresh clone."""
    folder = tmp_path_factory.mktemp("course")
    for name in (".jupyter", "data", "helpers", "notebooks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "requirements.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


class Server:
    """python -m helpers lab, which can be started again."""

    def __init__(self, folder):
        self.folder, self.process = folder, None

    def start(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = ["--no-browser", f"--ServerApp.port={port}", "--IdentityProvider.token="]
        options += ["--LabApp.expose_app_in_browser=True", "--allow-root"]
        command = [sys.executable, "-m", "helpers", "lab", "--no-venv", *options]
        env = os.environ | {"PYTHONPATH": str(self.folder)}
        with open(self.folder / "server.log", "ab") as log:
            where = {"cwd": self.folder, "env": env, "stdout": log, "stderr": log}
            self.process = subprocess.Popen(command, start_new_session=True, **where)
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    self.url = f"http://127.0.0.1:{port}/lab"
                    return
            time.sleep(0.5)
        raise AssertionError((self.folder / "server.log").read_text())

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)  # the launcher and JupyterLab
        self.process.wait(30)


@pytest.fixture(scope="module")
def server(course):
    server = Server(course)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as player:
        yield player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(60_000)
    yield page
    page.close()


def open_notebook(page, server, name, theme="Light"):
    page.goto(f"{server.url}/tree/my_notebooks/{name}.ipynb?reset")
    page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.content?.widgets?.length > 5")
    page.wait_for_function("window.jupyterapp.shell.currentWidget.sessionContext.isReady")
    page.evaluate("t => window.jupyterapp.commands.execute('apputils:change-theme', {theme: t})",
                  f"JupyterLab {theme}")  # fmt: skip


def run_all(page):
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    deadline = time.monotonic() + 900  # as nbval gives a cell
    while time.monotonic() < deadline:
        page.wait_for_timeout(1000)
        cells = page.evaluate(CELLS)
        errors = [out["traceback"] for out in cells["outputs"] if out["output_type"] == "error"]
        assert not errors, "\n".join(errors[0])
        if not cells["busy"] and not cells["unrun"]:
            return
    raise AssertionError(f"{cells['unrun']} cells have not run")


def save(page):
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")


def everything(page):
    """The page's text, and its pictures, with each cell brought into view."""
    text, pictures = [], []
    cells = page.locator(".jp-Notebook .jp-Cell")
    for number in range(cells.count()):
        cells.nth(number).scroll_into_view_if_needed()
        text.append(cells.nth(number).inner_text())
        pictures += cells.nth(number).locator("img").evaluate_all("all => all.map(i => i.alt)")
    return "\n".join(text), pictures


def alive(page, server, name):
    """What is live in a notebook that has just run: its explorer or its box."""
    for field in page.locator(".jp-OutputArea :is(input, select)").all():
        assert field.evaluate("f => f.labels.length && f.labels[0].textContent.length > 3")
    if name.startswith(("00", "07")):
        box = page.get_by_label("Your review, then Enter:")
        answer = page.locator(".jp-CodeCell", has=box).locator(".jp-OutputArea")
        for review, key, says in (
            ("A waste of a good cast.", "Enter", "“A waste of a good cast.” reads as negative"),
            ("<b>плохой фильм</b>", "Control+Enter", "in this script its answer means little"),
            (" ", "Enter", "Type a review first."),
            ("A joy.", "Meta+Enter", "“A joy.” reads as positive"),
        ):
            box.fill(review)
            box.press(key)
            expect(answer).to_contain_text(says)
    if name.startswith("01"):
        layer = page.get_by_label("layer (1 to 6)")
        area = page.locator(".jp-CodeCell", has=layer).locator(".jp-OutputArea").first
        height = area.bounding_box()["height"]
        layer.focus()
        page.keyboard.press("ArrowUp")
        expect(area.locator("img")).to_have_attribute("alt", re.compile("layer 4, head 10"))
        assert area.bounding_box()["height"] == height
        page.get_by_label("review").fill("not bad at all")
        page.keyboard.press("Control+Enter")
        expect(area.locator("img")).to_have_attribute("alt", re.compile("^Heat map of 6 by 6"))


@pytest.mark.parametrize("name", NAMES)
def test_run_all_save_restart_reopen(page, server, name):
    open_notebook(page, server, name)
    assert page.evaluate(CELLS)["outputs"] == [], "a working copy has no outputs"
    run_all(page)
    text, pictures = everything(page)
    assert not [wrong for wrong in WRONG if wrong in text]
    assert pictures and all(len(alt.split()) >= 5 for alt in pictures)
    alive(page, server, name)
    _, pictures = everything(page)
    save(page)
    server.stop()
    server.start()
    open_notebook(page, server, name, "Dark")
    for _ in range(10):  # cells are drawn as they come into view
        reopened, again = everything(page)
        if again == pictures:
            break
        page.wait_for_timeout(1000)
    assert not [wrong for wrong in WRONG if wrong in reopened]
    assert again == pictures


# Puts a cell in front of the open notebook and runs it.
WAITS = """import sys, time
sys.path[:0] = [".."]
from helpers.check import check
from helpers.progress import progress
for _ in progress(range(100), "waiting"):
    time.sleep(0.2)"""
RUN_FIRST = """source => {
  const panel = window.jupyterapp.shell.currentWidget;
  panel.content.model.sharedModel.insertCell(0, {cell_type: 'code', source});
  panel.content.activeCellIndex = 0;
  window.jupyterapp.commands.execute('notebook:run-cell');
}"""


def test_an_interrupted_cell_leaves_one_line(page, server):
    """No red bar, no traceback; and the kernel goes on."""
    open_notebook(page, server, NAMES[0])
    page.evaluate(RUN_FIRST, WAITS)
    shown = page.locator(".jp-Cell").first.locator(".jp-OutputArea-output")
    expect(shown.first).to_contain_text("waiting:")
    page.evaluate("window.jupyterapp.commands.execute('notebook:interrupt-kernel')")
    expect(shown.last).to_contain_text("Stopped.")
    page.wait_for_timeout(1000)
    assert [text.strip() for text in shown.all_inner_texts() if text.strip()] == [
        "Stopped. What earlier cells made is still there; run this one again when you like."
    ]
    page.evaluate(RUN_FIRST, "print(6 * 7, check.__name__)")
    expect(page.locator(".jp-Cell").first.locator(".jp-OutputArea")).to_have_text("42 check")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_the_page_is_accessible(browser, name, theme):
    """By axe-core: nothing serious; formulas stay as they are written, as there is no network."""
    page = browser.new_page()
    page.route("http*://**", lambda route: route.abort())
    page.set_content(notebooks.page(ROOT / "notebooks" / f"{name}.ipynb", theme))
    found = Axe().run(page).response["violations"]
    page.close()
    assert not [(v["id"], v["nodes"][0]["html"][:200]) for v in found if v["impact"] != "minor"]
