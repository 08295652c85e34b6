"""A limit that all processes on one database keep together: Graph gives photos to four requests of an application.

A process leases slots in the database for some seconds and hands them on inside, without the database, to whoever has
waited longest. `keep`, a background task, does all that concerns the database, by one operation (`Store.lease_slots`):

- as soon as somebody waits here for more slots than there are, then again and again while others have them;
- twice a second while any are leased, which prolongs the leases and tells whether other processes wait: then each gets
  its share, in turns where the slots do not come out even, and what is beyond it goes back when its use ends;
- with nothing to lease once nobody has needed a slot for some seconds: they go back.

A process that dies gives its slots back by the end of its leases. While the database cannot be reached, each process
keeps the limit for itself, as a single one would.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from bot.errors import StoreUnavailable
from bot.store.interface import Store

_RENEWAL = 0.5  # seconds between two prolongations, and until it shows that another process waits
_RETRY = 0.03  # seconds between two tries for slots that other processes have
_LINGER = 5.0  # seconds that slots are kept which nobody uses: the next one need not wait for the database


class SharedSlots:
    """`most` at once under a name; call it for a context manager. `use`: the longest that a slot is used, in seconds;
    a lease is half as long again. Nothing is given out unless `keep` runs.
    """

    def __init__(self, store: Store, name: str, most: int, use: float) -> None:
        self._store = store
        self._name = name
        self._most = most
        self._use = use
        self._process = secrets.token_hex(8)
        self._leased = 0  # slots that this process may use,
        self._ends = float("-inf")  # and when the lease ends, a `time.monotonic()`
        self._ask_again = False  # whether the database is to be asked again soon
        self._used = 0
        self._asked = 0  # slots for which there was use when the database was last asked
        self._peak = 0  # the most that were used and waited for at once since the last lease
        self._needed = float("-inf")  # when a slot was last used or waited for
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._lack = asyncio.Event()

    def __call__(self) -> AbstractAsyncContextManager[None]:
        """A slot for as long as the context lasts. Waits without a limit: give it a deadline from outside."""
        return self._slot()

    async def keep(self, beat: Callable[[], None]) -> None:
        """Lease what is needed, for ever: a background task. What is leased is given back when it ends."""
        try:
            while True:
                await self._lease()
                beat()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._interval()):
                        await self._lack.wait()
        finally:
            self._ends = float("-inf")
            with suppress(StoreUnavailable):
                await self._store.lease_slots(self._name, self._process, self._most, 0.0, 0, 0, 0)

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        await self._take()
        try:
            yield
        finally:
            self._used -= 1
            self._needed = time.monotonic()
            self._hand_on()

    async def _take(self) -> None:
        here = asyncio.get_running_loop().create_future()
        self._waiting.append(here)
        self._hand_on()
        if not here.done() and min(self._most, self._used + len(self._waiting)) > self._asked:
            self._lack.set()
        self._needed = time.monotonic()
        self._peak = max(self._peak, self._used + len(self._waiting))
        try:
            await here
        except BaseException:
            if here.done() and not here.cancelled():  # it was given one in the same moment
                self._used -= 1
                self._hand_on()
            else:
                with suppress(ValueError):
                    self._waiting.remove(here)
            raise

    def _hand_on(self) -> None:
        """Give free slots to those who wait, as long as the lease outlasts their use."""
        if time.monotonic() > self._ends - self._use:
            return
        while self._waiting and self._used < self._leased:
            one = self._waiting.popleft()
            if not one.cancelled():
                one.set_result(None)
                self._used += 1

    async def _lease(self) -> None:
        self._lack.clear()
        now, lease = time.monotonic(), 1.5 * self._use
        needed, self._peak = min(self._most, max(self._peak, self._used + len(self._waiting))), 0
        wanted = max(needed, self._leased) if now - self._needed < _LINGER else needed
        if not wanted and not self._leased:
            return
        try:
            self._leased, self._ask_again = await self._store.lease_slots(
                self._name, self._process, self._most, lease, self._used, needed, wanted
            )
        except StoreUnavailable:
            self._leased, self._ask_again = self._most, False
        self._ends, self._asked = now + lease, needed if self._leased else 0
        self._hand_on()

    def _interval(self) -> float | None:
        """Seconds until the next lease; None until somebody needs one."""
        if self._ask_again:
            return _RETRY * random.uniform(0.5, 1.5)  # noqa: S311 - spreads processes
        return _RENEWAL if self._leased or self._waiting else None
