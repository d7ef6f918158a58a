"""Prompts, and the classifier they steer: frozen encoder + prompt + pooling + linear head."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from helpers.data import check_texts
from helpers.soft_prompts import build_prompt, describe

SCHEMA = "prompt-classifier/1"


class PromptError(ValueError):
    """A prompt does not fit its model, window or file; the message says what to change."""


@dataclass(frozen=True)
class Template:
    """A hard prompt: words around one ``{}``, which stands for the review.

    The prompt's words always survive; a review that is too long is what gets cut.
    """

    text: str = "{}"

    def __post_init__(self):
        check_template(self.text)

    def input_ids(self, tokenizer, texts: Sequence[str], max_length: int = 256) -> list[list[int]]:
        """[CLS] words-before review words-after [SEP] for each text, at most max_length long.

        A model without [CLS] and [SEP] gets neither: the <|im_start|> with which SmolLM2's
        tokenizer would begin opens a turn of a chat, and a review is none.
        """
        plain = {"add_special_tokens": False}
        before, after = tokenizer(self.text.split("{}"), **plain)["input_ids"]
        room = max_length - len(before) - len(after) - 2  # [CLS] and [SEP]
        check_room(room, len(before) + len(after), max_length, tokenizer)
        # split_special_tokens: a reader who types "[MASK]" gets those letters, not the token
        plain |= {"split_special_tokens": True, "truncation": True}
        reviews = tokenizer(check_texts(texts), max_length=room, **plain)["input_ids"]
        special = tokenizer.cls_token_id, tokenizer.sep_token_id
        start, end = ([] if token is None else [token] for token in special)
        return [start + before + review + after + end for review in reviews]


def check_template(text: str) -> None:
    """PromptError unless there is exactly one place for the review."""
    if text.count("{}") != 1:
        raise PromptError(
            f"A template has exactly one {{}} for the review; {text!r} has {text.count('{}')}. "
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
            f"The prompt has {prompt} tokens; with [CLS], [SEP] and one token of review that is "
            f"more than max_length={max_length}. Shorten the prompt or raise max_length "
            f"(at most {tokenizer.model_max_length})."
        )


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
    places = batch["input_ids"] == mask_token_id  # (batch, tokens)
    check_pooling(how, places)
    return hidden[places]


def check_pooling(how: str, places: torch.Tensor | bool) -> None:
    """PromptError unless ``how`` is "mask" and each text has one [MASK]."""
    if how != "mask":
        raise PromptError(f"pooling is 'mean', 'cls', 'last' or 'mask', not {how!r}.")
    if places is False:  # compared with a mask_token_id of None
        raise PromptError("pooling 'mask' needs a model that knows [MASK]; take pooling='last'.")
    if not (places.sum(1) == 1).all():
        raise PromptError("pooling 'mask' needs a template with one [MASK]: '{} It was [MASK].'")


def run_encoder(encoder, batch: dict) -> torch.Tensor:
    """Token states (batch, tokens, hidden) without a trained prompt."""
    return encoder(**batch).last_hidden_state


class PromptClassifier(nn.Module):
    """A frozen encoder that reads ``template`` around a review, pooling, and a linear head.

    ``prompt`` is room for a trained prompt: a module called with the encoder and a batch that
    returns token states (batch, tokens, hidden). None runs the encoder as it is.
    """

    def __init__(
        self,
        tokenizer,
        encoder,
        labels: Sequence[str],
        template: Template = Template(),
        pooling: str = "mean",
        max_length: int = 256,
        prompt: nn.Module | None = None,
    ):
        super().__init__()
        self.tokenizer, self.template = tokenizer, template
        self.pooling, self.max_length, self.prompt = pooling, max_length, prompt
        self.labels = list(labels)
        self.encoder = encoder.requires_grad_(False)
        self.head = nn.Linear(encoder.config.hidden_size, len(self.labels))

    def input_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text inside the template."""
        return self.template.input_ids(self.tokenizer, texts, self.max_length)

    def features(self, batch: dict) -> torch.Tensor:
        """Pooled states (batch, hidden) of a padded batch of input_ids and attention_mask."""
        hidden = (self.prompt or run_encoder)(self.encoder, batch)  # (batch, tokens, hidden)
        mask_id = self.tokenizer.mask_token_id
        return pool(hidden, batch, self.pooling, mask_id).float()

    def forward(self, batch: dict) -> torch.Tensor:
        """Logits (batch, labels)."""
        return self.head(self.features(batch))


def save_classifier(classifier: PromptClassifier, path: str | Path) -> Path:
    """Write head and prompt alone (no base weights) to a safetensors file."""
    prompt = classifier.prompt and classifier.prompt.fold()  # notebooks 10 and 11
    trained = nn.ModuleDict({"head": classifier.head, "prompt": prompt})
    kept = {name: tensor.contiguous() for name, tensor in trained.state_dict().items()}
    about = {
        "schema": SCHEMA,
        "base": classifier.encoder.base,
        "labels": classifier.labels,
        "template": classifier.template.text,
        "pooling": classifier.pooling,
        "max_length": classifier.max_length,
        "prompt": describe(prompt),
    }
    part = Path(f"{path}.part")  # a half-written file never carries the final name
    save_file(kept, part, metadata={"about": json.dumps(about)})
    return part.replace(path)


def load_classifier(path: str | Path, tokenizer, encoder) -> PromptClassifier:
    """The classifier saved at ``path``, on the base it was trained on.

    Raises:
        PromptError: not such a file, another base model, or tensors that do not fit.
    """
    about, kept = read_saved(path)
    check_base(path, about["base"], encoder.base)
    loaded = PromptClassifier(
        tokenizer,
        encoder,
        about["labels"],
        Template(about["template"]),
        about["pooling"],
        about["max_length"],
        build_prompt(about.get("prompt")),
    )
    check_tensors(path, kept, loaded)
    loaded.load_state_dict(kept, strict=False)  # the encoder's own weights stay as they are
    return loaded


def read_saved(path: str | Path) -> tuple[dict, dict[str, torch.Tensor]]:
    """What ``save_classifier`` wrote about the classifier, and its tensors."""
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {}).get("about", "{}"))
            kept = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise PromptError(f"{path} cannot be read ({error}): save the classifier again.") from error
    if about.get("schema") != SCHEMA:
        raise PromptError(f"{path} is not a saved classifier of this course ({SCHEMA}).")
    return about, kept


def check_base(path: str | Path, saved: str, given: str) -> None:
    """PromptError unless both hashes are of the same base weights."""
    if saved != given:
        raise PromptError(
            f"{path} was trained on base {saved[:12]}, but this encoder is "
            f"{given[:12]}: load the encoder that it was trained on."
        )


def check_tensors(path: str | Path, kept: dict, classifier: PromptClassifier) -> None:
    """PromptError unless ``kept`` has the classifier's trained tensors, in name and shape."""
    wanted = {
        name: tuple(tensor.shape)
        for name, tensor in classifier.state_dict().items()
        if not name.startswith("encoder.")
    }
    held = {name: tuple(tensor.shape) for name, tensor in kept.items()}
    if held != wanted:
        raise PromptError(f"{path} does not fit: it holds {held}, the classifier needs {wanted}.")
