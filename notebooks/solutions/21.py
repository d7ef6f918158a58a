"""Checks, hints and reference solutions of notebook 21."""

import numpy as np
import torch

from helpers.check import agree

HINTS = {
    1: [
        "Keys and values (2) in each layer, for each key-value head, head_dim numbers a token.",
        "config.get('num_key_value_heads', heads); the head's size is hidden_size // "
        "num_attention_heads where head_dim is missing.",
    ],
    2: [
        "Go through the turns: of an assistant's take the ids, of any other as many -100.",
        "One flat list comes back: labels += ids if role == 'assistant' else [-100] * len(ids).",
    ],
    3: [
        "gradient(part)[0] is the gradient of one process, divided by its own tokens.",
        "The naive average is the sum of both divided by 2, however many rows each had; then "
        "(average - whole).norm() / whole.norm().",
    ],
    4: [
        "It is the last place at which the mask is 1, which is not the number of ones less one.",
        "Turned around, the first 1: length - 1 - mask[:, ::-1].argmax(1) of a NumPy array "
        "(a torch mask has flip(1)).",
    ],
}
SMOL = {"num_hidden_layers": 30, "num_attention_heads": 9, "hidden_size": 576}


def check_1(answer):
    shared = SMOL | {"num_key_value_heads": 3, "head_dim": 64}
    given = float(answer(shared, 8, 1000, 4))
    wanted = solution_1()(shared, 8, 1000, 4)

    def near(other):
        return np.isclose(given, other, rtol=1e-6)

    assert not near(wanted * 1e9), "Give gigabytes, of 10^9 bytes."
    assert not near(wanted * 3), "There are num_key_value_heads, fewer than the query heads."
    assert not near(wanted / 2), "Keys and values: two of each."
    assert not near(wanted / 8), "Every one of the texts has a cache of its own."
    assert not near(wanted / 2 / 2) and not near(wanted / 4), "`size` bytes for each number."
    assert near(wanted), "2 * layers * key-value heads * head_dim * texts * tokens * size / 1e9."
    assert np.isclose(float(answer(SMOL, 1, 1000)), solution_1()(SMOL, 1, 1000)), (
        "Without num_key_value_heads each of the query heads has its own keys; the default of "
        "`size` is 2."
    )
    wide = SMOL | {"head_dim": 128}
    assert np.isclose(float(answer(wide, 1, 10)), solution_1()(wide, 1, 10)), (
        "head_dim counts where it is given: it need not be hidden_size / heads."
    )
    other = {"num_hidden_layers": 5, "num_attention_heads": 4, "hidden_size": 96}
    assert np.isclose(float(answer(other, 1, 10)), solution_1()(other, 1, 10)), (
        "Read heads and sizes from the configuration: another model has others."
    )
    agree(answer, solution_1(), (shared, 1, 1, 2), (other | {"num_key_value_heads": 2}, 3, 7, 1))


def solution_1():
    def cache_gb(config, texts, tokens, size=2):
        heads = config["num_attention_heads"]
        width = config.get("head_dim") or config["hidden_size"] // heads
        kept = config.get("num_key_value_heads") or heads
        return 2 * config["num_hidden_layers"] * kept * width * texts * tokens * size / 1e9

    return cache_gb


def check_2(answer):
    turns = [("system", [1, 9]), ("user", [5, 6, 7]), ("assistant", [8, 2])]
    given = list(answer(turns))
    assert turns[2] == ("assistant", [8, 2]), "Leave the turns as they are."
    assert len(given) == 7, "One label for each token of all turns, in one flat list."
    given = [int(label) for label in given]
    assert given != [1, 9, 5, 6, 7, 8, 2], "Nothing is masked: that trains the questions, too."
    assert given[:2] == [-100, -100], "The system's words are not to be learnt either."
    assert given[-2:] == [8, 2], (
        "The assistant's tokens stay what they are, its last one too: that ends the answer. The "
        "shift by one is the loss's business."
    )
    assert given == [-100] * 5 + [8, 2], "-100 for all but the assistant."
    twice = [*turns, ("user", [4]), ("assistant", [3, 2])]
    assert [int(label) for label in answer(twice)] == [-100] * 5 + [8, 2, -100, 3, 2], (
        "A chat may have several answers: each is learnt, not only the last one."
    )
    again = [("user", [5, 6]), ("assistant", [6, 2]), ("tool", [6, 3]), ("assistant", [5, 2])]
    given = [int(label) for label in answer(again)]
    assert given[4:6] == [-100, -100], "What a tool returns is read, not learnt."
    assert given == [-100, -100, 6, 2, -100, -100, 5, 2], (
        "The turn decides, not the id: the same id is masked in one turn and learnt in another."
    )
    agree(answer, solution_2(), (twice[2:],), ([("user", [1])],), ([("assistant", [7, 7])],))


def solution_2():
    def chat_labels(turns):
        labels = []
        for role, ids in turns:
            labels += list(ids) if role == "assistant" else [-100] * len(ids)
        return labels

    return chat_labels


def check_3(answer):
    share = float(answer)
    assert share > 0, "A share is above 0: take the norm of the difference."
    assert share > 1e-4, "That is the common count: average gradients that each divided by its own."
    assert not share > 3, "In percent? Give a share, such as 0.04."
    low, high = EVEN
    assert not low < share < high, "That is the halves of section 8: split four[:1] and four[1:]."
    assert not 0.38 < share < 0.45, "That is three rows and one: the first row alone comes first."
    low, high = UNEVEN
    assert low < share < high, (
        "Average the two gradients with equal weights, subtract `whole`, and divide the norm by "
        "that of `whole`."
    )


EVEN, UNEVEN = (0.06, 0.10), (0.22, 0.29)


def solution_3():
    return 0.253  # measured by the code that the notebook shows under "Solution"


def check_4(answer):
    left, right = [[0, 0, 1, 1], [1, 1, 1, 1]], [[1, 1, 0, 0], [1, 1, 1, 1]]
    kind = as_torch if wants_torch(answer) else np.array
    given = np.asarray(answer(kind(right))).tolist()
    assert given != [2, 4], "Places are counted from 0: one less."
    assert given == [1, 3], "With zeros on the right: the last place whose mask is 1."
    given = np.asarray(answer(kind(left))).tolist()
    assert given != [1, 3], (
        "That counts the ones, which is the place only when padding is on the right."
    )
    assert given == [3, 3], "With zeros on the left the last place of the row is real."
    for mask in ([[0, 1, 1, 0, 0], [0, 0, 0, 1, 0]], right, np.eye(3, dtype=int).tolist()):
        given, wanted = np.asarray(answer(kind(mask))).tolist(), solution_4()(mask).tolist()
        assert given == wanted, f"For {mask} the places are {wanted}, not {given}."


def as_torch(mask):
    return torch.tensor(mask)


def wants_torch(answer):
    """Whether a function works on a torch mask alone."""
    try:
        answer(np.array([[1, 0]]))
    except (AttributeError, TypeError):
        return True
    return False


def solution_4():
    def last_real(mask):
        mask = np.asarray(mask)
        return mask.shape[1] - 1 - mask[:, ::-1].argmax(1)

    return last_real
