"""Typed words -> what they mean, by each language's own keywords.

A keyword list is one catalog entry, `words.<action>`: alternatives separated by `|`. All the words of an alternative
must be there, in any order; `*` at the end of a word stands for any ending. The alternative of which most letters fit
wins. `words.other` says that a message is about something else. The titles of buttons can be typed too.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from dialogs.model import ACTIONS, PLACES, Typed
from dialogs.translations import Catalog

T = TypeVar("T")

LONGEST = 1_000  # letters of a message that are looked at
OTHER = "other"  # not an action: the message is about something else
# What may stand anywhere in a sentence; the other actions are short commands that must be the whole message.
_IN_SENTENCES = frozenset({"fix", "add", "check", "ticket", "language", "forget", OTHER})
_MOST_WORDS_OF_A_LANGUAGE = 3
_FEW_WORDS, _FEW_LETTERS = 6, 30  # of a message in which one word can be meant alone
_WORDED = tuple(action for action in ACTIONS if action not in PLACES)  # the others' words are their buttons' titles
WORD_KEYS = (*(f"words.{action}" for action in (*_WORDED, OTHER)), "words.rate_down")

_RATINGS = {"rate": ("rate", "up"), "rate_down": ("rate", "down")}
_TITLES = {"rate_up": ("rate", "up"), "helpful": ("rate", "up"), "rate_down": ("rate", "down")}
# Letters of a word from which on one or two typing errors are forgiven.
_ONE_ERROR, _TWO_ERRORS = 5, 10

_MOST_LETTERS = 10_000  # different ones that are remembered

Near = Callable[[str, str, int], bool]
"""Whether two words differ by at most so many typing errors."""


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


class Message:
    """A folded message, ready to be compared with many keywords."""

    def __init__(self, text: str, near: Near | None = None) -> None:
        self.text = text
        self.words = text.split(" ")
        self.packed = text.replace(" ", "")
        self._starts = {word[:length] for word in self.words for length in range(1, len(word) + 1)}
        self._near = near
        self._matched: dict[tuple[str, bool], int] = {}

    def has(self, letters: str, any_ending: bool) -> int:
        """How many letters of a keyword's word fit one of ours; 0 if none does."""
        if _unspaced(letters):
            return len(letters) if letters in self.packed else 0
        if letters in (self._starts if any_ending else self.words):
            return len(letters)
        known = self._matched.get((letters, any_ending))
        if known is None:
            known = self._matched[letters, any_ending] = self._nearly(letters, any_ending)
        return known

    def _nearly(self, letters: str, any_ending: bool) -> int:
        errors = 2 if len(letters) >= _TWO_ERRORS else 1 if len(letters) >= _ONE_ERROR else 0
        if self._near is None or not errors:
            return 0
        for word in self.words:
            missing = len(letters) - len(word)
            if word[:1] != letters[0] or missing > errors or (not any_ending and -missing > errors):
                continue
            cuts = (0, 1, -1) if any_ending else (-missing,)
            if any(self._near(letters, word[: len(letters) + cut], errors) for cut in cuts):
                return len(letters) - 1
        return 0


@dataclass(frozen=True)
class Keyword:
    """One alternative: its words, folded; a word is (letters, any ending allowed)."""

    words: tuple[tuple[str, bool], ...]
    command: bool  # must be the whole message

    def weight(self, message: Message) -> int:
        """Letters that fit: the more of them, the surer the meaning; 0 if it does not say that."""
        if self.command and not self._whole(message):
            return 0
        found = 0
        for letters, any_ending in self.words:
            fits = message.has(letters, any_ending)
            if not fits:
                return 0
            found += fits
        return found

    def _whole(self, message: Message) -> bool:
        if any(_unspaced(letters) for letters, _ in self.words):
            return len(message.packed) == sum(len(letters) for letters, _ in self.words)
        return len(message.words) == len(self.words)


