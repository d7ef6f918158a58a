"""helpers.files: real folders, real rights, a real full disk."""

import json
import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from helpers.files import FileError, cache_dir, kept, permit, sha256, writing

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
NOBODY = 65534


@contextmanager
def student():
    """Rights of another user. Only root can take them; anybody else is forbidden things anyway."""
    if os.geteuid() != 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


@pytest.fixture
def umask():
    """As strict as can be, so that what is open was opened on purpose."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def mode(path):
    return path.stat().st_mode & 0o7777


@pytest.mark.parametrize("chosen", ["rooms/{}", "~/{}"])
def test_the_cache_is_one_folder_wherever_we_work(tmp_path, monkeypatch, chosen):
    monkeypatch.setenv("PROMPT_COURSE_CACHE", chosen.format("course"))
    monkeypatch.chdir(tmp_path)
    expected = {"r": tmp_path / "rooms" / "course", "~": Path.home() / "course"}[chosen[0]]
    assert cache_dir() == expected and cache_dir().is_absolute()
    monkeypatch.delenv("PROMPT_COURSE_CACHE")
    assert cache_dir().name == "prompt-course" and cache_dir().is_absolute()


def test_sha256(tmp_path):
    (tmp_path / "abc").write_text("abc")
    assert sha256(tmp_path / "abc").startswith("ba7816bf8f01cfea414140de5dae2223")


def test_missing_folders_are_made(tmp_path):
    with writing(tmp_path / "a" / "b" / "c.txt") as part:
        part.write_text("all")
    assert (tmp_path / "a" / "b" / "c.txt").read_text() == "all"
    assert os.listdir(tmp_path / "a" / "b") == ["c.txt"]


def test_a_reader_never_sees_half(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")
    with writing(str(path)) as part:
        part.write_text("ne")
        assert path.read_text() == "old" and part.suffix == ".txt"
        part.write_text("new")
    assert path.read_text() == "new" and os.listdir(tmp_path) == ["result.txt"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ZeroDivisionError])
def test_all_or_nothing(tmp_path, stop):
    path = tmp_path / "result.txt"
    for before in ([], ["result.txt"]):
        with pytest.raises(stop), writing(path) as part:  # passed on as it is
            part.write_text("half")
            raise stop
        assert os.listdir(tmp_path) == before
        path.write_text("old")
    assert path.read_text() == "old"


@posix
@pytest.mark.parametrize(
    "folder, file", [(0o700, 0o600), (0o755, 0o644), (0o775, 0o664), (0o2775, 0o664)]
)
def test_a_file_is_as_open_as_its_folder(tmp_path, umask, folder, file):
    (tmp_path / "room").mkdir()
    (tmp_path / "room").chmod(folder)
    folder = mode(tmp_path / "room")
    with writing(tmp_path / "room" / "weights") as part:
        save_file({"a": np.zeros(2)}, part)  # by itself it makes a file for its owner alone
    assert mode(tmp_path / "room" / "weights") == file
    with writing(tmp_path / "room" / "new" / "text") as part:
        part.write_text("all")
    assert mode(tmp_path / "room" / "new") == folder
    assert mode(tmp_path / "room" / "new" / "text") == file


@posix
def test_where_each_keeps_his_own_others_cannot_write(tmp_path, umask):
    tmp_path.chmod(0o1777)  # as /tmp
    with writing(tmp_path / "new" / "text") as part:
        part.write_text("all")
    assert mode(tmp_path / "new") == 0o755 and mode(tmp_path / "new" / "text") == 0o644


@posix
def test_another_users_file_is_left_as_it_is(tmp_path, monkeypatch):
    if os.geteuid() != 0:
        pytest.skip("only root can act as another user")
    (tmp_path / "his").touch(0o600)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)  # pytest's folders above it are closed to others
    with student():
        permit(Path("his"), Path("."))
    assert mode(tmp_path / "his") == 0o600


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")
    with pytest.raises(FileError, match=r"result.txt could not be written.*space"), writing(path):
        Path("/dev/full").write_text("x")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["result.txt"]


def test_what_safetensors_says_of_the_disk(tmp_path):
    with pytest.raises(FileError, match="could not be written"), writing(tmp_path / "w") as part:
        save_file({"a": np.zeros(2)}, part.parent / "gone" / "w")
    assert os.listdir(tmp_path) == []


@posix
def test_no_right_to_write(tmp_path):
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed").chmod(0o555)
    for path in (tmp_path / "closed" / "result.txt", tmp_path / "closed" / "new" / "result.txt"):
        with (
            student(),
            pytest.raises(FileError, match="a folder that you may write to"),
            writing(path) as part,
        ):
            part.write_text("x")
    assert os.listdir(tmp_path / "closed") == []


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError, match="could not be written"), writing(tmp_path / "file" / "a"):
        pass
    assert (tmp_path / "file").read_text() == "x"


def test_a_stopped_sweep_goes_on(own_cache):
    made = []

    def trial(number):
        if number == 3 and made.count(3) == 0:
            made.append(3)
            raise KeyboardInterrupt
        made.append(number)
        return {"accuracy": number / 10, "steps": (1, 2)}

    def sweep():
        return [kept(f"sweep/lr-{number}", lambda n=number: trial(n)) for number in range(1, 5)]

    with pytest.raises(KeyboardInterrupt):
        sweep()
    first = sweep()
    assert made == [1, 2, 3, 3, 4]
    assert sweep() == first and len(made) == 5
    assert first[2] == {"accuracy": 0.3, "steps": [1, 2]}  # the same whether made or read
    assert sorted(os.listdir(own_cache / "sweep")) == [
        f"lr-{number}.json" for number in range(1, 5)
    ]


@pytest.mark.parametrize("damage", [b"", b'{"a": 1, "b', b"\xff\xfe{}"])
def test_damaged_results_are_made_again(own_cache, damage):
    assert kept("a", lambda: {"a": 1}) == {"a": 1}
    (own_cache / "a.json").write_bytes(damage)
    assert kept("a", lambda: {"a": 2}) == {"a": 2}
    assert json.loads((own_cache / "a.json").read_text()) == {"a": 2}


def test_a_cache_that_is_a_file_is_no_error(own_cache):
    own_cache.write_text("a file, not a folder")
    assert kept("a", lambda: {"a": 1}) == {"a": 1}
    assert own_cache.read_text() == "a file, not a folder"


@posix
def test_a_cache_that_may_not_be_written_is_no_error(own_cache):
    own_cache.mkdir()
    own_cache.chmod(0o555)
    with student():
        assert kept("a", lambda: {"a": 1}) == {"a": 1}
    assert os.listdir(own_cache) == []


def test_an_error_in_the_making_is_passed_on(own_cache):
    with pytest.raises(OSError, match="no such film"):
        kept("a", lambda: (_ for _ in ()).throw(OSError("no such film")))
    assert not own_cache.exists()
