"""The store that a URL names."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from bot.errors import StoreUnavailable
from bot.store.interface import Store
from bot.store.schema import NewerSchema
from bot.store.sqlite import SqliteStore

log = logging.getLogger(__name__)

_SQLITE = "sqlite:///"
_RETRY_INTERVAL = 5.0  # seconds


def connect(url: str) -> Store:
    """The store at an address, still closed."""
    if url.startswith(_SQLITE):
        return SqliteStore(Path(url.removeprefix(_SQLITE)))
    from bot.store.postgres import PostgresStore  # noqa: PLC0415 - its driver takes a while to import

    return PostgresStore(url)


async def open_store(url: str) -> Store:
    """The store at an address, open. Raises `StoreUnavailable` and `NewerSchema`."""
    store = connect(url)
    await store.open()
    return store


async def try_until_open(begin: Callable[[], Awaitable[None]]) -> asyncio.Task[None] | None:
    """Do what starts with `Store.open`. While the database cannot be reached the returned task tries again, and the
    store raises `StoreUnavailable`. Raises `NewerSchema`."""
    try:
        await begin()
    except StoreUnavailable as error:
        log.error("waiting for the database: %s", error)
        return asyncio.create_task(_keep_trying(begin))
    return None


async def _keep_trying(begin: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(_RETRY_INTERVAL)
        try:
            await begin()
        except (StoreUnavailable, NewerSchema) as error:
            log.error("still waiting for the database: %s", error)
            continue
        log.info("the database is there")
        return
