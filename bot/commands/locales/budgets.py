"""How long a text may be: the one table. Teams cuts button titles; its app package refuses longer descriptions."""

from __future__ import annotations

import re

# key | at most so many characters; the first that fits counts
BUDGETS: tuple[tuple[re.Pattern[str], int], ...] = (
    (re.compile(r"button\.(fix|check|add|ticket|language)"), 32),  # commands of the app package too
    (re.compile(r"(.*\.)?button\..*|.*\.link"), 40),
    (re.compile(r"manifest\.short"), 80),
    (re.compile(r"manifest\.full"), 4000),
    (re.compile(r"manifest\..*"), 128),  # describes a command
)


def budget(key: str) -> int | None:
    """The most characters an entry may have, or None where there is no limit."""
    return next((most for keys, most in BUDGETS if keys.fullmatch(key)), None)
