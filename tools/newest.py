"""The test suite with the newest releases that pyproject.toml allows (`make newest`). Standard library only.

The lock says what is installed; this says whether what somebody installs without it would work too.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def requirements() -> list[str]:
    """What the program, the demo and the tests ask for, by the ranges of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    development = [*groups["build"], *(one for one in groups["dev"] if isinstance(one, str))]
    extras = project["project"]["optional-dependencies"]
    return [*project["project"]["dependencies"], *extras["demo"], *extras["otel"], *development]


def main(arguments: list[str]) -> int:
    """`newest.py FOLDER [arguments of pytest]` -> pytest's exit status."""
    folder = (ROOT / arguments[0]).resolve()
    # Made like the ordinary environment (with the card renderer and the schemas), then raised above the lock.
    subprocess.run([sys.executable, "tools/setup.py", str(folder)], cwd=ROOT, check=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    upgrade = ["install", "--quiet", "--upgrade", "--upgrade-strategy", "eager"]
    subprocess.run([python, "-m", "pip", *upgrade, *requirements()], cwd=ROOT, check=True)
    subprocess.run([python, "tools/machine.py"], cwd=ROOT, check=True)
    tests = [python, "-m", "pytest", "-n", "auto", "--dist", "worksteal", *(arguments[1:] or ["tests"])]
    return subprocess.run(tests, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
