"""What `photosync locales check` reports, and what its checks are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property

from babel import Locale

from bot.languages import plurals
from bot.languages.po_document import Document, PoEntry
from dialogs.translations import SOURCE


class Level(IntEnum):
    """Errors fail the check; the bot would show English, or something wrong. Warnings are for a person to judge."""

    WARNING = 0
    ERROR = 1


@dataclass(frozen=True)
class Issue:
    """One line of the report."""

    line: int
    text: str
    level: Level = Level.ERROR
    key: str = ""


@dataclass(frozen=True)
class Language:
    """One file, beside the English that it translates."""

    tag: str
    locale: Locale
    document: Document
    english: Mapping[str, PoEntry] = field(repr=False)

    @cached_property
    def seldom(self) -> frozenset[int]:
        """The plural forms that can do without the number."""
        return plurals.seldom(self.document.fields.get("Plural-Forms", ""))

    @property
    def is_english(self) -> bool:
        """English, or a variety of it: what equals the source is right there."""
        return self.tag.partition("-")[0] == SOURCE


@dataclass(frozen=True)
class Form:
    """One translated text, beside the English texts (singular and plural) it may be compared with."""

    entry: PoEntry
    at: int  # which of its forms, from 0
    english: tuple[str, ...]

    @property
    def text(self) -> str:
        """The translation."""
        return self.entry.strings[self.at].text

    @property
    def line(self) -> int:
        """Where it begins, from 1."""
        return self.entry.strings[self.at].line
