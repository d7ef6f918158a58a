"""Prompts behind the words: none, trained vectors at the input (soft) or in the layers (deep),
and examples that a left-to-right model has read.

Each is a module with ``states(encoder, batch)``, ``fold()`` and ``about()``; see ``NoPrompt``.
"""

from __future__ import annotations

from weakref import WeakSet

import torch
from torch import nn
from torch.nn import functional as F
from transformers import DynamicCache

from helpers.layers import Prefix, Recorder, lower_states, run_layers, same_states, upper_states
from helpers.models import looks_ahead
from helpers.templates import PromptError, pad

_CHECKED = WeakSet()  # encoders to which a text's vectors are known to be the text


class NoPrompt(nn.Module):
    """The encoder as it is, and what every prompt offers."""

    tokens = 0  # that the prompt takes from the model's window

    def states(self, encoder, batch: dict) -> torch.Tensor:
        """States of the text's own tokens, (batch, tokens, hidden)."""
        return encoder(**batch).last_hidden_state

    def fold(self) -> nn.Module:
        """The prompt in the form in which it is saved."""
        return self

    def about(self) -> dict:
        """What a file must say, beside the tensors, to build the prompt again."""
        return {"kind": "none"}


def start_vectors(tokenizer, encoder, tokens: int, start: str, seed: int = 0) -> torch.Tensor:
    """First values of a soft prompt, (tokens, hidden).

    ``start``: ``"vocabulary"`` (embeddings of words drawn at random), ``"noise"`` (normal, with
    the spread of the embeddings), or a text whose tokens are repeated until there are enough.
    """
    embed, where = encoder.get_input_embeddings(), encoder.device
    table = embed(torch.arange(embed.num_embeddings, device=where)).detach().float()
    # (vocabulary, hidden)
    generator = torch.Generator().manual_seed(seed)
    if start == "noise":
        return table.std() * torch.randn(tokens, table.shape[1], generator=generator)
    if start == "vocabulary":
        return table[torch.randint(len(tokenizer), (tokens,), generator=generator)]
    ids = tokenizer(start, add_special_tokens=False)["input_ids"]
    check_start(ids, start)
    return table[(ids * tokens)[:tokens]]


def check_start(ids: list[int], start: str) -> None:
    """PromptError if the text ``start`` holds no token."""
    if not ids:
        raise PromptError(f"start={start!r} holds no word: give a text, 'vocabulary' or 'noise'.")


class TrainedPrompt(NoPrompt):
    """Vectors that are trained in the place of words.

    Args:
        vectors: their first values.
        through: a module that the vectors pass through while they are trained
            (reparameterisation); ``fold`` removes it.
    """

    def __init__(self, vectors: torch.Tensor, through: nn.Module | None = None):
        super().__init__()
        self.vectors, self.through = nn.Parameter(vectors), through

    def current(self) -> torch.Tensor:
        """The vectors that the model reads."""
        return self.vectors if self.through is None else self.through(self.vectors)


class SoftPrompt(TrainedPrompt):
    """Trained vectors among the word embeddings (Lester et al. 2021).

    ``vectors`` is (tokens, hidden), see ``start_vectors``; ``position`` is the number of tokens of
    the text in front of it: 0 puts the prompt before [CLS], 1 behind it.
    """

    def __init__(self, vectors, position: int = 0, through: nn.Module | None = None):
        super().__init__(vectors, through)
        self.position, self.tokens = position, len(vectors)

    def states(self, encoder, batch: dict) -> torch.Tensor:
        """States of the text's own tokens, (batch, tokens, hidden)."""
        check_vectors(encoder)
        words = encoder.get_input_embeddings()(batch["input_ids"])  # (batch, tokens, hidden)
        prompt = self.current().to(words.dtype).expand(len(words), -1, -1)
        at, after = self.position, self.position + prompt.shape[1]
        inputs = torch.cat([words[:, :at], prompt, words[:, at:]], 1)
        mask = F.pad(batch["attention_mask"], (prompt.shape[1], 0), value=1)
        hidden = encoder(inputs_embeds=inputs, attention_mask=mask).last_hidden_state
        return torch.cat([hidden[:, :at], hidden[:, after:]], 1)

    def fold(self) -> SoftPrompt:
        """The same prompt without the module that its vectors passed through."""
        return SoftPrompt(self.current().detach().clone(), self.position)

    def about(self) -> dict:
        """As in ``NoPrompt``."""
        return {"kind": "soft", "position": self.position}


