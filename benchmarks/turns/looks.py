"""A turn that looks at both photos, with a Graph that takes its time; and what the bot does of itself afterwards."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.turns import bots
from benchmarks.turns.bots import Bot
from benchmarks.turns.chats import Looking, People, Stage, button_of
from benchmarks.turns.comparison import Measured, measure_in_turn, tell
from benchmarks.turns.connector import Wrong
from benchmarks.turns.people import Member
from benchmarks.turns.processes import cpu_of
from benchmarks.turns.subjects import BOT, SUBJECTS

LATENCY = 0.03  # seconds of every request to Graph
AT_ONCE = (1, 16)
FOLLOWED = 300  # people who wait for a follow-up
_CROWD = 400  # people with two photos
_TIMEOUT = 180.0  # seconds for all follow-ups of one kind
_WAITING = "kind = 'follow_up' AND person != ?"
_SOON = 60.0  # seconds: work that is due or claimed; what is postponed is due in hours


async def look(folder: Path, rounds: int, seconds: float) -> Measured:
    """Check turns. Raises `Wrong` and `NotStarted`."""
    measured: Measured = {}
    async with bots.stage(folder) as here:
        _prepare(here)
        people = People(range(_CROWD))
        chats = [Looking(here, people) for _ in range(max(AT_ONCE))]
        async with bots.started(SUBJECTS[BOT], here, folder / "looks.db", chats) as bot:
            await measure_in_turn(here, [bot], measured, AT_ONCE, rounds, seconds)
    return measured


def _prepare(here: Stage) -> None:
    """The crowd's pictures are drawn before anybody asks for them."""
    faults = here.tenant.world.faults
    faults.graph_seconds, faults.photo_seconds = LATENCY, 0.0
    for person in here.tenant.world.crowd(_CROWD):
        here.tenant.world.holdings(person.id)


@dataclass(frozen=True)
class Followed:
    """Follow-ups of one kind."""

    per_second: float
    cpu: float  # milliseconds of the bot's processor for each
    driver_cpu: float
    requests: float  # to Graph for each; a batch is one


class Arrivals:
    """Counts, for each conversation, the news that the photo has arrived."""

    def __init__(self) -> None:
        self.told: Counter[str] = Counter()

    def of(self, conversation: str) -> _Arrival:
        """Who listens there."""
        return _Arrival(self, conversation)


@dataclass(frozen=True)
class _Arrival:
    arrivals: Arrivals
    conversation: str

    def replied(self, method: str, activity_id: str, message: dict[str, Any]) -> None:
        """See `Listener`."""
        if method == "PUT":
            return  # the card before it loses its buttons
        if button_of(message, "next")["step"] != "resync.arrived":
            raise Wrong(f"{method} of {activity_id} is not the news that the photo has arrived")
        self.arrivals.told[self.conversation] += 1

    def failed(self, wrong: Wrong) -> None:
        """See `Listener`: nobody waits for it."""


async def follow(folder: Path) -> Mapping[str, Followed]:
    """Follow-ups of three kinds. Raises `Wrong` and `NotStarted`."""
    async with bots.stage(folder) as here:
        _prepare(here)
        database, members = folder / "follow-ups.db", range(FOLLOWED)
        await bots.seed(here, database, members, follow_at=time.time() + 86_400)
        arrivals = Arrivals()
        for number in members:
            conversation = Member(number).conversation
            here.connector.listeners[conversation] = arrivals.of(conversation)
        first = Looking(here, People([FOLLOWED]))  # is watched at short intervals, and not counted
        async with bots.started(SUBJECTS[BOT], here, database, [first]) as bot:
            found = {"first look of a case": await _all_due(here, bot, database)}
            found["nothing has changed"] = await _all_due(here, bot, database)
            for number in members:
                here.tenant.world.visit_sharepoint(Member(number).id)
            found["the photo has arrived"] = await _all_due(here, bot, database)
        if set(arrivals.told.values()) != {1} or len(arrivals.told) != FOLLOWED:
            raise Wrong(f"{len(arrivals.told)} of {FOLLOWED} were told, {arrivals.told.most_common(1)} most often")
        if here.connector.wrong:
            raise Wrong(here.connector.wrong[0])
    return found


async def _all_due(here: Stage, bot: Bot, database: Path) -> Followed:
    """Every follow-up becomes due now; from the first request to Graph until nothing is left."""
    tell("follow-ups")
    with closing(sqlite3.connect(database, timeout=10)) as connection:
        with connection:
            connection.execute(f"UPDATE work SET due_at = ? WHERE {_WAITING}", (time.time(), Member(FOLLOWED).id))
        asked = len(here.tenant.graph.requests)
        before, own = bot.running.cpu(), cpu_of(os.getpid())
        await _until(lambda: len(here.tenant.graph.requests) > asked)
        begun = time.monotonic()
        await _until(lambda: not _left(connection))
        taken = time.monotonic() - begun
    cpu, driver = bot.running.cpu() - before, cpu_of(os.getpid()) - own
    whole = [one for one in here.tenant.graph.requests[asked:] if not one.startswith("BATCHED")]
    return Followed(FOLLOWED / taken, 1000 * cpu / FOLLOWED, 1000 * driver / FOLLOWED, len(whole) / FOLLOWED)


def _left(connection: sqlite3.Connection) -> int:
    due = f"SELECT count(*) FROM work WHERE {_WAITING} AND due_at < ?"
    return int(connection.execute(due, (Member(FOLLOWED).id, time.time() + _SOON)).fetchone()[0])


async def _until(happened: Callable[[], bool]) -> None:
    ends = time.monotonic() + _TIMEOUT
    while not happened():
        if time.monotonic() > ends:
            raise Wrong("the follow-ups were not done in time")
        await asyncio.sleep(0.02)
