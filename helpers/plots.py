"""The course's figures: one palette, direct labels, a message for a title, alt text on each."""

from __future__ import annotations

import base64
import html
import io
import os
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.colors import to_rgb

# Hues of Okabe & Ito (2008), told apart by colour-blind readers, darkened until text in them has a
# contrast of 4.5 to 1 on white; the first is for what we argue for.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#B65000", "#007A5A", "#696969"

STYLE = {
    "figure.figsize": (7.2, 3.4),
    "figure.dpi": 100,
    "savefig.dpi": 110,
    "font.size": 10.5,
    "figure.facecolor": "white",
    "axes.facecolor": "white",  # opaque: legible in the dark theme
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.use": True,
}


def show(figure, alt: str, title: str) -> None:
    """Put ``title`` over ``figure``, show and close it; as HTML, so that ``alt`` gets there."""
    figure.suptitle(title, x=0.01, ha="left", fontsize=11.5, fontweight="bold")
    if os.environ.get("PROMPT_COURSE_STRICT"):  # the tests set it
        check_figure(figure)
    image = io.BytesIO()
    figure.savefig(image, format="png")
    plt.close(figure)
    source = "data:image/png;base64," + base64.b64encode(image.getvalue()).decode()
    width, height = (int.from_bytes(image.getvalue()[at : at + 4]) for at in (16, 20))  # its header
    size = f'width="{width}" height="{height}" style="max-width: 100%; height: auto"'  # kept free
    page = f'<img src="{source}" alt="{html.escape(alt)}" {size}>'
    display({"text/html": page, "text/plain": alt}, raw=True)


def check_figure(figure) -> None:
    """ValueError if texts of a figure collide, stick out, or have a contrast under 4.5 to 1.

    The contrast is that of WCAG 2.2, to the middle one of the colours behind the text.
    """
    texts = [text for text in written(figure) if text.get_text().strip()]
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in texts]
    colours = [luminance(to_rgb(text.get_color())) for text in texts]
    for text in texts:
        text.set_alpha(0)  # it keeps its place in the layout
    figure.canvas.draw()
    behind = np.asarray(figure.canvas.buffer_rgba())[::-1, :, :3] / 255  # (height, width, 3)
    for number, (text, box, colour) in enumerate(zip(texts, boxes, colours, strict=True)):
        text.set_alpha(1)
        name, rest = repr(text.get_text()), zip(texts, boxes, strict=True)
        if min(box.x0, box.y0) < -1 or box.x1 > behind.shape[1] + 1 or box.y1 > behind.shape[0] + 1:
            raise ValueError(f"{name} sticks out of the figure.")
        part = behind[max(0, int(box.y0)) : int(box.y1) + 1, max(0, int(box.x0)) : int(box.x1) + 1]
        light, dark = sorted((luminance(np.median(part, (0, 1))), colour), reverse=True)
        if (light + 0.05) / (dark + 0.05) < 4.5:
            raise ValueError(f"{name} has a contrast of {(light + 0.05) / (dark + 0.05):.1f} to 1.")
        for other, its in list(rest)[:number]:
            wide = min(box.x1, its.x1) - max(box.x0, its.x0)
            high = min(box.y1, its.y1) - max(box.y0, its.y0)
            if wide > 2 and high > 2:
                raise ValueError(f"{name} collides with {other.get_text()!r}.")


def written(figure) -> list:
    """The texts that a figure shows."""
    texts = list(figure.texts) + [figure._suptitle]
    for axes in figure.axes:
        texts += axes.texts
        if not axes.axison:
            continue
        texts += [axes.title, axes.xaxis.label, axes.yaxis.label]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            texts += [t.label1 for t in axis.get_major_ticks() if low <= t.get_loc() <= high]
        if axes.get_legend():
            texts += axes.get_legend().get_texts()
    return [text for text in dict.fromkeys(texts) if text and text.get_visible()]


