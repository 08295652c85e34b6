"""How fast Teams takes messages: so many within each window, for a conversation and for the whole tenant (FACTS
section 3). Waiting here is cheaper than being refused there: a refused try counts too."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable

CONVERSATION = ((7, 1.0), (8, 2.0), (60, 30.0), (1_800, 3_600.0))
"""(messages, seconds) that one conversation takes."""

_REMEMBERED = 10_000  # conversations


class Rate:
    """One sliding record of when something was sent, and the windows it has to keep to."""

    def __init__(self, windows: tuple[tuple[int, float], ...]) -> None:
        self._windows = windows
        self._sent: deque[float] = deque(maxlen=max(most for most, _ in windows))

    def wait(self, now: float) -> float:
        """Seconds until one more fits."""
        waits = [0.0]
        for most, seconds in self._windows:
            if len(self._sent) >= most:
                waits.append(self._sent[-most] + seconds - now)
        return max(waits)

    def count(self, now: float) -> None:
        """One is sent now."""
        self._sent.append(now)


class Rates:
    """The rates of all conversations, and that of the tenant. `per_second` 0: the tenant has none."""

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tenant = Rate(((per_second, 1.0),)) if per_second else None
        self._conversations: OrderedDict[str, Rate] = OrderedDict()

    async def take(self, conversation: str, *, ends: float) -> bool:
        """Wait for room for a new message; False if there is none before `ends`, on the clock.

        "" as the conversation: only the tenant's rate counts, as for an update in place.
        """
        if not conversation and self._tenant is None:
            return True
        while True:
            now = self._clock()
            rates = [rate for rate in (self._tenant, self._of(conversation)) if rate is not None]
            wait = max([rate.wait(now) for rate in rates], default=0.0)
            if wait <= 0:
                for rate in rates:
                    rate.count(now)
                return True
            if now + wait >= ends:
                return False
            await asyncio.sleep(wait)

    def _of(self, conversation: str) -> Rate | None:
        if not conversation:
            return None
        rate = self._conversations.pop(conversation, None) or Rate(CONVERSATION)
        self._conversations[conversation] = rate
        while len(self._conversations) > _REMEMBERED:
            self._conversations.popitem(last=False)
        return rate
