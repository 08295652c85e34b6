"""A coroutine in which an exception is raised at the n-th place where it waits: whatever it awaits there fails."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any


class Interrupted:
    """Awaits `work`, and raises `error` where it waits for the `at`-th time, from 1. `waits` says how often it did."""

    def __init__(self, work: Coroutine[Any, Any, None], at: int, error: BaseException) -> None:
        self._work = work
        self._at = at
        self._error = error
        self.waits = 0

    @property
    def raised(self) -> bool:
        """Whether it came that far."""
        return self.waits >= self._at

    def __await__(self) -> Generator[Any, Any, None]:
        advance, given = self._work.send, None
        while True:
            try:
                waited_for = advance(given)
            except StopIteration:
                return
            self.waits += 1
            if self.waits == self._at:
                advance, given = self._work.throw, self._error
                continue
            try:
                given = yield waited_for
            except BaseException as error:  # a cancellation, or what was waited for failed
                advance, given = self._work.throw, error
            else:
                advance = self._work.send
