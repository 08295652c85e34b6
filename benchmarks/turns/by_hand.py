"""A look beside the same requests written by hand with Microsoft's Graph SDK, and beside what Graph's limits allow."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.turns import bots, environments, processes
from benchmarks.turns.chats import Stage
from benchmarks.turns.comparison import tell
from benchmarks.turns.connector import Wrong
from benchmarks.turns.looks import LATENCY
from sandbox.sites import DRIVE_ID, FOLDER

MSGRAPH = "msgraph"
_PEOPLE = 60
_PROGRAMS = {"photosync, with the comparison": ("", "photosync_look"), "msgraph-sdk by hand": (MSGRAPH, "msgraph_look")}
_AT_ONCE = 16
_PHOTO_REQUESTS = 4  # that Graph takes from one application at a time


@dataclass(frozen=True)
class Looked:
    """Looks of one program; milliseconds, the processor's for each look."""

    first: float  # p50 of people who were not looked at before
    further: float  # p50 of people who were
    per_second: float  # at 16 at once
    cpu: float


BOUND = Looked(2000 * LATENCY, 1000 * LATENCY, _PHOTO_REQUESTS / LATENCY, 0.0)
"""What Graph sets: two waits, one wait, and four photo requests at once. A download takes no time here."""


async def beside(folder: Path, seconds: float, missing: Mapping[str, str]) -> dict[str, Looked]:
    """Each program by itself. Raises `Wrong`."""
    found: dict[str, Looked] = {}
    async with bots.stage(folder) as here:
        faults = here.tenant.world.faults
        faults.graph_seconds, faults.photo_seconds = LATENCY, 0.0
        people = [one.id for one in here.tenant.world.crowd(_PEOPLE)]
        for one in people:
            here.tenant.world.holdings(one)
        for title, (environment, program) in _PROGRAMS.items():
            if environment in missing:
                continue
            tell(title)
            async with _started(here, environment, program) as process:
                await _ask(process, people[:1], 1, 0.0)  # signed in, and the library found
                first = await _ask(process, people[1:], 1, 0.0)
                further = await _ask(process, people, 1, seconds)
                busy = await _ask(process, people, _AT_ONCE, seconds)
            looks = len(busy["took"])
            found[title] = Looked(
                1000 * statistics.median(first["took"]),
                1000 * statistics.median(further["took"]),
                looks / busy["seconds"],
                1000 * busy["cpu"] / looks,
            )
    return found


@asynccontextmanager
async def _started(here: Stage, environment: str, program: str) -> AsyncIterator[Process]:
    environ = {
        "PATH": os.environ["PATH"],
        **here.tenant.environment(),
        "SSL_CERT_FILE": str(here.bundle),
        "REQUESTS_CA_BUNDLE": str(here.bundle),
        "BENCH_FOLDER": f"/drives/{DRIVE_ID}/root:/{FOLDER}",
    }
    if not environment:
        environ["PYTHONPATH"] = str(environments.ROOT)
    runner = environments.python(environment) if environment else sys.executable
    core, _ = processes.cores()
    process = await asyncio.create_subprocess_exec(
        str(runner),
        str(Path(__file__).parent / "programs" / f"{program}.py"),
        env=environ,
        stdin=PIPE,
        stdout=PIPE,
        limit=16 << 20,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def _ask(process: Process, people: list[str], at_once: int, seconds: float) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({"people": people, "at_once": at_once, "seconds": seconds}).encode() + b"\n")
    answer: dict[str, Any] = json.loads(await process.stdout.readline() or b'{"wrong": "the program ended"}')
    if "wrong" in answer:
        raise Wrong(answer["wrong"])
    return answer
