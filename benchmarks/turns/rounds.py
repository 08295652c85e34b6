"""One measurement: so many chats at once for so many seconds; and rounds of them, the bots in turn."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.turns.chats import Chat
from benchmarks.turns.processes import Running, cpu_of
from benchmarks.turns.wire import Client

_WARM = 0.3  # seconds before the clock runs
_WINDOWS = 20  # at the most, for a bot so slow that not every chat has its turn within one
_TIMEOUT = 120.0  # seconds for the whole of one measurement beyond its window


@dataclass(frozen=True)
class Figures:
    """One measurement; times in milliseconds, the processor's for each turn."""

    turns_per_second: float
    p50: float
    p99: float
    cpu: float
    driver_cpu: float


@dataclass
class _Clock:
    """Whether turns count now, and those that did."""

    counting: bool = False
    stopping: bool = False
    latencies: list[float] = field(default_factory=list)


async def measure(bot: Running, chats: Sequence[Chat], seconds: float) -> Figures:
    """Every chat takes turn after turn; what ends within the window counts. Raises `Wrong` and OSError."""
    clients = [await Client.connect(bot.port) for _ in chats]
    clock = _Clock()
    begun = [asyncio.Event() for _ in chats]
    tasks = [
        asyncio.create_task(_talk(chat, client, clock, first))
        for chat, client, first in zip(chats, clients, begun, strict=True)
    ]
    window = asyncio.create_task(_window(bot, clock, begun, seconds))
    try:
        async with asyncio.timeout(_TIMEOUT + seconds):
            await asyncio.wait({window, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            clock.stopping = True
            await asyncio.gather(*tasks)
            return await window
    finally:
        for task in (window, *tasks):
            task.cancel()
        for client in clients:
            client.close()


async def _talk(chat: Chat, client: Client, clock: _Clock, first: asyncio.Event) -> None:
    while not clock.stopping:
        begun = time.perf_counter()
        await chat.turn(client)
        if clock.counting:
            clock.latencies.append(time.perf_counter() - begun)
        first.set()


async def _window(bot: Running, clock: _Clock, begun: Sequence[asyncio.Event], seconds: float) -> Figures:
    for first in begun:
        await first.wait()
    await asyncio.sleep(_WARM)
    before, own, at = bot.cpu(), cpu_of(os.getpid()), time.perf_counter()
    clock.counting = True
    for _ in range(_WINDOWS):
        await asyncio.sleep(seconds)
        if len(clock.latencies) >= len(begun):
            break
    clock.counting = False
    taken, cpu, driver = time.perf_counter() - at, bot.cpu() - before, cpu_of(os.getpid()) - own
    took = sorted(clock.latencies)
    turns = max(1, len(took))
    return Figures(
        turns_per_second=len(took) / taken,
        p50=1000 * statistics.median(took) if took else float("nan"),
        p99=1000 * took[int(0.99 * (len(took) - 1))] if took else float("nan"),
        cpu=1000 * cpu / turns,
        driver_cpu=1000 * driver / turns,
    )
