"""Bots that are started beside each other, with the people who will talk to each."""

from __future__ import annotations

import asyncio
import statistics
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import certifi

from benchmarks.turns import processes
from benchmarks.turns.chats import Chat, People, Stage, request
from benchmarks.turns.connector import Connector, Wrong
from benchmarks.turns.environments import ROOT
from benchmarks.turns.people import Member
from benchmarks.turns.processes import Running
from benchmarks.turns.subjects import Subject, chats, environ
from benchmarks.turns.wire import Client
from sandbox.signing import SigningKey
from sandbox.tenant import Tenant

MOST_CHATS = 64
_FORGER = 999_999_999  # nobody who is stored


@dataclass(frozen=True)
class Bot:
    """A subject that runs."""

    subject: Subject
    running: Running
    chats: Sequence[Chat]
    started: float  # seconds from its start to its first right answer


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """The pretend tenant, and the benchmark's own connector in it."""
    async with Tenant.open() as tenant:
        connector = Connector(tenant)
        await connector.start()
        try:
            yield Stage(tenant, connector, _authorities(tenant, folder))
        finally:
            connector.stop()


def _authorities(tenant: Tenant, folder: Path) -> Path:
    bundle = folder / "authorities.pem"
    bundle.write_bytes(Path(certifi.where()).read_bytes() + tenant.authority.bundle.read_bytes())
    return bundle


async def seed(here: Stage, file: Path, members: range, follow_at: float | None = None) -> None:
    """A database with a case for each number, written by a process that may import the bot."""
    rest = [] if follow_at is None else [str(follow_at)]
    tenant = here.tenant
    arguments = [str(file), str(members.start), str(len(members)), tenant.id, tenant.app, here.connector.url, *rest]
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.turns.seed", *arguments, cwd=ROOT)
    if await process.wait() != 0:
        raise processes.NotStarted("the cases could not be stored")


@asynccontextmanager
async def started(
    subject: Subject, here: Stage, database: Path, people: Sequence[Chat], starts: int = 1
) -> AsyncIterator[Bot]:
    """A bot that answers; `starts` times, of which the median counts and the last one stays. Raises `NotStarted`."""
    log = database.with_suffix(f".{subject.name}.log")
    times = []
    async with AsyncExitStack() as stack:
        for left in reversed(range(starts)):
            running = await processes.start(
                subject.command(), environ(subject, here, database), log, processes.cores()[0]
            )
            stack.push_async_callback(running.stop)
            times.append(await _answered(running, people[0], here.connector))
            if left:
                await running.stop()
        if subject.authenticates and not await _refuses_forgery(running, here):
            raise Wrong(f"{subject.title} takes a token with a forged signature: it does not authenticate")
        yield Bot(subject, running, people, statistics.median(times))


async def _answered(running: Running, chat: Chat, connector: Connector) -> float:
    async def first(port: int) -> None:
        client = await Client.connect(port)
        try:
            async with asyncio.timeout(processes.PATIENCE):
                await chat.turn(client)
        finally:
            client.close()

    try:
        return await processes.until_answered(running, first)
    except (Wrong, TimeoutError) as wrong:
        said = "; ".join([str(wrong), *connector.wrong[:1]])
        raise processes.NotStarted(f"{said}; its log ends: {processes.last_lines(running.log)}") from None


async def _refuses_forgery(running: Running, here: Stage) -> bool:
    somebody = Member(_FORGER)
    activity = {**here.envelope(somebody), "type": "message", "id": "forged", "text": "not from Teams"}
    client = await Client.connect(running.port)
    try:
        return await client.ask(request(here.head(key=SigningKey()), activity)) >= 400
    finally:
        client.close()


def some_chats(subject: Subject, here: Stage, people: People, most: int = MOST_CHATS) -> list[Chat]:
    """As many as the busiest measurement needs."""
    return list(islice(chats(subject, here, people), most))
