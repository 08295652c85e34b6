"""`photosync serve --workers N`: one listening socket, several processes that answer on it.

They share the database as replicas do; a process that dies is started again. The rate of messages that Teams takes
from the whole bot is divided among them, and whichever is asked for its metrics tells those of all.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import signal
import socket
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import Mapping

from bot.metrics import SHARED
from bot.settings import Settings

log = logging.getLogger(__name__)

_AGAIN = 1.0  # seconds before a process that died is started again
_PATIENCE = 14.0  # seconds that the processes get to end
_FINAL = (1, 2)  # exit statuses that trying again does not change
_WAITING = 1_024  # connections that may wait to be accepted


def listening(settings: Settings) -> socket.socket:
    """The socket of the settings. Raises OSError if it is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((settings.host, settings.port))
        made.listen(_WAITING)
    except OSError:
        made.close()
        raise
    made.set_inheritable(True)
    return made


async def serve(settings: Settings, count: int, shared: socket.socket) -> int:
    """Keep that many processes until told to stop; then they end as one alone would, with 0.

    What one says it cannot do (status 1 or 2) no other can: then all end, with that status.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    log.info("%d workers on port %d", count, shared.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix="photosync-metrics-") as counting:
        share = math.ceil(settings.messages_per_second / count)
        environ = {**os.environ, "PHOTOSYNC_MESSAGES_PER_SECOND": str(share), SHARED: counting}
        return max(await asyncio.gather(*(_keep(environ, shared, stopping) for _ in range(count))))


async def _keep(environ: Mapping[str, str], shared: socket.socket, stopping: asyncio.Event) -> int:
    """One process, again and again; returns the status that is final."""
    status = 0
    while not stopping.is_set():
        process = await _start(environ, shared)
        ended, asked = asyncio.create_task(process.wait()), asyncio.create_task(stopping.wait())
        await asyncio.wait((ended, asked), return_when=asyncio.FIRST_COMPLETED)
        if stopping.is_set():
            await _end(process)
        elif process.returncode in _FINAL:
            status = process.returncode or 0
            stopping.set()
        else:
            log.error("a worker ended with status %s and is started again", process.returncode)
            await asyncio.wait((asked,), timeout=_AGAIN)
        for task in (ended, asked):
            task.cancel()
    return status


async def _start(environ: Mapping[str, str], shared: socket.socket) -> Process:
    command = [sys.executable, "-m", "bot", "serve", "--socket", str(shared.fileno())]
    # A session of its own: Ctrl-C reaches the one that keeps them, which tells them.
    return await asyncio.create_subprocess_exec(
        *command, env=environ, pass_fds=[shared.fileno()], start_new_session=True
    )


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(_PATIENCE):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
