"""Classify without training: words that stand for labels, read where the model would write them."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import nn


class VerbalizerError(ValueError):
    """Words, template and model do not fit together; the message says what to change."""


def word_id(tokenizer, word: str) -> int:
    """The number of a word that is one token, or VerbalizerError."""
    ids = tokenizer(word, add_special_tokens=False)["input_ids"]
    check_one_token(tokenizer, word, ids)
    return ids[0]


def check_one_token(tokenizer, word: str, ids: list[int]) -> None:
    """VerbalizerError unless ``ids``, the tokens of ``word``, are one known token."""
    if len(ids) != 1 or ids[0] == tokenizer.unk_token_id:
        pieces = " ".join(tokenizer.convert_ids_to_tokens(ids)) or "nothing"
        raise VerbalizerError(
            f"The label word {word!r} is not one token here, but {pieces}; there "
            "is one blank to fill: choose a word that is one token."
        )


def word_head(lm, ids: Sequence[int]) -> nn.Module:
    """The model's head cut down to the words ``ids``: states (..., hidden) -> (..., words).

    What stands before the output embedding (a dense layer and a norm in BERT and RoBERTa) is
    copied whole; of the output embedding itself, the rows of these words.
    """
    whole = lm.get_output_embeddings()
    few = nn.Linear(whole.in_features, len(ids), bias=whole.bias is not None)
    few.weight = nn.Parameter(whole.weight[ids])
    if whole.bias is not None:
        few.bias = nn.Parameter(whole.bias[ids])
    own = lm.base_model_prefix
    parts = [part for name, part in lm.named_children() if name != own]
    head = deepcopy(nn.Sequential(*parts), {id(whole): few})
    check_head(lm, head, ids)
    return head.float().requires_grad_(False)


@torch.no_grad()
def check_head(lm, head: nn.Module, ids: Sequence[int]) -> None:
    """VerbalizerError unless ``head`` gives the model's own logits for the words ``ids``."""
    one = torch.tensor([ids[:1]], device=lm.device)  # any token will do
    try:
        found = head(lm.base_model(input_ids=one).last_hidden_state)
        same = torch.allclose(found, lm(input_ids=one).logits[..., ids], rtol=0.02, atol=0.02)
    except (TypeError, RuntimeError, NotImplementedError):
        same = False
    if not same:
        raise VerbalizerError(
            f"The head of {type(lm).__name__} is built in a way that is not "
            "known here: take a BERT-, RoBERTa- or Llama-type model."
        )


POOLS = {"logsumexp": torch.logsumexp, "mean": torch.mean}


class Verbalizer(nn.Module):
    """A head that nobody trains (Schick & Schütze 2021): states (texts, hidden) -> (texts, labels).

    Args:
        words: the words of each label, in the order of the label numbers.
        how: ``"logsumexp"`` adds up the probabilities of a label's words; ``"mean"`` takes the
            mean of their logits (the geometric mean of the probabilities).

    ``offset`` (labels,) is subtracted from the log-odds of the labels: see ``calibrate``.
    """

    def __init__(self, tokenizer, lm, words: dict[str, Sequence[str]], how: str = "logsumexp"):
        super().__init__()
        ids = [[word_id(tokenizer, word) for word in some] for some in words.values()]
        check_words(words, ids, how)
        self.words = {label: list(some) for label, some in words.items()}
        self.labels, self.how, self.sizes = list(words), how, [len(some) for some in ids]
        self.head, self.in_features = word_head(lm, sum(ids, [])), lm.config.hidden_size
        self.register_buffer("offset", torch.zeros(len(ids)))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        parts = self.head(states).split(self.sizes, -1)  # one (texts, words) for each label
        logits = [POOLS[self.how](part, -1) for part in parts]
        return torch.stack(logits, -1) - self.offset

    def about(self) -> dict:
        """What a file must say, beside the tensors, to build the head again."""
        return {"kind": "verbalizer", "words": self.words, "how": self.how}


def check_words(words: dict, ids: list[list[int]], how: str) -> None:
    """VerbalizerError unless each of two or more labels has words that are its own."""
    owner = {}
    if len(words) < 2 or how not in POOLS:
        raise VerbalizerError(
            "Give the words of two or more labels, and how='logsumexp' or "
            f"'mean'; here are {len(words)} labels and how={how!r}."
        )
    for (label, some), numbers in zip(words.items(), ids, strict=True):
        if isinstance(some, str) or not numbers:
            raise VerbalizerError(f"The label {label!r} needs a list of one or more words.")
        for word, number in zip(some, numbers, strict=True):
            if number in owner:
                raise VerbalizerError(
                    f"{word!r} stands under {owner[number]!r} and {label!r}: name each word once."
                )
            owner[number] = label


def check_blank(tokenizer, template: str, words: dict[str, Sequence[str]]) -> None:
    """VerbalizerError unless ``template`` has a blank for a word, and the words fit in there."""
    mask = tokenizer.mask_token
    if mask and template.replace(mask, "[MASK]").count("[MASK]") != 1:
        raise VerbalizerError(
            f"This model fills a blank, and {template!r} does not have exactly "
            "one: write for example '{} It was [MASK].'"
        )
    if not mask and ("[MASK]" in template or template.endswith((" ", "{}"))):
        raise VerbalizerError(
            f"This model writes on behind {template!r}: end with words that "
            "lead to the answer, without [MASK] and without a space at the end."
        )
    for word in sum(map(list, words.values()), []):
        spaced = " " + word.lstrip()
        apart = tokenizer.tokenize(word) != tokenizer.tokenize(spaced)
        if apart and not template.endswith("\n"):
            raise VerbalizerError(
                f"To this model {word!r} and {spaced!r} are different tokens, "
                f"and inside a text the second one is written: say {spaced!r}."
            )


def mean_offset(logits: torch.Tensor) -> torch.Tensor:
    """Log of the mean probability of each label: (texts, labels) -> (labels,)."""
    return logits.softmax(-1).mean(0).log()


def median_offset(logits: torch.Tensor) -> torch.Tensor:
    """Median log-probability of each label; with two labels, half the texts fall to each."""
    return logits.log_softmax(-1).median(0).values


OFFSETS = {"mean": mean_offset, "median": median_offset}


def calibrate(verbalizer: Verbalizer, states: torch.Tensor, how: str = "median") -> None:
    """Set the offset such that these texts, whose labels nobody needs, come out even.

    ``how="mean"`` is contextual calibration when the texts say nothing ("N/A"; Zhao et al. 2021),
    and batch calibration when they are reviews (Zhou et al. 2024).
    """
    verbalizer.offset.zero_()
    verbalizer.offset.copy_(OFFSETS[how](verbalizer(states)))
