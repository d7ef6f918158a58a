"""helpers.widgets: what an explorer shows is safe, follows its controls and says what is wrong."""

import ipywidgets
import nbformat
import pytest
import torch
from nbclient import NotebookClient

from helpers import widgets
from helpers.encode import predict
from helpers.files import ROOT
from helpers.widgets import drawn, explore, review_box, verdict


@pytest.fixture
def reader(make):
    torch.manual_seed(0)
    return make(labels=["<b>bad", "a & b"])


class Screen:
    """Takes display's place: what was shown, and the last of each."""

    def __init__(self):
        self.boxes, self.html = [], ""

    def __call__(self, what, **options):
        if isinstance(what, ipywidgets.Widget):
            self.boxes = what.children
        else:
            self.update(what)
            return self

    def update(self, what, raw=True):
        self.html = what["text/html"]


@pytest.fixture
def screen(monkeypatch):
    screen = Screen()
    monkeypatch.setattr(widgets, "display", screen)
    return screen


def test_verdict_names_the_likelier_label_and_escapes(reader):
    probabilities = predict(reader, ["<script>a fine film"])[0].tolist()
    best = ["&lt;b&gt;bad", "a &amp; b"][probabilities[1] > probabilities[0]]
    shown = verdict(reader, "<script>a fine film")
    assert f"“&lt;script&gt;a fine film” reads as <b>{best}</b>" in shown
    assert "<script" not in shown and "<b>bad" not in shown and "a &amp; b" in shown
    for p in probabilities:
        assert f"<progress max='1' value='{p:.3f}'>" in shown and f"{p:.0%}" in shown


@pytest.mark.parametrize(
    "review, says",
    [
        ("", "Type a review first"),
        (" \n", "Type a review first"),
        ("a fine film 🎬", "1 of its tokens are unknown"),
        ("плохой фильм", "in this script its answer means little"),
        ("good " * 200, "Its end was not read: together with the words of the template, the model"),
        ("a fine film", None),
        ("café, naïve, and 8/10", None),
    ],
)
def test_verdict_says_what_it_could_not_read(reader, review, says):
    shown = verdict(reader, review)
    assert says in shown if says else "⚠" not in shown


def test_review_box_classifies_what_is_typed(reader, screen):
    review_box(reader, "first <i>")
    (text,) = screen.boxes
    assert isinstance(text, ipywidgets.Text) and text.continuous_update is False
    assert text.value == "first <i>" and "first &lt;i&gt;" in screen.html
    text.value = "second"
    assert "second" in screen.html


def test_explore_calls_the_plain_function_with_the_controls(screen):
    seen = []

    def look(layer=3, word="good", rate=0.5):
        seen.append((layer, word, rate))

    explore(look, layer=(0, 5), word=["good", "bad"], rate=(0.0, 1.0, 0.1))
    layer, word, rate = screen.boxes
    assert [box.description for box in screen.boxes] == [
        "layer (0 to 5)",
        "word",
        "rate (0.0 to 1.0)",
    ]
    layer.value, word.value = 9, "bad"
    assert seen[0] == (3, "good", 0.5) and seen[-1] == (5, "bad", 0.5)


def test_what_is_drawn_keeps_text_and_figures():
    shown = drawn(lambda: print("a < b"))
    assert shown["text/html"] == "\n<pre>a &lt; b\n</pre>" and shown["text/plain"] == "a < b"


EXPLORER = """import matplotlib.pyplot as plt
from helpers.plots import show
from helpers.widgets import explore

def draw(number=2):
    figure, axes = plt.subplots()
    axes.plot(range(number))
    show(figure, "A line that rises by one at each of its points.", "A line rises")

explore(draw, number=(1, 5))"""


@pytest.mark.slow
@pytest.mark.parametrize("run", range(3))
def test_an_explorer_ends_where_nbconvert_or_papermill_run_it(run, tmp_path, monkeypatch):
    """They share nbclient; an Output widget kept it waiting once in five runs, fonts not cached."""
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(EXPLORER)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outputs = notebook.cells[0].outputs
    assert any("rises by one" in str(output.get("data", "")) for output in outputs)
    assert not [output for output in outputs if output.output_type == "error"]
