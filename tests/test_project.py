"""The project's own files agree with each other, and the launcher behaves."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest

from helpers import __main__ as launcher
from helpers.data import load_reviews

ROOT = Path(__file__).resolve().parent.parent
TOP_LEVEL = {
    *("README.md", "LICENSE", "requirements.txt", "environment.yml"),
    *("notebooks", "helpers", "data", "tests"),
    *(
        ".ci",
        ".github",
        ".gitignore",
        ".jupyter",
        ".pre-commit-config.yaml",
        ".pytest.ini",
        ".ruff.toml",
    ),
}
PACKAGE_OF = {
    "PIL": "pillow",
    "resvg_py": "resvg-py",
    "sklearn": "scikit-learn",
    "axe_playwright_python": "axe-playwright-python",
    "IPython": "ipython",
    "mpl_toolkits": "matplotlib",
}
TOOLS = {
    "gguf",
    "ipykernel",
    "jupyterlab",
    "pytest-xdist",
    "ruff",
}  # run, or imported by transformers
LOCAL = {"helpers", "tests", "conftest", "test_files"}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def requirements() -> list[str]:
    lines = (line.strip() for line in read("requirements.txt").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def names() -> set[str]:
    return {re.split(r"[=<>~!\[; ]", line)[0].lower() for line in requirements()}


def code_of(path: Path) -> str:
    """A Python file's text, or a notebook's code without its magics."""
    if path.suffix == ".py":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    code = [c.source for c in cells if c.cell_type == "code" and not c.source.startswith("%%")]
    return re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", "\n".join(code))


def imported_packages() -> set[str]:
    files = [p for folder in ("helpers", "tests") for p in (ROOT / folder).rglob("*.py")]
    files += [p for end in ("py", "ipynb") for p in (ROOT / "notebooks").rglob("*." + end)]
    modules = set()
    for path in files:
        if ".ipynb_checkpoints" in path.parts:
            continue
        for node in ast.walk(ast.parse(code_of(path), str(path))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules.add(node.module.split(".")[0])
    modules -= LOCAL | set(sys.stdlib_module_names)
    return {PACKAGE_OF.get(module, module) for module in modules}


def test_every_requirement_is_pinned():
    loose = [r for r in requirements() if not re.fullmatch(r"[a-z0-9-]+==\d+(\.\d+)+", r)]
    assert not loose
    assert len(names()) == len(requirements())


def test_there_is_one_list_of_pins():
    assert "      - -r requirements.txt\n" in read("environment.yml")
    assert "==" not in read("environment.yml")


def test_imports_and_requirements_agree():
    imported = imported_packages()
    assert not imported - names(), "imported but not in requirements.txt"
    assert not names() - imported - TOOLS, "in requirements.txt but not used"


@pytest.fixture
def listed():
    """The files that git keeps, below the top level's folder."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("not a git checkout")
    listing = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [line.strip('"') for line in listing.stdout.splitlines()]


def test_top_level_is_exactly_the_agreed_one(listed):
    assert {line.split("/")[0] for line in listed} == TOP_LEVEL


def test_no_pickle_is_kept(listed):
    """Weights are safetensors; what torch.save left in a folder once came along with a commit."""
    pickles = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle", ".npy", ".npz")
    assert not [line for line in listed if line.endswith(pickles)]


def test_readme_and_ci_give_the_same_commands():
    assert "python -m helpers lab" in read("README.md")
    assert "python -m helpers test" in read("README.md")
    assert "python -m helpers test" in read(".ci/run").splitlines()


def test_launcher_parses_on_older_pythons_and_needs_no_packages():
    tree = ast.parse(read("helpers/__main__.py"), feature_version=(3, 8))
    modules = {
        name.split(".")[0]
        for node in tree.body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [node.names[0].name])
    }
    assert modules <= set(sys.stdlib_module_names)
    assert len(ast.parse(read("helpers/__init__.py")).body) == 3  # nothing but the version


@pytest.fixture
def course(tmp_path, monkeypatch):
    """The launcher in an empty folder; commands are noted instead of run, and may be failed."""
    ran, failing = [], set()

    def popen(command, **kwargs):
        assert not [name for name in kwargs["env"] if name in ("PIP_USER", "PIP_TARGET")]
        ran.append(command)
        if "venv" in command:
            launcher.PYTHON.parent.mkdir(parents=True, exist_ok=True)
            launcher.PYTHON.touch()
        return SimpleNamespace(wait=lambda: int(bool(failing & set(command))))

    monkeypatch.delenv("PROMPT_COURSE_NO_VENV", raising=False)
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PIP_TARGET", "elsewhere")
    monkeypatch.setattr(launcher.subprocess, "Popen", popen)
    for name in ("VENV", "STAMP", "PYTHON", "REQUIREMENTS"):
        inside = getattr(launcher, name).relative_to(launcher.ROOT)
        monkeypatch.setattr(launcher, name, tmp_path / inside)
    monkeypatch.setattr(launcher, "ROOT", tmp_path)
    launcher.REQUIREMENTS.write_text("# two\nnumpy==1.0\nscipy==1.0\n")
    return SimpleNamespace(ran=ran, failing=failing)


