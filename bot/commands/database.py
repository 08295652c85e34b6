"""The database, for a command of an admin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.settings import Settings
from bot.store.connect import open_store
from bot.store.interface import Store


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Store]:
    """The store, closed at the end. Raises `StoreUnavailable`."""
    store = await open_store(settings.database_url.reveal(), existing=True)
    try:
        yield store
    finally:
        await store.close()
