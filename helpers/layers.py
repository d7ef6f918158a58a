"""The layers of an encoder one by one, with keys and values of a prompt handed to each."""

from __future__ import annotations

from weakref import WeakSet

import torch
from torch.nn import functional as F

from helpers.attention import merge_heads, split_heads
from helpers.templates import PromptError

_CHECKED = WeakSet()  # encoders that this module is known to compute rightly


class Prefix:
    """Stands where a layer looks for the keys and values of earlier tokens.

    ``vectors`` (layers, 2, heads, tokens, size); ``first`` is the number of the lowest layer.
    """

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


def prefix_shape(encoder, tokens: int, layers: int) -> tuple[int, ...]:
    """(layers, 2, heads, tokens, size): keys and values of ``tokens`` in each head."""
    check_heads(encoder)
    config = encoder.config
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return layers, 2, heads, tokens, size


def check_heads(encoder) -> None:
    """PromptError unless the model has attention heads, which read keys and values."""
    if not hasattr(encoder.config, "num_attention_heads"):
        raise PromptError(
            f"{type(encoder).__name__} has no attention heads, so there are no keys and values to "
            "train: take a soft prompt."
        )


def is_llama(encoder) -> bool:
    """Built like Llama (True) or like BERT (False)."""
    return hasattr(encoder, "rotary_emb")


def lower_states(encoder, batch: dict, stop: int, prefix=None) -> torch.Tensor:
    """States after the embeddings and the first ``stop`` layers, (batch, tokens, hidden)."""
    check_layers(encoder)
    embed = encoder.embed_tokens if is_llama(encoder) else encoder.embeddings
    hidden = embed(batch["input_ids"])  # (batch, tokens, hidden)
    return run_layers(encoder, hidden, batch["attention_mask"], 0, stop, prefix)


def upper_states(encoder, batch: dict, hidden, prefix, only: int | None = None) -> torch.Tensor:
    """States after the layers from the prefix's first to the last, of ``only`` if it is given."""
    stop = encoder.config.num_hidden_layers - (only is not None)
    mask = batch["attention_mask"]
    hidden = run_layers(encoder, hidden, mask, prefix.first, stop, prefix)
    if only is not None:
        return top_layer(encoder, hidden, batch, only, prefix)
    return encoder.norm(hidden) if is_llama(encoder) else hidden


def run_layers(encoder, hidden, attention_mask, start: int, stop: int, prefix=None):
    """Put states (batch, tokens, hidden) through layers ``start`` to ``stop``, with a prefix."""
    tokens, where, options = hidden.shape[1], {"device": hidden.device}, {}
    extra = 0 if prefix is None else prefix.tokens
    check_sliding(encoder, extra + tokens)
    seen = attention_mask.bool()[:, None, None]  # (batch, 1, 1, tokens)
    layers = encoder.layers if is_llama(encoder) else encoder.encoder.layer
    if is_llama(encoder):
        seen = seen & torch.ones(tokens, tokens, dtype=torch.bool, **where).tril()
        positions = torch.arange(extra, extra + tokens, **where)[None]
        options["position_embeddings"] = encoder.rotary_emb(hidden, position_ids=positions)
    seen = F.pad(seen, (extra, 0), value=True)  # every token reads the prompt
    least = torch.finfo(hidden.dtype).min
    mask = torch.zeros(seen.shape, dtype=hidden.dtype, **where).masked_fill(~seen, least)
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


def same_states(found: torch.Tensor, expected: torch.Tensor) -> bool:
    """Whether states (..., hidden) agree as far as their number format allows."""
    loose = 1e-3 if expected.dtype == torch.float32 else 0.1
    off = (found - expected).float().norm(dim=-1) / expected.float().norm(dim=-1)
    return bool((off <= loose).all())


@torch.no_grad()
def check_layers(encoder) -> None:
    """PromptError unless layer by layer, with a prefix of no tokens, is what the model computes."""
    if encoder in _CHECKED:
        return
    _CHECKED.add(encoder)  # lower_states, below, asks again
    try:
        ids = torch.arange(12, device=encoder.device).view(2, 6) + 5
        batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        batch["attention_mask"][1, 4:] = 0
        shape = prefix_shape(encoder, 0, encoder.config.num_hidden_layers)
        none = Prefix(torch.zeros(shape, device=encoder.device), 0)
        found = upper_states(encoder, batch, lower_states(encoder, batch, 0), none)
        real = batch["attention_mask"].bool()
        same = same_states(found[real], encoder(**batch).last_hidden_state[real])
    except (AttributeError, TypeError, ValueError, RuntimeError, LookupError):
        same = False
    if not same:
        _CHECKED.discard(encoder)
        raise PromptError(
            f"{type(encoder).__name__} is built in a way that deep prompts would compute wrongly. "
            "Take a BERT-, RoBERTa- or Llama-type model (the README has a table), or a soft prompt."
        )


def check_sliding(encoder, tokens: int) -> None:
    """PromptError if some layers would not see as far back as the prompt."""
    config = encoder.config
    width = getattr(config, "sliding_window", None)
    if width and getattr(config, "use_sliding_window", True) and tokens > width:
        raise PromptError(
            f"{type(encoder).__name__} reads no further back than {width} tokens, and text and "
            f"prompt have {tokens}: shorten the text with max_length."
        )
