"""The command and its arguments."""

from __future__ import annotations

import argparse
import asyncio
import logging

from bot.commands.configuration import load
from bot.commands.terminal import user
from bot.settings import Use


def add(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--user", metavar="USER", type=user, help="whom to try (default: some member of the tenant)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    settings = load(Use.SERVE, chosen)
    from bot.commands.doctor.examine import doctor  # noqa: PLC0415 - after the settings: it imports all that is called

    if settings.log_level != "DEBUG":
        logging.disable(logging.ERROR)  # the log would only repeat what the lines say
    return asyncio.run(doctor(settings, chosen.user or "", as_json=chosen.json))
