"""The parts of a PO file: its entries, each with its lines as they stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

KEYWORD = re.compile(r"(msgctxt|msgid_plural|msgid|msgstr)(?:\[(\d{1,2})\])?(?=[\s\"]|$)\s*(.*)")
"""A line that begins a string: which, its number, the quoted text."""
ESCAPE = re.compile(r"\\(.)")
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
_COMMENTS = ("#.", "#:", "#,", "#|")


class Fault(NamedTuple):
    """Something wrong, with its line from 1."""

    line: int
    text: str
    key: str = ""  # of the entry that it is in


class Field(NamedTuple):
    """One string of an entry, where it begins (from 1), and its lines as they stand."""

    text: str
    line: int
    raw: tuple[str, ...]


@dataclass(frozen=True)
class PoEntry:
    """One message; `start` and `end` are its lines, from 0, the end not included."""

    start: int
    end: int
    comment_lines: tuple[str, ...]  # without blanks around
    context: Field | None
    id: Field
    plural: Field | None
    strings: tuple[Field, ...]

    @cached_property
    def comments(self) -> Mapping[str, tuple[str, ...]]:
        """Kind ("#", "#.", "#:", "#,", "#|") -> lines as they stand."""
        found: dict[str, list[str]] = {kind: [] for kind in ("#", *_COMMENTS)}
        for line in self.comment_lines:
            found[line[:2] if line[:2] in _COMMENTS else "#"].append(line)
        return {kind: tuple(lines) for kind, lines in found.items()}

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
    def texts(self) -> tuple[str, ...]:
        """The translation: one text, or the plural forms."""
        return tuple(form.text for form in self.strings)

    @property
    def flags(self) -> tuple[str, ...]:
        """What its `#,` lines say, in their order."""
        marked = (line[2:].split(",") for line in self.comment_lines if line.startswith("#,"))
        return tuple(flag.strip() for flags in marked for flag in flags if flag.strip())

    @property
    def fuzzy(self) -> bool:
        """Marked as no longer sure."""
        return any("fuzzy" in line for line in self.comment_lines) and "fuzzy" in self.flags

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


@dataclass(frozen=True)
class Document:
    """One file: its lines without their ends, its entries, and what is wrong with its syntax."""

    path: Path
    lines: tuple[str, ...]
    newline: str
    header: PoEntry | None
    entries: tuple[PoEntry, ...]
    faults: tuple[Fault, ...]
    unreadable: bool = False  # the system did not give it: it may do so a moment later, without a change of the file

    @cached_property
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
    inner = quoted[1:-1]
    return ESCAPE.sub(lambda found: ESCAPES.get(found[1], found[1]), inner) if "\\" in inner else inner
