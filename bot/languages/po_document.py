"""The parts of a PO file: its entries, each with its lines as they stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path

KEYWORD = re.compile(r"(msgctxt|msgid_plural|msgid|msgstr)(?:\[(\d{1,2})\])?(?=[\s\"]|$)\s*(.*)")
"""A line that begins a string: which, its number, the quoted text."""
ESCAPE = re.compile(r"\\(.)")
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}


@dataclass(frozen=True)
class Fault:
    """Something wrong, with its line from 1."""

    line: int
    text: str


@dataclass(frozen=True)
class Field:
    """One string of an entry, where it begins (from 1), and its lines as they stand."""

    text: str
    line: int
    raw: tuple[str, ...]


@dataclass(frozen=True)
class PoEntry:
    """One message; `start` and `end` are its lines, from 0, the end not included."""

    start: int
    end: int
    comments: Mapping[str, tuple[str, ...]]  # kind ("#", "#.", "#:", "#,", "#|") -> lines as they stand
    context: Field | None
    id: Field
    plural: Field | None
    strings: tuple[Field, ...]

    @property
    def key(self) -> str:
        """Its `msgctxt`, or "" without one."""
        return self.context.text if self.context else ""

    @property
    def line(self) -> int:
        """Where its first keyword stands, from 1."""
        return (self.context or self.id).line

    @property
    def source(self) -> tuple[str, ...]:
        """The English beside the translation: one text, or singular and plural."""
        return (self.id.text, self.plural.text) if self.plural else (self.id.text,)

    @property
    def flags(self) -> tuple[str, ...]:
        """What its `#,` lines say, in their order."""
        return tuple(flag.strip() for line in self.comments["#,"] for flag in line[2:].split(",") if flag.strip())

    @property
    def fuzzy(self) -> bool:
        """Marked as no longer sure."""
        return "fuzzy" in self.flags

    @property
    def previous(self) -> tuple[str, ...]:
        """The English that a fuzzy translation was made from, as the `#|` lines keep it; () without them."""
        found: dict[str, str] = {}
        name = ""
        for line in self.comments["#|"]:
            keyword = KEYWORD.fullmatch(line[2:].strip())
            name = keyword[1] if keyword else name
            found[name] = found.get(name, "") + unescape(keyword[3] if keyword else line[2:].strip())
        return tuple(found[name] for name in ("msgid", "msgid_plural") if name in found)

    @property
    def whole(self) -> bool:
        """Every form written, and sure: what the bot will use."""
        return not self.fuzzy and all(form.text for form in self.strings)


@dataclass(frozen=True)
class Document:
    """One file: its lines without their ends, its entries, and what is wrong with its syntax."""

    path: Path
    lines: tuple[str, ...]
    newline: str
    header: PoEntry | None
    entries: tuple[PoEntry, ...]
    faults: tuple[Fault, ...]

    @property
    def fields(self) -> Mapping[str, str]:
        """The header's fields."""
        return dict(HeaderParser().parsestr(self.header.strings[0].text)) if self.header else {}

    def field_line(self, name: str) -> int:
        """Where a field of the header stands, from 1; the header's own line if it has none."""
        if self.header is None:
            return 1
        first = self.header.strings[0].line
        found = (at for at, raw in enumerate(self.header.strings[0].raw) if f"{name}:" in raw)
        return first + next(found, 0)


def unescape(quoted: str) -> str:
    """A text in quotes as it reads."""
    return ESCAPE.sub(lambda found: ESCAPES.get(found[1], found[1]), quoted[1:-1])
