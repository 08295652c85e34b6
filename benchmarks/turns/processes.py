"""A bot as a process of its own on one core, and what it costs as the kernel counts it (Linux)."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import socket
import time
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 60.0  # seconds until a bot has to answer its first activity
_AGAIN = 0.01  # seconds between tries


class NotStarted(Exception):
    """A bot that ended, or did not answer in time; says why as far as its log tells."""


@functools.cache  # what is asked once this process itself is bound to one of them, too
def cores() -> tuple[int, int]:
    """One core for the bots, another for everything else. Raises OSError where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise OSError("the benchmark needs two processor cores: one for the bot, one for what drives it")
    return usable[0], usable[1]


@dataclass(frozen=True)
class Running:
    """A started bot."""

    process: Process
    port: int
    log: Path

    def cpu(self) -> float:
        """Seconds of user and system time of all its threads so far."""
        return cpu_of(self.process.pid)

    def rss(self) -> float:
        """Megabytes of memory it holds now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024

    async def stop(self) -> None:
        """End it, gently first."""
        if self.process.returncode is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), 15)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


def cpu_of(pid: int) -> float:
    """Seconds of user and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


async def start(command: Sequence[str], environ: Mapping[str, str], log: Path, core: int) -> Running:
    """Begin a bot that will listen on `PORT`; it need not answer yet."""
    port = free_port()
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**environ, "PORT": str(port), "PHOTOSYNC_PORT": str(port)},
            stdout=out,
            stderr=out,
            cwd=log.parent,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
    return Running(process, port, log)


async def until_answered(bot: Running, first: Callable[[int], Awaitable[None]]) -> float:
    """Seconds until the first turn, on the bot's port, ended well. Raises `NotStarted`, and what a wrong answer raises."""
    begun = time.monotonic()
    while time.monotonic() < begun + PATIENCE:
        if bot.process.returncode is not None:
            break
        try:
            await first(bot.port)
        except OSError:
            await asyncio.sleep(_AGAIN)
            continue
        return time.monotonic() - begun
    raise NotStarted(f"did not answer; its log ends: {last_lines(bot.log)}")


def last_lines(log: Path, most: int = 600) -> str:
    """The end of a log on one line."""
    return " | ".join(log.read_text(encoding="utf-8", errors="replace")[-most:].split("\n"))


def free_port() -> int:
    """One that nothing listens on just now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
