"""Trained prompts: vectors at the input (soft), or keys and values inside the layers (deep)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from helpers.attention import merge_heads, split_heads


def start_vectors(tokenizer, encoder, tokens: int, start: str, seed: int = 0) -> torch.Tensor:
    """First values of a soft prompt, (tokens, hidden).

    ``start``: ``"vocabulary"`` (embeddings of words drawn at random), ``"noise"`` (normal, with
    the spread of the embeddings), or a text whose tokens are repeated until there are enough.
    """
    table = encoder.get_input_embeddings().weight.detach().float()  # (vocabulary, hidden)
    generator = torch.Generator().manual_seed(seed)
    if start == "noise":
        return table.std() * torch.randn(tokens, table.shape[1], generator=generator)
    if start == "vocabulary":
        return table[torch.randint(len(tokenizer), (tokens,), generator=generator)]
    ids = tokenizer(start, add_special_tokens=False)["input_ids"]
    check_start(ids, start)
    return table[(ids * tokens)[:tokens]]


def check_start(ids: list[int], start: str) -> None:
    """ValueError if the text ``start`` holds no token."""
    if not ids:
        raise ValueError(f"start={start!r} holds no word: give a text, 'vocabulary' or 'noise'.")


class TrainedPrompt(nn.Module):
    """Vectors that are trained in the place of words.

    Args:
        vectors: their first values.
        place: where they stand; each kind of prompt counts it in its own way.
        through: a module that the vectors pass through while they are trained
            (reparameterisation); ``fold`` removes it.
    """

    def __init__(self, vectors: torch.Tensor, place: int = 0, through: nn.Module | None = None):
        super().__init__()
        self.vectors, self.place, self.through = nn.Parameter(vectors), place, through

    def prompt(self) -> torch.Tensor:
        """The vectors that the model reads."""
        return self.vectors if self.through is None else self.through(self.vectors)

    def fold(self) -> TrainedPrompt:
        """The same prompt without the module that its vectors passed through."""
        return type(self)(self.prompt().detach().clone(), self.place)


class SoftPrompt(TrainedPrompt):
    """Trained vectors among the word embeddings (Lester et al. 2021).

    ``vectors`` is (tokens, hidden), see ``start_vectors``; ``place`` is the number of tokens of
    the text in front of it: 0 puts the prompt before [CLS], 1 behind it.
    """

    def forward(self, encoder, batch: dict) -> torch.Tensor:
        """States of the text's own tokens, (batch, tokens, hidden)."""
        words = encoder.get_input_embeddings()(batch["input_ids"])  # (batch, tokens, hidden)
        prompt = self.prompt().to(words.dtype).expand(len(words), -1, -1)
        at, after = self.place, self.place + prompt.shape[1]
        inputs = torch.cat([words[:, :at], prompt, words[:, at:]], 1)
        mask = F.pad(batch["attention_mask"], (prompt.shape[1], 0), value=1)
        hidden = encoder(inputs_embeds=inputs, attention_mask=mask).last_hidden_state
        return torch.cat([hidden[:, :at], hidden[:, after:]], 1)


def prefix_shape(encoder, tokens: int, layers: int) -> tuple[int, ...]:
    """(layers, 2, heads, tokens, size): keys and values of ``tokens`` in each head."""
    config = encoder.config
    heads = getattr(config, "num_key_value_heads", config.num_attention_heads)
    return layers, 2, heads, tokens, config.hidden_size // config.num_attention_heads


class DeepPrompt(TrainedPrompt):
    """Trained keys and values in the top layers (Li & Liang 2021; P-tuning v2, Liu et al. 2022).

    ``vectors`` is (layers, 2, heads, tokens, size), see ``prefix_shape``; ``place`` is the number
    of the lowest layer that reads them. The layers below read no prompt, or ``below``, a frozen
    one (place, 2, heads, tokens, size); either way ``batch["hidden"]`` may hold what they make of
    the text. Set ``only`` to the id of [MASK] when no other state will be read: the top layer of
    a BERT is then computed for no other token.
    """

    only = None

    def __init__(
        self,
        vectors,
        place: int = 0,
        through: nn.Module | None = None,
        below: torch.Tensor | None = None,
    ):
        super().__init__(vectors, place, through)
        self.register_buffer("below", below)

    def fold(self) -> DeepPrompt:
        """The same prompt without the module that its vectors passed through."""
        vectors = self.prompt().detach().clone()
        return DeepPrompt(vectors, self.place, below=self.below)

    @torch.no_grad()
    def lower(self, encoder, batch: dict) -> torch.Tensor:
        """What the layers below the trained ones make of the text, (batch, tokens, hidden)."""
        prefix = None if self.below is None else Prefix(self.below, 0)
        return lower_states(encoder, batch, self.place, prefix)

    def forward(self, encoder, batch: dict) -> torch.Tensor:
        """States of the text's own tokens, (batch, tokens, hidden)."""
        kept = batch.get("hidden")  # (batch, tokens, hidden)
        hidden = self.lower(encoder, batch) if kept is None else kept
        prefix = Prefix(self.prompt(), self.place)
        return upper_states(encoder, batch, hidden, prefix, self.only)


class Prefix:
    """Stands where a layer looks for the keys and values of earlier tokens."""

    def __init__(self, vectors: torch.Tensor, first: int):
        self.vectors, self.first, self.tokens = vectors, first, vectors.shape[3]

    def update(self, key, value, layer: int, *_):
        """Keys and values (batch, heads, tokens, size) of ``layer``, with its prompt in front."""
        prompt = self.vectors[layer - self.first].to(key.dtype)  # (2, heads, tokens, size)
        prompt = prompt.unsqueeze(1).expand(-1, len(key), -1, -1, -1)
        return torch.cat([prompt[0], key], 2), torch.cat([prompt[1], value], 2)