@dataclass(frozen=True)
class Keywords:
    """Every language's keywords, the titles of its buttons, and the names of the languages."""

    keywords: Mapping[str, tuple[tuple[str, Keyword], ...]]  # tag -> (action, keyword)
    titles: Mapping[str, Mapping[str, tuple[tuple[str, str], ...]]]  # tag -> folded title -> (step or "", action)
    languages: Mapping[str, str]  # folded name -> tag
    near: Near | None = field(default=None, compare=False)

    def understand(self, text: str, locale: str, step: str = "") -> Typed:
        """What a message means to someone who speaks `locale` and sees the card of `step`.

        Their own language first, forgiving typing errors, then any other.
        """
        message = folded(text)
        if not message:
            return Typed(text=text)
        for tag in dict.fromkeys([locale, *self.keywords]):
            action = self._titled(message, tag, step)
            if action:
                return Typed(*_TITLES.get(action, (action, "")), text, language=tag, whole=True)
        language = self._language(message)
        if language:
            return Typed("set_language", language, text)
        for tag in dict.fromkeys([locale, *self.keywords]):
            action = self._heaviest(message, tag, self.near if tag == locale else None)
            if action:
                if action == OTHER:
                    return Typed(text=text, language=tag)
                whole = self._is_command(message, tag, action)
                return Typed(*_RATINGS.get(action, (action, "")), text, language=tag, whole=whole)
        return Typed("stop" if self._short_stop(Message(message), locale) else "", "", text)

    def _is_command(self, text: str, tag: str, action: str) -> bool:
        """Whether a message is nothing but the words of a command, each as it is written."""
        exact = Message(text)
        return any(keyword.command and keyword.weight(exact) for name, keyword in self.keywords[tag] if name == action)

    def language_of(self, text: str) -> str:
        """The language in which a message means most; "" if it means nothing, or as much in another.

        For a person of whom no language is known; every language's keywords are gone through. First counts how surely
        it means one thing ("foto sharepoint" does in many languages), then how many letters are in any keyword.
        """
        message = Message(folded(text))
        weights = {tag: self._weights(message, tag) for tag in self.keywords}
        most = max(weights.values(), default=(0, 0))
        best = [tag for tag, weight in weights.items() if weight == most]
        return best[0] if most[0] and len(best) == 1 else ""

    def _weights(self, message: Message, tag: str) -> tuple[int, int]:
        keywords = [keyword for action, keyword in self.keywords[tag] if action != OTHER]
        weight = max((keyword.weight(message) for keyword in keywords), default=0)
        if not weight:
            return 0, 0
        words = {word for keyword in keywords for word in keyword.words}
        return weight, sum(message.has(*word) for word in words)

    def _short_stop(self, message: Message, tag: str) -> bool:
        """Whether a few words that mean nothing else hold one that means stop: "no, cancel that please"."""
        if len(message.words) > _FEW_WORDS or len(message.packed) > _FEW_LETTERS:
            return False
        stops = (keyword for action, keyword in self.keywords.get(tag, ()) if action == "stop")
        return any(all(message.has(*word) for word in keyword.words) for keyword in stops)

    def _heaviest(self, text: str, tag: str, near: Near | None) -> str:
        exact, forgiving = Message(text), Message(text, near)
        weights = [
            (keyword.weight(exact if action == OTHER else forgiving), action == OTHER, action)
            for action, keyword in self.keywords.get(tag, ())
        ]
        weight, _, action = max(weights, default=(0, False, ""))
        return action if weight else ""

    def _titled(self, message: str, tag: str, step: str) -> str:
        """The action of a button of this title: one of the present card, or else one of every card."""
        found = dict(self.titles.get(tag, {}).get(message, ()))
        return found.get(step) or found.get("", "")

    def _language(self, message: str) -> str:
        if message in self.languages:
            return self.languages[message]
        words = message.split(" ")
        if len(words) > _MOST_WORDS_OF_A_LANGUAGE:
            return ""
        return next((self.languages[word] for word in words if word in self.languages), "")


def keywords_of(catalogs: Iterable[Catalog], languages: Mapping[str, str], near: Near | None = None) -> Keywords:
    """From catalogs, and names of languages -> tag as people may write them."""
    ours = {catalog.tag: catalog for catalog in catalogs}
    names = {folded(name): tag for name, tag in languages.items()}
    return Keywords(_WhenAsked(ours, _keywords), _WhenAsked(ours, _titles), names, near)


class _WhenAsked(Mapping[str, T]):
    """What is made of each catalog, made when it is first asked for: most people speak few of the languages."""

    def __init__(self, catalogs: Mapping[str, Catalog], make: Callable[[Catalog], T]) -> None:
        self._catalogs = catalogs
        self._make = make
        self._made: dict[str, T] = {}

    def __getitem__(self, tag: str) -> T:
        made = self._made.get(tag)
        if made is None:
            made = self._made[tag] = self._make(self._catalogs[tag])
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._catalogs)

    def __len__(self) -> int:
        return len(self._catalogs)


def _keywords(catalog: Catalog) -> tuple[tuple[str, Keyword], ...]:
    twice = {(key, keyword) for key, _, keyword in conflicts(catalog)}
    every = ((key, keyword) for key in WORD_KEYS for keyword in alternatives(catalog, key))
    return tuple((key.partition(".")[2], keyword) for key, keyword in every if (key, keyword) not in twice)


def conflicts(catalog: Catalog) -> Iterator[tuple[str, str, Keyword]]:
    """Alternatives that mean another action already: (key, the key that has it first, keyword). They are not used."""
    seen: dict[tuple[tuple[str, bool], ...], str] = {}
    for key in WORD_KEYS:
        for keyword in alternatives(catalog, key):
            first = seen.setdefault(tuple(sorted(keyword.words)), key)  # in any order they say the same
            if first != key:
                yield key, first, keyword


def usable(alternative: str) -> bool:
    """Whether each `*` stands at the end of a word."""
    return not any("*" in word.removesuffix("*") for word in alternative.split())


def alternatives(catalog: Catalog, key: str) -> Iterator[Keyword]:
    """The keywords of one entry, `words.<action>`."""
    command = key.partition(".")[2] not in _IN_SENTENCES
    for alternative in filter(usable, "|".join(catalog.entries.get(key, ())).split("|")):
        pieces = [(folded(piece.removesuffix("*")), piece.endswith("*")) for piece in alternative.split()]
        # One piece can fold to several words, such as `e-mail`.
        words = tuple((word, ending) for letters, ending in pieces for word in letters.split())
        if words:
            yield Keyword(words, command)


def _titles(catalog: Catalog) -> dict[str, tuple[tuple[str, str], ...]]:
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for key, forms in catalog.entries.items():
        step, button, action = key.rpartition("button.")
        if button:
            title = folded(forms[0])
            found[title] = (*found.get(title, ()), (step.removesuffix("."), action))
    return found


def _unspaced(letters: str) -> bool:
    """Scripts that put no spaces between words: Han, Kana, Thai and their like."""
    return any(
        "\u0e00" <= letter <= "\u0eff" or "\u3040" <= letter <= "\u30ff" or "\u3400" <= letter <= "\u9fff"
        for letter in letters
    )
