"""`photosync store`: a backup of the database, and the database into another one."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from bot.commands.configuration import load
from bot.commands.terminal import complain
from bot.errors import PhotosyncError
from bot.settings import Settings, Use


def add(parser: argparse.ArgumentParser) -> None:
    """The commands and their arguments."""
    kinds = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    backup = kinds.add_parser(
        "backup",
        help="a whole copy, also while the bot runs",
        description="Writes a whole copy into a new SQLite file, from SQLite or PostgreSQL, also while the bot runs. "
        "To restore it: stop the bot, put the file in the place of the database, delete the database's -wal and -shm, "
        "start the bot.",
    )
    backup.add_argument("file", metavar="FILE", type=Path, help="a file that is not there yet")
    backup.set_defaults(run=lambda chosen: asyncio.run(_backup(load(Use.STORE, chosen), chosen.file)))
    copy = kinds.add_parser(
        "copy",
        help="everything into another, empty database",
        description="Copies everything into another, empty database: SQLite to PostgreSQL or back. Stop the bot "
        "before, and set PHOTOSYNC_DATABASE_URL to the other one after.",
    )
    copy.add_argument("to", metavar="TO", help="its address, as PHOTOSYNC_DATABASE_URL would have it")
    copy.set_defaults(run=lambda chosen: asyncio.run(_copy(load(Use.STORE, chosen), chosen.to)))


async def _backup(settings: Settings, file: Path) -> int:
    from bot.store.copying import backup  # noqa: PLC0415 - `--help` needs no database driver

    try:
        size = await backup(settings.database_url.reveal(), file)
    except PhotosyncError as error:
        return complain(f"no backup was made: {error}")
    sys.stdout.write(f"{file}: {size:,} bytes\n")
    return 0


async def _copy(settings: Settings, to: str) -> int:
    from bot.store.copying import copy  # noqa: PLC0415 - likewise

    try:
        rows = await copy(settings.database_url.reveal(), to)
    except PhotosyncError as error:
        # What is wrong with TO is named like the setting, which has the same form.
        return complain(f"nothing was copied: {error}")
    sys.stdout.write("copied: " + ", ".join(f"{count} {table}" for table, count in rows.items()) + "\n")
    return 0
