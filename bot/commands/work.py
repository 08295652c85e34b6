"""`photosync work`: what is due, and the dead letters."""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from bot.commands.configuration import load
from bot.commands.database import opened
from bot.commands.terminal import complain, number
from bot.errors import PhotosyncError
from bot.settings import Settings, Use
from bot.store import DeadLetter, JobKind


def add(parser: argparse.ArgumentParser) -> None:
    """The commands and their arguments."""
    kinds = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = kinds.add_parser("list", help="how much is due, and every dead letter with its number")
    listing.set_defaults(run=lambda chosen: asyncio.run(_list(load(Use.STORE, chosen))))
    again = kinds.add_parser("retry", help="try a dead letter again now")
    again.add_argument("id", metavar="ID", type=number, help="its number")
    again.set_defaults(run=lambda chosen: asyncio.run(_retry(load(Use.STORE, chosen), chosen.id)))


async def _list(settings: Settings) -> int:
    try:
        async with opened(settings) as store:
            pending = await store.pending()
            letters = await store.dead_letters()
    except PhotosyncError as error:
        return complain(str(error))
    sys.stdout.write("due: " + ", ".join(f"{kind.value} {pending[kind]}" for kind in JobKind) + "\n")
    if letters:
        Console(soft_wrap=True).print(_table(letters))
    else:
        sys.stdout.write("no dead letters\n")
    return 0


def _table(letters: tuple[DeadLetter, ...]) -> Table:
    table = Table("ID", "kind", "case", "tries", "given up (UTC)", "why", title="dead letters; photosync work retry ID")
    for one in letters:
        when = datetime.fromtimestamp(one.at, UTC).strftime("%Y-%m-%d %H:%M")
        table.add_row(str(one.id), one.kind, one.key, str(one.attempt), when, one.error)
    return table


async def _retry(settings: Settings, id_: int) -> int:
    try:
        async with opened(settings) as store:
            found = await store.retry(id_)
    except PhotosyncError as error:
        return complain(str(error))
    if not found:
        return complain(f"there is no dead letter {id_}; photosync work list shows them")
    sys.stdout.write(f"{id_} is due again\n")
    return 0
