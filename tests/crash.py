"""The crash run: people chat with a real server process that is killed again and again (`make crash`).

Every fourth person hands the case over to the helpdesk by typing, each line once: what was answered with 2xx has to be in
the ticket, whatever died afterwards. For some of them Graph and the helpdesk hang, so that the answer comes early (202),
and the process is killed right after it. `--postgres` runs on a primary with a standby that change places meanwhile.

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
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from sandbox.channel import Chat
from sandbox.faults import Fault
from sandbox.tenant import Tenant
from tests.command import command
from tests.databases import Pair, execute, pair

ROOT = Path(__file__).resolve().parent.parent
_WALK = 120.0  # seconds before a person gives up
_PATIENCE = 150.0  # seconds that the end may take: an activity waits a minute in the inbox
_EARLY = 8.5  # seconds after which what hangs has been answered


@dataclass
class Tally:
    """What the driver saw."""

    kills: int = 0
    retries: int = 0
    early: int = 0  # answers before the turn had ended
    at_hand_over: asyncio.Event = field(default_factory=asyncio.Event)  # somebody waits there for everything to hang
    switchovers: int = 0
    tickets: int = 0
    why: Counter[str] = field(default_factory=Counter)  # deliveries were repeated: a status, or the kind of error
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
        self.process = await asyncio.create_subprocess_exec(*command("serve"), env=environ, stderr=DEVNULL)  # fmt: skip
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
            status = (await chat.deliver(activity)).status
            if status < 500:
                tally.early += status == 202
                return
            why = str(status)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            why = type(error).__name__
        tally.retries += 1
        tally.why[why] += 1
        await asyncio.sleep(0.25)


async def person(
    chat: Chat, tally: Tally, dice: random.Random, *, gives_up: bool, hanging: asyncio.Event | None
) -> None:
    """One person: asks, walks, and lets SharePoint take its time, or hands it over to the helpdesk, `hanging` or not."""
    channel = chat.channel
    await deliver(chat, {**channel.activity(chat), "type": "message", "text": "my photo is wrong"}, tally)
    ends = time.monotonic() + _WALK
    while time.monotonic() < ends:
        await asyncio.sleep(dice.uniform(0.05, 0.6))
        shown = await newest(chat)
        if shown is None or shown["step"] == "resync.waiting":
            break
        if shown["step"] == "look.unknown":  # the bot looks again by itself
            await asyncio.sleep(2.0)
        await press(chat, shown, "next", tally)
    if gives_up:
        await hand_over(chat, tally, hanging)
        return
    channel.world.visit_sharepoint(chat.person.id, dice.uniform(0.0, 5.0))


async def press(chat: Chat, shown: dict[str, object], action: str, tally: Tally) -> None:
    """A button of the newest card."""
    card = [one for one in chat.messages if one.card is not None][-1]
    value = {**shown, "action": action, "comment": "please help"}
    activity = {**chat.channel.activity(chat), "type": "message", "value": value, "replyToId": card.id}
    await deliver(chat, activity, tally)


async def hand_over(chat: Chat, tally: Tally, hanging: asyncio.Event | None) -> None:
    """Typed, and each line once: nobody writes again what was answered."""
    await say(chat, "ticket", tally)
    for number in range(2):
        await say(chat, note(chat, number), tally)
    if hanging is not None:
        tally.at_hand_over.set()
        await hanging.wait()
    await say(chat, "send", tally)


def note(chat: Chat, number: int) -> str:
    return f"it is on the intranet start page, line {number} of {chat.person.id}"


async def say(chat: Chat, text: str, tally: Tally) -> None:
    await deliver(chat, {**chat.channel.activity(chat), "type": "message", "text": text}, tally)


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


GOOD = ("resync.arrived", "resync.done", "look.match", "desk.ticket_sent")


async def crash(
    people: int,
    kills: int,
    database: str,
    seed: int,
    *,
    servers: Pair | None = None,
    windows: int = 0,
    hurry: bool = False,
) -> Tally:
    """The whole run. `windows`: how many of the kills come right after early answers; `servers` change places after
    every fifth kill; `hurry`: what is in the inbox is as old as it has to be."""
    dice, tally = random.Random(seed), Tally()
    async with Tenant.open() as tenant:
        database = database or tenant.environment()["PHOTOSYNC_DATABASE_URL"]
        server = Server(tenant, database)
        await server.start()
        olds = tenant.world.crowd(people)
        chats = [tenant.channel.chat(one.id) for one in olds]
        givers = chats[::4]
        hanging = asyncio.Event()
        waiting = set(givers[::2]) if windows else set()
        driving = asyncio.gather(
            *(
                person(chat, tally, dice, gives_up=chat in givers, hanging=hanging if chat in waiting else None)
                for chat in chats
            )
        )
        while tally.kills < kills:
            await asyncio.sleep(dice.uniform(0.5, 2.5))
            if servers is not None and tally.kills % 5 == 0:
                await asyncio.to_thread(servers.switch_over)
            window = tally.kills >= kills - windows
            if window:
                await hung(tenant, hanging, tally)
            await server.kill()
            tally.kills += 1
            healed(tenant)
            if hurry and window:
                await execute(database, "UPDATE inbox SET received_at = received_at - 61")
            await server.start()
        hanging.set()
        await driving
        await _settled(chats)
        tally.switchovers = servers.switchovers if servers else 0
        _judge(chats, tally)
        _judge_tickets(tenant, givers, tally)
        assert server.process is not None
        await _ready(tenant.channel.bot_url)  # the last kill may have been a moment ago
        server.process.send_signal(signal.SIGTERM)
        status = await asyncio.wait_for(server.process.wait(), 20)
        if status != 0:
            tally.wrong.append(f"the server ended with {status}")
    return tally


async def hung(tenant: Tenant, hanging: asyncio.Event, tally: Tally) -> None:
    """Graph and the helpdesk hang for as long as it takes to be answered early; then the process is to be killed."""
    faults = tenant.world.faults
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_WALK):  # until somebody has come so far
            await tally.at_hand_over.wait()
    faults.graph_always = Fault(kind="hang")
    faults.plan("tickets", [Fault(kind="hang")] * 200)
    await _ready(tenant.channel.bot_url)
    hanging.set()
    await asyncio.sleep(_EARLY)
    hanging.clear()


def healed(tenant: Tenant) -> None:
    tenant.world.faults.graph_always = None
    tenant.world.faults.tickets.clear()


def _judge_tickets(tenant: Tenant, givers: list[Chat], tally: Tally) -> None:
    """One ticket each, with every line that was answered."""
    tickets = tenant.helpdesk.tickets
    tally.tickets = len(tickets)
    if sorted(one.body["person"]["id"] for one in tickets) != sorted(chat.person.id for chat in givers):
        tally.wrong.append(f"{len(tickets)} tickets for {len(givers)} people")
    written = {one.body["person"]["id"]: one.body["comment"] for one in tickets}
    for chat in givers:
        lost = [number for number in range(2) if note(chat, number) not in written.get(chat.person.id, "")]
        tally.wrong.extend(f"{chat.person.id}: line {number} was answered and is lost" for number in lost)


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
    parser.add_argument("--postgres", action="store_true", help="on two PostgreSQL servers started for this run")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    windows = min(3, chosen.kills)
    with pair() if chosen.postgres else contextlib.nullcontext() as servers:
        database = servers.address if servers else chosen.database
        run = crash(chosen.people, chosen.kills, database, chosen.seed, servers=servers, windows=windows)
        tally = asyncio.run(run)
    written = [count for count in tally.told.values() if count]
    twice = sum(count == 2 for count in written)
    sys.stdout.write(
        f"{chosen.people} people, {tally.kills} kills, {tally.switchovers} switchovers, {tally.retries} deliveries repeated, "
        f"{tally.early} answered early; "
        f"{len(written)} told by the bot itself, {twice} of them twice; {tally.tickets} tickets; {len(tally.wrong)} broken promises\n"
    )
    sys.stdout.writelines(f"  {line}\n" for line in tally.wrong)
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
