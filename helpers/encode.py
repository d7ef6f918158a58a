"""From texts to features: batches by length, one pass through the frozen encoder, a cache."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch.nn.utils.rnn import pad_sequence
from tqdm.auto import tqdm

from helpers.assets import cache_dir
from helpers.prompts import PromptClassifier


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


def pad(ids: Sequence[list[int]], pad_token_id: int) -> dict[str, torch.Tensor]:
    """``input_ids`` and ``attention_mask``, both (batch, tokens), padded on the right."""
    longest = max(map(len, ids))
    input_ids = [row + [pad_token_id] * (longest - len(row)) for row in ids]
    attention_mask = [[1] * len(row) + [0] * (longest - len(row)) for row in ids]
    return {
        "input_ids": torch.tensor(input_ids),
        "attention_mask": torch.tensor(attention_mask),
    }


@torch.no_grad()  # and not inference_mode: a head is trained on these tensors
def encode(classifier: PromptClassifier, texts: Sequence[str], budget: int = 2048) -> torch.Tensor:
    """Features (texts, hidden) in float32, in the order of ``texts``, with a progress bar."""
    ids = classifier.input_ids(texts)
    features = torch.empty(len(ids), classifier.head.in_features)
    with tqdm(total=len(ids), desc="encoding", leave=False, delay=1) as bar:
        for rows in batches_by_length([len(row) for row in ids], budget):
            picked = [ids[row] for row in rows]
            batch = pad(picked, classifier.tokenizer.pad_token_id)
            features[rows] = classifier.features(batch)
            bar.update(len(rows))
    return features


class Inputs:
    """Token ids of texts for the training of a prompt: ``inputs[rows]`` is a padded batch.

    Under a deep prompt in the top layers, the states below it do not depend on what is trained:
    ``keep_lower`` computes them once, (tokens, hidden) for each text.
    """

    def __init__(self, classifier: PromptClassifier, texts: Sequence[str]):
        self.ids = classifier.input_ids(texts)
        self.pad_token_id = classifier.tokenizer.pad_token_id
        self.lower = None

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows) -> dict[str, torch.Tensor]:
        batch = pad([self.ids[row] for row in rows], self.pad_token_id)
        if self.lower is not None:
            batch["hidden"] = pad_sequence([self.lower[row] for row in rows], batch_first=True)
        return batch

    def batches(self, size: int, generator) -> list[torch.Tensor]:
        """Rows in batches of like length (up to chance), the batches in random order."""
        lengths = torch.tensor([len(row) for row in self.ids])
        noise = 4 * torch.rand(len(lengths), generator=generator)
        batches = (lengths + noise).argsort().split(size)
        return [batches[i] for i in torch.randperm(len(batches), generator=generator)]


@torch.no_grad()
def keep_lower(classifier: PromptClassifier, inputs: Inputs) -> None:
    """Store what the layers below the deep prompt make of ``inputs``."""
    inputs.lower = [None] * len(inputs)
    for rows in batches_by_length([len(row) for row in inputs.ids]):
        batch = pad([inputs.ids[row] for row in rows], inputs.pad_token_id)
        hidden = classifier.prompt.lower(classifier.encoder, batch)
        for row, states in zip(rows, hidden, strict=True):
            inputs.lower[row] = states[: len(inputs.ids[row])].clone()


def features_key(classifier: PromptClassifier, texts: Sequence[str]) -> str:
    """A name for all that the features depend on."""
    about = [
        classifier.encoder.base,
        str(classifier.encoder.dtype),
        classifier.template.text,
        classifier.pooling,
        classifier.max_length,
        list(texts),
    ]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:24]


def cached_encode(classifier: PromptClassifier, texts: Sequence[str]) -> torch.Tensor:
    """``encode``, but the same model, template and texts are computed once per machine.

    Only for hard prompts: a trained prompt changes at every step, so it is never cached.
    """
    if classifier.prompt is not None:
        return encode(classifier, texts)
    name = f"{features_key(classifier, texts)}.safetensors"
    path = cache_dir() / "features" / name
    features = read_features(path)
    if features is None:
        features = encode(classifier, texts)
        write_features(path, features)
    return features


def read_features(path: Path) -> torch.Tensor | None:
    """The features in the file, or None if it is not there or damaged."""
    try:
        return load_file(path)["features"]
    except (OSError, SafetensorError, KeyError):
        return None


def write_features(path: Path, features: torch.Tensor) -> None:
    """Write the file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    save_file({"features": features}, part)
    part.replace(path)


def predict(classifier: PromptClassifier, texts: Sequence[str]) -> torch.Tensor:
    """Probability of each label for each text: (texts, labels)."""
    with torch.inference_mode():
        return classifier.head(encode(classifier, texts)).softmax(-1)