def luminance(rgb) -> float:
    """Relative luminance of a colour of three numbers from 0 to 1 (WCAG 2.2)."""
    rgb = np.asarray(rgb)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def beside(axes, text: str, x: float, y: float, shift: tuple, **style) -> None:
    """``text`` beside a point, ``shift`` (points to the right, points up) away from it."""
    axes.annotate(text, (x, y), shift, textcoords="offset points", **style)


def intervals(rows: Sequence[tuple[str, float, float, float]], title: str, alt: str,
              chosen: str | None = None, unit: str = "test accuracy (%)") -> None:  # fmt: skip
    """A dot and its interval for each ``(name, value, low, high)``, labelled where it stands."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(7.2, 0.9 + 0.36 * len(rows)))
        for place, (name, value, low, high) in enumerate(reversed(rows)):
            colour = BLUE if name == chosen else GREY
            axes.plot([low, high], [place, place], color=colour, linewidth=2.5, alpha=0.6)
            axes.plot(value, place, "o", color=colour)
            beside(axes, f"{value:.1f}", value, place, (0, 6), ha="center", color=colour)
        axes.set_yticks(range(len(rows)), [row[0] for row in reversed(rows)])
        axes.set(xlabel=unit, ylim=(-0.6, len(rows) - 0.2))
        show(figure, alt, title)


def curves(history: Sequence[dict], title: str, alt: str) -> None:
    """Training and validation loss by epoch, the lowest validation loss marked."""
    epochs = [row["epoch"] for row in history]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots()
        for key, colour in (("train", GREY), ("validation", BLUE)):
            losses, name = [row[f"{key}_loss"] for row in history], key.replace("train", "training")
            axes.plot(epochs, losses, color=colour)
            beside(axes, name, epochs[-1], losses[-1], (4, 0), va="center", color=colour)
        best = int(np.argmin(losses))
        axes.plot(epochs[best], losses[best], "o", color=BLUE)
        axes.set(xlabel="epoch", ylabel="cross-entropy")
        show(figure, alt, title)


def squares(axes, matrix, most: float, form: str, fontsize=None, **style):
    """A matrix of squares, a darker one for a larger number, each with its number on it."""
    image = axes.imshow(matrix, cmap="Blues", vmin=0, vmax=most, **style)
    for (row, column), value in np.ndenumerate(matrix if form else np.empty((0, 0))):
        # where black and white are equally far from the square's own colour
        dark = luminance(image.cmap(image.norm(value))[:3]) < 0.179
        colour = "white" if dark else "black"
        style = {"ha": "center", "va": "center", "color": colour, "fontsize": fontsize}
        axes.text(column, row, format(value, form), **style)
    axes.spines[:].set_visible(False)
    return image


def confusion(matrix: np.ndarray, labels: Sequence[str], title: str, alt: str) -> None:
    """A confusion matrix: rows the true label, columns the predicted one."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(4.6, 3.2))
        squares(axes, matrix, matrix.sum(1).max(), "d")
        axes.set_xticks(range(len(labels)), labels)
        axes.set_yticks(range(len(labels)), labels)
        axes.set(xlabel="predicted", ylabel="true")
        show(figure, alt, title)


def heatmap(matrix, rows: Sequence[str], columns: Sequence[str], title: str, alt: str) -> None:
    """A matrix of weights, a darker square for a larger one; a small matrix with its numbers."""
    matrix = np.asarray(matrix)
    side = 0.27 if len(rows) > 8 else 0.55  # of a square, in inches
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(7.2, 1.5 + side * len(rows)))
        image = squares(axes, matrix, matrix.max(), ".2f" if len(rows) <= 8 else "")
        axes.set_xticks(range(len(columns)), columns, rotation=90 if len(rows) > 8 else 0)
        axes.set_yticks(range(len(rows)), rows)
        axes.set(xlabel="is read (key)", ylabel="reads (query)")
        figure.colorbar(image, label="weight")
        show(figure, alt, title)
