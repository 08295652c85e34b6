"""Due work: claimed from the store, done once as far as anyone can tell, handed to others when this process dies.

A claim is a lease with a fencing number. Whoever does the work says so in the same transaction as its result; a claim
that ran out meanwhile is refused there, because somebody else has it (docs/decisions/0002-due-work.md).
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from bot.errors import StoreUnavailable, location
from bot.store import Claimed, Conflict, JobKind, Lost
from bot.store.interface import Store

log = logging.getLogger(__name__)

Doer = Callable[[Claimed], Awaitable[None]]

LEASE = 45.0  # seconds: a dead process's work is taken over within a minute
_AT_ONCE = 16
_LONGEST_SLEEP = 15.0  # the net below being woken
_MOST_TRIES = 8
_FIRST_WAIT = 5.0  # seconds; doubled on each further try
_LONGEST_WAIT = 3600.0


class Worker:
    """Does what is due until it is stopped."""

    def __init__(self, store: Store, doers: Mapping[JobKind, Doer], *, lease: float = LEASE) -> None:
        self._store = store
        self._lease = lease
        self._doers = doers
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run())

    async def stop(self, grace: float = 8.0) -> None:
        """Take nothing more, and give what is under way that many seconds; its lease then runs out by itself."""
        self._stopping.set()
        if self._task is None:
            return
        _, late = await asyncio.wait([self._task], timeout=grace)
        for task in late:
            task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                claimed = await self._store.claim(_AT_ONCE, self._lease)
                if claimed:
                    await asyncio.gather(*(self._do(one) for one in claimed))
                    continue
                await self._sleep(await self._store.next_due())
            except StoreUnavailable as error:
                log.error("due work waits: %s", error)
                await self._sleep(None)

    async def _sleep(self, job: float | None) -> None:
        seconds = _LONGEST_SLEEP if job is None else min(_LONGEST_SLEEP, max(0.05, job - time.time()))
        woken = asyncio.create_task(self._store.changed(seconds))
        stopped = asyncio.create_task(self._stopping.wait())
        _, rest = await asyncio.wait([woken, stopped], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        await asyncio.gather(woken, stopped, return_exceptions=True)

    async def _do(self, claimed: Claimed) -> None:
        try:
            async with asyncio.timeout(self._lease * 0.9):
                await self._doers[claimed.job.kind](claimed)
        except asyncio.CancelledError:
            await self._hand_back(claimed)
            raise
        except Lost:
            log.info("%s was taken over or ended meanwhile", claimed.job.kind.value)
        except StoreUnavailable:
            raise
        except Conflict:
            await self._again(claimed, "the case moved on meanwhile", 0.5)
        except Exception as error:  # whatever it is, the work is tried again and then laid aside, never lost
            log.error("%s failed: %s at %s", claimed.job.kind.value, type(error).__name__, location(error))
            await self._again(claimed, type(error).__name__, None)

    async def _hand_back(self, claimed: Claimed) -> None:
        """This process ends: another one need not wait for the lease to run out."""
        with suppress(Lost, StoreUnavailable):
            await self._store.postpone(claimed, time.time(), "handed back")

    async def _again(self, claimed: Claimed, error: str, wait: float | None) -> None:
        backoff = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (claimed.attempt - 1)) * random.uniform(0.7, 1.3)  # noqa: S311
        try:
            if claimed.attempt >= _MOST_TRIES:
                log.error("%s given up after %d tries: photosync work list", claimed.job.kind.value, claimed.attempt)
                await self._store.fail(claimed, error)
            else:
                await self._store.postpone(claimed, time.time() + (backoff if wait is None else wait), error)
        except Lost:
            log.info("%s was taken over meanwhile", claimed.job.kind.value)
