"""Where the course keeps things: whole files only, and results by name."""

from __future__ import annotations

import hashlib
import json
import os
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
    chosen = os.environ.get("PROMPT_COURSE_CACHE")
    return Path(chosen).expanduser() if chosen else user_cache_path("prompt-course", False)


def sha256(path: Path) -> str:
    """Hex sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def writing(path: str | Path) -> Iterator[Path]:
    """A temporary path to write to, which takes the name ``path`` once all is written.

    A reader never sees half a file, and what stood there before stays if the writing fails.

    Raises:
        FileError: the folder cannot be written to, or the disk is full.
    """
    path = Path(path).expanduser()
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            part = Path(file.name)
        yield part
        part.chmod(path.parent.stat().st_mode & 0o666)  # as open as its folder
        part.replace(path)
    except (OSError, SafetensorError) as error:
        raise FileError(
            f"{path} could not be written ({error}): free some space, or name "
            "a folder that you may write to."
        ) from error
    finally:
        if part is not None:
            with suppress(OSError):
                part.unlink()  # after an error; otherwise it is gone


def kept(name: str, make: Callable[[], dict]) -> dict:
    """The JSON-ready result of ``make()``, made once for each ``name`` (its path in the cache).

    So a sweep that was stopped goes on where it was. Put what the result depends on into the name.
    """
    path = cache_dir() / f"{name}.json"
    with suppress(OSError, ValueError):  # not there, or damaged
        return json.loads(path.read_text("utf8"))
    result = make()
    with suppress(FileError), writing(path) as part:
        part.write_text(json.dumps(result), "utf8")
    return result
