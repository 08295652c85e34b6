"""The store that the settings name."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from bot.errors import StoreUnavailable
from bot.store.base import DatabaseStore
from bot.store.postgres import PostgresStore
from bot.store.sqlite import SqliteStore

log = logging.getLogger(__name__)

_SQLITE = "sqlite:///"
_AGAIN = 5.0  # seconds between tries at the start


async def open_store(url: str) -> DatabaseStore:
    """Open it once. Raises `StoreUnavailable` and `NewerSchema`."""
    if url.startswith(_SQLITE):
        return await SqliteStore.open(Path(url.removeprefix(_SQLITE)))
    return await PostgresStore.open(url)


async def open_patiently(url: str) -> DatabaseStore:
    """Open it, and wait for it as long as it takes, saying so. Raises `NewerSchema`."""
    while True:
        try:
            return await open_store(url)
        except StoreUnavailable as error:
            log.error("waiting for the database: %s", error)
            await asyncio.sleep(_AGAIN)
