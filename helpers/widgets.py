"""Explorers for JupyterLab. Each only calls a plain function, which works (and is tested) alone."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

import ipywidgets
from IPython.display import HTML, display

from helpers.data import DataError


def verdict(review: str, labels: Sequence[str], predict: Callable[[list[str]], object]) -> str:
    """HTML that shows ``review`` (escaped: it is the user's text) and each label's probability.

    ``predict`` takes a list of reviews and returns probabilities (reviews, labels).
    """
    try:
        probabilities = predict([review])[0].tolist()
    except DataError as error:
        return f"<p>{html.escape(str(error))}</p>"
    best = max(range(len(labels)), key=probabilities.__getitem__)
    rows = "".join(
        f"<tr><td>{html.escape(label)}</td><td><progress max='1' value='{p:.3f}'></progress></td>"
        f"<td>{p:.0%}</td></tr>"
        for label, p in zip(labels, probabilities, strict=True)
    )
    return (
        f"<p>“{html.escape(review)}” reads as <b>{html.escape(labels[best])}</b></p>"
        f"<table>{rows}</table>"
    )


def review_box(labels: Sequence[str], predict: Callable, review: str) -> None:
    """A text box and a button that show ``verdict`` of what is typed."""
    text = ipywidgets.Textarea(review, layout={"width": "95%"}, description="review")
    button = ipywidgets.Button(description="Classify", button_style="primary")
    answer = ipywidgets.Output()

    def classify(_=None):
        with answer:
            answer.clear_output(wait=True)
            display(HTML(verdict(text.value, labels, predict)))

    button.on_click(classify)
    classify()
    display(ipywidgets.VBox([text, button, answer]))


def explore(function: Callable, **controls) -> None:
    """A control for each argument of ``function``: what it draws follows them.

    ``controls`` are as in ``ipywidgets.interact``: a list of choices, a ``(low, high, step)``,
    a text. Sliders act when they are let go.
    """
    board = ipywidgets.interactive(function, **controls)
    for control in board.children[:-1]:
        if hasattr(control, "continuous_update"):
            control.continuous_update = False
    display(board)
