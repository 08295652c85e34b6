"""One backoff for all people of a scan, while Microsoft throttles or does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bot.errors import OutsideError, PhotosyncError, Throttled


class NoAnswer(PhotosyncError):
    """There was no answer for so long that waiting makes no more sense."""


@dataclass(frozen=True)
class Waits:
    """Seconds; doubled from the first on. `most` in a row without any answer in between: eight minutes or more."""

    first: float = 2.0
    longest: float = 60.0
    longest_asked: float = 900.0
    most: int = 12


USUAL = Waits()


def asked(error: OutsideError) -> float:
    """Seconds that an error asks to wait; 0 if none."""
    return (error.retry_after or 0.0) if isinstance(error, Throttled) else 0.0


class Backoff:
    """Counts waits in a row."""

    def __init__(self, waiting: Callable[[float], None], waits: Waits = USUAL) -> None:
        self._waiting = waiting
        self._waits = waits
        self._in_a_row = 0

    def worked(self) -> None:
        """Something was answered."""
        self._in_a_row = 0

    async def wait(self, asked: float = 0.0) -> None:
        """As long as was asked for, and longer each time in a row. Raises `NoAnswer`."""
        if self._in_a_row >= self._waits.most:
            raise NoAnswer("Microsoft Graph did not answer any more, however long we waited")
        backoff = min(self._waits.longest, self._waits.first * 2**self._in_a_row)
        self._in_a_row += 1
        seconds = max(backoff, min(asked, self._waits.longest_asked))
        self._waiting(seconds)
        await asyncio.sleep(seconds)
