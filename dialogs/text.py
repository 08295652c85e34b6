"""Text as it is compared: case, accents and punctuation folded away."""

from __future__ import annotations

import unicodedata

LONGEST = 1_000  # letters of a message that are looked at
_MOST_LETTERS = 10_000  # different ones that are kept


def folded(text: str) -> str:
    """Letters and digits only, case and accents folded, single spaces between."""
    decomposed = unicodedata.normalize("NFKD", text[:LONGEST]).casefold()
    return " ".join(unicodedata.normalize("NFKC", decomposed.translate(_KEPT)).split())


class _Kept(dict[int, str]):
    """What is kept of each letter, found out when it first occurs."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        gone = unicodedata.combining(letter) or letter in "'’`\u200c\u200d"
        kept = letter if letter.isalnum() or _joins(letter) else "" if gone else " "
        if len(self) < _MOST_LETTERS:
            self[code] = kept
        return kept


_KEPT = _Kept()


def _joins(letter: str) -> bool:
    """Marks without which a word of South or South East Asia is another word: vowel signs, viramas, tones."""
    return unicodedata.category(letter) in ("Mc", "Mn") and "\u0900" <= letter <= "\u0eff"
