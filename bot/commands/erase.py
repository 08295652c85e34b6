"""`photosync erase`: everything about a person is deleted."""

from __future__ import annotations

import argparse
import asyncio
import re
import sys

from bot.commands.configuration import load
from bot.commands.database import opened
from bot.commands.terminal import complain, user
from bot.errors import OutsideError, PhotosyncError
from bot.settings import Settings, Use
from bot.store import Erased

_OBJECT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def add(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("user", metavar="USER", type=user, help="user principal name or object id")
    parser.set_defaults(run=lambda chosen: asyncio.run(_erase(load(Use.GRAPH, chosen), chosen.user)))


async def _erase(settings: Settings, who: str) -> int:
    """Print what was deleted; returns 1 if there was nothing."""
    try:
        async with opened(settings) as store:
            person = who.lower() if _OBJECT_ID.fullmatch(who.lower()) else await _object_id(settings, who)
            gone = await store.erase(person)
    except PhotosyncError as error:
        return complain(f"nothing was deleted: {error}")
    if gone == Erased():
        return complain("nothing was deleted: there is nothing about this person")
    sys.stdout.write(
        f"deleted: {gone.people} person, {gone.cases} cases, {gone.entries} lines of log, {gone.work} jobs\n"
    )
    return 0


async def _object_id(settings: Settings, upn: str) -> str:
    """A name may have moved to somebody else since: the directory says whose it is. Raises `OutsideError`."""
    from bot import app  # noqa: PLC0415 - an object id needs none of it
    from bot.graph.users import PersonUnknown  # noqa: PLC0415 - likewise

    async with app.outside(settings) as outside:
        try:
            return await outside.diagnosis.object_id(upn)
        except PersonUnknown as error:
            unknown = "knows nobody of this name; name by object id who has left or was renamed"
            raise OutsideError(error.system, unknown) from None
        except OutsideError as error:
            raise OutsideError(error.system, f"{error.detail}; name the person by object id") from None
