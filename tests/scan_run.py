"""The scan run (`make scan-run`): a whole tenant under throttling, once uninterrupted, once killed again and again.

Both reports have to be the same, byte for byte, apart from when each person was looked at; exit 1 if not. With
`--units` the limit is SharePoint's own, in resource units, and what it and the four photo requests at once allow is
shown beside what it took.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import os
import random
import signal
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console

from sandbox.faults import Throttle
from sandbox.tenant import Tenant
from sandbox.world import PEOPLE
from tests.command import command

ROOT = Path(__file__).resolve().parent.parent
OLD = PEOPLE[0]
LIKE = (
    *(one for one in PEOPLE if one.story != "forbidden"),
    replace(OLD, user_type="Guest"),
    replace(OLD, enabled=False),
    replace(OLD, sharepoint=False),
)
"""Everything that can be told of somebody."""


@dataclass
class Run:
    """One report and what it took."""

    status: int = 0
    seconds: float = 0.0
    requests: int = 0
    refused: int = 0
    units: int = 0
    ends: list[str] = field(default_factory=list)  # how it was interrupted, and with how many lines written
    lines: list[str] = field(default_factory=list)  # without the last column
    summary: str = ""

    def told(self) -> str:
        """In one line."""
        return f"{self.seconds:.0f} s, {self.requests:,} requests, {self.refused:,} of them refused (429), exit {self.status}"


def _hear_ctrl_c() -> None:
    """In the new process: one that was started in the background would not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def start(tenant: Tenant, out: Path, *more: str) -> Process:
    """The command, in a process of its own."""
    environ = {**tenant.environment(), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    scan = command("scan", "--out", str(out), *more)
    return await asyncio.create_subprocess_exec(*scan, env=environ, stdout=PIPE, stderr=PIPE, preexec_fn=_hear_ctrl_c)


def written(out: Path) -> int:
    """How many whole lines are in a report."""
    return out.read_bytes().count(b"\n") if out.exists() else 0


def leave_half_a_line(out: Path) -> None:
    """As a crash of the whole machine may."""
    with out.open("ab") as file:
        file.write(b"0c000000-0000-4000-8000-00000000")


def without_times(out: Path) -> list[str]:
    """The lines without `looked_at`, the last column."""
    return [line.rpartition(",")[0] for line in out.read_text(encoding="utf-8").splitlines()]


async def reach(process: Process, out: Path, lines: int) -> bool:
    """Wait until the report has so many lines; False if the process ended before."""
    while process.returncode is None:
        if written(out) >= lines:
            return True
        await asyncio.sleep(0.05)
    return False


async def interrupt(process: Process, how: signal.Signals, out: Path, found: Run) -> None:
    """End it."""
    process.send_signal(how)
    await process.communicate()
    found.ends.append(f"{how.name} at {written(out):,}")
    leave_half_a_line(out)


async def run(tenant: Tenant, out: Path, cuts: list[int]) -> Run:
    """One report, interrupted when it has so many lines; Ctrl-C and `kill -9` in turn."""
    found, throttle = Run(), tenant.world.faults.throttle
    asked, refused = len(tenant.graph.requests), throttle.refused if throttle else 0
    units = throttle.used if throttle else 0
    begun = time.monotonic()
    for number, lines in enumerate(cuts):
        process = await start(tenant, out, *(["--resume"] if number else []))
        if await reach(process, out, lines):
            await interrupt(process, (signal.SIGKILL, signal.SIGINT)[number % 2], out, found)
    process = await start(tenant, out, *(["--resume"] if cuts else []))
    told, _ = await process.communicate()
    found.status, found.summary = process.returncode or 0, told.decode()
    found.seconds = time.monotonic() - begun
    found.requests = len(tenant.graph.requests) - asked
    found.refused = (throttle.refused if throttle else 0) - refused
    found.units = (throttle.used if throttle else 0) - units
    found.lines = without_times(out)
    return found


def bound(throttle: Throttle, people: int, units: int, photo_seconds: float) -> float:
    """Seconds that the limits leave, for so many units of SharePoint's and everybody's photo, four at once.

    The first window is full of units at once, and whoever is refused waits for the next one to begin.
    """
    windows = max(0, -(-units // throttle.requests) - 1)
    return max(windows * throttle.seconds, people * photo_seconds / 4)


async def compare(
    people: int, kills: int, throttle: Throttle | None, folder: Path, seed: int = 1, photo_seconds: float | None = None
) -> tuple[Run, Run]:
    """The same tenant twice: uninterrupted, and interrupted so many times."""
    dice = random.Random(seed)
    async with Tenant.open() as tenant:
        tenant.world.people = tuple(one for one in PEOPLE if one.story != "forbidden")
        tenant.world.crowd(people - len(tenant.world.people), LIKE)
        tenant.world.faults.throttle = throttle
        if photo_seconds is not None:
            tenant.world.faults.photo_seconds = photo_seconds
        whole = await run(tenant, folder / "whole.csv", [])
        if not kills:
            return whole, whole
        cuts = sorted(dice.sample(range(2, people), kills))
        return whole, await run(tenant, folder / "interrupted.csv", cuts)


def main() -> int:
    """Exit 1 if the reports differ, or lack somebody."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--requests", type=int, default=6_000, help="that Graph takes in a window")
    parser.add_argument("--window", type=float, default=30.0, help="seconds")
    parser.add_argument("--units", action="store_true", help="count SharePoint's resource units, not requests")
    parser.add_argument("--photo-seconds", type=float, default=0.03, help="that a photo request takes")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    throttle = Throttle(chosen.requests, chosen.window, chosen.units)
    with tempfile.TemporaryDirectory() as folder:
        whole, cut = asyncio.run(
            compare(chosen.people, chosen.kills, throttle, Path(folder), chosen.seed, chosen.photo_seconds)
        )
    same = whole.lines == cut.lines and len(whole.lines) == chosen.people + 1
    verdicts = Counter(row[2] for row in csv.reader(whole.lines[1:]))
    console = Console(width=140, highlight=False)
    console.print(whole.summary)
    console.print(
        f"{chosen.people:,} people, {chosen.requests:,} requests taken in {chosen.window:g} s; {dict(verdicts)}"
    )
    console.print(f"uninterrupted: {whole.told()}")
    if chosen.units:
        least = bound(throttle, chosen.people, whole.units, chosen.photo_seconds)
        console.print(
            f"the limits allow {least:.0f} s: {whole.units / chosen.people:.1f} units a person, "
            f"{chosen.requests:,} in {chosen.window:g} s; measured {whole.seconds / max(least, 1):.2f} times that"
        )
    console.print(f"interrupted {len(cut.ends)} times: {cut.told()}; {', '.join(cut.ends)}")
    console.print(f"the reports are {'identical' if same else 'NOT identical'} apart from looked_at")
    return 0 if same and whole.status == cut.status == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
