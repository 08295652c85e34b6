"""The soak (`make soak`): many chats at once for ten minutes, in a world that fails as the real one does.

2% of the connector's answers and 5% of Graph's are faults, and once a minute the login service stalls for a second. The
database is PostgreSQL, a primary with a standby: the primary is restarted every 20 seconds, and half-way the two change
places. After a third of the time Graph hangs for a minute (a fifth of a run of less than five). `--sqlite` leaves the
servers out. In the end every case ends right, no turn ended in a fault, `/healthz` stayed quick, and memory stayed
flat; exit 1 if not.

The bot has a processor core for itself, where there are two: what drives it would be measured instead. Memory is flat
where its median in the last fifth of what is looked at is that of the first fifth; a picture that is being decoded
comes and goes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import re
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from rich.console import Console

from sandbox.channel import Chat
from sandbox.faults import Fault
from sandbox.tenant import Tenant
from sandbox.world import World
from tests.chatting import actions, step
from tests.commands.test_serve import serving
from tests.databases import Pair, pair

ENDED = {"resync.done", "resync.arrived", "look.match", "add_photo.done"}
_CHANCES = {"connector": 0.02, "graph": 0.05}
_TALK = (1.0, 4.0)  # seconds between two acts of a person
_SLOWEST_PROBE = 0.050  # seconds, p99 of /healthz
_GROWTH = 1.05  # of memory after the warm-up
_RESTART = 20.0  # seconds between two restarts of the database
_TRIES = 100  # of one delivery: the database is away for some seconds at a time
_FAULT = re.compile(rb" failed: \w+ at ")  # of a turn, a request, a job, a background task
_WARM = 0.6  # of the run, after which memory is looked at: each kind of fault has been there once


@dataclass
class Found:
    """What a run saw."""

    stories: int = 0
    repeated: int = 0
    probes: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)  # KiB
    wrong: list[str] = field(default_factory=list)

    @property
    def growth(self) -> tuple[float, float]:
        """The median of memory at the beginning and at the end of what was looked at, KiB."""
        fifth = max(1, len(self.memory) // 5)
        return statistics.median(self.memory[:fifth]), statistics.median(self.memory[-fifth:])

    @property
    def p99(self) -> float:
        """Seconds."""
        return statistics.quantiles(self.probes, n=100)[98] if len(self.probes) > 1 else 0.0


async def deliver(chat: Chat, found: Found, **activity: object) -> None:
    """As Teams does: the same activity again until the bot has answered."""
    made = {**chat.channel.activity(chat), "type": "message", **activity}
    for _ in range(_TRIES):
        try:
            if (await chat.deliver(made)).status < 500:
                return
        except (aiohttp.ClientError, TimeoutError):
            pass
        found.repeated += 1
        await asyncio.sleep(0.3)
    found.wrong.append("an activity was never taken")


async def act(chat: Chat, world: World, found: Found) -> bool:
    """One thing a person does; whether the story has come to its end."""
    cards = [one for one in chat.messages if one.card is not None]
    if not cards:
        await deliver(chat, found, text="my photo is wrong")
        return False
    here = step(chat) if actions(chat) else ""  # the card of a fault has no buttons: who gets it writes again
    if here in ENDED:
        return True
    if here == "resync.waiting":
        world.visit_sharepoint(chat.person.id)
    wanted = "next" if "next" in actions(chat) else "check" if "check" in actions(chat) else "menu"
    button = next((one["data"] for one in chat.card()["actions"] if one.get("data", {}).get("action") == wanted), None)
    if button is None or here in ("", "desk.menu"):
        await deliver(chat, found, text="my photo is wrong")
    else:
        await deliver(chat, found, value=button, replyToId=chat.shown().id)
    return False


async def person(chat: Chat, world: World, found: Found, ends: float, dice: random.Random) -> None:
    """Story after story until the time is over; then the last one to its end."""
    patience = 0
    while True:
        over = time.monotonic() > ends
        if await act(chat, world, found):
            found.stories += 1
            if over:
                return
            del chat.messages[:]
            world.begin_old(chat.person.id, world.holdings(chat.person.id))
        patience += over
        if patience > 120:
            found.wrong.append(f"still at {step(chat)}")
            return
        await asyncio.sleep(dice.uniform(*_TALK) if not over else 0.5)


async def watch(url: str, process: int) -> None:
    """In a process of its own, which nothing else slows: probe `/healthz` ten times a second, look at memory."""
    async with aiohttp.ClientSession() as session:
        while True:
            before = time.monotonic()
            async with session.get(f"{url}/healthz") as answer:
                await answer.read()
            print(time.monotonic() - before, memory(process), flush=True)  # noqa: T201 - read by `soak`
            await asyncio.sleep(0.1)


async def watched(process: Process, found: Found, warm: float) -> None:
    """What the watching process tells."""
    assert process.stdout is not None
    begun = time.monotonic()
    async for line in process.stdout:
        seconds, kib = line.split()
        found.probes.append(float(seconds))
        if time.monotonic() - begun > warm:
            found.memory.append(int(kib))


async def listen(process: Process, found: Found) -> None:
    """What the bot logs, to its end: a turn or job that ended in a fault is none of the outages that it is put through."""
    assert process.stderr is not None
    async for line in process.stderr:
        if _FAULT.search(line):
            found.wrong.append(line.decode().strip())


def memory(process: int) -> int:
    """Resident KiB."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


