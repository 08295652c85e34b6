"""Checks of what is the bot's own: its database and its languages."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

from bot import resources
from bot.commands.doctor.finding import CheckResult, Installation, failed, ok
from bot.errors import OutsideError, StoreUnavailable, StoreUnusable
from bot.http_client import NEVER
from bot.languages import packaged, topic_files
from bot.languages.catalogs import CatalogError, Languages
from bot.store.connect import open_store
from bot.store.inspection import inspect
from bot.store.schema import VERSION
from dialogs import library
from dialogs.library import LibraryError
from dialogs.translations import SOURCE

_START = "Start the database, or correct PHOTOSYNC_DATABASE_URL."
_CORRECT = "Correct PHOTOSYNC_DATABASE_URL, or what it names, as this line says."
_WRITE = "Let the bot's account write the database of PHOTOSYNC_DATABASE_URL (a file's folder too) and make tables."
_INBOUND = "; whether Teams reaches it through your proxy cannot be seen from here: write to the bot in Teams"


async def database(at: Installation) -> CheckResult:
    """Whether it can be reached and written, and which schema it has. It is left as it is."""
    url = at.settings.database_url.reveal()
    try:
        found = await inspect(url)
    except StoreUnavailable as error:
        return failed(str(error), _CORRECT if isinstance(error, StoreUnusable) else _START)
    if found.version > VERSION:
        return failed(
            f"{found.kind}, schema {found.version}; this program knows up to {VERSION}", "Use the newer program."
        )
    if not found.writable:
        return failed(
            f"{found.kind} that cannot be written",
            _WRITE,
        )
    if not found.version:
        return ok(f"{found.kind}, empty: serve makes the tables")
    if found.version < VERSION:
        return ok(f"{found.kind}, schema {found.version}; serve brings it to {VERSION}")
    try:  # by the way that serve takes: a pooler, a damaged file or a lock shows here
        store = await open_store(url, existing=True)
        try:
            ready = await store.ready()
        finally:
            await store.close()
    except StoreUnavailable as error:
        return failed(str(error), _CORRECT if isinstance(error, StoreUnusable) else _START)
    if not ready:
        return failed(f"{found.kind}, schema {found.version}, which cannot be written now", _WRITE)
    return ok(f"{found.kind}, schema {found.version}")


async def listening(at: Installation) -> CheckResult:
    """Whether the ports are free for `serve`, or it answers on them already."""
    settings = at.settings
    places = [(settings.host, settings.port, "PHOTOSYNC_PORT")]
    if settings.operator_port is not None:
        places.append((settings.operator_host, settings.operator_port, "PHOTOSYNC_OPERATOR_PORT"))
    found = []
    for host, port, setting in places:
        try:
            _bind(host, port)
            found.append(f"{host} port {port or '(any)'} is free")
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not await _is_ours(at, host, port):
                reason = os.strerror(error.errno) if error.errno and error.errno > 0 else "no such address"
                return failed(
                    f"{host} port {port}: {reason}",
                    f"Choose another {setting}, or end the program that uses it; its host has to be this machine's.",
                )
            found.append(f"photosync answers on {host} port {port}")
    return ok(", ".join(found) + _INBOUND)


def _bind(host: str, port: int) -> None:
    """As the bot does it; let go at once. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as one:
        if os.name == "posix":
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(address)
        one.listen(1)


async def _is_ours(at: Installation, host: str, port: int) -> bool:
    """Whether what listens there is a bot of ours."""
    there = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - asked, not bound
    url = f"http://{f'[{there}]' if ':' in there else there}:{port}/healthz"
    try:
        answer = await at.http.request("GET", url, system="teams", timeout=3.0, retry=NEVER)
        return answer.status == 200 and answer.json() == {"alive": True}
    except OutsideError:
        return False


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
            "Correct these files: photosync locales check names what is wrong with them.",
        )
    behind = {tag: count for tag in spoken.tags if (count := _missing(spoken, tag))}
    named = ", ".join(f"{tag} {count}" for tag, count in behind.items())
    drafts = f"; drafts, for PHOTOSYNC_PILOT: {', '.join(spoken.drafts)}" if spoken.drafts else ""
    return ok(f"{len(spoken.tags)} languages; sentences that fall back to English: {named or 'none'}{drafts}")


async def topics(at: Installation) -> CheckResult:
    """Whether the installation's own topic files are used, and which steps speak of screens last seen long ago."""
    own = at.settings.topics_dir
    try:
        spoken = await asyncio.to_thread(packaged.languages, at.settings.locales_dir)
        found = await asyncio.to_thread(topic_files.topics, spoken, resources.illustrations(), own, drafts=True)
    except (CatalogError, LibraryError) as error:
        return failed(str(error), "Correct the files in PHOTOSYNC_TOPICS_DIR: photosync topics check names each fault.")
    old = library.outdated(found.library, datetime.now(UTC).strftime("%Y-%m"))
    named = ", ".join(f"{step.id} ({step.seen})" for step in old)
    whose = "own files over the packaged topics" if own else "the packaged topics"
    return ok(f"{whose}; screens not looked at for more than a year: {named or 'none'}")


def _loaded(over: Path | None) -> Languages:
    """The languages, which the topics go with."""
    spoken = packaged.languages(over)
    packaged.topics(spoken, resources.illustrations())
    return spoken


def _missing(spoken: Languages, tag: str) -> int:
    every = spoken.translations.catalogs
    return len(every[SOURCE].entries.keys() - every[tag].entries.keys())
