"""Make the local environment: Python packages by their locked hashes, the card renderer of the demo page, and
Microsoft's schemas for the tests.

Standard library only, since it runs before anything is installed. Safe to run again. Any Python 3 can read it, so that
one that is too old says so: no `from __future__`, and annotations in quotes where an old one could not evaluate them.

The lock is complete, so pip's resolver is told to keep out (`--no-deps`): with it, pip before 23.3 resolves an extra
such as `coverage[toml]` apart from the pinned `coverage`, finds the newest release, and refuses it for lack of a hash.
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)


def main() -> int:
    """`setup.py FOLDER` -> exit status."""
    if sys.version_info < OLDEST:
        return complain(f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed, this is {sys.version.split()[0]}; "
                        "name another one: make PYTHON=python3.12 ...")  # fmt: skip
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / ".venv").resolve()
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not works(python) and not made(folder, python):
        return complain("no virtual environment could be made; on Debian or Ubuntu: apt-get install python3-venv")
    tell("installing the locked Python packages")
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    run(locked(pip, "requirements-dev.lock"))
    run([*pip, "install", "--quiet", "--no-deps", "--no-build-isolation", "-e", "."])
    if shutil.which("npm") is None:
        tell("no npm on this machine: installing Node.js into the environment")
        run(locked(pip, "requirements-node.lock"))
    run([*pip, "check"], quiet=True)
    for lock in ("oldest", "newest"):
        run([*pip, "download", "--quiet", "--no-deps", "--require-hashes", "-d", str(folder / "pips" / lock), "-r",
             f"tests/pips/{lock}.lock"])  # fmt: skip
    tell("installing the card renderer of the demo page")
    run([str(python), "-m", "sandbox.renderer"])
    tell("installing Microsoft's schemas of app packages and axe, for the tests")
    run([str(python), "-m", "tests.official"])
    tell("ready")
    return 0


def locked(pip: "list[str]", lock: str) -> "list[str]":
    """The command that installs exactly what a lock file names, whatever has been released since."""
    return [*pip, "install", "--quiet", "--no-deps", "--require-hashes", "-r", lock]


def made(folder: Path, python: Path) -> bool:
    """Whether a new environment with pip now stands there."""
    tell(f"making {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    for module in ("venv", "virtualenv"):
        done = subprocess.run([sys.executable, "-m", module, str(folder)], capture_output=True, check=False)
        if done.returncode == 0 and works(python):
            return True
    return False


def works(python: Path) -> bool:
    """Whether a Python with pip is there."""
    if not python.exists():
        return False
    return subprocess.run([str(python), "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def run(command: "list[str]", *, quiet: bool = False) -> None:
    """Run in the project's root, or end with the command's own message."""
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE if quiet else None, text=True)
    if done.returncode != 0 and quiet:
        sys.stderr.write(done.stdout)
    if done.returncode != 0:
        sys.exit(complain(f"this failed: {' '.join(command)}"))


def tell(line: str) -> None:
    """Progress."""
    sys.stderr.write(f"set-up: {line}\n")
    sys.stderr.flush()


def complain(line: str) -> int:
    """One clear line; returns the exit status."""
    tell(line)
    return 1


if __name__ == "__main__":
    sys.exit(main())