class Recorder:
    """Stands in the same place, adds nothing, and keeps what passes."""

    def __init__(self):
        self.kept, self.tokens = [], 0

    def update(self, key, value, layer: int, *_):
        """The keys and values as they came."""
        self.kept.append(torch.stack([key[0], value[0]]))
        return key, value


@torch.no_grad()
def start_prefix(tokenizer, encoder, text: str, first: int = 0) -> torch.Tensor:
    """Keys and values of a text's tokens in the layers from ``first`` on, as a first value of a
    deep prompt: (layers, 2, heads, tokens, size). On a Llama-type model it starts as if the text
    had been written in front of each review."""
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    check_start(ids, text)
    batch = {"input_ids": torch.tensor([ids]), "attention_mask": torch.ones(1, len(ids)).long()}
    recorder, last = Recorder(), encoder.config.num_hidden_layers
    hidden = lower_states(encoder, batch, first)
    run_layers(encoder, hidden, batch["attention_mask"], first, last, recorder)
    return torch.stack(recorder.kept).float()


def is_causal(encoder) -> bool:
    """Llama-type (True) or BERT-type (False)."""
    return hasattr(encoder, "rotary_emb")


def lower_states(encoder, batch: dict, stop: int, prefix=None) -> torch.Tensor:
    """States after the embeddings and the first ``stop`` layers, (batch, tokens, hidden)."""
    embed = encoder.embed_tokens if is_causal(encoder) else encoder.embeddings
    hidden = embed(batch["input_ids"])  # (batch, tokens, hidden)
    return run_layers(encoder, hidden, batch["attention_mask"], 0, stop, prefix)


def upper_states(encoder, batch: dict, hidden, prefix, only: int | None = None) -> torch.Tensor:
    """States after the layers from the prefix's first to the last, of ``only`` if it is given."""
    stop = encoder.config.num_hidden_layers - (only is not None)
    mask = batch["attention_mask"]
    hidden = run_layers(encoder, hidden, mask, prefix.first, stop, prefix)
    if only is not None:
        return top_layer(encoder, hidden, batch, only, prefix)
    return encoder.norm(hidden) if is_causal(encoder) else hidden


def run_layers(encoder, hidden, attention_mask, start: int, stop: int, prefix=None):
    """Put states (batch, tokens, hidden) through layers ``start`` to ``stop``, with a prefix."""
    tokens, options = hidden.shape[1], {}
    extra = 0 if prefix is None else prefix.tokens
    seen = attention_mask.bool()[:, None, None]  # (batch, 1, 1, tokens)
    layers = encoder.layers if is_causal(encoder) else encoder.encoder.layer
    if is_causal(encoder):
        seen = seen & torch.ones(tokens, tokens, dtype=torch.bool).tril()
        places = torch.arange(extra, extra + tokens)[None]
        options["position_embeddings"] = encoder.rotary_emb(hidden, position_ids=places)
    seen = F.pad(seen, (extra, 0), value=True)  # every token reads the prompt
    least = torch.finfo(hidden.dtype).min
    mask = torch.zeros(seen.shape, dtype=hidden.dtype).masked_fill(~seen, least)
    for layer in layers[start:stop]:
        hidden = layer(hidden, attention_mask=mask, past_key_values=prefix, **options)
    return hidden


def top_layer(encoder, hidden, batch: dict, only: int, prefix) -> torch.Tensor:
    """Put one token of each text, ``only``, through the last layer of a BERT.

    All tokens give their keys and values; the states of the others stay as they were.
    """
    layer, chosen = encoder.encoder.layer[-1], batch["input_ids"] == only  # (batch, tokens)
    own, heads = layer.attention.self, encoder.config.num_attention_heads
    one = hidden[chosen].unsqueeze(1)  # (batch, 1, hidden)
    key, value = (split_heads(part(hidden), heads) for part in (own.key, own.value))
    key, value = prefix.update(key, value, own.layer_idx)
    seen = F.pad(batch["attention_mask"].bool(), (prefix.tokens, 0), value=True)[:, None, None]
    query = split_heads(own.query(one), heads)  # (batch, heads, 1, size)
    context = F.scaled_dot_product_attention(query, key, value, seen)
    one = layer.attention.output(merge_heads(context), one)
    one = layer.output(layer.intermediate(one), one)
    return hidden.masked_scatter(chosen.unsqueeze(-1), one)


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


KINDS = {"soft": SoftPrompt, "deep": DeepPrompt}


def describe(prompt: TrainedPrompt | None) -> dict | None:
    """What a saved file must say to build the (folded) prompt again."""
    if prompt is None:
        return None
    name = type(prompt).__name__  # a notebook's own definition of the same class counts, too
    (kind,) = (kind for kind, made in KINDS.items() if made.__name__ == name)
    about = {"kind": kind, "shape": list(prompt.vectors.shape), "place": prompt.place}
    return about | {"below": getattr(prompt, "below", None) is not None}


def build_prompt(about: dict | None) -> TrainedPrompt | None:
    """A prompt for the tensors of a file that says this about it."""
    if about is None:
        return None
    shape, place = about["shape"], about["place"]
    below = {"below": torch.zeros(place, *shape[1:])} if about["below"] else {}
    return KINDS[about["kind"]](torch.zeros(shape), place, **below)
