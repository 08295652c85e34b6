"""An environment of its own for each public SDK, and a folder with the tools of driver and relay, in `.venv-bench/`."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / ".venv-bench"
TOOLS = FOLDER / "tools"  # uvloop, orjson, httptools: beside this project's own packages, not an environment
REQUIREMENTS = Path(__file__).resolve().parent / "requirements"


class NotInstalled(Exception):
    """An environment that could not be made; says why."""


def python(name: str) -> Path:
    """The Python of an SDK's environment."""
    return FOLDER / name / "bin/python"


def make(name: str) -> None:
    """Make an SDK's environment unless it is there as required. Raises `NotInstalled`."""
    if _is_made(name):
        return
    _tell(f"making {FOLDER / name}")
    shutil.rmtree(FOLDER / name, ignore_errors=True)
    venv.create(FOLDER / name, with_pip=True)
    _pip([str(python(name)), "-m", "pip", "install", "-r", str(_required(name))])
    _mark(name)


def make_tools() -> None:
    """The same for the tools. Raises `NotInstalled`."""
    if _is_made("tools"):
        return
    _tell(f"making {TOOLS}")
    shutil.rmtree(TOOLS, ignore_errors=True)
    _pip([sys.executable, "-m", "pip", "install", "--target", str(TOOLS), "-r", str(_required("tools"))])
    _mark("tools")


def _required(name: str) -> Path:
    return REQUIREMENTS / f"{name}.txt"


def _digest(name: str) -> str:
    return hashlib.sha256(_required(name).read_bytes()).hexdigest()


def _is_made(name: str) -> bool:
    mark = FOLDER / name / ".made"
    return mark.is_file() and mark.read_text(encoding="utf-8") == _digest(name)


def _mark(name: str) -> None:
    (FOLDER / name / ".made").write_text(_digest(name), encoding="utf-8")


def _pip(command: list[str]) -> None:
    quiet = [*command, "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(quiet, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotInstalled((done.stderr.strip() or "pip failed").splitlines()[-1])


def _tell(line: str) -> None:
    sys.stderr.write(f"bench: {line}\n")
    sys.stderr.flush()
