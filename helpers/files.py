"""Where the course keeps things: whole files only, and results by name."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from platformdirs import user_cache_path
from safetensors import SafetensorError

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"


class FileError(OSError):
    """A file could not be written; the message says what to do."""


def cache_dir() -> Path:
    """Folder that keeps fetched assets and features; ``PROMPT_COURSE_CACHE`` moves it."""
    chosen = os.environ.get("PROMPT_COURSE_CACHE") or user_cache_path("prompt-course", False)
    return Path(chosen).expanduser().absolute()


def sha256(path: Path) -> str:
    """Hex sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def permit(path: Path, like: Path) -> None:
    """Let those read and write ``path`` who may do so in folder ``like``, as far as we may say so.

    Where all may write but each keeps his own, as in /tmp, others get no right to write.
    """
    mode = stat.S_IMODE(like.stat().st_mode)
    mode &= 0o755 if mode & stat.S_ISVTX else 0o7777
    with suppress(PermissionError):  # another user's
        path.chmod(mode if path.is_dir() else mode & 0o666)


@contextmanager
def writing(path: str | Path) -> Iterator[Path]:
    """A temporary path to write to, which takes the name ``path`` once all is written.

    A reader never sees half a file, and what stood there before stays if the writing fails. File
    and missing folders are as open as the folder that they are made in.

    Raises:
        FileError: the folder cannot be written to, or the disk is full.
    """
    path = Path(path).expanduser()
    try:
        missing = [folder for folder in path.parents if not folder.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        for folder in reversed(missing):
            permit(folder, folder.parent)
        where = {"dir": path.parent, "prefix": ".part-", "ignore_cleanup_errors": True}
        with tempfile.TemporaryDirectory(**where) as folder:
            part = Path(folder) / path.name
            yield part
            permit(part, path.parent)  # safetensors lets nobody else read what it writes
            part.replace(path)
    except (OSError, SafetensorError) as error:
        raise FileError(
            f"{path} could not be written ({error}): free some space, or name "
            "a folder that you may write to."
        ) from error


def kept(name: str, make: Callable[[], dict]) -> dict:
    """The JSON-ready result of ``make()``, made once for each ``name`` (its path in the cache).

    So a sweep that was stopped goes on where it was. Put what the result depends on into the name.
    A cache that cannot be written costs the time to make it again, and is no error.
    """
    path = cache_dir() / f"{name}.json"
    with suppress(OSError, ValueError):  # not there, or damaged
        return json.loads(path.read_text("utf8"))
    text = json.dumps(make())
    with suppress(FileError), writing(path) as part:
        part.write_text(text, "utf8")
    return json.loads(text)  # the same the first time as later: lists for tuples, for example
