"""Checks of what is the bot's own: its database and its languages."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot import resources
from bot.commands.doctor.finding import CheckResult, Installation, failed, ok
from bot.errors import StoreUnavailable
from bot.languages import packaged
from bot.languages.catalogs import CatalogError, Languages
from bot.store.inspection import inspect
from bot.store.schema import VERSION
from dialogs.library import LibraryError
from dialogs.translations import SOURCE


async def database(at: Installation) -> CheckResult:
    """Whether it can be reached and written, and which schema it has. It is left as it is."""
    try:
        found = await inspect(at.settings.database_url.reveal())
    except StoreUnavailable as error:
        return failed(str(error), "Start the database, or correct PHOTOSYNC_DATABASE_URL.")
    if found.version > VERSION:
        return failed(
            f"{found.kind}, schema {found.version}; this program knows up to {VERSION}", "Use the newer program."
        )
    if not found.writable:
        return failed(
            f"{found.kind} that cannot be written",
            "Let the bot's account write the database of PHOTOSYNC_DATABASE_URL (a file's folder too) and make tables.",
        )
    if not found.version:
        return ok(f"{found.kind}, empty: serve makes the tables")
    behind = "" if found.version == VERSION else f"; serve brings it to {VERSION}"
    return ok(f"{found.kind}, schema {found.version}{behind}")


async def catalogs(at: Installation) -> CheckResult:
    """Whether every language is loaded, and how much of each falls back to English."""
    try:
        spoken = await asyncio.to_thread(_loaded, at.settings.locales_dir)
    except (CatalogError, LibraryError) as error:
        where = (
            "the files in PHOTOSYNC_LOCALES_DIR" if at.settings.locales_dir else "the installation: install it again"
        )
        return failed(str(error), f"Correct {where}.")
    if spoken.problems:
        return failed(
            f"{len(spoken.tags)} languages; not used: {'; '.join(spoken.problems)}",
            "Correct these files: photosync locales check tells what is wrong with them.",
        )
    behind = {tag: count for tag in spoken.tags if (count := _missing(spoken, tag))}
    named = ", ".join(f"{tag} {count}" for tag, count in behind.items())
    return ok(f"{len(spoken.tags)} languages; sentences that fall back to English: {named or 'none'}")


def _loaded(over: Path | None) -> Languages:
    """The languages, which the topics go with."""
    spoken = packaged.languages(over)
    packaged.topics(spoken, resources.illustrations())
    return spoken


def _missing(spoken: Languages, tag: str) -> int:
    every = spoken.wording.catalogs
    return len(every[SOURCE].entries.keys() - every[tag].entries.keys())
