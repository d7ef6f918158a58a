"""The classifier: a frozen encoder that reads a prompt and a text, pooling, and a small head."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from helpers.files import writing
from helpers.models import check_model, looks_ahead, tokenizer_hash, weights_hash
from helpers.prompts import NoPrompt, build_prompt
from helpers.templates import PromptError, Template
from helpers.verbalizers import Verbalizer, check_blank

SCHEMA = "prompt-classifier/2"
REVIEW = Template()  # the review alone
FORM = {"labels": list, "template": str, "pooling": str, "max_length": int, "prompt": dict,
        "head": dict}  # fmt: skip


def pool(hidden: torch.Tensor, batch: dict, how: str, mask_token_id: int) -> torch.Tensor:
    """One vector a text from one vector a token: (batch, tokens, hidden) -> (batch, hidden).

    ``how``: ``"cls"`` (first token), ``"mean"`` (of all real tokens), ``"last"`` (last real
    token) or ``"mask"`` (the [MASK] that the template holds).
    """
    mask = batch["attention_mask"].unsqueeze(-1)  # (batch, tokens, 1)
    if how == "mean":
        return (hidden * mask).sum(1) / mask.sum(1)
    if how == "cls":
        return hidden[:, 0]
    if how == "last":
        return hidden[torch.arange(len(hidden)), mask.sum((1, 2)) - 1]
    blanks = batch["input_ids"] == mask_token_id  # (batch, tokens)
    check_one_blank(blanks)
    return hidden[blanks]


class PromptClassifier(nn.Module):
    """A frozen encoder that reads a prompt and ``template`` around a review, pooling, and a head.

    Args:
        tokenizer, encoder: of ``load_encoder``, or a tokenizer and an ``AutoModel`` of your own.
        labels: their names, in the order of their numbers.
        prompt: from ``helpers.prompts``; None reads the template's words alone.

    Raises:
        PromptError: a pooling that this model cannot have, or an unknown one.
        models.ModelError: a tokenizer that is not the model's, or a model with a decoder.
    """

    def __init__(self, tokenizer, encoder, labels: Sequence[str], template: Template = REVIEW,
                 pooling: str = "mean", max_length: int = 256,
                 prompt: nn.Module | None = None):  # fmt: skip
        super().__init__()
        check_model(tokenizer, encoder)
        check_pooling(pooling, encoder, tokenizer)
        self.tokenizer, self.template, self.labels = tokenizer, template, list(labels)
        self.pooling, self.max_length = pooling, max_length
        self.encoder, self.prompt = encoder, prompt or NoPrompt()
        self.head = nn.Linear(encoder.config.hidden_size, len(self.labels))

    def input_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text inside the template."""
        return self.template.input_ids(self.tokenizer, texts, self.max_length)

    def features(self, batch: dict) -> torch.Tensor:
        """Pooled states (batch, hidden) of a padded batch of input_ids and attention_mask."""
        batch = {name: part.to(self.encoder.device) for name, part in batch.items()}
        check_window(self.encoder, batch["input_ids"].shape[1], self.prompt.tokens)
        self.encoder.eval()  # its dropout stays off while a prompt or head is trained
        hidden = self.prompt.states(self.encoder, batch)  # (batch, tokens, hidden)
        return pool(hidden, batch, self.pooling, self.tokenizer.mask_token_id).float()

    def forward(self, batch: dict) -> torch.Tensor:
        """Logits (batch, labels)."""
        return self.head(self.features(batch))


def describe(classifier: PromptClassifier) -> dict:
    """All but the trained tensors: what a saved file and a checkpoint know a classifier by."""
    head = classifier.head
    return {
        "schema": SCHEMA,
        "base": weights_hash(classifier.encoder, torch.bfloat16),
        "tokenizer": tokenizer_hash(classifier.tokenizer),
        "labels": classifier.labels,
        "template": classifier.template.text,
        "pooling": classifier.pooling,
        "max_length": classifier.max_length,
        "prompt": classifier.prompt.about(),
        "head": head.about() if hasattr(head, "about") else {"kind": "linear"},
    }


def zero_shot(tokenizer, lm, template: str, words: dict[str, Sequence[str]],
              how: str = "logsumexp", max_length: int = 256,
              prompt: nn.Module | None = None) -> PromptClassifier:  # fmt: skip
    """A classifier without training, for ``encode`` and ``predict`` like any other.

    Args:
        tokenizer, lm: of ``load_lm``: a masked or a causal model.
        template: one ``{}``, and for a masked model one ``[MASK]``; for a causal one the words
            that lead up to the answer, without a space at the end.
        words: the words that stand for each label; see ``Verbalizer``.
        prompt: what stands in front, see ``PromptClassifier``.
    """
    check_blank(tokenizer, template, words)
    pooling = "mask" if tokenizer.mask_token else "last"
    classifier = PromptClassifier(
        tokenizer, lm.base_model, list(words), Template(template), pooling, max_length, prompt
    )
    classifier.head = Verbalizer(tokenizer, lm, words, how)
    return classifier


def save_classifier(classifier: PromptClassifier, path: str | Path) -> Path:
    """Write head and prompt alone (no base weights) to a safetensors file.

    Raises:
        files.FileError: the file cannot be written.
    """
    trained = nn.ModuleDict({"head": classifier.head, "prompt": classifier.prompt.fold()})
    kept = {name: tensor.contiguous() for name, tensor in trained.state_dict().items()}
    about = json.dumps(describe(classifier))
    with writing(path) as part:
        save_file(kept, part, metadata={"about": about})
    return Path(path)


