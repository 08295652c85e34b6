"""A limit that all processes on one database keep together: Graph gives photos to four requests of an application.

Within a process a semaphore orders the requests; the next one takes a slot in the database, and waits where others have
them all. A slot is leased, so that a process that dies gives its slots back by itself. While the database
cannot be reached the semaphore alone holds: each process keeps the limit for itself, as a single one would.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from bot.errors import StoreUnavailable
from bot.store.interface import Store

_WAIT = 0.02  # seconds between two tries for a slot that other processes have


class SharedSlots:
    """`most` at once under a name; call it for a context manager. `lease`: longer than what is done within."""

    def __init__(self, store: Store, name: str, most: int, lease: float) -> None:
        self._store = store
        self._name = name
        self._most = most
        self._lease = lease
        self._here = asyncio.Semaphore(most)

    def __call__(self) -> AbstractAsyncContextManager[None]:
        """A slot for as long as the context lasts. Waits without a limit: give it a deadline from outside."""
        return self._slot()

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        async with self._here:
            token = await self._token()
            try:
                yield
            finally:
                if token is not None:
                    with suppress(StoreUnavailable):  # the lease ends by itself
                        await self._store.release(token)

    async def _token(self) -> str | None:
        try:
            while (token := await self._store.acquire(self._name, self._most, self._lease)) is None:  # noqa: ASYNC110 - no event comes from another process
                await asyncio.sleep(_WAIT * random.uniform(0.5, 1.5))  # noqa: S311 - spreads processes
        except StoreUnavailable:
            return None
        return token
