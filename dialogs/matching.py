"""Typed words -> what they mean, by each language's own keywords.

A keyword list is one catalogue entry, `words.<action>`: alternatives separated by `|`. An alternative is one or more
words that must all be there in this order; `*` at the end of a word stands for any ending.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dialogs.model import ACTIONS, Typed
from dialogs.wording import Catalogue

LONGEST = 1_000  # letters of a message that are looked at
# What may stand anywhere in a sentence; the other actions are short commands that must be the whole message.
_IN_SENTENCES = frozenset({"fix", "add", "check", "ticket", "language", "forget"})
_MOST_WORDS_OF_A_LANGUAGE = 3
WORD_KEYS = (*(f"words.{action}" for action in ACTIONS), "words.rate_down")

_RATINGS = {"rate": ("rate", "up"), "rate_down": ("rate", "down")}


def folded(text: str) -> str:
    """Letters and digits only, case and accents folded, single spaces between."""
    decomposed = unicodedata.normalize("NFKD", text[:LONGEST]).casefold()
    kept = "".join(
        letter if letter.isalnum() else "" if unicodedata.combining(letter) or letter in "'’" else " "
        for letter in decomposed
    )
    return " ".join(unicodedata.normalize("NFKC", kept).split())


@dataclass(frozen=True)
class Keyword:
    """One alternative: its words, folded; a word is (letters, any ending allowed)."""

    words: tuple[tuple[str, bool], ...]
    command: bool  # must be the whole message

    @property
    def weight(self) -> int:
        """Letters: the more of them fit, the surer the meaning."""
        return sum(len(letters) for letters, _ in self.words)

    def fits(self, message: str) -> bool:
        """Whether a folded message says it."""
        if any(_unspaced(letters) for letters, _ in self.words):
            return self._fits_unspaced(message)
        said = message.split(" ")
        if self.command and len(said) != len(self.words):
            return False
        place = 0
        for letters, any_ending in self.words:
            while place < len(said) and not (said[place].startswith(letters) if any_ending else said[place] == letters):
                place += 1
            if place == len(said):
                return False
            place += 1
        return True

    def _fits_unspaced(self, message: str) -> bool:
        packed = message.replace(" ", "")
        if self.command:
            return packed == "".join(letters for letters, _ in self.words)
        place = 0
        for letters, _ in self.words:
            place = packed.find(letters, place)
            if place < 0:
                return False
            place += len(letters)
        return True


@dataclass(frozen=True)
class Vocabulary:
    """Every language's keywords, and the names of the languages."""

    keywords: Mapping[str, tuple[tuple[str, Keyword], ...]]  # tag -> (action, keyword), the heaviest first
    languages: Mapping[str, str]  # folded name -> tag

    def understand(self, text: str, locale: str) -> Typed:
        """What a message means to someone who speaks `locale`: their own language first, then any other."""
        message = folded(text)
        language = self._language(message)
        if language:
            return Typed("set_language", language, text)
        for tag in dict.fromkeys([locale, *self.keywords]):
            for action, keyword in self.keywords.get(tag, ()):
                if keyword.fits(message):
                    return Typed(*_RATINGS.get(action, (action, "")), text)
        return Typed(text=text)

    def _language(self, message: str) -> str:
        if message in self.languages:
            return self.languages[message]
        words = message.split(" ")
        if len(words) > _MOST_WORDS_OF_A_LANGUAGE:
            return ""
        return next((self.languages[word] for word in words if word in self.languages), "")


def vocabulary(catalogues: Iterable[Catalogue], languages: Mapping[str, str]) -> Vocabulary:
    """From catalogues, and names of languages -> tag as people may write them."""
    keywords = {}
    for catalogue in catalogues:
        found = [
            (key.partition(".")[2], _keyword(alternative, command=key.partition(".")[2] not in _IN_SENTENCES))
            for key in WORD_KEYS
            for alternative in "|".join(catalogue.entries.get(key, ())).split("|")
            if folded(alternative)
        ]
        keywords[catalogue.tag] = tuple(sorted(found, key=lambda pair: -pair[1].weight))
    return Vocabulary(keywords, {folded(name): tag for name, tag in languages.items()})


def _keyword(alternative: str, *, command: bool) -> Keyword:
    words = tuple(
        (letters, piece.endswith("*")) for piece in alternative.split() if (letters := folded(piece.removesuffix("*")))
    )
    return Keyword(words, command)


def _unspaced(letters: str) -> bool:
    """Scripts that put no spaces between words: Han, Kana, Thai and their like."""
    return any(
        "\u0e00" <= letter <= "\u0eff" or "\u3040" <= letter <= "\u30ff" or "\u3400" <= letter <= "\u9fff"
        for letter in letters
    )
