"""Mistakes that a reader of notebook 11 may well make."""

import math


def mean_of_means(weights, m, mask):
    share = weights[..., :m].sum(-1) * mask[:, None]
    return (share.sum(2) / mask.sum(1)[:, None]).mean(0)


WRONG = {
    "11-1": [
        ((6, 15), "nearest to the head"),
        ((0, 41), "counted from 1"),
        ((4, 26), "Another one"),
        (41, "a pair"),
        ((1, 0.08), "all 500"),
    ],
    "11-2": [
        (lambda weights, m, mask: weights[..., :m].sum(-1), "not (2, 2, 3)"),
        (lambda weights, m, mask: weights[..., :m].sum(-1).mean((0, 2)), "leave its queries out"),
        (
            lambda weights, m, mask: weights[..., m:].sum(-1).transpose(1, 2)[mask.bool()].mean(0),
            "the text's part",
        ),
        (
            lambda weights, m, mask: (weights[..., :m].sum(-1) * mask[:, None]).mean((0, 2)),
            "Divide by the number",
        ),
        (mean_of_means, "mean of the texts' means"),
        (
            lambda weights, m, mask: weights[..., :m].mean(-1).transpose(1, 2)[mask.bool()].mean(0),
            "Sum the first m",
        ),
    ],
    "11-3": [
        (lambda keeping, kept, plain: keeping / kept, "forgets"),
        (lambda keeping, kept, plain: math.ceil(keeping / (plain - kept)), "not yet faster"),
        (lambda keeping, kept, plain: 3, "in the first epoch"),
        (
            lambda keeping, kept, plain: (
                math.floor(keeping / (plain - kept)) + 1 if plain > kept else 0
            ),
            "it never pays",
        ),
    ],
    "11-4": [
        (lambda rows, layers, heads: rows.view(layers, 2, heads, len(rows), -1), "mixes"),
        (lambda rows, layers, heads: rows.view(len(rows), layers, 2, heads, -1), "not (4, 3, 2"),
        (
            lambda rows, layers, heads: rows.view(len(rows), 2, layers, heads, -1).permute(
                2, 1, 3, 0, 4
            ),
            "Within a row",
        ),
    ],
}
