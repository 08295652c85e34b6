"""The crash run: people chat with a real server process that is killed again and again (`make crash`).

`--people`, `--kills`, `--database` (an address; default: a SQLite file) or `--postgres`. Prints what happened; exit 1 if a promise broke.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from sandbox.channel import Chat
from sandbox.tenant import Tenant
from tests.databases import server

ROOT = Path(__file__).resolve().parent.parent
_BUTTONS = 30  # presses before a person gives up: nine are needed, and a kill can take the effect of one
_PATIENCE = 120.0  # seconds that the end may take


@dataclass
class Tally:
    """What the driver saw."""

    kills: int = 0
    retries: int = 0
    tickets: int = 0
    told: dict[str, int] = field(default_factory=dict)  # person -> how often the good news came as a new message
    wrong: list[str] = field(default_factory=list)


class Server:
    """The bot's process, restarted whenever it dies."""

    def __init__(self, tenant: Tenant, database: str) -> None:
        self._environ = {**tenant.environment(), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PHOTOSYNC_FOLLOW_UPS": "2s,4s,8s,16s,32s,64s", "PHOTOSYNC_PORT": "0", "PHOTOSYNC_LOG_LEVEL": "ERROR", "PHOTOSYNC_DATABASE_URL": database}  # fmt: skip
        self._tenant = tenant
        self.process: Process | None = None

    async def start(self) -> None:
        port = _free_port()
        environ = {**self._environ, "PHOTOSYNC_PORT": str(port)}
        self.process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bot", "serve", env=environ, stderr=DEVNULL)  # fmt: skip
        self._tenant.channel.bot_url = f"http://127.0.0.1:{port}"

    async def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def deliver(chat: Chat, activity: dict[str, object], tally: Tally) -> None:
    """As Teams does: the same activity again until the bot has answered."""
    while True:
        try:
            if (await chat.deliver(activity)).status < 500:
                return
        except (aiohttp.ClientError, TimeoutError, OSError):
            pass
        tally.retries += 1
        await asyncio.sleep(0.25)


async def person(chat: Chat, tally: Tally, dice: random.Random, *, gives_up: bool) -> None:
    """One person: asks, walks, and lets SharePoint take its time, or hands it over to the helpdesk."""
    channel = chat.channel
    await deliver(chat, {**channel.activity(chat), "type": "message", "text": "my photo is wrong"}, tally)
    for _ in range(_BUTTONS):
        await asyncio.sleep(dice.uniform(0.05, 0.6))
        shown = await newest(chat)
        if shown is None or shown["step"] == "resync.waiting":
            break
        await press(chat, shown, "next", tally)
    if gives_up:
        await hand_over(chat, tally)
        return
    channel.world.visit_sharepoint(chat.person.id, dice.uniform(0.0, 5.0))


async def press(chat: Chat, shown: dict[str, object], action: str, tally: Tally) -> None:
    """A button of the newest card."""
    card = [one for one in chat.messages if one.card is not None][-1]
    value = {**shown, "action": action, "comment": "please help"}
    activity = {**chat.channel.activity(chat), "type": "message", "value": value, "replyToId": card.id}
    await deliver(chat, activity, tally)


async def hand_over(chat: Chat, tally: Tally) -> None:
    """Until the helpdesk has it: a press whose card was outdated is pressed again."""
    for _ in range(20):
        shown = await newest(chat)
        if shown is None or shown["step"] in HANDED:
            return
        await press(chat, shown, "send_ticket" if shown["step"] == "desk.ticket" else "ticket", tally)
        await asyncio.sleep(0.3)


async def newest(chat: Chat) -> dict[str, object] | None:
    """The data of the first button of the newest card, waited for: a killed bot owes it."""
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends:
        cards = [one.card for one in chat.messages if one.card is not None]
        data = [one["data"] for one in (cards[-1]["actions"] if cards else ()) if one["type"] == "Action.Submit"]
        if data:
            return dict(data[0])
        await asyncio.sleep(0.2)
    return None


def step(chat: Chat) -> str:
    cards = [one.card for one in chat.messages if one.card is not None]
    return (
        str(next(one["data"]["step"] for one in cards[-1]["actions"] if one["type"] == "Action.Submit"))
        if cards
        else ""
    )


HANDED = ("desk.ticket_sent", "desk.ticket_queued")
GOOD = ("resync.arrived", "resync.done", "look.match", "desk.ticket_sent")


async def crash(people: int, kills: int, database: str, seed: int) -> Tally:
    """The whole run."""
    dice, tally = random.Random(seed), Tally()
    async with Tenant.open() as tenant:
        server = Server(tenant, database or tenant.environment()["PHOTOSYNC_DATABASE_URL"])
        await server.start()
        olds = tenant.world.crowd(people)
        chats = [tenant.channel.chat(one.id) for one in olds]
        givers = set(chats[::4])
        driving = asyncio.gather(*(person(chat, tally, dice, gives_up=chat in givers) for chat in chats))
        while tally.kills < kills:
            await asyncio.sleep(dice.uniform(0.5, 2.5))
            await server.kill()
            tally.kills += 1
            await server.start()
        await driving
        await _settled(chats)
        _judge(chats, tally)
        handed = sorted(one.body["person"]["id"] for one in tenant.helpdesk.tickets)
        if handed != sorted(chat.person.id for chat in givers):
            tally.wrong.append(f"{len(handed)} tickets for {len(givers)} people")
        tally.tickets = len(handed)
        assert server.process is not None
        await _ready(tenant.channel.bot_url)  # the last kill may have been a moment ago
        server.process.send_signal(signal.SIGTERM)
        status = await asyncio.wait_for(server.process.wait(), 20)
        if status != 0:
            tally.wrong.append(f"the server ended with {status}")
    return tally


async def _ready(url: str) -> None:
    """Wait until the server answers that it is ready."""
    async with aiohttp.ClientSession() as session:
        for _ in range(200):
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"{url}/readyz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.1)


async def _settled(chats: list[Chat]) -> None:
    """Wait until everybody has the good news, or patience ends."""
    for _ in range(int(_PATIENCE / 0.5)):
        if all(step(chat) in GOOD for chat in chats):
            return
        await asyncio.sleep(0.5)


def _judge(chats: list[Chat], tally: Tally) -> None:
    for chat in chats:
        if step(chat) not in GOOD:
            tally.wrong.append(f"{chat.person.id}: stands on {step(chat) or 'nothing'}")
        news = [one for one in chat.messages if one.card is not None and "resync.arrived" in str(one.card["actions"])]
        tally.told[chat.person.id] = len(news)
        if len(news) > 2:
            tally.wrong.append(f"{chat.person.id}: told {len(news)} times")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--database", default="")
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL server started for this run")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with server() if chosen.postgres else contextlib.nullcontext(chosen.database) as address:
        database = f"{address}/postgres" if chosen.postgres else address
        tally = asyncio.run(crash(chosen.people, chosen.kills, database, chosen.seed))
    written = [count for count in tally.told.values() if count]
    twice = sum(count == 2 for count in written)
    sys.stdout.write(
        f"{chosen.people} people, {tally.kills} kills, {tally.retries} deliveries repeated; "
        f"{len(written)} told by the bot itself, {twice} of them twice; {tally.tickets} tickets; {len(tally.wrong)} broken promises\n"
    )
    sys.stdout.writelines(f"  {line}\n" for line in tally.wrong)
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
