"""Load a frozen pretrained encoder, in the number format that is faster on this machine."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakKeyDictionary

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoTokenizer,
)
from transformers.utils import logging

from helpers import assets

DEFAULT_ENCODER = "all-MiniLM-L6-v2"
# What decides how weights are used: the same ones in 6 instead of 12 heads are another model.
DECISIVE = ("model_type", "num_attention_heads", "num_key_value_heads", "head_dim", "hidden_act",
            "is_decoder")  # fmt: skip
PROBE = "It's NOT a naïve café: 10/10 👍, 好 unwatchable\n<mask> [MASK]."
_LOOKS_AHEAD = WeakKeyDictionary()


class ModelError(RuntimeError):
    """A model could not be loaded or does not fit; the message says what to do."""


def choose_dtype() -> torch.dtype:
    """bfloat16 where the processor has a unit for its products (AMX), else float32.

    ``PROMPT_COURSE_DTYPE`` (float32 or bfloat16) overrules it.
    """
    asked = os.environ.get("PROMPT_COURSE_DTYPE")
    if asked:
        check_dtype(asked)
        return getattr(torch, asked)
    fast = torch.cpu.get_capabilities().get("amx_bf16")
    return torch.bfloat16 if fast else torch.float32


def check_dtype(name: str) -> None:
    """ModelError unless the environment asks for a number format that the course uses."""
    if name not in ("float32", "bfloat16"):
        raise ModelError(f"PROMPT_COURSE_DTYPE is float32, bfloat16 or not set, not {name!r}.")


def find_model(name: str | Path) -> str:
    """Where transformers finds the model: a folder (of an asset, or your own) or a hub name."""
    folder = assets.fetch(name) if name in assets.ASSETS else Path(name).expanduser()
    return str(folder) if folder.is_dir() else str(name)


def load_encoder(name: str | Path = DEFAULT_ENCODER, dtype: torch.dtype | None = None):
    """Tokenizer and frozen encoder.

    Args:
        name: the offline default, "ReviewBERT", "SmolLM2-135M-Instruct", a local model folder, or
            a name on the hub.
        dtype: of the weights; by default the faster of float32 and bfloat16.

    Returns:
        ``(tokenizer, encoder)``; the encoder is in eval mode, no parameter requires a gradient.

    Raises:
        ModelError: no such folder or hub model, no network, weights that are not safetensors or
            not complete, a tokenizer that is not the model's.
        assets.AssetError: the default could not be fetched.
    """
    where = find_model(name)
    options = {"dtype": torch.float32, "use_safetensors": True}
    with loading(name):
        tokenizer = AutoTokenizer.from_pretrained(where)
        encoder, info = AutoModel.from_pretrained(where, output_loading_info=True, **options)
    check_complete(name, info["missing_keys"])
    check_model(tokenizer, encoder)
    encoder = encoder.to(dtype or choose_dtype())
    return tokenizer, encoder.eval().requires_grad_(False)


def load_lm(name: str | Path, dtype: torch.dtype | None = None):
    """Tokenizer and frozen language model: an encoder with its head over the vocabulary.

    Args:
        name: "ReviewBERT" (masked), "SmolLM2-135M-Instruct" (causal), a local folder of either
            kind, or a name on the hub.
        dtype: as in ``load_encoder``.

    Returns:
        ``(tokenizer, model)``, frozen like the encoder of ``load_encoder(name)``, which is
        ``model.base_model``.

    Raises:
        ModelError: as ``load_encoder``, and for a model that has no vocabulary head.
        assets.AssetError: the asset could not be fetched.
    """
    where = find_model(name)
    options = {"use_safetensors": True, "output_loading_info": True}
    with loading(name):
        tokenizer = AutoTokenizer.from_pretrained(where)
        kinds = AutoConfig.from_pretrained(where).architectures or []
        masked = any(kind.endswith("ForMaskedLM") for kind in kinds)
        auto = AutoModelForMaskedLM if masked else AutoModelForCausalLM
        model, info = auto.from_pretrained(where, dtype=dtype or torch.float32, **options)
    check_vocabulary_head(name, model, info["missing_keys"])
    check_complete(name, info["missing_keys"])
    check_model(tokenizer, model.base_model)
    if dtype is None:
        model = model.to(choose_dtype())
    return tokenizer, model.eval().requires_grad_(False)


@contextmanager
def loading(name: str | Path):
    """Say what to do when the model ``name`` cannot be loaded."""
    logging.disable_progress_bar()  # it takes a tenth of a second
    level = logging.get_verbosity()
    logging.set_verbosity_error()  # an encoder leaves a masked-LM head unused: no cause for alarm
    try:
        yield
    except (OSError, ValueError, ImportError, KeyError, SafetensorError) as error:
        raise ModelError(
            f"{name!r} could not be loaded ({(str(error) or '?').splitlines()[0][:200]}). It must "
            "be a folder with config.json, model.safetensors and a tokenizer, or a hub name while "
            f"the hub can be reached. Offline, use the default: load_encoder({DEFAULT_ENCODER!r})."
        ) from error
    finally:
        logging.set_verbosity(level)


def check_complete(name: str | Path, missing: set[str]) -> None:
    """ModelError if weights were missing, which the library would have left at random."""
    missing = sorted(key for key in missing if not key.startswith("pooler."))
    if missing:
        raise ModelError(
            f"{name!r} lacks {len(missing)} of its weights ({missing[0]}, ...): "
            "fetch the model again, or name one with all its weights."
        )


def check_vocabulary_head(name: str | Path, model: torch.nn.Module, missing: set[str]) -> None:
    """ModelError if a weight of the head was missing: what is loaded is an encoder alone."""
    if any(not key.startswith(f"{model.base_model_prefix}.") for key in missing):
        raise ModelError(
            f"{name!r} has no head over the vocabulary: name a language model, for "
            "example 'ReviewBERT', or read its states with load_encoder."
        )


def check_model(tokenizer, encoder) -> None:
    """ModelError unless the encoder is one stack of layers and the tokenizer can be its own."""
    if getattr(encoder.config, "is_encoder_decoder", False):
        raise ModelError(
            f"{type(encoder).__name__} is an encoder with a decoder, which have two inputs: name "
            "an encoder (BERT, RoBERTa, ...) or a left-to-right model (Llama, GPT-2, ...)."
        )
    known, rows = len(tokenizer), encoder.get_input_embeddings().weight.shape[0]
    if known > rows or 2 * known < rows:
        raise ModelError(
            f"The tokenizer knows {known} tokens, but {type(encoder).__name__} has vectors for "
            f"{rows}: it is not this model's own. Put the model's tokenizer files beside its "
            "weights (tokenizer.json, tokenizer_config.json)."
        )


@torch.no_grad()
def looks_ahead(encoder) -> bool:
    """Whether a token's state depends on the tokens behind it (BERT), or not (Llama, GPT-2)."""
    if encoder not in _LOOKS_AHEAD:
        ids = torch.tensor([[5, 6, 7], [5, 6, 8]], device=encoder.device)
        first = encoder(input_ids=ids).last_hidden_state[:, 0].float()  # (2, hidden)
        _LOOKS_AHEAD[encoder] = not torch.allclose(*first, rtol=1e-2, atol=1e-2)
    return _LOOKS_AHEAD[encoder]


def weights_hash(model: torch.nn.Module, dtype: torch.dtype | None = None) -> str:
    """sha256 over all weights but the pooler's, and over what decides how they are used.

    No state of a token comes from the pooler, and a file without one gets a random one. With
    ``dtype=torch.bfloat16`` a model has the same hash in either number format.
    """
    about = [getattr(model.config, name, None) for name in DECISIVE]
    digest = hashlib.sha256(json.dumps(about).encode())
    for name, tensor in sorted(model.state_dict().items()):
        if not name.startswith("pooler."):
            digest.update(f"{name} {tuple(tensor.shape)} {dtype or tensor.dtype}".encode())
            digest.update(bytes_of(tensor.to(dtype or tensor.dtype)))
    return digest.hexdigest()


def bytes_of(tensor: torch.Tensor):
    """The tensor's numbers, for a hash."""
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()


def tokenizer_hash(tokenizer) -> str:
    """sha256 over the vocabulary and over what becomes of a text that tells tokenizers apart."""
    about = [sorted(tokenizer.get_vocab().items()), tokenizer(PROBE)["input_ids"]]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()
