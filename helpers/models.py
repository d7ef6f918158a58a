"""Load a frozen pretrained encoder, in the number format that is faster on this machine."""

from __future__ import annotations

import hashlib
import time
from contextlib import contextmanager
from pathlib import Path

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


class ModelError(RuntimeError):
    """A model could not be loaded; the message says what to do."""


def matmul_gflops(dtype: torch.dtype, tokens: int = 1024, repeats: int = 8) -> float:
    """Best measured speed (GFLOP/s) of a BERT-sized product (tokens, 384) x (384, 1536)."""
    left = torch.ones(tokens, 384, dtype=dtype)  # (tokens, hidden)
    right = torch.ones(384, 1536, dtype=dtype)  # (hidden, feed-forward)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - start)
    return 2 * left.numel() * 1536 / min(seconds) / 1e9


def choose_dtype() -> torch.dtype:
    """bfloat16 where it multiplies at least 1.3 times as fast as float32, else float32."""
    faster = matmul_gflops(torch.bfloat16) > 1.3 * matmul_gflops(torch.float32)
    return torch.bfloat16 if faster else torch.float32


def find_model(name: str | Path) -> str:
    """Where transformers finds the model: a folder (of an asset, or your own) or a hub name."""
    folder = assets.fetch(name) if name in assets.ASSETS else Path(name).expanduser()
    return str(folder) if folder.is_dir() else str(name)


def load_encoder(name: str | Path = DEFAULT_ENCODER, dtype: torch.dtype | None = None):
    """Tokenizer and frozen encoder.

    Args:
        name: the offline default, "ReviewBERT", "SmolLM2-135M-Instruct", a local model folder, or
            a name on the hub.
        dtype: of the weights; by default the faster of float32 and bfloat16, measured.

    Returns:
        ``(tokenizer, encoder)``; the encoder is in eval mode, no parameter requires a gradient,
        and ``encoder.base`` is the sha256 of its weights, by which saved prompts know it.

    Raises:
        ModelError: no such folder or hub model, no network, weights that are not safetensors or
            not complete.
        assets.AssetError: the default could not be fetched.
    """
    where = find_model(name)
    options = {"dtype": torch.float32, "use_safetensors": True}
    with loading(name):
        tokenizer = AutoTokenizer.from_pretrained(where)
        encoder, info = AutoModel.from_pretrained(where, output_loading_info=True, **options)
    check_complete(name, info["missing_keys"])
    encoder.base = weights_hash(encoder)
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
        ``model.base_model``; both have the same ``base``.

    Raises:
        ModelError: as ``load_encoder``, and for a model that has no vocabulary head.
        assets.AssetError: the asset could not be fetched.
    """
    where = find_model(name)
    options = {"dtype": torch.float32, "use_safetensors": True, "output_loading_info": True}
    with loading(name):
        tokenizer = AutoTokenizer.from_pretrained(where)
        kinds = AutoConfig.from_pretrained(where).architectures or []
        masked = any(kind.endswith("ForMaskedLM") for kind in kinds)
        auto = AutoModelForMaskedLM if masked else AutoModelForCausalLM
        model, info = auto.from_pretrained(where, **options)
    check_vocabulary_head(name, model, info["missing_keys"])
    check_complete(name, info["missing_keys"])
    model.base = weights_hash(model.base_model)
    model = model.to(dtype or choose_dtype())
    return tokenizer, model.eval().requires_grad_(False)


@contextmanager
def loading(name: str | Path):
    """Say what to do when the model ``name`` cannot be loaded."""
    logging.disable_progress_bar()  # it takes a tenth of a second
    level = logging.get_verbosity()
    logging.set_verbosity_error()  # an encoder leaves a masked-LM head unused: no cause for alarm
    try:
        yield
    except (OSError, ValueError, ImportError, SafetensorError) as error:
        raise ModelError(
            f"{name!r} could not be loaded ({str(error).splitlines()[0][:200]}). It must be a "
            "folder with config.json, model.safetensors and a tokenizer, or a hub name while the "
            f"hub can be reached. Offline, use the default: load_encoder({DEFAULT_ENCODER!r})."
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


def weights_hash(model: torch.nn.Module) -> str:
    """sha256 over the names and values of all parameters but the pooler's.

    No state of a token comes from the pooler, and a file without one gets a random one.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        if name.startswith("pooler."):
            continue
        digest.update(name.encode())
        digest.update(tensor.contiguous().view(torch.uint8).numpy())
    return digest.hexdigest()
