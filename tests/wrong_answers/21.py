"""Mistakes that a reader of notebook 21 may well make."""

import numpy as np


def cache(factor=1.0, shared=True, given_width=True):
    """The cache's size, off by a factor, without shared heads or without head_dim."""

    def cache_gb(config, texts, tokens, size=2):
        heads = config["num_attention_heads"]
        width = config["hidden_size"] // heads
        if given_width:
            width = config.get("head_dim", width)
        kept = config.get("num_key_value_heads", heads) if shared else heads
        numbers = 2 * config["num_hidden_layers"] * kept * width * texts * tokens
        return factor * numbers * size / 1e9

    return cache_gb


def labels_of(learnt, flat=True):
    """Labels where `learnt(role, place, turns)` says whether a turn is learnt."""

    def chat_labels(turns):
        parts = [list(ids) if learnt(role, place, turns) else [-100] * len(ids)
                 for place, (role, ids) in enumerate(turns)]  # fmt: skip
        return sum(parts, []) if flat else parts

    return chat_labels


def hard_coded(config, texts, tokens, size=2):
    heads = config.get("num_key_value_heads", 9)
    numbers = 2 * config["num_hidden_layers"] * heads * config.get("head_dim", 64)
    return numbers * texts * tokens * size / 1e9


def by_id(turns):
    """Masks by the id's value: what the user ever wrote is masked everywhere."""
    seen = {n for role, ids in turns if role != "assistant" for n in ids}
    return [-100 if n in seen else n for _, ids in turns for n in ids]


def shifted(turns):
    labels = labels_of(lambda role, *_: role == "assistant")(turns)
    return labels[1:] + [-100]


WRONG = {
    "21-1": [
        (cache(1e9), "gigabytes"),
        (cache(shared=False), "num_key_value_heads"),
        (cache(0.5), "two of each"),
        (lambda config, texts, tokens, size=2: cache()(config, 1, tokens, size), "of its own"),
        (lambda config, texts, tokens, size=2: cache()(config, texts, tokens, 1), "`size` bytes"),
        (cache(given_width=False), "where it is given"),
        (hard_coded, "another model has others"),
        (lambda config, texts, tokens, size=4: cache()(config, texts, tokens, size), "default"),
    ],
    "21-2": [
        (labels_of(lambda *_: True), "Nothing is masked"),
        (labels_of(lambda role, *_: role != "user"), "system"),
        (labels_of(lambda role, *_: role == "user"), "The assistant's tokens"),
        (labels_of(lambda role, place, turns: place == len(turns) - 1), "several answers"),
        (labels_of(lambda role, *_: role == "assistant", flat=False), "one flat list"),
        (shifted, "the loss's business"),
        (labels_of(lambda role, *_: role not in ("user", "system")), "a tool returns"),
        (by_id, "The turn decides"),
    ],
    "21-3": [
        (-0.3, "above 0"),
        (0.0, "above 0"),
        (1e-7, "common count"),
        (25.3, "In percent"),
        (0.078, "the halves"),
        (0.41, "three rows and one"),
        (0.15, "equal weights"),
    ],
    "21-4": [
        (lambda mask: np.asarray(mask).sum(1) - 1, "counts the ones"),
        (lambda mask: np.asarray(mask).sum(1), "from 0"),
        (lambda mask: np.full(len(mask), np.asarray(mask).shape[1] - 1), "zeros on the right"),
        (lambda mask: np.asarray(mask).argmax(1), "zeros on the right"),
    ],
}
