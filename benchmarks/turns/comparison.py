"""All bots side by side: each round measures every one at each number of chats, so that noise falls on all alike."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.turns import bots
from benchmarks.turns.bots import Bot
from benchmarks.turns.chats import People, Stage
from benchmarks.turns.connector import Wrong
from benchmarks.turns.processes import NotStarted, last_lines
from benchmarks.turns.rounds import Figures, measure
from benchmarks.turns.subjects import Subject

AT_ONCE = (1, 16, 64)
STORED = 20_000  # cases of the bot's database
_STARTS = 3

Measured = dict[str, dict[int, list[Figures]]]  # by the bot's name and the number of chats, one for each round


@dataclass
class Compared:
    """What came of it; a bot that could not be started stands in `missing` with the reason."""

    measured: Measured = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)  # seconds
    rss: dict[str, float] = field(default_factory=dict)  # megabytes, at the end
    missing: dict[str, str] = field(default_factory=dict)


async def compare(here: Stage, subjects: Sequence[Subject], folder: Path, rounds: int, seconds: float) -> Compared:
    """Start them all, measure them in turn. Raises `Wrong`."""
    compared = Compared()
    database = folder / "turns.db"
    await bots.seed(here, database, range(STORED))
    people = People(range(STORED))
    async with AsyncExitStack() as stack:
        running = []
        for subject in subjects:
            chats = bots.some_chats(subject, here, people)
            try:
                running.append(await stack.enter_async_context(bots.started(subject, here, database, chats, _STARTS)))
            except NotStarted as why:
                compared.missing[subject.name] = str(why)
        await measure_in_turn(here, running, compared.measured, AT_ONCE, rounds, seconds)
        for one in running:
            compared.started[one.subject.name], compared.rss[one.subject.name] = one.started, one.running.rss()
    return compared


async def measure_in_turn(
    here: Stage, running: Sequence[Bot], measured: Measured, levels: Sequence[int], rounds: int, seconds: float
) -> None:
    """Rounds of all bots at all levels. Raises `Wrong`."""
    for number in range(rounds):
        for at_once in levels:
            tell(f"round {number + 1} of {rounds}, {at_once} at once")
            # Another one begins each time: whoever follows a busy neighbour is not always the same.
            for place in range(len(running)):
                bot = running[(place + number) % len(running)]
                try:
                    figures = await measure(bot.running, bot.chats[:at_once], seconds)
                except (OSError, TimeoutError) as error:
                    log = last_lines(bot.running.log)
                    raise Wrong(f"{bot.subject.title}: {type(error).__name__} {error}; its log ends: {log}") from None
                measured.setdefault(bot.subject.name, {}).setdefault(at_once, []).append(figures)
                if here.connector.wrong:
                    raise Wrong(f"{bot.subject.title}: {here.connector.wrong[0]}")


def times_slower(measured: Measured, above: str, below: str, at_once: int) -> float:
    """How many times fewer turns a second the second bot does, as the median of the rounds' own ratios."""
    pairs = zip(measured[above][at_once], measured[below][at_once], strict=True)
    return statistics.median(one.turns_per_second / other.turns_per_second for one, other in pairs)


def medians(figures: Sequence[Figures]) -> Mapping[str, float]:
    """The median of each figure."""
    names = Figures.__dataclass_fields__
    return {name: statistics.median(getattr(one, name) for one in figures) for name in names}


def tell(line: str) -> None:
    """Progress."""
    sys.stderr.write(f"bench: {line}\n")
    sys.stderr.flush()
