"""Replicas on one PostgreSQL behind nginx with the sample configuration (`make replicas`).

First a rolling upgrade: people are in the middle of their walks while two replicas are ended and started again, one after
the other, again and again. Teams' part repeats what was not answered within 15 seconds; nothing may be refused, and everybody
gets the good news. Then how many turns a second one, two and three replicas do: PostgreSQL, nginx, the pretend tenant and
those who write share the machine with them, so that the figures are of the sum.

`--people`, `--rounds` of the upgrade, `--seconds` of each measurement. Exit 1 if a promise broke.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import signal
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.turns.processes import cpu_of
from sandbox.channel import Chat
from sandbox.tenant import Tenant
from tests.chatting import eventually
from tests.command import command
from tests.commands.test_serve import free_port, ready
from tests.crash import GOOD, ROOT, Tally, deliver, person, step
from tests.databases import execute, server
from tests.deploy.proxy import nginx

_PATIENCE = 120.0  # seconds for the last good news
_CHATS = 16


class Replicas:
    """So many processes, each on a port that stays its own."""

    def __init__(self, tenant: Tenant, database: str, count: int) -> None:
        ours = {"PHOTOSYNC_DATABASE_URL": database, "PHOTOSYNC_LOG_LEVEL": "ERROR", "PYTHONPATH": str(ROOT)}
        ours |= {"PHOTOSYNC_FOLLOW_UPS": "2s,4s,8s,16s,32s,64s", "PHOTOSYNC_MESSAGES_PER_SECOND": "0"}
        self._environ = {**tenant.environment(), "PATH": os.environ["PATH"], **ours}
        self.ports = [free_port() for _ in range(count)]
        self._processes: dict[int, Process] = {}

    async def start(self, port: int) -> None:
        """Until it is ready."""
        environ = {**self._environ, "PHOTOSYNC_PORT": str(port)}
        self._processes[port] = await asyncio.create_subprocess_exec(*command("serve"), env=environ, stderr=DEVNULL)
        for _ in range(5):  # on a busy machine it takes its time
            with contextlib.suppress(AssertionError):
                return await ready(f"http://127.0.0.1:{port}")
        raise AssertionError("a replica did not become ready")

    async def end(self, port: int) -> int:
        """As an orchestrator ends it; its exit status."""
        process = self._processes.pop(port)
        process.send_signal(signal.SIGTERM)
        return await process.wait()

    def cpu(self) -> float:
        """Seconds of processor time of all of them so far."""
        return sum(cpu_of(process.pid) for process in self._processes.values())

    async def replace(self) -> list[int]:
        """One after the other; their exit statuses."""
        statuses = []
        for port in self.ports:
            statuses.append(await self.end(port))
            await self.start(port)
        return statuses


@asynccontextmanager
async def running(count: int) -> AsyncIterator[tuple[Tenant, Replicas, str]]:
    """A tenant that talks to so many replicas through nginx, and the database's address."""
    with server(durable=True) as postgres, tempfile.TemporaryDirectory(prefix="photosync-nginx-") as folder:
        name = f"photosync_{count}"
        await execute(f"{postgres}/postgres", f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        async with Tenant.open() as tenant:
            replicas = Replicas(tenant, f"{postgres}/{name}", count)
            try:
                for port in replicas.ports:
                    await replicas.start(port)
                async with nginx(Path(folder), *replicas.ports) as port:
                    tenant.channel.bot_url = f"http://127.0.0.1:{port}"
                    yield tenant, replicas, f"{postgres}/{name}"
            finally:
                await asyncio.gather(*(replicas.end(port) for port in [*replicas._processes]))


async def upgrade(people: int, rounds: int) -> list[str]:
    """What broke."""
    tally, dice = Tally(), random.Random(1)
    wrong: list[str] = []
    async with running(2) as (tenant, replicas, _):
        chats = [tenant.channel.chat(one.id) for one in tenant.world.crowd(people)]

        async def visit(chat: Chat) -> None:
            await asyncio.sleep(dice.uniform(0, 4 * rounds))
            await person(chat, tally, dice, gives_up=False, hanging=None)

        driving = asyncio.gather(*map(visit, chats))
        statuses: list[int] = []
        for _ in range(rounds):
            statuses += await replicas.replace()
        await driving
        with contextlib.suppress(AssertionError):  # who waits in vain is named below
            await eventually(lambda: all(step(chat) in GOOD for chat in chats), _PATIENCE)
        wrong += [f"{chat.person.id} stands on {step(chat) or 'nothing'}" for chat in chats if step(chat) not in GOOD]
        wrong += [f"a replica ended with {status}" for status in statuses if status]
        slow = tally.why.pop("TimeoutError", 0)  # Teams' patience on this machine, not a refusal
        wrong += [f"{count} deliveries were answered with {why}" for why, count in tally.why.items()]
    sys.stdout.write(
        f"{people} people, {len(statuses)} replicas replaced, {tally.retries} deliveries repeated, {slow} of them because an "
        f"answer took too long, {len(wrong)} broken promises\n"
    )
    return wrong


async def measure(count: int, seconds: float) -> tuple[float, float]:
    """Turns a second of people who type something that needs no look, and milliseconds of the replicas' processors each."""
    done = 0
    async with running(count) as (tenant, replicas, _):
        chats = [tenant.channel.chat(one.id) for one in tenant.world.crowd(_CHATS)]

        async def write(chat: Chat, going: Callable[[], bool]) -> None:
            nonlocal done
            while going():
                message = {**chat.channel.activity(chat), "type": "message", "text": "menu"}
                await deliver(chat, message, Tally())
                done += 1

        warm = time.monotonic() + 2
        await asyncio.gather(*(write(chat, lambda: time.monotonic() < warm) for chat in chats))
        done, ends, before = 0, time.monotonic() + seconds, replicas.cpu()
        await asyncio.gather(*(write(chat, lambda: time.monotonic() < ends) for chat in chats))
        return done / seconds, (replicas.cpu() - before) * 1_000 / done


def main() -> int:
    """See above."""
    parser = argparse.ArgumentParser(prog="make replicas", description=__doc__)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    chosen = parser.parse_args()
    wrong = asyncio.run(upgrade(chosen.people, chosen.rounds))
    sys.stdout.writelines(f"  {line}\n" for line in wrong)
    table = Table(
        "replicas",
        "turns a second",
        "processor ms a turn",
        title=f"{_CHATS} chats, {os.cpu_count()} cores for everything",
    )
    for count in (1, 2, 3):
        turns, each = asyncio.run(measure(count, chosen.seconds))
        table.add_row(str(count), f"{turns:,.0f}", f"{each:.2f}")
    Console().print(table)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
