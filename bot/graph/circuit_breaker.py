"""Sparing a system that fails: after enough failures in a row nobody asks it for a while, then one asks again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from bot.errors import Outage, OutsideError, Throttled

log = logging.getLogger(__name__)

_FAILURES = 10  # in a row, whoever asked
_REST = 30.0  # seconds
_LONGEST_REST = 120.0


class Breaker:
    """Counts failures in a row of one system; any answer that is none closes it again."""

    def __init__(self, system: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._system = system
        self._clock = clock
        self._failures = 0
        self._until = float("-inf")

    def ask(self) -> None:
        """Raises `Outage` while the system is spared; the first to ask afterwards finds out for all."""
        if self._failures < _FAILURES:
            return
        if self._clock() < self._until:
            raise Outage(self._system, "spared after failures in a row")
        self._until = self._clock() + _REST  # until that one knows, the others wait

    def worked(self) -> None:
        """It answered."""
        if self._failures >= _FAILURES:
            log.warning("%s answers again", self._system)
        self._failures = 0

    def failed(self, error: OutsideError) -> None:
        """It did not, or asked for patience."""
        self._failures += 1
        if self._failures < _FAILURES:
            return
        asked = error.retry_after if isinstance(error, Throttled) else None
        self._until = self._clock() + min(_LONGEST_REST, max(_REST, asked or 0.0))
        if self._failures == _FAILURES:
            log.error("%s failed %d times in a row and is spared: %s", self._system, _FAILURES, error)
