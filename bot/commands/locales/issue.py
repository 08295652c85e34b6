"""What `photosync locales check` reports, and what its checks are given."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from babel import Locale

from bot.errors import LocalesError
from bot.languages.po_document import Document, PoEntry


class WrongFile(LocalesError):
    """Lists or a glossary, beside the languages' files, that cannot be used; `line` from 1."""

    def __init__(self, path: Path, line: int, text: str) -> None:
        super().__init__(f"{path}:{line}: {text}")
        self.path = path
        self.line = line
        self.text = text


class Level(IntEnum):
    """Errors fail the check: people get English there, or the packaged text. Warnings are for a person to judge."""

    WARNING = 0
    ERROR = 1


@dataclass(frozen=True)
class Issue:
    """One line of the report."""

    line: int
    text: str
    level: Level = Level.ERROR
    key: str = ""
    rule: str = ""  # the reader's, by whose name it can be allowed
    path: Path | None = None  # where it is not in the language's file


@dataclass(frozen=True)
class Language:
    """One file that the bot can use, beside the English that it translates."""

    tag: str
    locale: Locale
    document: Document
    english: Mapping[str, PoEntry] = field(repr=False)
    shown: Set[str] = field(repr=False)  # keys of the entries that the bot shows
    base: str = ""  # of a variant: the language that it is laid over

    def shows(self, entry: PoEntry) -> bool:
        """Whether the bot shows an entry as it is."""
        return entry.key in self.shown
