"""The storm (`make storm`): how long people wait while something else wants everything the bot has.

    calm         nothing else happens
    follow-ups   thousands of looks after the walk are due at once, and Graph takes few requests
    connections  two thousand that send nothing, or half a head
    probes       `/metrics` and `/readyz`, asked without a pause over fifty connections
    one person   who writes eight messages a second

In each, `--people` open the menu and walk, each three seconds after the last answer, and some look at their photos: with
a card to update and one to send that is near what Teams' rate for a tenant allows. Prints the times of both; exit 1 if the slowest hundredth of menus and steps took a second or more.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from rich.console import Console

from benchmarks.turns.seed import seed
from bot.conversation import Address
from sandbox.channel import Chat
from sandbox.faults import Throttle
from sandbox.tenant import Tenant
from tests.chatting import step
from tests.commands.test_serve import serving
from tests.databases import fetch

_HEAD = b"POST /api/messages HTTP/1.1\r\nHost: bot\r\nContent-Type: application/json\r\n"
_CONNECTIONS = 2_000
_PROBERS = 50
_THINKS = 3.0  # seconds
_SLOWEST = 1.0  # seconds, p99


@dataclass
class Phase:
    """What was seen while one thing went on; seconds."""

    name: str
    turns: list[float] = field(default_factory=list)
    looks: list[float] = field(default_factory=list)
    verdicts: int = 0
    refused: int = 0
    more: str = ""

    def __str__(self) -> str:
        return (
            f"{self.name:13}{len(self.turns):6} turns, p50 {p(self.turns, 50):5.0f} p99 {p(self.turns, 99):5.0f} ms, "
            f"{self.verdicts} of {len(self.looks)} looks with a verdict, p50 {p(self.looks, 50):5.0f} ms, {self.refused} refused{self.more}"
        )


def p(values: list[float], percent: int) -> float:
    """A percentile in milliseconds."""
    return 1000 * (statistics.quantiles(values, n=100)[percent - 1] if len(values) > 1 else sum(values))


async def timed(chat: Chat, phase: Phase, times: list[float], text: str) -> None:
    begun = time.monotonic()
    status = await chat.say(text)
    times.append(time.monotonic() - begun)
    phase.refused += status >= 500


async def person(chat: Chat, phase: Phase, ends: float) -> None:
    """Menus and steps."""
    words = ("menu", "language", "back")
    number = 0
    await asyncio.sleep(random.uniform(0, _THINKS))
    while time.monotonic() < ends:
        await timed(chat, phase, phase.turns, words[number % len(words)])
        number += 1
        await asyncio.sleep(_THINKS)


async def looker(chat: Chat, phase: Phase, ends: float) -> None:
    await asyncio.sleep(random.uniform(0, _THINKS))
    while time.monotonic() < ends:
        await timed(chat, phase, phase.looks, "look at my photos")
        with contextlib.suppress(LookupError):  # answered early, and not shown yet
            phase.verdicts += step(chat) in ("look.match", "look.differ", "resync.waiting")
        await asyncio.sleep(_THINKS)


@asynccontextmanager
async def throttled(tenant: Tenant) -> AsyncIterator[None]:
    tenant.world.faults.throttle = Throttle(20, 1.0)
    yield
    tenant.world.faults.throttle = None


@asynccontextmanager
async def held(port: int) -> AsyncIterator[None]:
    """Connections that take up room."""
    writers: list[asyncio.StreamWriter] = []
    for number in range(_CONNECTIONS):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_HEAD if number % 2 else b"")
        writers.append(writer)
    yield
    for writer in writers:
        writer.close()


@asynccontextmanager
async def beside(*works: Callable[[], object]) -> AsyncIterator[None]:
    """Something done again and again."""

    async def again(work: Callable[[], object]) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                await work()  # type: ignore[misc]

    tasks = [asyncio.create_task(again(work)) for work in works]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def storm(people: int, due: int, seconds: float, folder: Path) -> list[Phase]:
    """The whole run."""
    file, phases = folder / "storm.db", list[Phase]()
    async with Tenant.open() as tenant:
        everybody = [tenant.channel.chat(one.id) for one in tenant.world.crowd(due + people + people // 5 + 1)]
        chats, chatty = everybody[due:-1], everybody[-1]
        address = Address(tenant.channel.service_url, "", tenant.channel.bot_account, "", tenant.id)
        changes = {"PHOTOSYNC_DATABASE_URL": f"sqlite:///{file}", "PHOTOSYNC_LOG_LEVEL": "ERROR"}

        async def phase(name: str, happens: AbstractAsyncContextManager[None]) -> Phase:
            one = Phase(name)
            async with happens:
                ends = time.monotonic() + seconds
                acts = [person(chat, one, ends) for chat in chats[:people]]
                await asyncio.gather(*acts, *(looker(chat, one, ends) for chat in chats[people:]))
            phases.append(one)
            return one

        await seed(file, range(due), address, follow_at=time.time() + 20 + seconds)
        async with serving(tenant, **changes), aiohttp.ClientSession() as session:
            url = tenant.channel.bot_url

            async def probe(path: str) -> None:
                async with session.get(f"{url}{path}") as answer:
                    await answer.read()

            async def write() -> None:
                writing = asyncio.create_task(chatty.say("look at my photos"))
                await asyncio.sleep(1 / 8)
                writing.add_done_callback(lambda done: done.cancelled() or done.exception())

            port = int(url.rpartition(":")[2])
            paths = [("/metrics", "/readyz")[number % 2] for number in range(_PROBERS)]
            await phase("calm", contextlib.nullcontext())
            await phase("connections", held(port))
            await phase("probes", beside(*(lambda path=path: probe(path) for path in paths)))
            await phase("one person", beside(write))
            last = "SELECT min(due_at) FROM work WHERE kind = 'follow_up'"
            await asyncio.sleep(max(0.0, (await fetch(changes["PHOTOSYNC_DATABASE_URL"], last))[0][0] - time.time()))
            one = await phase("follow-ups", throttled(tenant))
            undone = "SELECT count(*) FROM work WHERE kind = 'follow_up' AND due_at < strftime('%s') + 60"
            left = (await fetch(changes["PHOTOSYNC_DATABASE_URL"], undone))[0][0]
            one.more = f", {left:,} of {due:,} follow-ups still due"
    return phases


def main() -> int:
    """Exit 1 if somebody waited too long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--due", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each part")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        phases = asyncio.run(storm(chosen.people, chosen.due, chosen.seconds, Path(folder)))
    for one in phases:
        Console(width=160).print(str(one), highlight=False)
    return int(any(p(one.turns, 99) >= 1000 * _SLOWEST or one.refused for one in phases))


if __name__ == "__main__":
    sys.exit(main())