@torch.no_grad()
def check_vectors(encoder) -> None:
    """PromptError unless a text's word vectors at the input are the same as the text."""
    if encoder in _CHECKED:
        return
    ids = torch.arange(5, 11, device=encoder.device)[None]  # (1, tokens)
    try:
        words = encoder.get_input_embeddings()(ids)
        found = encoder(inputs_embeds=words).last_hidden_state
        same = same_states(found, encoder(input_ids=ids).last_hidden_state)
    except (AttributeError, TypeError, ValueError, RuntimeError):
        same = False
    if not same:
        raise PromptError(
            f"To {type(encoder).__name__} a word's vector is not the same as the word (Gemma "
            "scales them), so a soft prompt would be computed wrongly. Take another model; the "
            "README has a table."
        )
    _CHECKED.add(encoder)


class DeepPrompt(TrainedPrompt):
    """Trained keys and values in the top layers (Li & Liang 2021; P-tuning v2, Liu et al. 2022).

    ``vectors`` is (layers, 2, heads, tokens, size), see ``prefix_shape``; ``first`` is the number
    of the lowest layer that reads them. The layers below read no prompt, or ``below``, a frozen
    one (first, 2, heads, tokens, size); either way ``batch["hidden"]`` may hold what they make of
    the text. Set ``only`` to the id of [MASK] when no other state will be read: the top layer of
    a BERT is then computed for no other token.
    """

    only = None

    def __init__(self, vectors, first: int = 0, through: nn.Module | None = None, below=None):
        super().__init__(vectors, through)
        self.first = first
        self.register_buffer("below", below)

    @torch.no_grad()
    def lower(self, encoder, batch: dict) -> torch.Tensor:
        """What the layers below the trained ones make of the text, (batch, tokens, hidden)."""
        prefix = None if self.below is None else Prefix(self.below, 0)
        return lower_states(encoder, batch, self.first, prefix)

    def states(self, encoder, batch: dict) -> torch.Tensor:
        """States of the text's own tokens, (batch, tokens, hidden)."""
        hidden = batch["hidden"] if "hidden" in batch else self.lower(encoder, batch)
        return upper_states(encoder, batch, hidden, Prefix(self.current(), self.first), self.only)

    def fold(self) -> DeepPrompt:
        """The same prompt without the module that its vectors passed through."""
        return DeepPrompt(self.current().detach().clone(), self.first, below=self.below)

    def about(self) -> dict:
        """As in ``NoPrompt``."""
        return {"kind": "deep", "first": self.first}


@torch.no_grad()
def start_prefix(tokenizer, encoder, text: str, first: int = 0) -> torch.Tensor:
    """Keys and values of a text's tokens in the layers from ``first`` on, as a first value of a
    deep prompt: (layers, 2, heads, tokens, size). On a Llama-type model it starts as if the text
    had been written in front of each review."""
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    check_start(ids, text)
    batch = {name: part.to(encoder.device) for name, part in pad([ids], 0).items()}
    recorder, last = Recorder(), encoder.config.num_hidden_layers
    hidden = lower_states(encoder, batch, first)
    run_layers(encoder, hidden, batch["attention_mask"], first, last, recorder)
    return torch.stack(recorder.kept).float()


