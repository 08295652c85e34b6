"""One at a time for each key, in the order they came: a lock for each of many people, which costs nothing while nobody
waits."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType


class KeyedLock:
    """The keys that are held, with those who wait for each."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def lock(self, key: str) -> _Holder:
        """`async with` it: within, nobody else has this key."""
        return _Holder(self._waiting, key)

    def waiting(self, key: str) -> int:
        """How many are at it or wait for it."""
        return len(self._waiting[key]) + 1 if key in self._waiting else 0


class _Holder:
    """One holder, present or to come."""

    __slots__ = ("_key", "_waiting")

    def __init__(self, waiting: dict[str, deque[asyncio.Future[None]]], key: str) -> None:
        self._waiting = waiting
        self._key = key

    async def __aenter__(self) -> None:
        others = self._waiting.get(self._key)
        if others is None:
            self._waiting[self._key] = deque()
            return
        handed = asyncio.get_running_loop().create_future()
        others.append(handed)
        try:
            await handed
        except asyncio.CancelledError:
            if not handed.cancelled():
                self._pass_on()  # it was ours already
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        others = self._waiting[self._key]
        while others:
            handed = others.popleft()
            if not handed.done():  # else whoever waited has given up
                handed.set_result(None)
                return
        del self._waiting[self._key]
