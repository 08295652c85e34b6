"""`photosync erase` and `photosync work`: an admin at the store."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from bot.app import diagnosis
from bot.errors import OutsideError, PhotosyncError
from bot.http_client import HttpClient
from bot.metrics import Metrics
from bot.settings import Settings
from bot.store import JobKind
from bot.store.connect import open_store
from bot.store.interface import Store

_FAILED = 1
_OBJECT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@asynccontextmanager
async def _store(settings: Settings) -> AsyncIterator[Store]:
    store = await open_store(settings.database_url)
    try:
        yield store
    finally:
        await store.close()


async def erase(settings: Settings, user: str) -> int:
    """Forget a person by object id or user principal name, and say what was deleted; 0 even if there was nothing."""
    try:
        person = user.lower() if _OBJECT_ID.fullmatch(user.lower()) else await _object_id(settings, user)
        async with _store(settings) as store:
            gone = await store.erase(person)
    except PhotosyncError as error:
        return _complain(f"nothing was deleted: {error}")
    _say(f"deleted: {gone.people} person, {gone.cases} cases, {gone.entries} lines of log, {gone.work} due work")
    return 0


async def _object_id(settings: Settings, upn: str) -> str:
    """A name may have moved to somebody else since: the directory says whose it is. Raises `OutsideError`."""
    http = HttpClient.from_settings(settings)
    try:
        return await diagnosis(settings, http, Metrics()).object_id(upn)
    except OutsideError as error:
        raise OutsideError(error.system, f"{error.detail}; name the person by object id") from None
    finally:
        await http.close()


async def work_list(settings: Settings) -> int:
    """What is open, and what was given up."""
    try:
        async with _store(settings) as store:
            pending = [(kind.value, await store.pending(kind)) for kind in JobKind]
            letters = await store.dead_letters()
    except PhotosyncError as error:
        return _complain(str(error))
    _say("due: " + ", ".join(f"{kind} {count}" for kind, count in pending))
    if not letters:
        _say("nothing was given up")
        return 0
    table = Table("ID", "kind", "case", "tries", "given up (UTC)", "why", title="given up; photosync work retry ID")
    for one in letters:
        when = datetime.fromtimestamp(one.at, UTC).strftime("%Y-%m-%d %H:%M")
        table.add_row(str(one.id), one.kind, one.key, str(one.attempt), when, one.error)
    Console(soft_wrap=True).print(table)
    return 0


async def work_retry(settings: Settings, number: int) -> int:
    """Make a dead letter due now."""
    try:
        async with _store(settings) as store:
            found = await store.retry(number)
    except PhotosyncError as error:
        return _complain(str(error))
    if not found:
        return _complain(f"there is no dead letter {number}; photosync work list shows them")
    _say(f"{number} is due again")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _complain(line: str) -> int:
    sys.stderr.write(f"photosync: {line}\n")
    return _FAILED
