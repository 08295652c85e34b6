"""`photosync serve`: the bot, configured by the environment."""

from __future__ import annotations

import argparse
import asyncio

from bot.commands.configuration import load
from bot.commands.terminal import complain
from bot.settings import Use


def add(parser: argparse.ArgumentParser) -> None:
    """The command has no arguments."""
    parser.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    settings = load(Use.SERVE, chosen)
    from bot import app  # noqa: PLC0415 - wrong settings are named at once, without importing all of the bot
    from bot.errors import StoreUnusable  # noqa: PLC0415

    try:
        with asyncio.Runner(loop_factory=app.loop_factory()) as runner:
            runner.run(app.serve(settings))
    except (app.CannotListen, StoreUnusable) as error:
        return complain(str(error))
    except OSError as error:
        return complain(f"cannot start: {error.strerror or type(error).__name__}")
    return 0
