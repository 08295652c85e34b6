"""What a process holds after very many turns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.turns import bots
from benchmarks.turns.chats import People
from benchmarks.turns.comparison import STORED, tell
from benchmarks.turns.rounds import measure
from benchmarks.turns.subjects import BOT, SUBJECTS

TURNS = 100_000
_AT_ONCE = 64
_SECONDS = 5.0  # between two looks


@dataclass(frozen=True)
class Held:
    """Megabytes after so many turns."""

    turns: int
    rss: float


async def hold(folder: Path) -> list[Held]:
    """At the start, about every fifth of the way, and at the end. Raises `Wrong` and `NotStarted`."""
    database = folder / "memory.db"
    async with bots.stage(folder) as here:
        await bots.seed(here, database, range(STORED))
        chats = bots.some_chats(SUBJECTS[BOT], here, People(range(STORED)))
        async with bots.started(SUBJECTS[BOT], here, database, chats) as bot:
            held, turns = [Held(0, bot.running.rss())], 0
            while turns < TURNS:
                figures = await measure(bot.running, bot.chats[:_AT_ONCE], _SECONDS)
                turns += int(figures.turns_per_second * _SECONDS)  # and those of warming up, not counted
                if turns >= min(TURNS, held[-1].turns + TURNS // 5):
                    held.append(Held(turns, bot.running.rss()))
                    tell(f"{turns:,} turns, {held[-1].rss:.0f} MB")
            return held
