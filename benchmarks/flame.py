"""`make flame`: where a turn's time goes, as a flame graph (docs/performance.svg).

The profiler (py-spy) is installed into a folder of its own that is thrown away afterwards; it looks at the bot while the
benchmark of turns drives it. Linux only, and may need the right to look at other processes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "performance.svg"
_SECONDS = 8
_PATIENCE = 90.0  # seconds until the bot is being driven


def main() -> int:
    """Exit 1 if the bot never came up or could not be looked at."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        programs = Path(folder) / "bin"
        subprocess.run([programs / "python", "-m", "pip", "install", "--quiet", "py-spy"], check=True)
        driving = [sys.executable, "-m", "benchmarks.turns", "--only", "photosync", "--rounds", "3", "--seconds", "8"]
        driver = subprocess.Popen(driving, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            bot = _bot()
            time.sleep(4)  # past the start
            looking = ["record", "--pid", str(bot), "--duration", str(_SECONDS), "--rate", "250", "--output", str(OUT)]
            return subprocess.run([programs / "py-spy", *looking], check=False, stdout=subprocess.DEVNULL).returncode
        finally:
            driver.terminate()
            driver.wait()


def _bot() -> int:
    """The process of `photosync serve`, as soon as there is one. Raises RuntimeError."""
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends:
        for command in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = command.read_bytes().split(b"\0")
            except OSError:
                continue  # it ended meanwhile
            if words[1:4] == [b"-m", b"bot", b"serve"]:
                return int(command.parent.name)
        time.sleep(0.2)
    raise RuntimeError("the benchmark started no bot")


if __name__ == "__main__":
    sys.exit(main())
