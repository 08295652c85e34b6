"""A PO file as it stands: every entry with its lines, every fault of syntax with its line.

Babel's own reader forgives broken quotes and tells no line of a `msgstr`; this one is strict, and keeps the lines, so
that what is not changed is written back byte by byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bot.languages.po_document import ESCAPE, ESCAPES, KEYWORD, Document, Fault, Field, PoEntry, unescape

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_COMMENTS = ("#.", "#:", "#,", "#|")
_BYTE_ORDER_MARK = "\ufeff"


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
        self.entries: list[PoEntry] = []
        self.faults: list[Fault] = []
        self._open: _Open | None = None

    def fault(self, line: int, text: str) -> None:
        self.faults.append(Fault(line, text))

    def take(self, at: int, line: str) -> None:
        """The next line, numbered from 1."""
        stripped = line.strip()
        keyword = KEYWORD.fullmatch(stripped)
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
        self.entries.append(PoEntry(entry.start, entry.end, entry.comments, context, identity, plural, entry.strings))

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
        for found in ESCAPE.finditer(quoted[1]):
            if found[1] not in ESCAPES:
                self.fault(at, f"\\{found[1]} means nothing here; write \\\\ for a backslash")
        return unescape(text)


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
