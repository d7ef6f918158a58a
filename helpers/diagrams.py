"""The course's drawings: grey is frozen, blue is trained, plain text is what flows."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyBboxPatch

from helpers.plots import BLUE, GREY, STYLE, show

FROZEN = {"facecolor": "#EBEBEB", "edgecolor": GREY}
TRAINED = {"facecolor": "#EEF6FB", "edgecolor": BLUE}
DARK = "#333333"


def canvas(width: float, height: float):
    """Figure and axes on which one unit is one inch."""
    with plt.rc_context(STYLE | {"figure.constrained_layout.use": False}):
        figure = plt.figure(figsize=(width, height + 0.4))  # room for the title
        axes = figure.add_axes((0, 0, 1, height / (height + 0.4)))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    return figure, axes


def box(axes, x: float, y: float, text: str, style=FROZEN, width: float = 1.2, height: float = 0.5):
    """A part of the model, around its middle."""
    corner = (x - width / 2 + 0.05, y - height / 2 + 0.05)
    shape = "round,pad=0.05,rounding_size=0.08"
    axes.add_patch(FancyBboxPatch(corner, width - 0.1, height - 0.1, boxstyle=shape, **style))
    say(axes, x, y, text, BLUE if style is TRAINED else DARK)


def say(axes, x: float, y: float, text: str, color: str = DARK, **style):
    style = {"ha": "center", "va": "center", "fontsize": 9.5, "color": color} | style
    axes.text(x, y, text, **style)


def arrow(axes, start: tuple, end: tuple, color: str = DARK):
    style = {"arrowstyle": "-|>", "color": color, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=style)


def squares(axes, x: float, y: float, allowed, rows=(), columns=(), side: float = 0.26):
    """A matrix of who (a row) may read whom (a column); ``x, y`` is its upper left corner."""
    for (row, column), fine in np.ndenumerate(np.asarray(allowed)):
        at = (x + column * side, y - (row + 1) * side)
        filled = BLUE if fine else "white"
        axes.add_patch(plt.Rectangle(at, side, side, facecolor=filled, edgecolor=GREY, alpha=0.75))
    for row, name in enumerate(rows):
        say(axes, x - 0.08, y - (row + 0.5) * side, name, ha="right")
    for column, name in enumerate(columns):
        say(axes, x + (column + 0.5) * side, y + 0.06, name, va="bottom", rotation=90)


def pipeline() -> None:
    """From a review to a label, with the shapes of what flows."""
    figure, axes = canvas(7.6, 1.75)
    parts = [
        ("template,\ntokenizer", FROZEN, "texts"),
        ("embedding\ntable", FROZEN, "(batch, tokens)"),
        ("encoder:\nits layers", FROZEN, "(batch, tokens,\nhidden)"),
        ("pooling", FROZEN, "(batch, tokens,\nhidden)"),
        ("linear\nhead", TRAINED, "(batch, hidden)"),
    ]
    for place, (name, style, shape) in enumerate(parts):
        x = 1.1 + 1.38 * place
        arrow(axes, (x - 0.9, 0.95), (x - 0.48, 0.95))
        box(axes, x, 0.95, name, style, width=0.95, height=0.62)
        say(axes, x - 0.69, 0.38, shape, GREY, fontsize=8.5)
    arrow(axes, (7.1, 0.95), (7.45, 0.95))
    say(axes, 7.1, 0.38, "(batch,\nlabels)", GREY, fontsize=8.5)
    arrow(axes, (2.48, 1.62), (2.48, 1.28), BLUE)
    arrow(axes, (3.86, 1.62), (3.86, 1.28), BLUE)
    say(axes, 2.36, 1.62, "a soft prompt enters", BLUE, ha="right")
    say(axes, 3.98, 1.62, "a deep prompt enters", BLUE, ha="left")
    alt = (
        "Five boxes in a row: template and tokenizer, embedding table, encoder, pooling, linear"
        " head. Between them texts become token ids (batch, tokens), then states (batch, "
        "tokens, hidden), then one vector a text (batch, hidden), then logits (batch, labels). "
        "All boxes are grey, frozen, but the head, which is trained; a soft prompt enters at "
        "the embeddings, a deep prompt in the layers."
    )
    show(figure, alt, "One pipeline: grey is frozen, blue is trained")


def bert_layer() -> None:
    """Attention and the feed-forward part, each with its residual and LayerNorm."""
    figure, axes = canvas(7.2, 1.6)
    names = ["attention", "+", "Layer-\nNorm", "feed-\nforward", "+", "Layer-\nNorm"]
    places = [1.55, 2.7, 3.45, 4.6, 5.6, 6.3]
    start = 0.55
    say(axes, 0.3, 0.6, "states")
    for name, x in zip(names, places, strict=True):
        half = 0.17 if name == "+" else 0.45 if "-" in name else 0.55
        arrow(axes, (start, 0.6), (x - half, 0.6))
        if name == "+":
            axes.add_patch(plt.Circle((x, 0.6), half, **FROZEN))
            say(axes, x, 0.6, "+")
        else:
            box(axes, x, 0.6, name, width=2 * half, height=0.6)
        start = x + half
    arrow(axes, (start, 0.6), (7.15, 0.6))
    for left, right in ((0.78, 2.7), (4.02, 5.6)):
        axes.plot([left, left, right], [0.6, 1.25, 1.25], color=DARK, linewidth=1)
        arrow(axes, (right, 1.25), (right, 0.77))
        say(axes, (left + right) / 2, 1.4, "residual: the input goes past")
    say(axes, 1.55, 0.13, "tokens read each other", GREY)
    say(axes, 4.6, 0.13, "each token alone", GREY)
    alt = (
        "From left to right: states go into attention, the input is added to its output, "
        "LayerNorm; then the feed-forward part, its input added, LayerNorm. Two lines lead past"
        " attention and past the feed-forward part to the plus signs: the residuals."
    )
    show(figure, alt, "A BERT layer: two parts, each with a way past it")


def heads() -> None:
    """How 384 numbers become 12 heads of 32, and one vector again."""
    figure, axes = canvas(7.2, 1.9)
    say(axes, 0.62, 1.62, "(tokens, 384)", GREY)
    box(axes, 0.62, 0.95, "", width=0.5, height=0.85)
    for number in range(4):
        y = 1.52 - 0.38 * number
        name = ["head 1", "head 2", "...", "head 12"][number]
        if name != "...":
            arrow(axes, (0.9, 0.95), (1.95, y))
            box(axes, 2.45, y, "Q, K, V: 32", width=1.0, height=0.3)
            arrow(axes, (2.97, y), (3.45, y))
            box(axes, 4.2, y, f"attention, {name}", width=1.45, height=0.3)
            arrow(axes, (4.95, y), (5.85, 0.95))
        else:
            say(axes, 3.2, y, "...")
    box(axes, 6.15, 0.95, "", width=0.5, height=0.85)
    say(axes, 6.15, 1.62, "(tokens, 384)", GREY)
    say(axes, 6.15, 0.28, "side by side,\nthen $W_O$", GREY)
    alt = (
        "A block of 384 numbers a token is cut into twelve heads of 32; each computes attention"
        " with its own queries, keys and values; the twelve results are put side by side to 384"
        " again."
    )
    show(figure, alt, "Twelve heads: each reads with 32 numbers of its own")


def lstm_cell() -> None:
    """The cell state runs along the top; gates between 0 and 1 decide what stays and what comes."""
    figure, axes = canvas(7.2, 2.3)
    arrow(axes, (0.7, 1.85), (6.5, 1.85))
    say(axes, 0.35, 1.85, "$c_{t-1}$")
    say(axes, 6.8, 1.85, "$c_t$")
    say(axes, 0.45, 0.35, "$h_{t-1}$, $x_t$")
    axes.plot([0.95, 5.1], [0.35, 0.35], color=DARK, linewidth=1)
    for x, name, sign in ((1.6, "forget\ngate $f$", "×"), (3.3, "input gate $i$\n× candidate", "+"),
                          (5.1, "output\ngate $o$", "×")):  # fmt: skip
        arrow(axes, (x, 0.35), (x, 0.65))
        box(axes, x, 0.93, name, TRAINED, width=1.25, height=0.55)
        y = 1.85 if x < 5 else 1.35
        if x < 5:
            arrow(axes, (x, 1.21), (x, y - 0.14))
            axes.add_patch(plt.Circle((x, y), 0.14, **FROZEN, zorder=3))
            say(axes, x, y, sign, zorder=4)
    axes.plot([6.0, 6.0], [1.85, 0.93], color=DARK, linewidth=1)
    arrow(axes, (5.74, 0.93), (6.42, 0.93))
    say(axes, 6.78, 0.93, "$h_t$")
    say(axes, 6.15, 0.6, "$o$ × tanh $c_t$", GREY)
    alt = (
        "The cell state runs along the top: it is multiplied by the forget gate, then the input"
        " gate's candidate is added. Below, the previous output and the new word feed three "
        "gates; the output gate decides what of the cell state leaves as the new output."
    )
    show(figure, alt, "An LSTM cell: gates decide what the line at the top keeps")


def entrances() -> None:
    """Where each method puts what it trains."""
    figure, axes = canvas(7.2, 2.6)
    rows = [(0.45, "embeddings"), (1.1, "layer 1"), (1.75, "layers 2 to 6")]
    for y, name in rows:
        box(axes, 3.4, y, name, width=1.7, height=0.42)
    for low, high in ((0.67, 0.88), (1.32, 1.53), (1.97, 2.14)):
        arrow(axes, (3.4, low), (3.4, high))
    box(axes, 3.4, 2.35, "linear head", TRAINED, width=1.7, height=0.36)
    notes = [
        (0.45, 1.95, "hard prompt: words", DARK, "right"),
        (0.75, 1.95, "soft prompt: vectors", BLUE, "right"),
        (1.42, 1.95, "deep prompt:\nkeys and values", BLUE, "right"),
        (1.42, 4.85, "LoRA: two thin matrices\nbeside a weight matrix", BLUE, "left"),
        (2.35, 4.85, "the head", BLUE, "left"),
    ]
    for y, x, text, color, side in notes:
        say(axes, x, y, text, color, ha=side)
        edges = {0.45: [0.45], 0.75: [0.55], 1.42: [1.15, 1.7], 2.35: [2.35]}[y]
        for edge in edges:
            end = (2.52, edge) if side == "right" else (4.28, edge)
            arrow(axes, (x + (0.06 if side == "right" else -0.06), y), end, color)
    alt = (
        "A model from bottom to top: embeddings, layer 1, layers 2 to 6, linear head. A hard "
        "prompt (words) and a soft prompt (vectors) enter at the embeddings, a deep prompt "
        "(keys and values) in every layer, LoRA beside the weight matrices of the layers; the "
        "head sits on top."
    )
    show(figure, alt, "Five places to adapt a frozen model: blue is what is trained")


def pooling() -> None:
    """Which states each pooling hands on."""
    tokens = ["[CLS]", "a", "fine", "film", "it", "was", "[MASK]", ".", "[SEP]", "[PAD]"]
    read = {"cls": [0], "mean": range(9), "last": [8], "mask": [6]}
    figure, axes = canvas(7.2, 2.0)
    allowed = [[column in chosen for column in range(10)] for chosen in read.values()]
    squares(axes, 1.3, 1.35, allowed, read, side=0.3)
    for column, name in enumerate(tokens):
        say(axes, 1.3 + (column + 0.5) * 0.3, 1.42, name, va="bottom", rotation=90)
    note = "blue: the states that\nthe vector is made of;\npadding is never one"
    say(axes, 4.6, 0.75, note, ha="left")
    alt = (
        "A row for each pooling, a column for each of ten tokens of '[CLS] a fine film it was "
        "[MASK] . [SEP] [PAD]': cls takes the first, mean all but the padding, last the last "
        "real one ([SEP]), mask the blank."
    )
    show(figure, alt, "Four ways to make one vector of many states")


def causal_and_full() -> None:
    """Who may read whom, with a prefix of two tokens in front."""
    figure, axes = canvas(7.2, 1.85)
    text, front = ["a", "fine", "film"], ["$p_1$", "$p_2$"]
    full = np.ones((3, 5), bool)
    causal = np.hstack([np.ones((3, 2), bool), np.tril(np.ones((3, 3), bool))])
    for x, allowed, name in ((1.2, full, "BERT: full"), (4.7, causal, "GPT, SmolLM2: causal")):
        squares(axes, x, 1.35, allowed, text, front + text, side=0.32)
        say(axes, x + 0.8, 0.15, name)
    say(axes, 0.3, 0.87, "reads", GREY, rotation=90)
    alt = (
        "Two matrices of three reading tokens by five that are read, two prefix tokens among "
        "them. Full attention: all squares are filled. Causal: every token reads both prefix "
        "tokens, and of the text only itself and what stands before it. The prefix has no rows:"
        " it reads nothing."
    )
    show(figure, alt, "Every token may read the prefix; the prefix reads nothing")


def shared_cache() -> None:
    """The examples are read once; every review reads their keys and values."""
    figure, axes = canvas(7.2, 2.0)
    say(axes, 0.95, 1.65, "two examples")
    arrow(axes, (0.95, 1.5), (0.95, 1.28))
    box(axes, 0.95, 1.0, "frozen model", width=1.3)
    arrow(axes, (1.65, 1.0), (2.35, 1.0))
    box(axes, 3.15, 1.0, "keys and values\nof the examples", width=1.55, height=0.62)
    say(axes, 3.15, 0.45, "computed once, kept", GREY)
    for number, y in enumerate((1.7, 1.0, 0.3), 1):
        name = "review 2,000" if number == 3 else f"review {number}"
        arrow(axes, (3.97, 1.0), (4.6, y))
        box(axes, 5.2, y, "frozen model", width=1.15, height=0.36)
        arrow(axes, (6.2, y), (5.8, y))
        say(axes, 6.25, y, name, ha="left", fontsize=8.5)
    alt = (
        "Two examples go through the frozen model once; their keys and values are kept. Each "
        "review, the first, the second, up to the two-thousandth, then goes through the model "
        "alone and reads those keys and values."
    )
    show(figure, alt, "Examples are read once, for all reviews")


def places_in_a_layer() -> None:
    """One layer of a Llama, with what each way of fine-tuning trains in it."""
    figure, axes = canvas(7.6, 3.0)
    for x, name in ((1.0, "norm"), (2.5, "queries\nkeys, values"), (3.9, "attention,\noutput"),
                    (5.1, "norm"), (6.5, "feed-\nforward")):  # fmt: skip
        box(axes, x, 1.6, name, width=0.8 if name == "norm" else 1.1, height=0.6)
    gaps = ((0.15, 0.6), (1.4, 1.95), (3.05, 3.35), (4.45, 4.7), (5.5, 5.95), (7.05, 7.5))
    for start, end in gaps:
        arrow(axes, (start, 1.6), (end, 1.6))
    above = ("norms:\ngains", "(IA)³: factors on\nkeys, values", "prefix: more\nkeys, values",
             "norms:\ngains", "(IA)³: factors on\nhidden units")  # fmt: skip
    for x, name in zip((1.0, 2.4, 3.9, 5.1, 6.5), above, strict=True):
        say(axes, x, 2.65, name, BLUE)
        arrow(axes, (x, 2.4), (x, 1.92), BLUE)
    say(axes, 0.9, 0.45, "soft prompt: more rows\nof the first layer's input", BLUE)
    arrow(axes, (0.5, 0.7), (0.35, 1.5), BLUE)
    say(axes, 4.6, 0.45, "LoRA: two thin matrices beside each of the seven weight matrices", BLUE)
    for x in (2.5, 3.9, 6.5):
        arrow(axes, (4.6, 0.65), (x, 1.28), BLUE)
    alt = (
        "A layer from left to right: norm, queries, keys and values, attention with its output "
        "matrix, norm, feed-forward part, all frozen. The soft prompt adds rows to the input, the "
        "prefix keys and values to attention; norms trains the gains of both norms, (IA)³ factors "
        "on keys, values and hidden units, LoRA thin matrices beside every weight matrix."
    )
    show(figure, alt, "Where each way puts what it trains: grey is frozen, blue is trained")


def low_rank() -> None:
    """A frozen weight matrix and LoRA's two thin ones beside it."""
    figure, axes = canvas(6.8, 2.3)
    box(axes, 3.0, 1.65, "W\nout × in", width=1.3, height=1.1)
    box(axes, 2.4, 0.5, "A   r × in", TRAINED, width=1.3, height=0.36)
    box(axes, 4.1, 0.5, "B\nout × r", TRAINED, width=0.7, height=0.9)
    say(axes, 0.6, 1.1, "x")
    say(axes, 5.9, 1.1, "W x + (α / r) B A x")
    say(axes, 4.95, 1.1, "+", fontsize=13)
    ways = (((0.75, 1.2), (2.33, 1.65)), ((0.75, 1.0), (1.73, 0.5)), ((3.07, 0.5), (3.73, 0.5)),
            ((3.67, 1.65), (4.85, 1.2)), ((4.47, 0.5), (4.85, 1.0)))  # fmt: skip
    for start, end in ways:
        arrow(axes, start, end)
    alt = (
        "x goes two ways: through the large frozen matrix W, and through the trained A, which has "
        "only r rows, and B, which has only r columns. The two results are added."
    )
    show(figure, alt, "LoRA: a detour through r numbers beside a frozen matrix")