def load_classifier(path: str | Path, tokenizer, encoder) -> PromptClassifier:
    """The classifier saved at ``path``, on the base it was trained on.

    ``encoder`` is a language model (``load_lm``) if the file is of a ``zero_shot`` classifier.

    Raises:
        PromptError: not such a file, another base model or tokenizer, or tensors that do not fit.
    """
    about, kept = read_saved(path)
    loaded = build_classifier(path, about, kept, tokenizer, encoder)
    check_base(path, about, describe(loaded))
    check_tensors(path, kept, loaded)
    loaded.load_state_dict(kept, strict=False)  # the encoder's own weights stay as they are
    return loaded


def build_classifier(path, about: dict, kept: dict, tokenizer, model) -> PromptClassifier:
    """A classifier as ``about`` describes it, before its tensors are filled in."""
    words = about["head"].get("words")
    check_lm(path, words, model)
    encoder = model.base_model if words else model
    prompt = {name.removeprefix("prompt."): tensor for name, tensor in kept.items()
              if name.startswith("prompt.")}  # fmt: skip
    try:
        prompt = build_prompt(about["prompt"], prompt, tokenizer, encoder)
        loaded = PromptClassifier(
            tokenizer, encoder, about["labels"], Template(about["template"]),
            about["pooling"], about["max_length"], prompt,
        )  # fmt: skip
        if words:
            loaded.head = Verbalizer(tokenizer, model, words, about["head"]["how"])
        return loaded
    except (LookupError, TypeError, AttributeError) as error:
        raise PromptError(f"{path} does not fit: what it says of itself lacks {error}.") from error


def read_saved(path: str | Path) -> tuple[dict, dict[str, torch.Tensor]]:
    """What ``save_classifier`` wrote about the classifier, and its tensors."""
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {}).get("about", "{}"))
            kept = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise PromptError(f"{path} cannot be read ({error}): save the classifier again.") from error
    if not isinstance(about, dict) or about.get("schema") != SCHEMA:
        raise PromptError(
            f"{path} is not a saved classifier of this course ({SCHEMA}); one of an earlier "
            "version must be trained and saved again."
        )
    check_about(path, about)
    return about, kept


def check_about(path: str | Path, about: dict) -> None:
    """PromptError unless what the file says of its classifier has the form of ``describe``."""
    for key, kind in FORM.items():
        if not isinstance(about.get(key), kind):
            raise PromptError(f"{path} does not fit: its {key} is {about.get(key)!r}.")
    if not isinstance(about["prompt"].get("text", ""), str):
        raise PromptError(f"{path} does not fit: the text of its examples is no text.")


def check_base(path: str | Path, saved: dict, given: dict) -> None:
    """PromptError unless model and tokenizer are those that the file was saved with."""
    for part in ("base", "tokenizer"):
        if saved.get(part) != given[part]:
            raise PromptError(
                f"{path} was trained with {part} {str(saved.get(part))[:12]}, but this one is "
                f"{given[part][:12]}: load the model, with its tokenizer, that it was trained on."
            )


def check_tensors(path: str | Path, kept: dict, classifier: PromptClassifier) -> None:
    """PromptError unless ``kept`` has the classifier's trained tensors, in name and shape."""
    wanted = {name: tuple(tensor.shape) for name, tensor in classifier.state_dict().items()
              if not name.startswith("encoder.")}  # fmt: skip
    held = {name: tuple(tensor.shape) for name, tensor in kept.items()}
    if held != wanted:
        raise PromptError(f"{path} does not fit: it holds {held}, the classifier needs {wanted}.")


def check_lm(path: str | Path, words: dict | None, model) -> None:
    """PromptError if the file needs a language model and ``model`` has no vocabulary head."""
    if words and model.get_output_embeddings() is None:
        raise PromptError(f"{path} reads its answer off the vocabulary: load it with load_lm.")


def check_pooling(how: str, encoder, tokenizer) -> None:
    """PromptError unless the pooling is known and this model can have it."""
    if how not in ("mean", "cls", "last", "mask"):
        raise PromptError(f"pooling is 'mean', 'cls', 'last' or 'mask', not {how!r}.")
    if how == "mask" and tokenizer.mask_token_id is None:
        raise PromptError("pooling 'mask' needs a model that knows [MASK]; take pooling='last'.")
    if how == "cls" and not looks_ahead(encoder):
        raise PromptError(
            "This model reads from left to right, so its first token is the same whatever the "
            "text says: take pooling='last'."
        )


def check_one_blank(blanks: torch.Tensor) -> None:
    """PromptError unless each text has one [MASK]; ``blanks`` is (batch, tokens) of bool."""
    if not (blanks.sum(1) == 1).all():
        raise PromptError("pooling 'mask' needs a template with one [MASK]: '{} It was [MASK].'")


def check_window(encoder, tokens: int, prompt: int) -> None:
    """PromptError if text and prompt are longer than what the model has positions for."""
    window = getattr(encoder.config, "max_position_embeddings", None) or tokens + prompt
    embeddings = getattr(encoder, "embeddings", None)
    padding = getattr(embeddings, "padding_idx", None)  # RoBERTa counts from the one behind it
    window -= 0 if padding is None else padding + 1
    if tokens + prompt > window:
        raise PromptError(
            f"Texts of {tokens} tokens and a prompt of {prompt} are more than the model's window "
            f"of {window}: take max_length={window - prompt} or less."
        )
