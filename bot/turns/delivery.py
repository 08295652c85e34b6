"""Cards that were shown in the place of earlier ones are no longer owed: told to the store together, a little later.

Until then a crash shows such a card once more, in the same place, which nobody notices. A new message is not so:
that one is settled at once.
"""

from __future__ import annotations

import asyncio
import logging

from bot.errors import StoreUnavailable
from bot.store.interface import Store

log = logging.getLogger(__name__)

_CONFIRM_INTERVAL = 1.0  # seconds


class DeliveryConfirmations:
    """What was shown and is still to be told."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._shown: dict[str, float] = {}
        self._telling: asyncio.Task[None] | None = None

    def shown(self, person: str, owed_until: float) -> None:
        """A person's card, of those due until then (seconds since 1970), was shown in place."""
        self._shown[person] = owed_until
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._soon())

    async def stop(self) -> None:
        """Tell the rest now."""
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
        await self._tell()

    async def _soon(self) -> None:
        while self._shown:
            await asyncio.sleep(_CONFIRM_INTERVAL)
            await self._tell()

    async def _tell(self) -> None:
        shown, self._shown = self._shown, {}
        try:
            if shown:
                await self._store.confirm_delivered(tuple(shown.items()))
        except StoreUnavailable as error:
            log.warning("shown cards are not settled: %s", error)  # they are shown once more, in place
