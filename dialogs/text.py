"""Text as it is compared, with case, accents and punctuation folded away, and what can be seen of it."""

from __future__ import annotations

import unicodedata

LONGEST = 1_000  # letters of a message that are looked at
_MOST_LETTERS = 10_000  # different ones that are kept
_JOINERS = "\u200c\u200d"


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


def visible(text: str) -> str:
    """One line of what can be seen of a text: without control characters, overrides of direction and invisible signs.

    Joiners stay, since names in Persian and Hindi and families of emoji are torn without them.
    """
    if not text.isprintable():
        text = "".join(map(_visible, text))
    return " ".join(text.split())


def _visible(letter: str) -> str:
    if letter.isprintable() or letter in _JOINERS or "\U000e0020" <= letter <= "\U000e007f":  # tags: in flags
        return letter
    return "" if unicodedata.category(letter) == "Cf" else " "
