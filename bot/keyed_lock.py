"""A lock for each key, as long as somebody holds it or waits for it."""

from __future__ import annotations

import asyncio
from types import TracebackType


class KeyedLock:
    """One holder a key at a time, in the order they came; `asyncio.Lock` is fair."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._users: dict[str, int] = {}  # how many hold a key or wait for it

    def lock(self, key: str) -> _Held:
        """`async with lock(key)`: hold the key within the block."""
        return _Held(self, key)

    def waiting(self, key: str) -> int:
        """How many hold the key or wait for it."""
        return self._users.get(key, 0)

    async def take(self, key: str) -> None:
        """Wait for the key. For `lock`."""
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        self._users[key] = self._users.get(key, 0) + 1
        try:
            await lock.acquire()
        except BaseException:
            self._leave(key)
            raise

    def give(self, key: str) -> None:
        """Let the next one have it. For `lock`."""
        self._locks[key].release()
        self._leave(key)

    def _leave(self, key: str) -> None:
        self._users[key] -= 1
        if not self._users[key]:
            del self._locks[key], self._users[key]


class _Held:
    """Of every turn, so a class: a context manager made of a generator costs several times as much."""

    __slots__ = ("_key", "_locks")

    def __init__(self, locks: KeyedLock, key: str) -> None:
        self._locks = locks
        self._key = key

    async def __aenter__(self) -> None:
        await self._locks.take(self._key)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._locks.give(self._key)
