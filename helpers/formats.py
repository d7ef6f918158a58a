"""From the files of an archive to what the course keeps of them: model folders, pictures."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from unittest.mock import patch

from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from helpers.files import sha256


class AssetError(RuntimeError):
    """An archive could not be fetched, verified, opened or kept; the message says what to do."""


def dequantised(part: Path, into: Path) -> None:
    """The float16 model of a GGUF file. Done once: it takes 20 seconds, loading the result 1."""
    (file,) = part.glob("*.gguf")
    try:
        import torch  # here, because fetching data needs neither
        from safetensors.torch import save_file
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        source = {"gguf_file": file.name, "local_files_only": True}
        tokenizer = AutoTokenizer.from_pretrained(file.parent, **source)
        bar = "transformers.modeling_gguf_pytorch_utils.tqdm"  # has no switch of its own
        with patch(bar, lambda tensors, **_: tensors):
            model = AutoModelForCausalLM.from_pretrained(file.parent, dtype=torch.float32, **source)
    except Exception as error:  # a damaged file leads its readers into errors of any kind
        raise AssetError(
            f"{file.name} cannot be read as a model ({error}). Run python -m pip install -r "
            "requirements.txt, then fetch it again."
        ) from error
    config = model.config
    tokenizer.model_max_length = config.max_position_embeddings
    tokenizer.save_pretrained(into)
    del config.quantization_config  # the weights are plain from here on
    config.dtype, config.architectures = torch.float16, [type(model).__name__]  # GGUF has neither
    config.save_pretrained(into)
    weights = {key: tensor.half() for key, tensor in model.state_dict().items()}
    del weights["lm_head.weight"]  # tied: the same tensor as the embeddings
    save_file(weights, into / "model.safetensors", metadata={"format": "pt"})


def unpickled(part: Path, into: Path) -> None:
    """The tensors of a pickled file, read once, by a reader that runs nothing in it."""
    (file,) = part.glob("*.pth")
    try:
        import torch
        from safetensors.torch import save_file

        weights = torch.load(file, "cpu", weights_only=True)
        weights = {name: tensor.contiguous() for name, tensor in weights.items()}
        save_file(weights, into / "model.safetensors")
    except Exception as error:
        raise AssetError(f"{file.name}: no plain tensors ({error}). Fetch it again.") from error


def rendered(part: Path, into: Path) -> None:
    """Each SVG file as two PNG pictures on white, without skin tones: colours, and lines alone."""
    try:
        from resvg_py import svg_to_bytes
    except ImportError as error:
        raise AssetError("Drawing needs python -m pip install -r requirements.txt.") from error
    hide = "#color, #hair, #skin, #skin-shadow, #color-foreground { display: none }"
    how = {"width": 224, "height": 224, "background": "white", "skip_system_fonts": True}
    with zipfile.ZipFile(into / "pictures.zip", "w") as pictures:
        for file in sorted(part.glob("*.svg")):
            if not any(f"1F3F{tone}" in file.stem for tone in "BCDEF"):
                text = file.read_text("utf8")
                for style, sheet in (("colour", None), ("lines", hide)):
                    picture = svg_to_bytes(svg_string=text, style_sheet=sheet, **how)
                    pictures.writestr(zipfile.ZipInfo(f"{style}/{file.stem}.png"), bytes(picture))


def assemble(path: Path, digest: str, base: Path, into: Path) -> None:
    """The model of folder ``base``, with the weights of file ``path`` in place of its own."""
    cure = f"Restore it: git checkout -- data/{path.name}"
    try:
        if sha256(path) != digest:
            raise AssetError(f"{path} does not have the sha256 that is noted for it. {cure}")
        with safe_open(path, "np") as file:
            trained = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            wanted = file.metadata()["base"]
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise AssetError(f"{path} cannot be read ({error}). {cure}") from error
    if sha256(base / "model.safetensors") != wanted:
        raise AssetError(
            f"{path} was trained on other weights than those in "
            f"{base}: delete that folder and try again."
        )
    replaced = shutil.ignore_patterns("model.safetensors", "manifest.json")
    shutil.copytree(base, into, ignore=replaced, dirs_exist_ok=True)
    known = load_file(base / "model.safetensors")
    weights = {f"bert.{name}": array for name, array in known.items()}
    weights |= {name: array.astype("float32") for name, array in trained.items()}
    save_file(weights, into / "model.safetensors", metadata={"format": "pt"})