class Bottleneck(nn.Module):
    """Two linear layers with a tanh between, (tokens, hidden) -> (tokens, width), after which
    ``shape`` is taken: the reparameterisation of prefix tuning (Li & Liang 2021)."""

    def __init__(self, hidden: int, inner: int, shape: tuple[int, ...]):
        super().__init__()
        self.shape = shape  # (tokens, hidden) or (layers, 2, heads, tokens, size)
        width = torch.Size(shape).numel() // shape[-2]  # numbers a token
        self.net = nn.Sequential(nn.Linear(hidden, inner), nn.Tanh(), nn.Linear(inner, width))

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        made = self.net(vectors)  # (tokens, width)
        *outer, tokens, size = self.shape
        return made.view(tokens, *outer, size).movedim(0, -2)


class Lstm(nn.Module):
    """An LSTM in both directions over the prompt's tokens, then two linear layers: the
    reparameterisation of P-tuning (Liu et al. 2021)."""

    def __init__(self, hidden: int, inner: int):
        super().__init__()
        self.lstm = nn.LSTM(hidden, inner, bidirectional=True)
        self.net = nn.Sequential(nn.Linear(2 * inner, inner), nn.ReLU(), nn.Linear(inner, hidden))

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        return self.net(self.lstm(vectors)[0])  # (tokens, hidden)


class Examples(NoPrompt):
    """A text in front of every review (Brown et al. 2020), read once: for left-to-right models.

    ``kept`` holds the keys and values of its tokens, (1, heads, tokens, size), in each layer.
    """

    @torch.no_grad()
    def __init__(self, tokenizer, encoder, text: str):
        super().__init__()
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        check_left_to_right(encoder, ids)
        ids = torch.tensor([ids], device=encoder.device)  # (1, tokens)
        read = encoder(input_ids=ids, use_cache=True)
        self.kept = [(layer.keys, layer.values) for layer in read.past_key_values.layers]
        self.text, self.tokens = text, ids.shape[1]

    def states(self, encoder, batch: dict) -> torch.Tensor:
        """States of the reviews' own tokens, (batch, tokens, hidden)."""
        ids, mask = batch["input_ids"], batch["attention_mask"]
        shape = len(ids), -1, -1, -1
        shared = DynamicCache([(k.expand(shape), v.expand(shape)) for k, v in self.kept])
        mask = F.pad(mask, (self.tokens, 0), value=1)
        return encoder(input_ids=ids, attention_mask=mask, past_key_values=shared).last_hidden_state

    def about(self) -> dict:
        """As in ``NoPrompt``."""
        return {"kind": "examples", "text": self.text}


@torch.no_grad()
def check_left_to_right(encoder, ids: list[int]) -> None:
    """PromptError unless keys and values of ``ids``, read once, are the same as reading them."""
    if not ids:
        raise PromptError("There is no text to put in front: leave the prompt out.")
    try:
        cut = torch.tensor([ids[-8:] + [5, 6]], device=encoder.device)  # (1, tokens)
        read = encoder(input_ids=cut[:, :-2], use_cache=True).past_key_values
        found = encoder(input_ids=cut[:, -2:], past_key_values=read).last_hidden_state
        expected = encoder(input_ids=cut).last_hidden_state[:, -2:]
        same = not looks_ahead(encoder) and same_states(found, expected)
    except (AttributeError, TypeError, ValueError, RuntimeError):
        same = False
    if not same:
        raise PromptError(
            f"{type(encoder).__name__} cannot read the examples once for all (a BERT's would read "
            "the review, too): put them into the template, in front of {}."
        )


def build_prompt(about: dict, tensors: dict, tokenizer, encoder) -> nn.Module:
    """The prompt that a file's ``about`` and tensors describe; LookupError if they do not."""
    kind = about["kind"]
    if kind == "examples":
        return Examples(tokenizer, encoder, about["text"])
    if kind == "soft":
        return SoftPrompt(tensors["vectors"], about["position"])
    if kind == "deep":
        return DeepPrompt(tensors["vectors"], about["first"], below=tensors.get("below"))
    return {"none": NoPrompt}[kind]()
