"""helpers.widgets: what the explorer shows is safe and says what is wrong."""

import ipywidgets
import pytest
import torch

from helpers import widgets
from helpers.encode import predict
from helpers.widgets import explore, review_box, verdict


@pytest.fixture(scope="module")
def ask(make):
    torch.manual_seed(0)
    classifier = make()
    return lambda texts: predict(classifier, texts)


def test_verdict_names_the_likelier_label(ask):
    probabilities = ask(["a fine film"])[0].tolist()
    best = ["negative", "positive"][probabilities[1] > probabilities[0]]
    shown = verdict("a fine film", ["negative", "positive"], ask)
    assert f"“a fine film” reads as <b>{best}</b>" in shown
    for label, p in zip(("negative", "positive"), probabilities, strict=True):
        assert f"<td>{label}</td><td><progress max='1' value='{p:.3f}'>" in shown
        assert f"{p:.0%}" in shown


def test_verdict_escapes(ask):
    shown = verdict("<script>alert('hi')</script>", ["<b>bad", "a & b"], ask)
    assert "<script" not in shown and "&lt;script&gt;" in shown
    assert "<b>bad" not in shown and "&lt;b&gt;bad" in shown and "a &amp; b" in shown


@pytest.mark.parametrize("review", ["", " \n"])
def test_verdict_of_an_empty_review(ask, review):
    shown = verdict(review, ["negative", "positive"], ask)
    assert shown == "<p>Review 0 is empty: drop the row.</p>"


def test_review_box_classifies_what_is_typed(ask, monkeypatch):
    shown = []
    monkeypatch.setattr(widgets, "display", shown.append)
    review_box(["negative", "positive"], ask, "first <i>")
    box = shown[-1]
    text, button = box.children[:2]
    assert isinstance(text, ipywidgets.Textarea) and text.value == "first <i>"
    assert "first &lt;i&gt;" in shown[0].data
    text.value = "second"
    button.click()
    assert "second" in shown[-1].data


def test_explore_calls_the_plain_function_with_the_controls(monkeypatch):
    shown, seen = [], []
    monkeypatch.setattr(widgets, "display", shown.append)
    explore(lambda layer, word: seen.append((layer, word)), layer=(0, 5), word=["good", "bad"])
    board = shown[0]
    slider, choice = board.children[:2]
    assert slider.continuous_update is False  # acts when it is let go
    board.update()
    slider.value, choice.value = 4, "bad"
    assert seen[0] == (2, "good") and seen[-1] == (4, "bad")
