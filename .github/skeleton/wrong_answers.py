"""Mistakes that a reader of notebook NN may well make."""

WRONG = {
    "NN-1": [(0, "fits the mistake"), (2, "fits the mistake")],
    "NN-2": [(0, "fits the mistake"), (1, "fits the mistake")],
    "NN-3": [(0, "fits the mistake"), (1, "fits the mistake")],
}
