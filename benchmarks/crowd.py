"""What watching costs Graph: one case from the first look to the match, and many people at once.

    python -m benchmarks.crowd --watched 1000
    python -m benchmarks.crowd --watched 0 --asking 1 --seconds 60

The pretend tenant, the bot and the people are one process, so that the times are those of a busy machine. Graph answers
after 30 ms and refuses a fifth photo request at once, as the real one does.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import random
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
from bot.store import Change, Job, JobKind, Record
from bot.store.interface import Store
from dialogs.frozen import replace
from sandbox.channel import Chat
from sandbox.fitness import presses
from sandbox.tenant import Tenant

LATENCY = 0.03  # seconds of every request to Graph
_ASKING = 0.5  # seconds between two people who ask meanwhile
_FIRST = 10.0  # seconds until all who are watched were looked at
_TIMEOUT = 300.0  # seconds for all cards to turn


@dataclass
class Crowd:
    """What was measured; times in seconds."""

    first_looks: list[float] = field(default_factory=list)  # from the words to the card
    asked: list[float] = field(default_factory=list)  # from words to card, while the others are watched
    seconds: float = 0.0  # how long nothing changed,
    watching: Counter[str] = field(default_factory=Counter)  # and the requests meanwhile, by route
    turned: list[float] = field(default_factory=list)  # from SharePoint's copy to the card that says so
    photos_at_once: int = 0  # the most that Graph had in hand
    all: Counter[str] = field(default_factory=Counter)  # all requests, by route


def routes(requests: Iterable[str]) -> Counter[str]:
    """Requests by route; those inside a batch begin with `BATCHED`."""
    return Counter(map(_route, requests))


def _route(request: str) -> str:
    named = re.sub(r"/(users|drives|sites)/[^/?]+", r"/\1/ID", request)
    return re.sub(r"root:/[^?]*?(_[SML]Thumb\.jpg)?$", r"root:/FOLDER/FILE\1", named)


def step(chat: Chat) -> str:
    """Which card somebody sees."""
    return next((str(one["data"]["step"]) for one in presses(chat.card()) if one["type"] == "Action.Submit"), "")


async def measure(watched: int, asking: int, seconds: float, **changes: str) -> Crowd:
    """So many people are watched, and others look by themselves for a while; then SharePoint copies the others' photos.

    Who is watched is put into the database as if they had asked a moment ago, and had been looked at once since.
    """
    found = Crowd()
    async with _running(watched + asking, changes) as (tenant, bot, chats):
        graph, people = tenant.graph, chats[:asking]
        for chat in people:
            await _timed(found.first_looks, chat.say("my photo is wrong"))
        await _seed(tenant, bot.store, people[0], chats[asking:])
        begun, asked = time.monotonic(), len(graph.requests)
        for chat in itertools.cycle(people):
            if time.monotonic() - begun >= seconds:
                break
            await asyncio.sleep(_ASKING)
            if watched:  # else what one case costs is what is wanted
                await _timed(found.asked, chat.say("is it there yet"))
        found.seconds, found.watching = time.monotonic() - begun, routes(graph.requests[asked:])
        for chat in people:
            tenant.world.visit_sharepoint(chat.person.id)
        async with asyncio.timeout(_TIMEOUT):
            await asyncio.gather(*(_turned(found.turned, chat) for chat in people))
        found.photos_at_once, found.all = graph.photos_at_once, routes(graph.requests)
    return found


async def _seed(tenant: Tenant, store: Store, like: Chat, others: list[Chat]) -> None:
    record, _ = await store.load(like.person.id)
    at_once = asyncio.Semaphore(4)
    async with app.outside(read(tenant.environment())) as outside:

        async def seed(number: int, chat: Chat) -> None:
            async with at_once:
                paths = await outside.diagnosis.watched(chat.person.id)
                digest = await outside.diagnosis.digest(paths)
            assert record.address is not None
            assert record.case is not None
            payload = {"since": time.time(), "turn": 0, "watch": True, "paths": list(paths), "digest": digest}
            case = replace(record.case, id=f"{number:08X}", card="")
            address = replace(record.address, conversation=chat.conversation)
            job = Job(JobKind.FOLLOW_UP, case.id, chat.person.id, time.time() + random.uniform(0, _FIRST), payload)
            theirs = Record(chat.person.id, name=record.name, locale=record.locale, address=address, case=case)
            await store.commit(Change(theirs, put=(job,)))

        await asyncio.gather(*(seed(number, chat) for number, chat in enumerate(others)))


@asynccontextmanager
async def _running(people: int, changes: dict[str, str]) -> AsyncIterator[tuple[Tenant, app.Running, list[Chat]]]:
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
                yield tenant, bot, [tenant.channel.chat(one.id, "en-US") for one in crowd]
            finally:
                await bot.stop()


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
    parser.add_argument("--watched", type=int, default=1000, help="people whose cards are watched")
    parser.add_argument("--asking", type=int, default=20, help="people who ask meanwhile, in turn")
    parser.add_argument("--seconds", type=float, default=120.0, help="how long nothing changes")
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    found = asyncio.run(measure(chosen.watched, chosen.asking, chosen.seconds))
    batches = found.watching["POST /v1.0/$batch"] - len(found.asked)  # a look that is asked for sends one too
    people = chosen.asking
    lines = [
        f"{chosen.watched} people watched, {people} asking; load {load:.1f} before, {os.getloadavg()[0]:.1f} after",
        f"first looks           {_said(found.first_looks)}",
        f"looks while all wait  {_said(found.asked)}",
        f"photo requests        {found.photos_at_once} at once at the most",
        f"watching              {batches / found.seconds:.1f} batches a second for {found.seconds:.0f} s",
        f"card after the copy   {_said(found.turned)}",
        "requests, those inside a batch as BATCHED" + (" (of one case)" if chosen.watched + people == 1 else ""),
        *(f"  {count:7}  {route}" for route, count in found.all.most_common()),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
