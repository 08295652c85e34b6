"""A circuit breaker: closed, open after failures in a row, half-open for one request that finds out.

closed: every request is sent. Ten failures in a row, of whatever requests, open it; any success starts the count again.
open: no request is sent for 30 s, or for as long as the system asked (at most 120 s): all fail at once.
half-open: then one request is sent. Its success closes the circuit, its failure opens it again; until it ends the
others fail at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from bot.errors import Outage, OutsideError, Throttled

log = logging.getLogger(__name__)

_FAILURES = 10  # in a row
_OPEN = 30.0  # seconds
_LONGEST_OPEN = 120.0


class CircuitBreaker:
    """Of one system."""

    def __init__(self, system: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._system = system
        self._clock = clock
        self._failures = 0
        self._open_until = float("-inf")

    def allow(self) -> None:
        """Raises `Outage` while the circuit is open; a request that it lets through has to end in one of the others."""
        if self._failures < _FAILURES:
            return
        if self._clock() < self._open_until:
            raise Outage(self._system, "circuit open after failures in a row")
        self._open_until = self._clock() + _OPEN  # half-open: this request finds out, the others wait for it

    def succeeded(self) -> None:
        """The system answered."""
        if self._failures >= _FAILURES:
            log.warning("%s: circuit closed, it answers again", self._system)
        self._failures = 0

    def failed(self, error: OutsideError) -> None:
        """The system failed, did not answer, or throttled us."""
        self._failures += 1
        if self._failures < _FAILURES:
            return
        wait = error.retry_after if isinstance(error, Throttled) else None
        self._open_until = self._clock() + min(_LONGEST_OPEN, max(_OPEN, wait or 0.0))
        if self._failures == _FAILURES:
            log.error("%s: circuit open after %d failures in a row: %s", self._system, _FAILURES, error)
