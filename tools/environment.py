"""Environments of their own for what the product does not need: packages by their locked hashes, nothing else."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from tools.setup import locked


def packages(folder: Path, lock: Path, purpose: str) -> Path:
    """Where the packages of a lock file lie in an environment; it is made when it is first needed, or out of date."""
    done = folder / ".ready"
    if not done.exists() or done.stat().st_mtime < lock.stat().st_mtime:
        sys.stderr.write(f"installing {purpose}\n")
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run(
            locked([str(interpreter(folder)), "-m", "pip", "--disable-pip-version-check"], str(lock)), check=True
        )
        done.touch()
    return next(folder.glob("[Ll]ib/**/site-packages"))


def interpreter(folder: Path) -> Path:
    """The Python of an environment."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
