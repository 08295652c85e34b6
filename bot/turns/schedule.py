"""When we look again by ourselves.

A card that says what to do is watched: for ten minutes from the moment it is shown, or for as long as the schedule if
that is shorter, there is a look at short intervals. Then the schedule of the settings goes on, counted from the same
moment.

What this costs Graph is bounded for all processes together. Each look by ourselves is one open job in the database, so
that counting those due soon tells how many people are watched at once: beyond `_MANY` of them the intervals become
longer, so that there are no more than `_A_SECOND` of these looks a second, however many people ask. All of them are
spread by chance.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

WATCH = 600.0  # seconds
_INTERVALS = ((120.0, 10.0), (WATCH, 20.0))  # until so many seconds after the card was shown, that far apart
_A_SECOND = 8.0  # looks at people who are watched
_LONGEST = WATCH
_MANY = _A_SECOND * _INTERVALS[0][1]
_SPREAD = 0.15
DAY = 86_400.0  # seconds


@dataclass(frozen=True)
class Schedule:
    """`times`: seconds after the card was shown, ascending; () for no looks by ourselves."""

    times: tuple[float, ...]

    def watches(self, elapsed: float) -> bool:
        """Whether a card that is watched still is, so many seconds after it was shown."""
        return bool(self.times) and elapsed < min(WATCH, self.times[-1])

    def over(self, elapsed: float) -> int:
        """How many looks of the schedule are over or due."""
        return sum(seconds <= elapsed for seconds in self.times)

    def next(self, elapsed: float, watched: int, misses: int = 0) -> float:
        """Seconds after the card was shown at which a watched card is looked at next.

        `watched`: how many people are watched now; `misses`: how many looks in a row could not tell.
        """
        interval = next((apart for until, apart in _INTERVALS if elapsed < until), _LONGEST)
        interval = min(interval, self.times[0])
        if watched > _MANY:
            interval = max(interval, min(_LONGEST, watched / _A_SECOND))
        spread = random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 - spreads people
        at: float = elapsed + interval * 2 ** min(misses, 6) * spread
        if self.watches(at):
            return at
        later: float = self.times[min(self.over(elapsed), len(self.times) - 1)]
        return max(elapsed, later)
