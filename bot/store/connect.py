"""The store that the settings name."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bot.errors import StoreUnavailable
from bot.store.base import DatabaseStore, NewerSchema
from bot.store.sqlite import SqliteStore

log = logging.getLogger(__name__)

_SQLITE = "sqlite:///"
_RETRY_INTERVAL = 5.0  # seconds between tries at the start


async def open_store(url: str) -> DatabaseStore:
    """Open it once. Raises `StoreUnavailable` and `NewerSchema`."""
    if url.startswith(_SQLITE):
        return await SqliteStore.open(Path(url.removeprefix(_SQLITE)))
    from bot.store.postgres import PostgresStore  # noqa: PLC0415 - its driver takes a while to import

    return await PostgresStore.open(url)


class PatientStore:
    """A store that may not be there yet: until it is, every use raises `StoreUnavailable`.

    So the bot can listen, say that it waits, and go on by itself when the database comes back.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._there: DatabaseStore | None = None
        self._waiting: asyncio.Task[None] | None = None

    async def open(self, ready: Callable[[DatabaseStore], Awaitable[None]]) -> None:
        """Open it, or begin to wait for it; `ready` is called once when it is there. Raises `NewerSchema`."""
        try:
            await self._begin(ready)
        except StoreUnavailable as error:
            log.error("waiting for the database: %s", error)
            self._waiting = asyncio.create_task(self._wait(ready))

    async def _begin(self, ready: Callable[[DatabaseStore], Awaitable[None]]) -> None:
        there = await open_store(self._url)
        self._there = there
        await ready(there)

    async def _wait(self, ready: Callable[[DatabaseStore], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(_RETRY_INTERVAL)
            try:
                await self._begin(ready)
            except (StoreUnavailable, NewerSchema) as error:
                log.error("still waiting for the database: %s", error)
                continue
            log.info("the database is there")
            return

    def __getattr__(self, name: str) -> Any:
        """Everything of `Store` that needs the database."""
        if self._there is None:
            raise StoreUnavailable("the database has not been reached yet")
        return getattr(self._there, name)

    async def ready(self) -> bool:
        """See `Store`."""
        return self._there is not None and await self._there.ready()

    async def changed(self, within: float) -> None:
        """See `Store`."""
        if self._there is None:
            await asyncio.sleep(min(within, 1.0))
            return
        await self._there.changed(within)

    async def close(self) -> None:
        """See `Store`."""
        if self._waiting is not None:
            self._waiting.cancel()
            await asyncio.gather(self._waiting, return_exceptions=True)
        if self._there is not None:
            await self._there.close()
