"""A turn has not become dear (part of `make check`): its processor time as a ratio to the bare relay's, side by side.

A ratio, because machines differ and share; generous, because it shall find a mistake, not a bad day.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_MOST = 6.0  # times the bare relay's; docs/performance.md has what was measured
_ONLY = ["--only", "bare,photosync", "--rounds", "2", "--seconds", "1"]
_FIGURE = "full_turn_cpu_ratio_to_bare_16"


def main() -> int:
    """Exit 1 above the bound."""
    if sys.platform != "linux":
        sys.stdout.write("turns not measured: this needs Linux\n")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        measuring = [sys.executable, "-m", "benchmarks.turns", *_ONLY, "--json", str(file)]
        done = subprocess.run(measuring, cwd=ROOT, check=False, capture_output=True, text=True)
        if done.returncode:
            sys.stderr.write(done.stderr[-2_000:])
            return done.returncode
        ratio = float(json.loads(file.read_text(encoding="utf-8"))[_FIGURE])
    sys.stdout.write(f"a turn takes {ratio:.1f} times the processor time of a bare relay's (at most {_MOST:g})\n")
    return 0 if ratio <= _MOST else 1


if __name__ == "__main__":
    sys.exit(main())
