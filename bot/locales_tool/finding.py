"""What `photosync locales check` tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from babel import Locale

from bot.locales_tool.reading import Document, Entry, Field
from dialogs.wording import SOURCE


class Level(IntEnum):
    """Errors fail the check; the bot would show English, or something wrong. Warnings are for a person to judge."""

    WARNING = 0
    ERROR = 1


@dataclass(frozen=True)
class Finding:
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
    english: Mapping[str, Entry] = field(repr=False)

    @property
    def is_english(self) -> bool:
        """English, or a variety of it: what equals the source is right there."""
        return self.tag.partition("-")[0] == SOURCE


@dataclass(frozen=True)
class Form:
    """One translated text, beside the English texts (singular and plural) it may be compared with."""

    entry: Entry
    field: Field
    english: tuple[str, ...]

    @property
    def text(self) -> str:
        """The translation."""
        return self.field.text
