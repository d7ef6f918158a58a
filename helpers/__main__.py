"""Open or test the course: ``python -m helpers lab`` and ``python -m helpers test``; for authors,
``python -m helpers notebook new 12 costs`` and ``notebook run 12``.

Imports the standard library only, because it runs on the system's Python: the first call makes
``.venv`` in the repository and installs requirements.txt there; later calls reuse it as it is.
"""

import argparse
import hashlib
import importlib.util
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

NEWEST = (3, 14)  # for which there is a torch of the pinned version
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "installed.txt"  # written last: an interrupted install leaves none
REQUIREMENTS = ROOT / "requirements.txt"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
FIRST_NOTEBOOK = "00_start_here.ipynb"
HEADLESS_NOTEBOOK = ROOT / "notebooks" / "07_movie_reviews.ipynb"


def check_platform():
    """Say so if there is no ready-made PyTorch, or no room: pip would only say that it failed."""
    machine = platform.machine().lower()
    intel_mac = sys.platform == "darwin" and machine == "x86_64"
    windows_on_arm = sys.platform == "win32" and machine in ("arm64", "aarch64")
    if intel_mac or windows_on_arm or sys.version_info[:2] > NEWEST:
        what = "Python %d.%d on %s %s" % (*sys.version_info[:2], sys.platform, machine)
        raise SystemExit(
            "PyTorch has no ready-made package for %s. Take Python 3.11 to %d.%d on Linux, 64-bit "
            "Windows or a Mac with Apple silicon; or install PyTorch in your own way, the rest of "
            "requirements.txt after it, and add --no-venv." % (what, *NEWEST)
        )
    if not os.access(str(ROOT), os.W_OK):
        raise SystemExit(
            "%s cannot be written to, so there is no room for .venv: copy the course to a folder "
            "of your own, or install requirements.txt where you like and add --no-venv." % ROOT
        )


def fingerprint():
    """What the stamp holds when .venv is complete."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    return "%s python %d.%d\n" % ((digest,) + tuple(sys.version_info[:2]))


def run(*command, **options):
    """Run a command in the repository; Ctrl+C is left to the command itself."""
    env = dict(os.environ, PYTHONPATH=str(ROOT), PYTHONUTF8="1", TOKENIZERS_PARALLELISM="false")
    for name in ("PIP_USER", "PIP_TARGET", "PIP_PREFIX"):  # they would install beside .venv
        env.pop(name, None)
    process = subprocess.Popen([str(part) for part in command], cwd=str(ROOT), env=env, **options)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def make_venv():
    version = "version = %d.%d." % tuple(sys.version_info[:2])
    config = VENV / "pyvenv.cfg"
    same_python = config.exists() and version in config.read_text(encoding="utf-8")
    if Path(sys.prefix).resolve() == VENV:  # called from inside .venv, which then exists and fits
        return
    cure = (
        "This Python could not make a virtual environment. On Debian or Ubuntu run "
        "'sudo apt install python%d.%d-venv' and try again; with conda, use environment.yml and "
        "add --no-venv." % tuple(sys.version_info[:2])
    )
    if not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
        raise SystemExit(cure)
    print("making .venv ...", flush=True)
    if run(sys.executable, "-m", "venv", *([] if same_python else ["--clear"]), VENV):
        raise SystemExit(cure)


def install():
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    count = sum("==" in line for line in lines)
    print("installing %d packages (about 2 GB the first time) ..." % count, flush=True)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if run(PYTHON, "-m", "pip", "--version", **quiet):  # a .venv that another tool has made
        if run(PYTHON, "-m", "ensurepip", "--upgrade", **quiet):
            raise SystemExit("The Python in .venv has no pip: delete the folder .venv, try again.")
    if run(PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "-q", "-r", REQUIREMENTS):
        raise SystemExit(
            "The packages could not be installed (pip's reason is above): check the network "
            "connection and the free disk space, then run the same command again to resume."
        )
    STAMP.write_text(fingerprint(), encoding="utf-8")


def course_python():
    """The Python of a complete .venv; pip runs only if the stamp does not match."""
    if not (PYTHON.exists() and STAMP.exists() and STAMP.read_text("utf-8") == fingerprint()):
        check_platform()
        make_venv()
        install()
    return PYTHON


def lab(python, extra, author=False):
    """JupyterLab on the learner's copies, or on the executed originals."""
    if not author and notebook(python, ["copy"]):
        return 1
    url = "/lab/tree/%s/%s" % ("notebooks" if author else "my_notebooks", FIRST_NOTEBOOK)
    where = ["--ServerApp.root_dir=%s" % ROOT, "--LabApp.default_url=" + url]
    where += ["--LabApp.app_settings_dir=%s" % (ROOT / ".jupyter")]  # keeps the widgets' state
    return run(python, "-m", "jupyterlab", *where, *extra)


def headless(python):
    print("running notebooks/%s ..." % HEADLESS_NOTEBOOK.name, flush=True)
    started = time.monotonic()
    failed = notebook(python, ["show", HEADLESS_NOTEBOOK, "result"])
    print("%s after %.0f seconds" % ("failed" if failed else "done", time.monotonic() - started))
    return failed


def notebook(python, names):
    return run(python, "-m", "helpers.notebooks", *names)


def test(python, extra, fast=False, notebooks=(), browser=False):
    """Style, then pytest; files are shared out among the cores, one thread for each."""
    style = run(python, "-m", "ruff", "check")
    style = run(python, "-m", "ruff", "format", "--check", "--quiet") or style
    chosen = []
    if browser:
        os.environ["PROMPT_COURSE_BROWSER"] = "1"
        chosen = ["tests/test_browser.py"]
    elif fast:
        chosen = ["tests", "-m", "not slow"]
    elif notebooks:
        found = {number: list(ROOT.glob("notebooks/%s_*.ipynb" % number)) for number in notebooks}
        if not all(found.values()):
            raise SystemExit("No notebook among %s? Give two digits each." % ", ".join(notebooks))
        contract = ["tests/test_%s.py" % name for name in ("notebooks", "introduced", "exercises")]
        names = [str(file.relative_to(ROOT)) for some in found.values() for file in some]
        chosen = names + contract + ["-k", " or ".join(notebooks)]
    workers = str(min(4, max(2, os.cpu_count() or 1)))
    shared = ["-n", workers, "--dist", "loadfile", "--durations", "10"]
    os.environ["OMP_NUM_THREADS"] = "1"
    return run(python, "-m", "pytest", *shared, *chosen, *extra) or style


def main(argv=None):
    parser = argparse.ArgumentParser("python -m helpers", description=__doc__, allow_abbrev=False)
    parser.add_argument("command", choices=["lab", "test", "notebook"])
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--headless", action="store_true", help="lab: run notebook 07, no browser")
    part.add_argument("--fast", action="store_true", help="test: style and units, no notebook")
    part.add_argument("--author", action="store_true", help="lab: the executed originals")
    part.add_argument("--browser", action="store_true", help="test: all notebooks in JupyterLab")
    part.add_argument("--notebook", nargs="+", metavar="NN", default=[], help="test: these alone")
    parser.add_argument("--no-venv", action="store_true", help="use this Python's own packages")
    options, extra = parser.parse_known_args(argv)
    own = options.no_venv or os.environ.get("PROMPT_COURSE_NO_VENV") == "1"
    python = sys.executable if own else course_python()
    if options.command == "test":
        return test(python, extra, options.fast, options.notebook, options.browser)
    if options.command == "notebook":
        return notebook(python, extra)
    return headless(python) if options.headless else lab(python, extra, options.author)


if __name__ == "__main__":
    sys.exit(main())
