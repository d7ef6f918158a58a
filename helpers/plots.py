"""The course's figures: one palette, direct labels, a message for a title, alt text on each."""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display

# Okabe & Ito (2008), told apart by colour-blind readers; the first is for what we argue for.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#7A7A7A"

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
    """Put ``title`` over ``figure``, display and close it; ``alt`` is for screen readers."""
    figure.suptitle(title, x=0.01, ha="left", fontsize=11.5, fontweight="bold")
    image = io.BytesIO()
    figure.savefig(image, format="png")
    plt.close(figure)
    display(
        {"image/png": image.getvalue(), "text/plain": alt},
        raw=True,
        metadata={"image/png": {"alt": alt}},
    )


def intervals(
    rows: Sequence[tuple[str, float, float, float]],
    title: str,
    alt: str,
    chosen: str | None = None,
    unit: str = "test accuracy (%)",
) -> None:
    """A dot and its interval for each ``(name, value, low, high)``, labelled where it stands."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(7.2, 0.9 + 0.36 * len(rows)))
        for place, (name, value, low, high) in enumerate(reversed(rows)):
            colour = BLUE if name == chosen else GREY
            axes.plot([low, high], [place, place], color=colour, linewidth=2.5, alpha=0.6)
            axes.plot(value, place, "o", color=colour)
            axes.annotate(
                f"{value:.1f}",
                (value, place),
                (0, 6),
                textcoords="offset points",
                ha="center",
                color=colour,
            )
        axes.set_yticks(range(len(rows)), [row[0] for row in reversed(rows)])
        axes.set(xlabel=unit, ylim=(-0.6, len(rows) - 0.2))
        show(figure, alt, title)


def curves(history: Sequence[dict], title: str, alt: str) -> None:
    """Training and validation loss by epoch, the lowest validation loss marked."""
    epochs = [row["epoch"] for row in history]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots()
        for key, colour, name in (
            ("train_loss", GREY, "training"),
            ("validation_loss", BLUE, "validation"),
        ):
            losses = [row[key] for row in history]
            axes.plot(epochs, losses, color=colour)
            axes.annotate(
                name,
                (epochs[-1], losses[-1]),
                (4, 0),
                textcoords="offset points",
                color=colour,
                va="center",
            )
        best = int(np.argmin(losses))
        axes.plot(epochs[best], losses[best], "o", color=BLUE)
        axes.set(xlabel="epoch", ylabel="cross-entropy")
        show(figure, alt, title)


def confusion(matrix: np.ndarray, labels: Sequence[str], title: str, alt: str) -> None:
    """A confusion matrix: rows the true label, columns the predicted one."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(4.6, 3.2))
        axes.imshow(matrix, cmap="Blues", vmin=0, vmax=matrix.sum(1).max())
        for (row, column), count in np.ndenumerate(matrix):
            dark = count > 0.6 * matrix.sum(1).max()
            axes.text(
                column,
                row,
                f"{count}",
                ha="center",
                va="center",
                fontsize=14,
                color="white" if dark else "black",
            )
        axes.set_xticks(range(len(labels)), labels)
        axes.set_yticks(range(len(labels)), labels)
        axes.set(xlabel="predicted", ylabel="true")
        axes.spines[:].set_visible(False)
        show(figure, alt, title)


def heatmap(matrix, rows: Sequence[str], columns: Sequence[str], title: str, alt: str) -> None:
    """A matrix of weights, a darker square for a larger one; a small matrix with its numbers."""
    matrix = np.asarray(matrix)
    side = 0.27 if len(rows) > 8 else 0.55  # of a square, in inches
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(7.2, 1.5 + side * len(rows)))
        image = axes.imshow(matrix, cmap="Blues", vmin=0, vmax=matrix.max())
        for (row, column), weight in np.ndenumerate(matrix):
            if len(rows) <= 8:
                axes.text(
                    column,
                    row,
                    f"{weight:.2f}",
                    ha="center",
                    va="center",
                    color="white" if weight > 0.6 * matrix.max() else "black",
                )
        axes.set_xticks(range(len(columns)), columns, rotation=90 if len(rows) > 8 else 0)
        axes.set_yticks(range(len(rows)), rows)
        axes.set(xlabel="is read (key)", ylabel="reads (query)")
        axes.spines[:].set_visible(False)
        figure.colorbar(image, label="weight")
        show(figure, alt, title)
