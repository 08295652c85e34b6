"""Is this machine's clock right? Tokens are valid for minutes around a time; another system's `Date` shows the skew."""

from __future__ import annotations

import logging
import time

from bot.http_client import http_date, in_our_time

log = logging.getLogger(__name__)

MAX_SKEW = 240.0  # seconds; tokens are accepted within 300
_LOG_INTERVAL = 3600.0  # seconds


class ClockSkew:
    """Between this machine and one system, by the `Date` headers of its answers."""

    def __init__(self) -> None:
        self._logged = float("-inf")
        self.seconds = 0.0  # by which this machine is ahead

    def observe(self, date: str | None) -> None:
        """Take the header of one answer; a skew beyond `MAX_SKEW` is logged, once an hour."""
        theirs = http_date(date or "")
        if theirs is None or in_our_time(theirs) is None:
            return
        self.seconds = time.time() - theirs.timestamp()
        if abs(self.seconds) > MAX_SKEW and time.monotonic() - self._logged > _LOG_INTERVAL:
            self._logged = time.monotonic()
            log.error("this machine's clock is %+.0f s off: tokens may be refused; set it by NTP", self.seconds)
