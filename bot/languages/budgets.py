"""How long a text may be: the one table. Teams cuts button titles, refuses long descriptions in an app package, and
refuses a card of more than 28 KB: with both photos on it there are some 12 KB for all its texts together, in smaller
files if need be (`bot.cards.render`)."""

from __future__ import annotations

import re
from functools import lru_cache

# key | at most so many characters; the first that fits counts
BUDGETS: tuple[tuple[re.Pattern[str], int], ...] = (
    (re.compile(r"button\.(fix|check|add|ticket|language)"), 32),  # commands of the app package too
    (re.compile(r"(.*\.)?button\..*|.*\.link"), 40),
    (re.compile(r"manifest\.short"), 80),
    (re.compile(r"manifest\.full"), 4000),
    (re.compile(r"manifest\..*"), 128),  # describes a command
)
# What many stand beside each other on one card, or is said in passing.
_SHORT = re.compile(r".*\.(title|heading)|(tick|photo|hint|picture)\..*|card\.(copied.*|steps)")
SHORT_BYTES = 500  # as SENTENCE_BYTES; the longest that ships has 320
SENTENCE_BYTES = 1_000  # of a text on a card, as JSON in UTF-8; the longest that ships has 800
EXAMPLES_BYTES = 100_000  # of what people type for one label; the longest that ships has 16,000
NAME_LENGTH = 60  # characters of a language's own name


@lru_cache(maxsize=4096)
def budget(key: str) -> int | None:
    """The most characters an entry may have, or None where there is no limit but the card's."""
    return next((most for keys, most in BUDGETS if keys.fullmatch(key)), None)


def byte_budget(key: str) -> int | None:
    """The most bytes an entry may have in UTF-8, or None where characters are counted."""
    if budget(key) is not None:
        return None
    if _SHORT.fullmatch(key):
        return SHORT_BYTES
    return EXAMPLES_BYTES if key.startswith("examples.") else SENTENCE_BYTES
