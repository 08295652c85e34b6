"""A lock for each key, as long as somebody holds it or waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class KeyedLock:
    """One holder a key at a time, in the order they came; `asyncio.Lock` is fair."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._users: dict[str, int] = {}  # how many hold a key or wait for it

    @asynccontextmanager
    async def lock(self, key: str) -> AsyncIterator[None]:
        """Hold the key within the block."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        self._users[key] = self.waiting(key) + 1
        try:
            async with lock:
                yield
        finally:
            self._users[key] -= 1
            if not self._users[key]:
                del self._locks[key], self._users[key]

    def waiting(self, key: str) -> int:
        """How many hold the key or wait for it."""
        return self._users.get(key, 0)