def modules_run(course) -> list[str]:
    run = [command[command.index("-m") + 1] for command in course.ran]
    course.ran.clear()
    return run


def test_first_run_installs_and_the_second_does_not(course, capsys):
    assert launcher.main(["test", "-k", "word", "tests"]) == 0
    assert course.ran[-1][:4] == [str(launcher.PYTHON), "-m", "pytest", "-n"]
    assert course.ran[-1][-3:] == ["-k", "word", "tests"]
    assert modules_run(course) == ["venv", "pip", "pip", "ruff", "ruff", "pytest"]
    assert "making .venv" in capsys.readouterr().out
    assert launcher.main(["test"]) == 0
    assert modules_run(course) == ["ruff", "ruff", "pytest"]
    assert capsys.readouterr().out == ""


def test_changed_requirements_are_installed(course):
    launcher.main(["lab"])
    modules_run(course)
    launcher.REQUIREMENTS.write_text("numpy==2.0\n")
    launcher.main(["lab"])
    assert modules_run(course) == ["venv", "pip", "pip", "helpers.notebooks", "jupyterlab"]


@pytest.mark.parametrize("way", ["option", "variable"])
def test_no_venv_uses_this_python(course, monkeypatch, way):
    if way == "variable":
        monkeypatch.setenv("PROMPT_COURSE_NO_VENV", "1")
    launcher.main(["lab", "--no-browser"] + ["--no-venv"] * (way == "option"))
    assert course.ran[-1][0] == sys.executable
    assert course.ran[-1][-1] == "--no-browser"
    assert modules_run(course) == ["helpers.notebooks", "jupyterlab"]


@pytest.mark.parametrize("failing", ["ruff", "pytest"])
def test_failed_checks_fail_the_command(course, failing):
    course.failing.add(failing)
    assert launcher.main(["test"]) == 1
    assert modules_run(course)[-3:] == ["ruff", "ruff", "pytest"]


@pytest.mark.parametrize(
    "asked, chosen",
    [
        (["--fast"], ["tests", "-m", "not slow"]),
        (["--notebook", "07", "08"], ["-k", "07 or 08"]),
    ],
)
def test_part_of_the_tests(course, asked, chosen):
    (launcher.ROOT / "notebooks").mkdir()
    for number in ("07", "08"):
        (launcher.ROOT / "notebooks" / f"{number}_some.ipynb").touch()
    assert launcher.main(["test", *asked, "--no-venv"]) == 0
    assert course.ran[-1][-len(chosen) :] == chosen
    assert launcher.os.environ["OMP_NUM_THREADS"] == "1"


@pytest.mark.parametrize(
    "asked, says",
    [
        (["--notebook", "42"], "No notebook among 42"),
        (["--fast", "--notebook", "07"], "not allowed with"),
    ],
)
def test_a_part_that_is_none(course, capsys, asked, says):
    with pytest.raises(SystemExit) as error:
        launcher.main(["test", *asked, "--no-venv"])
    assert says in str(error.value) + capsys.readouterr().err


def test_authors_commands_are_passed_on(course):
    launcher.main(["notebook", "new", "12", "costs", "--no-venv"])
    assert course.ran[-1][-4:] == ["helpers.notebooks", "new", "12", "costs"]


def test_old_python_is_refused():
    """By code that even Python 2 can read; nothing else is imported before."""
    code = read("helpers/__init__.py")
    ast.parse(code, feature_version=(3, 0))
    assert 'f"' not in code and "print" not in code
    fake = SimpleNamespace(version_info=(2, 7), exit=sys.exit)
    old = code.replace("import sys", "")
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer, and this is Python 2\.7"):
        exec(old, {"sys": fake})


@pytest.mark.parametrize(
    "system, machine, version, says",
    [
        ("darwin", "x86_64", (3, 12), "no ready-made package for Python 3.12 on darwin x86_64"),
        ("win32", "ARM64", (3, 12), "win32 arm64"),
        ("linux", "x86_64", (3, 15), "Python 3.15 on linux.*Take Python 3.11 to 3.14"),
        ("darwin", "arm64", (3, 13), None),
        ("win32", "AMD64", (3, 14), None),
    ],
)
def test_platforms_without_torch(course, monkeypatch, system, machine, version, says):
    fake = SimpleNamespace(platform=system, version_info=(*version, 1), executable="python")
    monkeypatch.setattr(launcher, "sys", fake)
    monkeypatch.setattr(launcher.platform, "machine", lambda: machine)
    if says is None:
        launcher.check_platform()
        return
    with pytest.raises(SystemExit, match=says):
        launcher.main(["lab"])
    assert not course.ran


