"""A PO file as it stands: every entry with its lines, every fault of syntax with its line.

Babel's own reader forgives broken quotes and tells no line of a `msgstr`; this one is strict, and keeps the lines, so
that what is not changed is written back byte by byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.parser import HeaderParser
from pathlib import Path

_KEYWORD = re.compile(r"(msgctxt|msgid_plural|msgid|msgstr)(?:\[(\d{1,2})\])?(?=[\s\"]|$)\s*(.*)")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
_COMMENTS = ("#.", "#:", "#,", "#|")
_BYTE_ORDER_MARK = "\ufeff"


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
class Entry:
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
            keyword = _KEYWORD.fullmatch(line[2:].strip())
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
    header: Entry | None
    entries: tuple[Entry, ...]
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


def read(path: Path) -> Document:
    """A file; what is wrong with it is in `faults`. Raises OSError if it cannot be read."""
    data = path.read_bytes()
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        at = data[: error.start].count(b"\n") + 1
        return Document(path, (), "\n", None, (), (Fault(at, "is not UTF-8: save the file as UTF-8"),))
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = tuple(line.removesuffix("\r") for line in text.split("\n"))
    found = _Reader()
    if text.startswith(_BYTE_ORDER_MARK):
        found.fault(1, "begins with a byte order mark: save the file as UTF-8 without it")
    for at, line in enumerate(lines, 1):
        found.take(at, line.removeprefix(_BYTE_ORDER_MARK))
    found.finish()
    header = found.entries.pop(0) if found.entries and not (found.entries[0].id.text or found.entries[0].key) else None
    if header is None:
        found.fault(1, 'has no header: the first entry has to be msgid ""')
    return Document(path, lines, newline, header, tuple(found.entries), tuple(sorted(found.faults, key=_line)))


def _line(fault: Fault) -> int:
    return fault.line


@dataclass
class _Open:
    """An entry that is being read."""

    start: int
    comments: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict.fromkeys(("#", *_COMMENTS), ()))
    fields: dict[str, Field] = field(default_factory=dict)
    last: str = ""
    end: int = 0

    @property
    def strings(self) -> tuple[Field, ...]:
        return tuple(one for name, one in self.fields.items() if name.startswith("msgstr"))


class _Reader:
    """Takes lines, gives entries and faults."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.faults: list[Fault] = []
        self._open: _Open | None = None

    def fault(self, line: int, text: str) -> None:
        self.faults.append(Fault(line, text))

    def take(self, at: int, line: str) -> None:
        """The next line, numbered from 1."""
        stripped = line.strip()
        keyword = _KEYWORD.fullmatch(stripped)
        if not stripped:
            return
        if stripped.startswith("#"):
            self._comment(at, stripped)
        elif keyword:
            name = keyword[1] + (f"[{int(keyword[2])}]" if keyword[2] else "")
            self._begin(at, name, line, keyword[3])
        elif stripped.startswith('"'):
            self._continue(at, line, stripped)
        else:
            self.fault(at, f"is not a line of a PO file: {stripped[:40]}")

    def finish(self) -> None:
        """The entry so far is at its end."""
        entry, self._open = self._open, None
        if entry is None or not entry.fields:
            return
        identity = entry.fields.get("msgid")
        if identity is None or not entry.strings:
            first = next(iter(entry.fields.values()))
            self.fault(first.line, f"the entry has no {'msgid' if identity is None else 'msgstr'}")
            return
        context, plural = entry.fields.get("msgctxt"), entry.fields.get("msgid_plural")
        self.entries.append(Entry(entry.start, entry.end, entry.comments, context, identity, plural, entry.strings))

    def _comment(self, at: int, text: str) -> None:
        if self._open and self._open.fields:
            self.finish()
        if text.startswith("#~"):  # an entry that is no longer used: kept, never read
            self._open = None
            return
        entry = self._opened(at)
        kind = text[:2] if text[:2] in _COMMENTS else "#"
        entry.comments[kind] = (*entry.comments[kind], text)

    def _begin(self, at: int, name: str, line: str, rest: str) -> None:
        if self._open and _begins_another(self._open, name):
            self.finish()
        entry = self._opened(at)
        for problem in _out_of_place(entry, name):
            self.fault(at, problem)
            return
        entry.fields[name] = Field(self._unquoted(at, rest), at, (line,))
        entry.last, entry.end = name, at

    def _continue(self, at: int, line: str, text: str) -> None:
        if self._open is None or not self._open.last:
            self.fault(at, "a string that belongs to no keyword")
            return
        before = self._open.fields[self._open.last]
        text = before.text + self._unquoted(at, text)
        self._open.fields[self._open.last] = Field(text, before.line, (*before.raw, line))
        self._open.end = at

    def _opened(self, at: int) -> _Open:
        self._open = self._open or _Open(at - 1)
        return self._open

    def _unquoted(self, at: int, text: str) -> str:
        quoted = _QUOTED.fullmatch(text)
        if quoted is None:
            self.fault(at, 'the text has to stand in one pair of quotes; write \\" for a quote inside it')
            return ""
        for found in _ESCAPE.finditer(quoted[1]):
            if found[1] not in _ESCAPES:
                self.fault(at, f"\\{found[1]} means nothing here; write \\\\ for a backslash")
        return unescape(text)


def unescape(quoted: str) -> str:
    """A text in quotes as it reads."""
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), quoted[1:-1])


def _begins_another(entry: _Open, name: str) -> bool:
    if entry.strings:
        return not name.startswith("msgstr")
    return name in entry.fields and name in ("msgctxt", "msgid")


def _out_of_place(entry: _Open, name: str) -> Iterator[str]:
    if name in entry.fields:
        yield f"a second {name} in one entry"
    elif name == "msgctxt" and entry.fields:
        yield "msgctxt after msgid"
    elif name not in ("msgctxt", "msgid") and "msgid" not in entry.fields:
        yield f"{name} without a msgid before it"
    elif name.startswith("msgstr"):
        wanted = f"msgstr[{len(entry.strings)}]" if "msgid_plural" in entry.fields else "msgstr"
        if name != wanted:
            yield f"{name} where {wanted} belongs"
