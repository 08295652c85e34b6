"""`make flame`: where a turn's time goes, as a flame graph (docs/performance.svg).

The profiler (py-spy) is installed into a folder of its own that is thrown away afterwards; it looks at the bot while the
benchmark of turns drives it. Linux only, and may need the right to look at other processes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = "docs/performance.svg"
_SECONDS = 8
_WARM = 6.0  # seconds
_TIMEOUT = 90.0  # seconds until the bot is being driven


def main() -> int:
    """Exit 1 if the bot never came up or could not be looked at."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        programs = Path(folder) / "bin"
        subprocess.run([programs / "python", "-m", "pip", "install", "--quiet", "py-spy"], check=True)
        driving = [sys.executable, "-m", "benchmarks.turns", "--only", "photosync", "--rounds", "3", "--seconds", "8"]
        driver = subprocess.Popen(
            driving, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            bot = _bot()
            looking = [
                "record",
                "--pid",
                str(bot),
                "--duration",
                str(_SECONDS),
                "--rate",
                "250",
                "--output",
                OUT,
            ]
            return subprocess.run(
                [programs / "py-spy", *looking], cwd=ROOT, check=False, stdout=subprocess.DEVNULL
            ).returncode
        finally:
            for one in _bots():
                os.kill(one, signal.SIGTERM)  # the benchmark cannot end it any more
            os.killpg(driver.pid, signal.SIGTERM)  # what it started too
            driver.wait()


def _bot() -> int:
    """The process of `photosync serve` that is driven for a while: the first ones only start. Raises RuntimeError."""
    ends = time.monotonic() + _TIMEOUT
    seen: dict[int, float] = {}
    while time.monotonic() < ends:
        for found in _bots():
            if time.monotonic() - seen.setdefault(found, time.monotonic()) > _WARM:
                return found
        time.sleep(0.2)
    raise RuntimeError("the benchmark started no bot")


def _bots() -> Iterator[int]:
    """Every process of `photosync serve`."""
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = command.read_bytes().split(b"\0")
        except OSError:
            continue  # it ended meanwhile
        if words[1:4] == [b"-m", b"bot", b"serve"]:
            yield int(command.parent.name)


if __name__ == "__main__":
    sys.exit(main())
