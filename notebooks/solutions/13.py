"""Checks, hints and reference solutions of notebook 13."""

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
        'Start from build("head"), then replace(classifier.encoder.layers[20:], LINEAR, make) '
        "with make = lambda layer, number: LoRA(layer, seed=number).",
        'operations(...) gives operations and tokens; divide by those of build("LoRA").',
    ],
    4: [
        "Keep the rows at k whose method needs at most most_mb: trials['method'].map(peaks).",
        "groupby(['method', 'rate'])['loss'].mean().idxmin() is a pair of method and rate.",
    ],
}


class Detour(nn.Module):
    """Has the parts of the notebook's LoRA, drawn at random."""

    def __init__(self, rows: int, columns: int, rank: int, scale: float, bias: bool, seed: int):
        super().__init__()
        torch.manual_seed(seed)
        self.linear, self.scale = nn.Linear(columns, rows, bias=bias), scale
        self.down = nn.Parameter(torch.randn(rank, columns))
        self.up = nn.Parameter(torch.randn(rows, rank))

    def forward(self, x):
        return self.linear(x) + self.scale * (x @ self.down.T) @ self.up.T


def check_1(answer):
    for case in ((3, 5, 2, 2.0, True, 0), (4, 4, 1, 0.5, False, 1)):
        layer = Detour(*case)
        before = {name: part.clone() for name, part in layer.state_dict().items()}
        frozen, change = before["linear.weight"], before["up"] @ before["down"]
        merged = answer(layer)
        assert isinstance(merged, nn.Linear), "Return an nn.Linear, not a matrix or a LoRA."
        for name, part in layer.state_dict().items():
            assert torch.equal(part, before[name]), (
                f"`layer` has changed ({name}): add to a copy of its linear layer."
            )
        weight = merged.weight.detach()
        assert weight.shape == frozen.shape, f"The weight is (out, in), {tuple(frozen.shape)}."
        assert not torch.allclose(weight, frozen), "Nothing was added."
        assert not torch.allclose(weight, frozen + change), "The difference counts scale times."
        assert torch.allclose(weight, frozen + layer.scale * change, atol=1e-5), (
            "The weights are W + scale * up @ down: (out, rank) times (rank, in)."
        )
        assert merged.bias is None or merged.bias is not layer.linear.bias, (
            "The new layer shares its bias with the old one: copy it."
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
    assert not near((4 * (total - learnt) + 8 * learnt) / 1e9), (
        "Weight and gradient make 8 bytes: AdamW's two moments are missing."
    )
    assert not near(16 * total / 1e9), "Frozen parameters have neither gradient nor moments."
    assert near(wanted), "frozen_bytes for each frozen parameter, 16 for each trained one."
    four_bits = answer(total, learnt, 0.5)
    assert not np.isclose(four_bits, given), "frozen_bytes was not used."
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
    assert share < 100, "That is a count of operations: divide by LoRA's in all thirty layers."
    assert share <= 1.6, "In percent? Give the share as a number below 1."
    assert share <= 1.0 + 1e-6, "Divide the top ten's by those of all thirty, not the other way."
    assert not 0.33 < share < 0.36, (
        "That is what falls away, or a third as if only ten layers ran. Asked is what is left; the "
        "way forward passes all thirty."
    )
    assert share < 0.95, (
        "Almost nothing was saved: LoRA is in the bottom layers, or in all thirty. The top ten are "
        "encoder.layers[20:]."
    )
    assert not 0.68 < share < 0.72, "Divide by LoRA's operations, not by another way's."
    assert not 0.661 < share < 0.68, (
        "That is the formula's 2/3. Measure: LoRA's own products count as well."
    )
    assert 0.645 < share < 0.661, (
        'Measure operations(...) of both; the one starts from build("head"), so that nothing below '
        "layer 20 is trained."
    )


def solution_3():
    return 0.655  # measured by the code that the notebook shows under "Solution"


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
            ("wide", 0.1, 16, 0.35), ("huge", 0.1, 16, 0.2), ("slim", 0.1, 64, 0.0)]  # fmt: skip
    trials = pd.DataFrame(rows, columns=["method", "rate", "k", "loss"])
    before, peaks = trials.copy(), {"slim": 100, "wide": 200, "huge": 900}
    given = answer(trials, peaks, 16, 200)
    assert trials.equals(before), "Leave the table as it is."
    assert len(given) == 2 and given[0] in peaks, "Return a pair: method, then rate."
    given = given[0], round(float(given[1]), 6)
    strictly = "A method that needs just most_mb fits: at most, not less."
    assert answer(trials[trials["method"] == "wide"], peaks, 16, 200)[0] == "wide", strictly
    assert given[0] != "huge", "That one needs more memory than there is."
    assert given != ("slim", 0.01), "The mean over a rate's draws decides, and the lowest one."
    assert given != ("slim", 0.1), "Only the trials at k labels count, and the mean, not the sum."
    assert given == ("wide", 0.1), "The lowest mean loss among what fits: wide, 0.1."
    for seed in range(4):
        own = table_of(seed)
        agree(answer, solution_4(), (*own, 16, 200), (*own, 64, 900), (*own, 16, 100))


def solution_4():
    def choose(trials, peaks, k, most_mb):
        fits = trials[(trials["k"] == k) & (trials["method"].map(peaks) <= most_mb)]
        return fits.groupby(["method", "rate"])["loss"].mean().idxmin()

    return choose
