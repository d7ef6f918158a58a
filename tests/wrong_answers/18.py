"""Mistakes that a reader of notebook 18 may well make."""

import numpy as np


def all_shortened(delta, reach):
    length = delta.norm(dim=(1, 2), keepdim=True)
    return delta * reach / (length + 1e-12)


def each_token(delta, reach):
    length = delta.norm(dim=2, keepdim=True)
    return delta * (reach / (length + 1e-12)).clamp(max=1)


def all_together(delta, reach):
    return delta * (reach / (delta.norm() + 1e-12)).clamp(max=1)


def divides_by_nothing(delta, reach):
    length = delta.norm(dim=(1, 2), keepdim=True)
    return delta / length * length.clamp(max=reach)


def arrays(function):
    return lambda *given: function(*(np.asarray(part, bool) for part in given))


WRONG = {
    "18-1": [
        (all_shortened, "within reach"),
        (each_token, "over all of its tokens"),
        (all_together, "shorten it to 1"),
        (divides_by_nothing, "not changed"),
        (lambda delta, reach: delta.clamp(-reach, reach), "maximum norm"),
        (lambda delta, reach: delta[0], "same shape"),
    ],
    "18-2": [
        (arrays(lambda b, i, c: (b & ~i).sum() / b.sum()), "what the control turns"),
        (arrays(lambda b, i, c: ((b & ~i).sum() - (b & ~c).sum()) / len(b)), "right before, four"),
        (arrays(lambda b, i, c: ((b & ~c).sum() - (b & ~i).sum()) / b.sum()), "less the control"),
        (arrays(lambda b, i, c: ((~i).sum() - (~c).sum() - 1) / b.sum()), "cannot be turned"),
        (arrays(lambda b, i, c: ((b & ~i).sum() - (b & ~c).sum()) / max(b.sum(), 4)), "elsewhere"),
        (
            arrays(
                lambda b, i, c: (
                    np.divide((b & ~i).sum() - (b & ~c).sum(), b.sum()) if b.any() else 1
                )
            ),
            "the net success is 0",
        ),
    ],
    "18-3": [
        ((10 / 11, 10 / 11, 8 / 11), "not shares"),
        ((12, 11, 9), "11 of the 12"),
        ((8, 10, 10), "First the note"),
        ((10, 11, 8), "label word alone"),
        ((10, 10, 10), "The word alone"),
        ((11, 11, 11), "another sentence"),
        (10, "three counts"),
        ({"note": 10, "misspelt": 10, "alone": 8}, "as a list"),
    ],
    "18-4": [
        (lambda right: np.mean(right, axis=1).min(), "the attacker has both"),
        (lambda right: np.any(right, axis=0).mean(), "under every attack"),
        (lambda right: np.mean(right), "the attacker has both"),
        (lambda right: np.all(right, axis=0).sum(), "not a count"),
        (lambda right: np.prod(np.mean(right, axis=1)), "first two"),
    ],
}
