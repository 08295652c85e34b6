"""Known vulnerabilities in what the lock files name (`make audit`, part of `make check`).

The auditor is installed into a folder of its own that is thrown away afterwards. Where its database is out of reach
the audit is skipped, with a line that says so; anything found is an error.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements-dev.lock", "requirements.lock", "requirements-node.lock")
_PATIENCE = 180.0  # seconds for one lock file
# What the auditor says when it cannot ask anybody.
_OUT_OF_REACH = (
    "could not be audited",
    "ConnectionError",
    "ServiceError",
    "Max retries",
    "Connection refused",
    "timed out",
    "SSLError",
    "ProxyError",
    "HTTPError",
)


def main() -> int:
    """Exit 1 if a vulnerability is known."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        programs = Path(folder) / ("Scripts" if sys.platform == "win32" else "bin")
        installing = [
            programs / "python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "pip-audit",
        ]
        if subprocess.run(installing, check=False, capture_output=True).returncode:
            return _skipped("the auditor cannot be installed")
        return max(_audit(programs, lock) for lock in LOCKS)


def _audit(programs: Path, lock: str) -> int:
    options = ["--require-hashes", "--disable-pip", "--progress-spinner", "off"]
    asking = [programs / "pip-audit", "--requirement", lock, *options]
    try:
        done = subprocess.run(asking, cwd=ROOT, check=False, capture_output=True, text=True, timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        return _skipped(f"{lock}: no answer within {_PATIENCE:g} s")
    told = done.stdout + done.stderr
    if any(sign in told for sign in _OUT_OF_REACH):
        return _skipped(f"{lock}: the database of vulnerabilities is out of reach")
    sys.stdout.write(f"audit of {lock}: {'FAILED' if done.returncode else 'nothing known'}\n")
    sys.stdout.write(told if done.returncode else "")
    return done.returncode


def _skipped(why: str) -> int:
    sys.stdout.write(f"audit skipped: {why}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
