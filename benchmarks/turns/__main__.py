"""`make bench`: a turn of this bot beside a bare relay and beside what the public SDKs make of an echo.

Every bot runs as a process of its own on one core, what drives it on another; every reply is checked.
"""

from __future__ import annotations

import argparse
import json
import os
import site
import sys
import tempfile
from pathlib import Path

from benchmarks.turns import environments, processes
from benchmarks.turns.environments import FOLDER, NotInstalled

PARTS = ("bare", "photosync", "stock", "agents", "teams", "looks", "msgraph", "follow-ups", "growth", "memory")


def main() -> int:
    """Exit 1 if a reply was wrong, or if the benchmark cannot be run here."""
    chosen = _parser().parse_args()
    try:
        _, core = processes.cores()
        missing = _made(chosen.only)
    except (OSError, NotInstalled) as why:
        return _complain(str(why))
    # What drives the bots must not disturb them, and its own tools are no dependency of the project.
    os.sched_setaffinity(0, {core})
    site.addsitedir(str(environments.TOOLS))
    parts = [part for part in chosen.only if part not in missing]
    return _measured(chosen, parts, missing)


def _measured(chosen: argparse.Namespace, parts: list[str], missing: dict[str, str]) -> int:
    import uvloop  # noqa: PLC0415 - only now it can be found

    from benchmarks.turns import report  # noqa: PLC0415 - likewise
    from benchmarks.turns.connector import Wrong  # noqa: PLC0415
    from benchmarks.turns.run import run  # noqa: PLC0415

    # Not in /tmp, which may be memory: a durable commit has to reach a disk.
    with tempfile.TemporaryDirectory(prefix="run-", dir=FOLDER) as folder:
        try:
            results = uvloop.run(run(parts, Path(folder), chosen.rounds, chosen.seconds))
        except (Wrong, processes.NotStarted) as why:
            return _complain(str(why))
    results.missing |= missing
    report.show(results)
    if chosen.json:
        chosen.json.write_text(json.dumps(report.figures(results), indent=2) + "\n", encoding="utf-8")
    return 0


def _complain(line: str) -> int:
    sys.stderr.write(f"bench: {line[:1_000]}\n")
    return 1


def _made(only: list[str]) -> dict[str, str]:
    """Environments of what is to be measured; those that could not be made, with the reason."""
    environments.make_tools()
    missing = {}
    for name in only:
        if (environments.REQUIREMENTS / f"{name}.txt").exists():
            try:
                environments.make(name)
            except NotInstalled as why:
                missing[name] = str(why)
    return missing


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=_positive, default=5, help="how often everything is measured (default 5)")
    parser.add_argument("--seconds", type=_seconds, default=2.0, help="of each measurement (default 2)")
    parser.add_argument(
        "--only", type=_parts, default=list(PARTS), metavar="PART,...", help=f"of {', '.join(PARTS)} (default all)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError("must be a whole number from 1")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 600:
        raise argparse.ArgumentTypeError("must be a number of seconds from 0.1 to 600")
    return seconds


def _parts(text: str) -> list[str]:
    chosen = text.split(",")
    unknown = [part for part in chosen if part not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no part called {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return [part for part in PARTS if part in chosen]


if __name__ == "__main__":
    sys.exit(main())
