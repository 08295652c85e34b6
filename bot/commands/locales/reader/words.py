"""Words of a language's lists as patterns."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

# Signs that belong to the letter before them, which Python does not count among the letters of a word: vowel signs and
# viramas of Devanagari, vowels and tones of Thai, points of Hebrew and Arabic.
LETTER = r"\w\u0900-\u0963\u0970-\u097f\u0e31-\u0e4e\u0591-\u05c7\u064b-\u065f"
_BEGIN, _END = f"(?<![{LETTER}])", f"(?![{LETTER}])"
_NEVER = re.compile(r"(?!)")


def pattern(words: Iterable[str], *, spaces: bool = True) -> re.Pattern[str]:
    """Any of some words. `*` stands for any letters; a word with a capital is found with it only.

    `spaces` False: the language does not divide words, so that a word is found wherever it stands.
    """
    # Longer ones first, so that of two that begin alike the whole one is found.
    ordered = sorted({word for word in words if word.strip("*")}, key=lambda word: (-len(word), word))
    return _pattern(tuple(ordered), spaces)


@lru_cache(maxsize=4_096)  # English's lists stand beside every language's
def _pattern(ordered: tuple[str, ...], spaces: bool) -> re.Pattern[str]:
    exact = [_spelt(word) for word in ordered if word != word.lower()]
    any_case = [_spelt(word) for word in ordered if word == word.lower()]
    made = [*exact, *([f"(?i:{'|'.join(any_case)})"] if any_case else [])]
    if not made:
        return _NEVER
    return re.compile(f"{_BEGIN}(?:{'|'.join(made)}){_END}" if spaces else "|".join(made))


def _spelt(word: str) -> str:
    return f"[{LETTER}]*".join(re.escape(part) for part in word.split("*"))
