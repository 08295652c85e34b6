"""The command: its arguments, and what is refused before anything is fetched."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from bot.commands.configuration import load
from bot.commands.picture_export import CannotSave
from bot.commands.terminal import EXIT_USAGE, complain, user
from bot.settings import Use


def add(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("user", metavar="USER", type=user, help="user principal name or object id")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--site", metavar="ADDRESS", default="", help="check a SharePoint site too, by its address")
    parser.add_argument(
        "--save-pictures",
        metavar="DIR",
        type=Path,
        help="write both pictures into a folder, for the helpdesk to see; without it they are never written",
    )
    parser.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    settings = load(Use.GRAPH, chosen)
    from bot.commands.check import report  # noqa: PLC0415 - after the settings: it imports all that is called
    from bot.turns.events import address_in  # noqa: PLC0415

    if chosen.site and not address_in(chosen.site):
        return complain("--site must be the https address of a SharePoint site", status=EXIT_USAGE)
    request = report.Request(chosen.user, chosen.site, as_json=chosen.json, save_to=chosen.save_pictures)
    try:
        return asyncio.run(report.check(settings, request))
    except CannotSave as error:
        return complain(str(error), status=EXIT_USAGE)
