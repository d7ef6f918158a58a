"""Explorers for JupyterLab. Each only calls a plain function, which works (and is tested) alone."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable
from inspect import Parameter, signature

import ipywidgets
from IPython.display import display
from IPython.utils.capture import capture_output

from helpers.classifier import PromptClassifier
from helpers.encode import predict


def verdict(classifier: PromptClassifier, review: str) -> str:
    """HTML that shows ``review`` (escaped: it is the user's text), each label's probability, and
    what of it the model could not read."""
    if not review.strip():
        return "<p>Type a review first.</p>"
    probabilities = predict(classifier, [review])[0].tolist()
    best = max(range(len(probabilities)), key=probabilities.__getitem__)
    rows = "".join(
        f"<tr><td>{html.escape(label)}</td><td>{p:.0%}</td><td aria-hidden='true'>"
        f"<progress max='1' value='{p:.3f}'></progress></td></tr>"
        for label, p in zip(classifier.labels, probabilities, strict=True)
    )
    notes = "".join(f"<p>⚠ {html.escape(note)}</p>" for note in unread(classifier, review))
    return (
        f"<p>“{html.escape(review)}” reads as <b>{html.escape(classifier.labels[best])}</b></p>"
        f"<table>{rows}</table>{notes}"
    )


def unread(classifier: PromptClassifier, review: str) -> list[str]:
    """A sentence for each reason why the model did not read all of the review."""
    tokenizer, notes = classifier.tokenizer, []
    read = classifier.input_ids([review])[0]
    most = min(tokenizer.model_max_length, 10**5)
    if len(classifier.template.input_ids(tokenizer, [review], most)[0]) > len(read):
        notes.append(
            "Its end was not read: together with the words of the template, the model is given "
            f"{classifier.max_length} tokens at most."
        )
    if tokenizer.unk_token != tokenizer.eos_token and (n := read.count(tokenizer.unk_token_id)):
        notes.append(f"{n} of its tokens are unknown to this model and were read as a blank sign.")
    letters = [unicodedata.name(letter, "") for letter in review if letter.isalpha()]
    if sum(name.startswith("LATIN") for name in letters) < 0.8 * len(letters):
        notes.append("The model has learnt from English; in this script its answer means little.")
    return notes


def review_box(classifier: PromptClassifier, review: str) -> None:
    """A line to type in that shows the ``verdict`` at Enter."""
    wide = {"width": "95%", "description_width": "initial"}
    text = ipywidgets.Text(review, description="Your review, then Enter:", layout=wide, style=wide)
    follow(lambda: verdict(classifier, text.value), [text])


def explore(function: Callable, **controls) -> None:
    """A control for each argument of ``function``: what it draws follows them.

    ``controls`` are a list of choices, a ``(low, high)`` or ``(low, high, step)`` of numbers, or a
    text, as in ``ipywidgets.interact``; they begin at the function's defaults.
    """
    start = {name: value.default for name, value in signature(function).parameters.items()}
    boxes = {name: control(name, given, start[name]) for name, given in controls.items()}
    follow(lambda: function(**{name: box.value for name, box in boxes.items()}), boxes.values())


def control(name: str, given, start) -> ipywidgets.Widget:
    """A field whose name is read out with it; ipywidgets' sliders tell theirs to nobody."""
    style = {"description_width": "initial"}
    if not isinstance(given, tuple):
        box = ipywidgets.interactive.widget_from_abbrev(given, start)
        box.description, box.style = name.replace("_", " "), style
        return box
    low, high, step = given if len(given) == 3 else (*given, 1)
    start = low if start is Parameter.empty else start
    whole = all(isinstance(number, int) for number in (low, high, step))
    field = ipywidgets.BoundedIntText if whole else ipywidgets.BoundedFloatText
    described = f"{name.replace('_', ' ')} ({low} to {high})"
    return field(start, min=low, max=high, step=step, description=described, style=style)


# ipywidgets hears Enter alone; Ctrl+Enter (on a Mac Cmd+Enter) says the same to its field.
KEYS = """<script>document.addEventListener("keydown", key => {
  if (key.key === "Enter" && (key.ctrlKey || key.metaKey) && key.target.closest(".jupyter-widgets"))
    key.target.dispatchEvent(new Event("change", {bubbles: true}));
}, true)</script>"""


def follow(draw: Callable, boxes) -> None:
    """The boxes, and under them what ``draw()`` shows, anew whenever one has changed.

    It is an ordinary output of the cell, not a widget: it is stored with the notebook, and stays in
    its place until the next one is there.
    """
    boxes = list(boxes)
    display({"text/html": KEYS, "text/plain": ""}, raw=True)
    display(ipywidgets.VBox(boxes))
    place = display(drawn(draw), raw=True, display_id=True)
    for box in boxes:
        if hasattr(box, "continuous_update"):
            box.continuous_update = False
        box.observe(lambda _: place.update(drawn(draw), raw=True), "value")


def drawn(draw: Callable) -> dict[str, str]:
    """What ``draw()`` prints, shows and returns (HTML), in one piece."""
    with capture_output() as shown:
        returned = draw()
    parts = [returned if isinstance(returned, str) else ""] + [
        f"<pre>{html.escape(shown.stdout)}</pre>"
    ] * bool(shown.stdout)
    plain = [shown.stdout]
    for output in shown.outputs:
        plain.append(output.data.get("text/plain", ""))
        parts.append(output.data.get("text/html") or f"<pre>{html.escape(plain[-1])}</pre>")
    return {"text/html": "\n".join(parts), "text/plain": "\n".join(plain).strip()}
