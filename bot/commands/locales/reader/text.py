"""What a rule is given: one text of a translation beside its English, and what the reader knows of both languages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from bot.commands.locales.reader.lists import Lists
from dialogs.translations import SOURCE

PLACEHOLDER = re.compile(r"\{\w*\}")
ADDRESS = re.compile(r"https?://[^\s\"“”«»<>„]*[\w/]|\b(?:[\w-]+\.)+(?:com|net|org|ms|io)\b(?:/[\w/-]+)?")
SHORTCUT = re.compile(r"[^\W\d_]+(?:\+[^\W_]+)+")
BUTTON = re.compile(r"(?:(?!page\.).*\.)?button\..*|.*\.link")  # keys of the titles that people see in Teams
_SENTENCE = re.compile(r"(?<=[.!?।؟])[”“»״’\"]*\s+|(?<=[。！？])[”」]*")


@dataclass(frozen=True)
class Knowledge:
    """A language and English, as far as the reader knows them."""

    tag: str
    lists: Lists
    english: Lists
    terms: Mapping[str, str] = field(default_factory=dict)  # what the glossary calls each thing
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # key -> the language's texts
    source: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # key -> the English

    @property
    def is_source(self) -> bool:
        """English itself, which is no translation."""
        return self.tag == SOURCE

    @cached_property
    def products(self) -> re.Pattern[str]:
        """Names that are the same in every language; the longest first."""
        names = sorted(self.english.names, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, names)) or "(?!)")

    @cached_property
    def proper(self) -> re.Pattern[str]:
        """Words that names begin with, which have a capital wherever they stand."""
        return re.compile("|".join(sorted({re.escape(name.split()[0]) for name in self.english.names})) or "(?!)")

    @cached_property
    def endings(self) -> re.Pattern[str]:
        """The same with what a language puts behind them: 365:ssä, 365-öt, Microsoft'un."""
        return re.compile(rf"(?:{self.products.pattern})(?:[-:'’][^\W\d_]+)?")

    @cached_property
    def names(self) -> Mapping[str, re.Pattern[str]]:
        """Each name, and how it is found in another spelling too."""
        return {name: re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE) for name in self.english.names}

    @cached_property
    def buttons(self) -> Mapping[str, tuple[str, ...]]:
        """English title -> the keys of the buttons that are called so."""
        found: dict[str, list[str]] = {}
        for key, texts in self.source.items():
            if BUTTON.fullmatch(key):
                found.setdefault(texts[0], []).append(key)
        return {title: tuple(keys) for title, keys in found.items()}

    @cached_property
    def known(self) -> frozenset[str]:
        """What may stand in quotes, in small letters: texts of ours, names of products, what screens show."""
        ours = {text.casefold() for texts in self.texts.values() for text in texts}
        return frozenset(ours | {name.casefold() for name in (*self.lists.screen, *self.english.names)})


@dataclass(frozen=True)
class EntryForm:
    """One form of an entry."""

    key: str
    text: str
    english: str  # for a plural form the English that shows for the same counts
    knows: Knowledge = field(repr=False)

    @cached_property
    def bare(self) -> str:
        """Without placeholders, addresses, shortcuts and names of products: what is the language's own."""
        return self._bare(self.text)

    @cached_property
    def bare_english(self) -> str:
        """The same of the English."""
        return self._bare(self.english)

    def _bare(self, text: str) -> str:
        for pattern in (PLACEHOLDER, ADDRESS, SHORTCUT, self.knows.endings):
            text = pattern.sub(" ", text)
        return text


def sentences(text: str, abbreviations: Iterable[str] = ()) -> list[str]:
    """The parts of a text that end with a mark; `abbreviations` have one of their own."""
    for short in abbreviations:
        text = text.replace(short, short[:-1])
    return [part for part in _SENTENCE.split(text) if part.strip()]
