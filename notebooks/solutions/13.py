"""Checks, hints and reference solutions of notebook 13."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import torch
from torch import nn

from helpers.check import agree

HINTS = {
    1: [
        "The difference is layer.scale * layer.up @ layer.down, (out, in), like linear.weight.",
        "copy.deepcopy(layer.linear) makes the new layer; add to its weight in torch.no_grad().",
    ],
    2: [
        "A frozen parameter costs frozen_bytes. A trained one costs four numbers of 4 bytes.",
        "The four are the weight, its gradient, and AdamW's two moments.",
    ],
    3: [
        'Start from build("head"), then replace(classifier.encoder.layers[20:], LINEAR, ...).',
        'operations(...) gives operations and tokens; divide by those of build("LoRA").',
    ],
    4: [
        "Keep the rows at k whose method needs at most most_mb: trials['method'].map(peaks).",
        "groupby(['method', 'rate'])['loss'].mean().idxmin() is a pair of method and rate.",
    ],
}


def lora(rows: int, columns: int, rank: int, scale: float, bias: bool, seed: int):
    """Something with the parts of the notebook's LoRA, drawn at random."""
    torch.manual_seed(seed)
    parts = {"down": torch.randn(rank, columns), "up": torch.randn(rows, rank), "scale": scale}
    return SimpleNamespace(linear=nn.Linear(columns, rows, bias=bias), **parts)


def check_1(answer):
    for case in ((3, 5, 2, 2.0, True, 0), (4, 4, 1, 0.5, False, 1)):
        layer = lora(*case)
        frozen = layer.linear.weight.detach().clone()
        change = layer.up @ layer.down
        merged = answer(layer)
        assert isinstance(merged, nn.Linear), "Return an nn.Linear, not a matrix or a LoRA."
        assert torch.equal(layer.linear.weight, frozen), (
            "The frozen weights of `layer` have changed: add to a copy of its linear layer."
        )
        weight = merged.weight.detach()
        assert weight.shape == frozen.shape, f"The weight is (out, in), {tuple(frozen.shape)}."
        assert not torch.allclose(weight, frozen), "Nothing was added."
        assert not torch.allclose(weight, frozen + change), "The difference counts scale times."
        assert torch.allclose(weight, frozen + layer.scale * change, atol=1e-5), (
            "The weights are W + scale * up @ down: (out, rank) times (rank, in)."
        )
        old, new = layer.linear.bias, merged.bias
        assert (old is None) == (new is None) and (old is None or torch.equal(old, new)), (
            "The bias stays what it was, none if there was none."
        )


def solution_1():
    import copy

    def merge(layer):
        merged = copy.deepcopy(layer.linear)
        with torch.no_grad():
            merged.weight += layer.scale * layer.up @ layer.down
        return merged

    return merge


def check_2(answer):
    total, learnt = 1_000_000_000, 10_000_000
    given = answer(total, learnt)
    wanted = solution_2()(total, learnt)

    def near(other):
        return np.isclose(given, other, rtol=1e-6)

    assert not near(1e9 * wanted), "Give gigabytes, of 10^9 bytes."
    assert not near((4 * total + 16 * learnt) / 1e9), "The trained weights were counted twice."
    assert not near((4 * (total - learnt) + 12 * learnt) / 1e9), (
        "AdamW keeps two moments; or did you leave out the gradient, or the weight itself?"
    )
    assert not near(16 * total / 1e9), "Frozen parameters have neither gradient nor moments."
    assert near(wanted), "frozen_bytes for each frozen parameter, 16 for each trained one."
    four_bits = answer(total, learnt, 0.5)
    assert not np.isclose(four_bits, (0.5 * total + 12 * learnt) / 1e9, rtol=1e-6), (
        "What is trained stays in 4 bytes, its weight too."
    )
    agree(answer, solution_2(), (total, learnt, 0.5), (1000, 1000, 2), (2 * total, 0, 2))


def solution_2():
    def training_gb(total, learnt, frozen_bytes=4):
        return (frozen_bytes * (total - learnt) + 16 * learnt) / 1e9

    return training_gb


def check_3(answer):
    share = float(answer)
    assert share > 0, "A share is above 0."
    assert share <= 1.0 + 1e-6, "Divide the top ten's by those of all thirty, not the other way."
    assert not 0.28 < share < 0.4, (
        "A third would be right if only ten layers ran: the way forward passes all thirty."
    )
    assert share < 0.95, "LoRA is still in all thirty layers: replace in encoder.layers[20:]."
    assert 0.62 < share < 0.72, (
        'Measure operations(...) of both; the one starts from build("head"), so that nothing below '
        "layer 20 is trained."
    )


def solution_3():
    return 0.67  # measured by the code that the notebook shows under "Solution"


def table_of(seed: int):
    """Trials and peaks, drawn at random."""
    rng = np.random.default_rng(seed)
    rows = [
        {"method": method, "rate": rate, "k": k, "loss": rng.random()}
        for method in ("slim", "wide", "huge")
        for rate in (0.01, 0.1)
        for k in (16, 64)
        for _ in range(3)
    ]
    peaks = zip(("slim", "wide", "huge"), rng.permutation([100, 200, 900]), strict=True)
    return pd.DataFrame(rows), dict(peaks)


def check_4(answer):
    rows = [("slim", 0.1, 16, 0.5), ("slim", 0.1, 16, 0.3), ("slim", 0.01, 16, 0.1),
            ("slim", 0.01, 16, 0.9), ("wide", 0.1, 16, 0.35), ("wide", 0.1, 16, 0.35),
            ("huge", 0.1, 16, 0.2), ("huge", 0.1, 16, 0.2), ("slim", 0.1, 64, 0.0)]  # fmt: skip
    trials = pd.DataFrame(rows, columns=["method", "rate", "k", "loss"])
    before, peaks = trials.copy(), {"slim": 100, "wide": 200, "huge": 900}
    given = answer(trials, peaks, 16, 200)
    assert trials.equals(before), "Leave the table as it is."
    assert len(given) == 2, "Return a pair: method and rate."
    given = given[0], float(given[1])
    assert given[0] != "huge", "That one needs more memory than there is."
    assert given != ("slim", 0.01), "One lucky draw: take the mean over a rate's draws."
    assert given != ("slim", 0.1), "Only the trials at k labels count."
    assert given == ("wide", 0.1), "The lowest mean loss among what fits: wide, 0.1."
    for seed in range(4):
        own = table_of(seed)
        agree(answer, solution_4(), (*own, 16, 200), (*own, 64, 900), (*own, 16, 100))


def solution_4():
    def choose(trials, peaks, k, most_mb):
        fits = trials[(trials["k"] == k) & (trials["method"].map(peaks) <= most_mb)]
        return fits.groupby(["method", "rate"])["loss"].mean().idxmin()

    return choose
