"""From texts to features: one pass through the frozen encoder, a cache, and predictions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch.nn.utils.rnn import pad_sequence

from helpers.classifier import PromptClassifier
from helpers.files import ROOT, FileError, cache_dir, sha256, writing
from helpers.models import bytes_of, tokenizer_hash, weights_hash
from helpers.progress import progress
from helpers.templates import Inputs, batches_by_length, pad, padding_id

# What turns texts into features: a change of any of it makes the features anew.
CODE = ("templates", "layers", "prompts", "classifier", "encode")


@torch.no_grad()  # and not inference_mode: a head is trained on these tensors
def encode(classifier: PromptClassifier, texts: Sequence[str], budget: int = 2048) -> torch.Tensor:
    """Features (texts, hidden) in float32, in the order of ``texts``, with a progress bar."""
    ids = classifier.input_ids(texts)
    features = torch.empty(len(ids), classifier.encoder.config.hidden_size)
    with progress(total=len(ids), desc="encoding", delay=1) as bar:
        for rows in batches_by_length([len(row) for row in ids], budget):
            picked = [ids[row] for row in rows]
            batch = pad(picked, padding_id(classifier.tokenizer))
            features[rows] = classifier.features(batch).cpu()
            bar.update(len(rows))
    return features


class KeptInputs(Inputs):
    """Token ids of texts and, under a deep prompt in the top layers, the states below it.

    They do not depend on what is trained: computed once, (tokens, hidden) for each text.
    """

    @torch.no_grad()
    def __init__(self, classifier: PromptClassifier, texts: Sequence[str]):
        super().__init__(classifier, texts)
        self.lower, device = [None] * len(self), classifier.encoder.device
        for rows in batches_by_length([len(row) for row in self.ids]):
            batch = {name: part.to(device) for name, part in super().__getitem__(rows).items()}
            hidden = classifier.prompt.lower(classifier.encoder, batch)
            for row, states in zip(rows, hidden, strict=True):
                self.lower[row] = states[: len(self.ids[row])].clone()

    def __getitem__(self, rows) -> dict[str, torch.Tensor]:
        hidden = pad_sequence([self.lower[row] for row in rows], batch_first=True)
        return super().__getitem__(rows) | {"hidden": hidden}


def features_key(classifier: PromptClassifier, texts: Sequence[str]) -> str:
    """A name for all that the features depend on."""
    about = [
        code_version(),
        weights_hash(classifier.encoder),
        tokenizer_hash(classifier.tokenizer),
        classifier.template.text,
        classifier.pooling,
        classifier.max_length,
        classifier.prompt.about(),
        list(texts),
    ]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:24]


@lru_cache
def code_version() -> list[str]:
    """The code and the libraries that make features."""
    files = [sha256(ROOT / "helpers" / f"{name}.py") for name in CODE]
    return files + [version(name) for name in ("torch", "transformers", "tokenizers")]


def cached_encode(classifier: PromptClassifier, texts: Sequence[str]) -> torch.Tensor:
    """``encode``, but the same model, template and texts are computed once per machine.

    A trained prompt changes at every step, so it is never cached.
    """
    if any(True for _ in classifier.prompt.parameters()):
        return encode(classifier, texts)
    path = cache_dir() / "features" / f"{features_key(classifier, texts)}.safetensors"
    features = read_features(path)
    if features is None:
        features = encode(classifier, texts)
        write_features(path, features)
    return features


def read_features(path: Path) -> torch.Tensor | None:
    """The features in the file, or None if it is not there or damaged."""
    try:
        with safe_open(path, "pt") as file:
            features, noted = file.get_tensor("features"), file.metadata()["sha256"]
    except (OSError, SafetensorError, LookupError, TypeError):
        return None
    return features if hashlib.sha256(bytes_of(features)).hexdigest() == noted else None


def write_features(path: Path, features: torch.Tensor) -> None:
    """Write the file whole or not at all; a cache that cannot be written is no error."""
    noted = {"sha256": hashlib.sha256(bytes_of(features)).hexdigest()}
    with suppress(FileError), writing(path) as part:
        save_file({"features": features}, part, metadata=noted)


@torch.no_grad()
def predict(classifier: PromptClassifier, texts: Sequence[str], names: bool = False):
    """Probability of each label for each text, (texts, labels); with ``names``, its likeliest."""
    weights = next(classifier.head.parameters())
    logits = classifier.head(encode(classifier, texts).to(weights)).float().cpu()
    if names:
        return [classifier.labels[label] for label in logits.argmax(-1)]
    return logits.softmax(-1)
