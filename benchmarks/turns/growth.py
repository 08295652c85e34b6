"""Whether a turn costs more where many cases are stored: the same bot on databases of several sizes, side by side."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from benchmarks.turns import bots
from benchmarks.turns.chats import People
from benchmarks.turns.comparison import Measured, measure_in_turn, tell
from benchmarks.turns.subjects import BOT, SUBJECTS

SIZES = (1_000, 100_000, 1_000_000)
AT_ONCE = 16
_APART = 10_000_000  # between the numbers of one database's people and the next one's
_TALKING = 10_000  # people who chat, spread over all that are stored


async def grow(folder: Path, rounds: int, seconds: float) -> Measured:
    """Turns by the number of stored cases. Raises `Wrong` and `NotStarted`."""
    measured: Measured = {}
    async with bots.stage(folder) as here, AsyncExitStack() as stack:
        running = []
        for place, size in enumerate(SIZES):
            tell(f"storing {size:,} cases")
            database = folder / f"cases-{size}.db"
            members = range(place * _APART, place * _APART + size)
            await bots.seed(here, database, members)
            subject = replace(SUBJECTS[BOT], name=f"{size:,}")
            chats = bots.some_chats(subject, here, People(members[:: max(1, size // _TALKING)]), AT_ONCE)
            running.append(await stack.enter_async_context(bots.started(subject, here, database, chats)))
        await measure_in_turn(here, running, measured, (AT_ONCE,), rounds, seconds)
    return measured
