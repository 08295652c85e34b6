"""What trains the classifier, in an environment of its own: the product needs none of it."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

_FOLDER = Path(__file__).resolve().parents[2] / ".venv-train"
_LOCK = Path(__file__).with_name("packages.lock")
_DONE = _FOLDER / ".ready"


def prepare() -> None:
    """Make numpy, scipy and scikit-learn importable; installed by their locked hashes when they are first needed."""
    if not _DONE.exists() or _DONE.stat().st_mtime < _LOCK.stat().st_mtime:
        sys.stderr.write("installing what trains the classifier\n")
        venv.create(_FOLDER, with_pip=True, clear=True)
        python = _FOLDER / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        command = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
        subprocess.run([*command, "--require-hashes", "-r", str(_LOCK)], check=True)
        _DONE.touch()
    sys.path.append(str(next(_FOLDER.glob("[Ll]ib/**/site-packages"))))
