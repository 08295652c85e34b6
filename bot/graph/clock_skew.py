"""Is this machine's clock right? Tokens are good for minutes around a time; other systems' `Date` tells it."""

from __future__ import annotations

import email.utils
import logging
import time

log = logging.getLogger(__name__)

MOST = 240.0  # seconds; tokens are taken within 300
_LOG_INTERVAL = 3600.0  # seconds between two log lines


class Skew:
    """Watches the `Date` headers of one system."""

    def __init__(self) -> None:
        self._told = float("-inf")
        self.seconds = 0.0  # by which this machine is ahead

    def saw(self, date: str | None) -> None:
        """One answer's header."""
        try:
            theirs = email.utils.parsedate_to_datetime(date).timestamp() if date else None
        except (ValueError, OverflowError):
            return
        if theirs is None:
            return
        self.seconds = time.time() - theirs
        if abs(self.seconds) > MOST and time.monotonic() - self._told > _LOG_INTERVAL:
            self._told = time.monotonic()
            log.error("this machine's clock is %+.0f s off: tokens may be refused; set it by NTP", self.seconds)
