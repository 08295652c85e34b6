"""Real photos to judge with: those that ship in Python packages, in an environment of the evaluation's own."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_FOLDER = _ROOT / ".venv-eval"
_LOCK = Path(__file__).with_name("packages.lock")
_DONE = _FOLDER / ".ready"


def packages() -> Path:
    """The folder in which the packages lie; installed by their locked hashes, without what they depend on."""
    if not _DONE.exists() or _DONE.stat().st_mtime < _LOCK.stat().st_mtime:
        sys.stderr.write("photos-eval: installing the packages that the pictures are taken from\n")
        venv.create(_FOLDER, with_pip=True, clear=True)
        python = _FOLDER / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        command = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
        subprocess.run([*command, "--require-hashes", "-r", str(_LOCK)], check=True)
        _DONE.touch()
    return next(_FOLDER.glob("[Ll]ib/**/site-packages"))
