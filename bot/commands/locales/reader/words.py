"""Words of a language's lists as patterns."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Signs that belong to the letter before them, which Python does not count among the letters of a word: vowel signs and
# viramas of Devanagari, vowels and tones of Thai, points of Hebrew and Arabic.
LETTER = r"\w\u0900-\u0963\u0970-\u097f\u0e31-\u0e4e\u0591-\u05c7\u064b-\u065f"
_NEVER = re.compile(r"(?!)")


def pattern(words: Iterable[str], *, spaces: bool = True) -> re.Pattern[str]:
    """Any of some words. `*` at an end, or inside, stands for any letters; a word with a capital has to have it.

    `spaces` False: the language does not divide words, so that a word is found wherever it stands.
    """
    # Longer ones first, so that of two that begin alike the whole one is found.
    made = [_one(word, spaces=spaces) for word in sorted(set(words), key=lambda word: (-len(word), word))]
    return re.compile("|".join(made)) if made else _NEVER


def _one(word: str, *, spaces: bool) -> str:
    letters = "|".join(map(re.escape, filter(None, [word.replace("*", "")])))
    if not letters:
        raise ValueError(f"“{word}” is no word")
    found = f"[{LETTER}]*".join(re.escape(part) for part in word.split("*"))
    if spaces:
        found = f"(?<![{LETTER}]){found}(?![{LETTER}])"
    return f"(?:{found})" if word != word.lower() else f"(?i:{found})"


def mentions(text: str, phrase: str) -> bool:
    """Whether a text has a phrase, whatever the case of its letters."""
    return phrase.casefold() in text.casefold()
