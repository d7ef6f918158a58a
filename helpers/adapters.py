"""Trained prompts to and from the files of Hugging Face's ``peft``."""

from __future__ import annotations

from pathlib import Path

from peft import PeftConfig, PrefixTuningConfig, PromptTuningConfig, TaskType
from safetensors.torch import load_file, save_file

from helpers.files import writing
from helpers.layers import prefix_shape
from helpers.prompts import DeepPrompt, SoftPrompt, TrainedPrompt
from helpers.templates import PromptError

WEIGHTS = "adapter_model.safetensors"


def to_peft(prompt: TrainedPrompt, encoder, folder: str | Path) -> Path:
    """Write ``prompt`` as an adapter for ``peft.PeftModel.from_pretrained(encoder, folder)``.

    The head is not part of it. peft counts positions behind a deep prompt: on a BERT, which we run
    without that shift, hand its model ``position_ids`` that begin at minus the prompt's tokens.

    Raises:
        PromptError: a prompt that peft has no form for.
    """
    soft = isinstance(prompt, SoftPrompt) and prompt.position == 0
    if not (soft or isinstance(prompt, DeepPrompt) and prompt.first == 0):
        raise PromptError(
            "peft's files hold soft prompts in front of all tokens (position=0) and deep prompts "
            f"in all layers (first=0), and not this {type(prompt).__name__}: train one of those."
        )
    vectors, folder = prompt.fold().vectors.detach().float(), Path(folder)
    about = {"task_type": TaskType.FEATURE_EXTRACTION, "inference_mode": True,
             "num_layers": encoder.config.num_hidden_layers,
             "base_model_name_or_path": encoder.config._name_or_path}  # fmt: skip
    if soft:
        heads = encoder.config.num_attention_heads
        about |= {"token_dim": vectors.shape[1], "num_attention_heads": heads}
        config, rows = PromptTuningConfig(num_virtual_tokens=len(vectors), **about), vectors
    else:
        _, _, heads, tokens, size = vectors.shape
        about |= {"token_dim": heads * size, "num_attention_heads": heads}
        config = PrefixTuningConfig(num_virtual_tokens=tokens, **about)
        rows = vectors.permute(3, 0, 1, 2, 4).flatten(1)  # (tokens, layers x 2 x heads x size)
    with writing(folder / WEIGHTS) as part:
        save_file({"prompt_embeddings": rows.contiguous()}, part, metadata={"format": "pt"})
    config.save_pretrained(folder)
    return folder


def from_peft(folder: str | Path, encoder) -> TrainedPrompt:
    """The soft or deep prompt that peft (or ``to_peft``) saved in ``folder``.

    Raises:
        PromptError: no such adapter, one of another kind (LoRA), or of another model.
    """
    try:
        config = PeftConfig.from_pretrained(str(folder))
        rows = load_file(Path(folder) / WEIGHTS)["prompt_embeddings"]
    except (OSError, ValueError, LookupError) as error:
        raise PromptError(f"{folder} holds no soft or deep prompt of peft ({error}).") from error
    shape = prefix_shape(encoder, len(rows), encoder.config.num_hidden_layers)
    layers, _, heads, tokens, size = shape
    soft = isinstance(config, PromptTuningConfig)
    width = encoder.config.hidden_size if soft else 2 * layers * heads * size
    if rows.ndim != 2 or rows.shape[1] != width:
        raise PromptError(
            f"{folder} has {tuple(rows.shape)} numbers, but prompts of this model are {width} wide "
            "a token: load the model that the adapter was trained on."
        )
    if soft:
        return SoftPrompt(rows)
    return DeepPrompt(rows.view(tokens, layers, 2, heads, size).permute(1, 2, 3, 0, 4).contiguous())
