"""From texts to padded batches of token ids: a template's words around each text."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from helpers.data import check_texts


class PromptError(ValueError):
    """A prompt does not fit its model, window or file; the message says what to change."""


@dataclass(frozen=True)
class Template:
    """A hard prompt: words around one ``{}``, which stands for the review.

    The prompt's words always survive; a review that is too long is what gets cut. ``[MASK]``
    stands for the blank of any masked model, whatever it calls its own.
    """

    text: str = "{}"

    def __post_init__(self):
        check_template(self.text)

    def input_ids(self, tokenizer, texts: Sequence[str], max_length: int = 256) -> list[list[int]]:
        """Special tokens, words before, review, words after: at most max_length ids a text."""
        before, after = self.text.replace("[MASK]", blank(tokenizer, self.text)).split("{}")
        space = before[len(before.rstrip(" ")) :]  # in running text it belongs to the next word
        plain = {"add_special_tokens": False}
        before, after = tokenizer([before.rstrip(" "), after], **plain)["input_ids"]
        start, end = special_tokens(tokenizer)
        front, back = start + before, after + end
        room = max_length - len(front) - len(back)
        check_room(room, len(before) + len(after), max_length, tokenizer)
        # split_special_tokens: a reader who types "[MASK]" gets those letters, not the token
        plain |= {"split_special_tokens": True, "truncation": True, "max_length": room}
        reviews = tokenizer([space + text for text in check_texts(texts)], **plain)["input_ids"]
        check_known(reviews, tokenizer)
        return [front + review + back for review in reviews]


def special_tokens(tokenizer) -> tuple[list[int], list[int]]:
    """What the tokenizer itself puts around a text: [CLS] and [SEP] in BERT, a first token in
    Llama 3, nothing in SmolLM2."""
    word = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    at = next(i for i in range(len(whole)) if whole[i : i + len(word)] == word)
    return whole[:at], whole[at + len(word) :]


def blank(tokenizer, template: str) -> str:
    """The tokenizer's name for [MASK]; PromptError if the template has a blank and it none."""
    if tokenizer.mask_token is None and "[MASK]" in template:
        raise PromptError(
            f"This model knows no [MASK], which {template!r} holds: it writes on behind the text. "
            "End the template with words that lead to the answer, and take pooling='last'."
        )
    return tokenizer.mask_token or ""


def check_template(text: str) -> None:
    """PromptError unless there is exactly one slot for the review."""
    if not isinstance(text, str) or text.count("{}") != 1:
        found = text.count("{}") if isinstance(text, str) else type(text).__name__
        raise PromptError(
            f"A template has exactly one {{}} for the review; {text!r} has {found}. "
            "Write for example '{} It was [MASK].'"
        )


def check_room(room: int, prompt: int, max_length: int, tokenizer) -> None:
    """PromptError unless the window leaves at least one token for the review."""
    if max_length > tokenizer.model_max_length:
        raise PromptError(
            f"max_length={max_length} is more than the model's window of "
            f"{tokenizer.model_max_length} tokens: ask for no more than that."
        )
    if room < 1:
        raise PromptError(
            f"The prompt has {prompt} tokens; with special tokens and one token of review that is "
            f"more than max_length={max_length}. Shorten the prompt or raise max_length."
        )


def check_known(reviews: list[list[int]], tokenizer) -> None:
    """Warn of texts that the model cannot read: most of what it gets is the unknown token."""
    if tokenizer.unk_token_id is None:
        return
    lost = [i for i, ids in enumerate(reviews) if 2 * ids.count(tokenizer.unk_token_id) > len(ids)]
    if lost:
        warnings.warn(
            f"{len(lost)} of {len(reviews)} reviews (the first is number {lost[0]}) are mostly "
            f"{tokenizer.unk_token} to this model, which does not know their letters or symbols: "
            "all such reviews look the same to it. Take a model of that language.",
            stacklevel=3,
        )


def padding_id(tokenizer) -> int:
    """The id to fill up with; where there is no padding token any will do, for it is masked."""
    return next(i for i in (tokenizer.pad_token_id, tokenizer.eos_token_id, 0) if i is not None)


def pad(ids: Sequence[list[int]], pad_token_id: int) -> dict[str, torch.Tensor]:
    """``input_ids`` and ``attention_mask``, both (batch, tokens), padded on the right."""
    longest = max(map(len, ids))
    input_ids = [row + [pad_token_id] * (longest - len(row)) for row in ids]
    attention_mask = [[1] * len(row) + [0] * (longest - len(row)) for row in ids]
    return {"input_ids": torch.tensor(input_ids), "attention_mask": torch.tensor(attention_mask)}


def batches_by_length(lengths: Sequence[int], budget: int = 2048) -> Iterator[list[int]]:
    """Positions of texts of like length, longest first; rows x longest stays within ``budget``.

    Texts of one batch are padded to its longest, so like lengths waste little. A text longer
    than the budget gets a batch of its own.
    """
    order = sorted(range(len(lengths)), key=lambda position: -lengths[position])
    while order:
        rows = max(1, budget // lengths[order[0]])
        yield order[:rows]
        order = order[rows:]


class Features:
    """Vectors computed once, for training: ``inputs[rows]`` is a batch (rows, hidden)."""

    def __init__(self, features: torch.Tensor):
        self.features = features

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, rows) -> torch.Tensor:
        return self.features[rows]

    def batches(self, size: int, generator=None) -> Sequence[torch.Tensor]:
        """Rows in random order, ``size`` at a time; without a generator, as they come."""
        if generator is None:
            return torch.arange(len(self)).split(size)
        return torch.randperm(len(self), generator=generator).split(size)


class Inputs:
    """Token ids of texts, for training: ``inputs[rows]`` is a padded batch.

    ``reader`` is a ``PromptClassifier``: its template and tokenizer make the ids.
    """

    def __init__(self, reader, texts: Sequence[str]):
        self.ids = reader.input_ids(texts)
        self.pad_token_id = padding_id(reader.tokenizer)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows) -> dict[str, torch.Tensor]:
        return pad([self.ids[row] for row in rows], self.pad_token_id)

    def batches(self, size: int, generator=None) -> Sequence[torch.Tensor]:
        """Rows in batches of like length: up to chance and in random order with a generator."""
        lengths = torch.tensor([len(row) for row in self.ids])
        if generator is None:
            return lengths.argsort().split(size)
        noise = 4 * torch.rand(len(lengths), generator=generator)
        batches = (lengths + noise).argsort().split(size)
        return [batches[i] for i in torch.randperm(len(batches), generator=generator)]
