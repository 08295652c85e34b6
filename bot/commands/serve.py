"""`photosync serve`: the bot, configured by the environment."""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys

from bot.commands.configuration import load
from bot.commands.terminal import complain, number
from bot.settings import Settings, Use

_MOST_WORKERS = 64


def add(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--workers", metavar="N", type=_workers, default=1, help="processes on one port (default 1)")
    parser.add_argument("--socket", metavar="FD", type=number, help=argparse.SUPPRESS)  # of `workers`, which shares it
    parser.set_defaults(run=_run)


def _workers(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= _MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"must be a number from 1 to {_MOST_WORKERS}")
    if int(text) > 1 and sys.platform == "win32":
        raise argparse.ArgumentTypeError("is 1 on Windows: processes cannot share a port there")
    return int(text)


def _run(chosen: argparse.Namespace) -> int:
    settings = load(Use.SERVE)
    from bot import app  # noqa: PLC0415 - wrong settings are named at once, without importing all of the bot
    from bot.store.base import NewerSchema  # noqa: PLC0415

    try:
        if chosen.workers > 1:
            return _many(settings, chosen.workers)
        shared = socket.socket(fileno=chosen.socket) if chosen.socket is not None else None
        with asyncio.Runner(loop_factory=app.loop_factory()) as runner:
            runner.run(app.serve(settings, shared))
    except OSError as error:
        return complain(f"cannot listen on {settings.host} port {settings.port}: {error.strerror}")
    except NewerSchema as error:
        return complain(str(error))
    return 0


def _many(settings: Settings, count: int) -> int:
    from bot.commands import workers  # noqa: PLC0415

    with workers.listening(settings) as shared:
        return asyncio.run(workers.serve(settings, count, shared))