def test_a_read_only_checkout(course, monkeypatch):
    monkeypatch.setattr(launcher.os, "access", lambda path, mode: False)
    with pytest.raises(SystemExit, match="cannot be written to.*copy the course"):
        launcher.main(["lab"])
    assert not course.ran


def test_a_venv_without_pip_gets_one_or_says_so(course):
    course.failing |= {"--version"}
    launcher.main(["lab"])
    assert modules_run(course) == [
        "venv",
        "pip",
        "ensurepip",
        "pip",
        "helpers.notebooks",
        "jupyterlab",
    ]
    launcher.STAMP.unlink()
    course.failing |= {"ensurepip"}
    with pytest.raises(SystemExit, match="has no pip: delete the folder .venv"):
        launcher.main(["lab"])


@pytest.mark.parametrize("missing", ["venv", "ensurepip"])
def test_missing_venv_names_the_cure(course, monkeypatch, missing):
    find = launcher.importlib.util.find_spec
    absent = SimpleNamespace(find_spec=lambda name: None if name == missing else find(name))
    monkeypatch.setattr(launcher, "importlib", SimpleNamespace(util=absent))
    with pytest.raises(SystemExit, match=r"apt install python3\.\d+-venv.*--no-venv"):
        launcher.main(["lab"])
    assert not course.ran


def test_failed_venv_names_the_cure(course):
    course.failing.add("venv")
    with pytest.raises(SystemExit, match="could not make a virtual environment"):
        launcher.main(["lab"])
    assert modules_run(course) == ["venv"]


def test_failed_install_is_explained_and_resumed(course):
    course.failing.add("pip")
    with pytest.raises(SystemExit, match="check the network.*again to resume"):
        launcher.main(["lab"])
    assert not launcher.STAMP.exists()
    course.ran.clear()
    course.failing.clear()
    launcher.main(["lab"])
    assert modules_run(course) == ["venv", "pip", "pip", "helpers.notebooks", "jupyterlab"]
    assert launcher.STAMP.exists()


@pytest.mark.slow
def test_the_readmes_script_runs(tmp_path, monkeypatch, capsys):
    """On a file of one's own with three labels."""
    reviews = load_reviews("rotten_tomatoes", (200, 50, 50))
    rows = [(row["text"], row["label"] + 1) for part in reviews.values() for row in part]
    rows += [(f"an average film , number {n} of its kind", 3) for n in range(40)]
    monkeypatch.chdir(tmp_path)
    pd.DataFrame(rows, columns=["comment", "stars"]).to_csv("mine.csv", index=False)
    (script,) = re.findall(r"(?s)```python\n(.*?)```", read("README.md"))
    exec(compile(script, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "'accuracy': " in printed and re.search(r"\['[123]'\]", printed)
    assert (tmp_path / "mine.safetensors").stat().st_size < 20_000


@pytest.mark.slow
@pytest.mark.parametrize("works", [True, False])
def test_headless_prints_the_result_or_the_error(tmp_path, monkeypatch, capfd, works):
    code = "print('one\\ntwo')" if works else "raise ValueError('no luck')"
    cell = nbformat.v4.new_code_cell(code, metadata={"tags": ["result"]})
    path = tmp_path / "small.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    before = path.read_bytes()
    monkeypatch.setattr(launcher, "HEADLESS_NOTEBOOK", path)
    code = launcher.main(["lab", "--headless", "--no-venv"])
    out, err = capfd.readouterr()
    assert (code == 0) == works
    assert ("one\ntwo\ndone after" in out) if works else ("ValueError: no luck" in err)
    assert list(tmp_path.iterdir()) == [path] and path.read_bytes() == before


def test_the_sums_of_the_series_stand_in_the_readme():
    """Hours of reading, minutes of running and exercises, added up from the table and solutions."""
    rows = re.findall(r"(?m)^\| \d\d \|.*\| (\d+) min \| (\d+) s \|$", read("README.md"))
    read_minutes, run_seconds = (sum(map(int, column)) for column in zip(*rows, strict=True))
    texts = (path.read_text("utf8") for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    exercises = sum(len(set(re.findall(r"\*\*(\d\d-\d)\.\*\*", text))) for text in texts)
    said = re.search(
        r"some (\d+) hours of reading, (\d+) minutes of running and (\d+) exercises",
        read("README.md"),
    )
    assert [round(read_minutes / 60), round(run_seconds / 60), exercises] == [
        *map(int, said.groups())
    ]