async def stall(world: World, ends: float) -> None:
    """Once a minute the login service takes a second; in the end nothing fails any more."""
    while time.monotonic() < ends:
        world.faults.login_delay = 1.0
        await asyncio.sleep(min(5.0, max(0.0, ends - time.monotonic())))
        world.faults.login_delay = 0.0
        await asyncio.sleep(min(55.0, max(0.0, ends - time.monotonic())))
    world.faults.chances.clear()


async def hang(world: World, seconds: float) -> None:
    """Graph answers nothing for a while."""
    await asyncio.sleep(seconds / 3)
    world.faults.graph_always = Fault(kind="hang")
    await asyncio.sleep(min(60.0, seconds / 5))
    world.faults.graph_always = None


async def disturb(servers: Pair, ends: float, switch_at: float) -> None:
    """Restart the database again and again; once the standby takes its place instead."""
    while (wait := min(_RESTART, ends - _RESTART / 2 - time.monotonic())) > 0:
        await asyncio.sleep(wait)
        over = time.monotonic() > switch_at and not servers.switchovers
        await asyncio.to_thread(servers.switch_over if over else servers.restart)


async def soak(
    people: int, seconds: float, folder: Path, servers: Pair | None = None, seed: int = 1, core: int | None = None
) -> Found:
    """One run, on SQLite without `servers`; the bot on a processor core of its own, if there is one."""
    found, dice = Found(), random.Random(seed)
    database = servers.address if servers else f"sqlite:///{folder}/soak.db"
    changes = {"PHOTOSYNC_DATABASE_URL": database, "PHOTOSYNC_FOLLOW_UPS": "5s,30s,2m,4m", "PHOTOSYNC_MESSAGES_PER_SECOND": "0", "PHOTOSYNC_LOG_LEVEL": "ERROR"}  # fmt: skip
    async with Tenant.open() as tenant, serving(tenant, **changes) as process:
        world, url = tenant.world, tenant.channel.bot_url
        if core is not None:
            pin(process.pid, [core])
        chats = [tenant.channel.chat(one.id) for one in world.crowd(people)]
        world.faults.chances.update(_CHANCES)
        ends = time.monotonic() + seconds
        command = [sys.executable, "-m", "tests.soak", "--watch", url, str(process.pid)]
        watcher = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
        if core is not None:
            pin(watcher.pid, range(os.cpu_count() or 1))  # whichever is free
        watching = asyncio.create_task(watched(watcher, found, _WARM * seconds))
        listening = asyncio.create_task(listen(process, found))
        disturbing = [disturb(servers, ends, ends - seconds / 2)] if servers else []
        await asyncio.gather(
            stall(world, ends),
            hang(world, seconds),
            *disturbing,
            *(person(chat, world, found, ends, dice) for chat in chats),
        )
        watcher.kill()
        await asyncio.gather(watching, watcher.wait())
        process.kill()
        await asyncio.gather(process.wait(), listening)
    if found.p99 > _SLOWEST_PROBE:
        found.wrong.append(f"p99 of /healthz {found.p99 * 1000:.0f} ms")
    if found.memory and found.growth[1] > found.growth[0] * _GROWTH:
        found.wrong.append("memory grew from {:.0f} to {:.0f} KiB".format(*found.growth))
    return found


def pin(process: int, cores: Sequence[int]) -> None:
    """Keep all threads of a process, and what they start from now on, on some processor cores."""
    for thread in Path(f"/proc/{process}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)


def main() -> int:
    """Exit 1 if a promise broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--sqlite", action="store_true", help="on SQLite, which nobody restarts")
    parser.add_argument("--watch", nargs=2, metavar=("URL", "PID"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if chosen.watch:
        asyncio.run(watch(chosen.watch[0], int(chosen.watch[1])))
        return 0
    if len(cores) > 1:
        pin(os.getpid(), cores[1:])
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.nullcontext() if chosen.sqlite else pair() as servers,
    ):
        found = asyncio.run(
            soak(chosen.people, chosen.minutes * 60, Path(folder), servers, core=cores[0] if len(cores) > 1 else None)
        )
    database = (
        f"{servers.restarts} restarts and {servers.switchovers} switchover of PostgreSQL" if servers else "SQLite"
    )
    rss = "{:.0f} to {:.0f} MiB".format(*(kib / 1024 for kib in found.growth)) if found.memory else "not measured"
    most = f", at most {max(found.memory) / 1024:.0f}" if found.memory else ""
    Console(width=140).print(
        f"{chosen.people} people, {chosen.minutes:g} minutes, {database}: {found.stories:,} stories ended right, {found.repeated:,} deliveries "
        f"repeated, /healthz p99 {found.p99 * 1000:.1f} ms, memory {rss}{most}, {len(found.wrong)} wrong {found.wrong[:5]}"
    )
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