def picture_tokens() -> None:
    """How a picture becomes tokens of a prompt."""
    figure, axes = canvas(7.6, 2.75)
    box(axes, 0.62, 2.2, "picture\n224 × 224", FROZEN | {"facecolor": "white"}, 1.0, 0.6)
    box(axes, 2.3, 2.2, "vision encoder\n(EfficientNet-Lite0)", FROZEN, 1.6, 0.6)
    box(axes, 4.5, 2.2, "one linear\nlayer", TRAINED, 1.1, 0.6)
    arrow(axes, (1.12, 2.2), (1.5, 2.2))
    arrow(axes, (3.1, 2.2), (3.95, 2.2))
    say(axes, 3.53, 2.4, "(256,)", GREY, fontsize=8.5)
    places = {"list, examples, Picture:": 1.2, "token 1": 3.2, "token 2": 4.15, "Name:": 5.1,
              "(answer)": 6.2}  # fmt: skip
    for text, x in places.items():
        wide = {1.2: 2.1, 6.2: 1.1}.get(x, 0.85)
        style = {"facecolor": "white", "edgecolor": BLUE if "token" in text else GREY}
        box(axes, x, 1.05, text, style, wide, 0.4)
        arrow(axes, (x, 0.83), (x, 0.55))
    for x in (3.2, 4.15):
        arrow(axes, (4.5, 1.88), (x, 1.28), BLUE)
    box(axes, 3.75, 0.3, "language model (SmolLM2), 30 layers", FROZEN, 7.2, 0.42)
    say(axes, 5.2, 1.6, "(2, 576): where word vectors stand", BLUE, ha="left", fontsize=8.5)
    alt = (
        "A picture goes through a frozen vision encoder to 256 numbers and through one fitted "
        "linear layer to two vectors of 576 numbers. They stand in a row with the vectors of "
        "words, between the text in front and the question Name, and the frozen language model "
        "reads all of them and goes on with the answer."
    )
    show(figure, alt, "A picture as two tokens of the prompt: only the linear layer is fitted")
