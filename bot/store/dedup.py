"""Which activities of a person were handled: Teams delivers one again whose answer was late or lost.

The last ones of each person are kept with the person: the id of an activity is only unique within its conversation, and
what is repeated is repeated within minutes.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from hashlib import blake2b

MOST = 64  # names of one person's activities; a press has two, its id and what was pressed
_WIDTH = 12  # letters of a digest


class Recent:
    """The last activities of conversations of which nothing is stored, as this process saw them."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._seen: OrderedDict[str, float] = OrderedDict()  # when, on the monotonic clock

    def add(self, name: str, within: float = math.inf) -> bool:
        """Whether the name was not added within the last so many seconds; from now on it was."""
        key, now = digest(name), time.monotonic()
        new = key not in self._seen or now - self._seen[key] > within
        self._seen[key] = now
        self._seen.move_to_end(key)
        while len(self._seen) > self._most:
            self._seen.popitem(last=False)
        return new

    def forget(self, name: str) -> None:
        """As if it had never been added."""
        self._seen.pop(digest(name), None)


def was_handled(handled: str, activity: str) -> bool:
    """Whether an activity is among those that were handled."""
    return bool(activity) and digest(activity) in handled


def was_last(handled: str, activity: str) -> bool:
    """Whether an activity is the one that was handled last, under either of the two names that it may have."""
    return bool(activity) and digest(activity) in handled.split(maxsplit=2)[:2]


def with_handled(handled: str, activity: str) -> str:
    """The same with one more, without the oldest if there are too many."""
    return f"{digest(activity)} {handled}"[: MOST * (_WIDTH + 1)] if activity else handled


def digest(activity: str) -> str:
    """Short, and the same in every process."""
    return blake2b(activity.encode("utf-8", "surrogatepass"), digest_size=_WIDTH // 2).hexdigest()
