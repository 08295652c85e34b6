"""What watching costs Graph: one case from the first look to the match, and many people at once.

    python -m benchmarks.crowd --people 1000 --per-second 8 --watched 120

The pretend tenant, the bot and the people are one process, so that the times are those of a busy machine. Graph answers
after 30 ms and refuses a fifth photo request at once, as the real one does.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot import app
from bot.settings import read
from sandbox.channel import Chat
from sandbox.fitness import presses
from sandbox.tenant import Tenant

LATENCY = 0.03  # seconds of every request to Graph
_ASKING = 0.5  # seconds between two people who look by a press meanwhile
_PATIENCE = 300.0  # seconds for all cards to turn


@dataclass
class Crowd:
    """What was measured; times in seconds."""

    first_looks: list[float] = field(default_factory=list)  # from the words to the card
    presses: list[float] = field(default_factory=list)  # looks by a press, while all are watched
    watched: float = 0.0  # how long nothing changed,
    watching: Counter[str] = field(default_factory=Counter)  # and the requests meanwhile, by route
    turned: list[float] = field(default_factory=list)  # from SharePoint's copy to the card that says so
    photos_at_once: int = 0  # the most that Graph had in hand
    case: Counter[str] = field(default_factory=Counter)  # all requests, by route


def routes(requests: Iterable[str]) -> Counter[str]:
    """Requests by route; those inside a batch begin with `BATCHED`."""
    return Counter(map(_route, requests))


def _route(request: str) -> str:
    named = re.sub(r"/(users|drives|sites)/[^/?]+", r"/\1/ID", request)
    return re.sub(r"root:/[^?]*?(_[SML]Thumb\.jpg)?$", r"root:/FOLDER/FILE\1", named)


def step(chat: Chat) -> str:
    """Which card somebody sees."""
    return next((str(one["data"]["step"]) for one in presses(chat.card()) if one["type"] == "Action.Submit"), "")


async def measure(people: int, per_second: float, watched: float, **changes: str) -> Crowd:
    """So many people say that their photo is wrong, wait, and then SharePoint copies everybody's photo."""
    found = Crowd()
    async with _running(people, changes) as (tenant, chats):
        graph = tenant.graph
        asking = [
            asyncio.create_task(_after(number / per_second, found.first_looks, chat))
            for number, chat in enumerate(chats)
        ]
        await asyncio.gather(*asking)
        begun, asked = time.monotonic(), len(graph.requests)
        number = 0
        while time.monotonic() - begun < watched:
            await asyncio.sleep(_ASKING)
            if people > 1:
                await _timed(found.presses, chats[number % people].press("check"))
                number += 1
        found.watched, found.watching = time.monotonic() - begun, routes(graph.requests[asked:])
        for chat in chats:
            tenant.world.visit_sharepoint(chat.person.id)
        async with asyncio.timeout(_PATIENCE):
            await asyncio.gather(*(_turned(found.turned, chat) for chat in chats))
        found.photos_at_once, found.case = graph.photos_at_once, routes(graph.requests)
    return found


@asynccontextmanager
async def _running(people: int, changes: dict[str, str]) -> AsyncIterator[tuple[Tenant, list[Chat]]]:
    with tempfile.TemporaryDirectory(prefix="photosync-crowd-") as folder:
        async with Tenant.open(bot_url="http://127.0.0.1:9") as tenant:
            crowd = tenant.world.crowd(people)
            for one in crowd:
                tenant.world.holdings(one.id)  # drawn before anybody asks
            tenant.world.faults.graph_seconds = tenant.world.faults.photo_seconds = LATENCY
            own = {"PHOTOSYNC_PORT": "0", "PHOTOSYNC_DATABASE_URL": f"sqlite:///{folder}/photosync.db"}
            bot = await app.start(read({**tenant.environment(), **own, **changes}))
            tenant.channel.bot_url = f"http://127.0.0.1:{bot.port}"
            try:
                yield tenant, [tenant.channel.chat(one.id, "en-US") for one in crowd]
            finally:
                await bot.stop()


async def _after(seconds: float, times: list[float], chat: Chat) -> None:
    await asyncio.sleep(seconds)
    await _timed(times, chat.say("my photo is wrong"))


async def _timed(times: list[float], work: Awaitable[object]) -> None:
    begun = time.monotonic()
    await work
    times.append(time.monotonic() - begun)


async def _turned(times: list[float], chat: Chat) -> None:
    begun = time.monotonic()
    while step(chat) not in ("resync.arrived", "resync.done"):  # noqa: ASYNC110 - read as a person does
        await asyncio.sleep(0.2)
    times.append(time.monotonic() - begun)


def _said(times: list[float]) -> str:
    ordered = sorted(times)
    if not ordered:
        return "none"
    return f"{len(ordered)}: median {ordered[len(ordered) // 2]:.2f} s, longest {ordered[-1]:.2f} s"


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crowd", description=__doc__)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--per-second", type=float, default=8.0, help="how many begin in a second")
    parser.add_argument("--watched", type=float, default=120.0, help="seconds that nothing changes")
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    found = asyncio.run(measure(chosen.people, chosen.per_second, chosen.watched))
    batches = found.watching["POST /v1.0/$batch"]
    lines = [
        f"{chosen.people} people, {chosen.per_second:g} a second; load {load:.1f} before, {os.getloadavg()[0]:.1f} after",
        f"first looks           {_said(found.first_looks)}",
        f"looks by a press      {_said(found.presses)}",
        f"photo requests        {found.photos_at_once} at once at the most",
        f"while nothing changed {batches / found.watched:.1f} batches a second for {found.watched:.0f} s",
        f"card after the copy   {_said(found.turned)}",
        f"requests a case       {sum(found.case.values()) / chosen.people:.1f}, with the parts of batches",
        *(f"  {count / chosen.people:8.2f}  {route}" for route, count in found.case.most_common()),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
