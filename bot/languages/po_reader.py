"""A PO file as it stands: every entry with its lines, every fault of syntax with its line.

The one reader of PO files: the bot's catalogs and the tools of `photosync locales` are made from it. Babel's reader
forgives broken quotes and knows no line of a `msgstr`; this one is strict, and keeps the lines, so that what is not
changed is written back byte by byte. The bot reads every language at its start: each line costs a microsecond or two.
More than half of a packaged file are examples of what people type. They stand at its end, and the bot, which has what
was learned from them in its model, does not read so far.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from bot import regular_file
from bot.languages.po_document import ESCAPE, ESCAPES, KEYWORD, Document, Fault, Field, PoEntry, unescape
from bot.regular_file import NotRegular

_QUOTED = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_LARGEST = 2_000_000  # bytes; the largest that ships has a fifth of that
_MOST_FAULTS = 50  # a file of something else has one in each line
_BYTE_ORDER_MARK = "\ufeff"  # what Windows' editors put before UTF-8; kept, and no part of the first line


def read(path: Path, *, before: bytes = b"") -> Document:
    """A file; what is wrong with it is in `faults`, also that it cannot be read at all. Raises nothing.

    `before`: the beginning of a line at which to stop reading, if there is one.
    """
    try:
        data = _content(path)
        end = data.find(b"\n" + before) if before else -1
        data = data if end < 0 else data[: end + 1]
        text = data.decode()
    except UnicodeDecodeError as error:
        at = data[: error.start].count(b"\n") + 1
        return Document(path, (), "\n", None, (), (Fault(at, "is not UTF-8: save the file as UTF-8"),))
    except (_Unusable, NotRegular) as error:
        return Document(path, (), "\n", None, (), (Fault(1, str(error)),))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return Document(path, (), "\n", None, (), (Fault(1, f"cannot be read: {reason}"),), unreadable=True)
    newline = "\r\n" if "\r\n" in text else "\n"
    return of_lines(path, tuple(line.removesuffix("\r") for line in text.split("\n")), newline)


def of_lines(path: Path, lines: tuple[str, ...], newline: str) -> Document:
    """The lines of a file, read."""
    found = _Reader()
    found.read(lines)
    header = found.entries.pop(0) if found.entries and not (found.entries[0].id.text or found.entries[0].key) else None
    if header is None:
        found.fault(1, 'has no header: the first entry has to be msgid ""')
    faults = tuple(islice(sorted(found.faults, key=_line), _MOST_FAULTS))
    return Document(path, lines, newline, header, tuple(found.entries), faults)


def _content(path: Path) -> bytes:
    data = regular_file.read(path, _LARGEST)
    if len(data) > _LARGEST:
        raise _Unusable(f"is larger than {_LARGEST // 1_000_000} MB: that is no file of translations")
    return data


def _line(fault: Fault) -> int:
    return fault.line


class _Unusable(Exception):
    """What is there is no file of translations; says what it is."""


@dataclass(slots=True)
class _Open:
    """An entry that is being read."""

    start: int
    comments: list[str] = field(default_factory=list)
    fields: dict[str, Field] = field(default_factory=dict)  # by keyword: "msgid", "msgstr[1]"
    strings: list[str] = field(default_factory=list)  # the keywords of its translations
    last: str = ""
    more: list[tuple[str, str]] = field(default_factory=list)  # the last string's further lines: as read, as they stand
    end: int = 0

    def gather(self) -> None:
        """Put the last string's lines together, once: each by itself takes the square of their number."""
        if self.more:
            first = self.fields[self.last]
            texts, raw = zip(*self.more, strict=True)
            self.fields[self.last] = Field("".join((first.text, *texts)), first.line, (*first.raw, *raw))
            self.more = []


class _Reader:
    """Lines -> entries and faults."""

    def __init__(self) -> None:
        self.entries: list[PoEntry] = []
        self.faults: list[Fault] = []
        self._open: _Open | None = None

    def fault(self, line: int, text: str) -> None:
        self.faults.append(Fault(line, text))

    def read(self, lines: tuple[str, ...]) -> None:
        """All lines of a file, numbered from 1."""
        for at, line in enumerate(lines, 1):
            text = (line.removeprefix(_BYTE_ORDER_MARK) if at == 1 else line).strip()
            if not text:
                continue
            entry = self._open
            if text[0] == "#" and text[1:2] != "~" and entry is not None and not entry.fields:
                entry.comments.append(text)  # most lines of a file
            elif text[0] == "#":
                self._comment(at, text)
            elif text[0] == '"':
                self._continue(at, line, text)
            elif keyword := KEYWORD.fullmatch(text):
                kind, number, quoted = keyword.groups()
                self._begin(at, f"{kind}[{int(number)}]" if number else kind, line, quoted)
            else:
                self.fault(at, f"is not a line of a PO file: {text[:40]}")
        self._finish()

    def _finish(self) -> None:
        """The entry so far is at its end."""
        entry, self._open = self._open, None
        if entry is None or not entry.fields:
            return
        entry.gather()
        fields = entry.fields
        identity = fields.get("msgid")
        if identity is None or not entry.strings:
            first = next(iter(fields.values()))
            self.fault(first.line, f"the entry has no {'msgid' if identity is None else 'msgstr'}")
            return
        context, plural = fields.get("msgctxt"), fields.get("msgid_plural")
        strings = tuple(fields[name] for name in entry.strings)
        self.entries.append(PoEntry(entry.start, entry.end, tuple(entry.comments), context, identity, plural, strings))

    def _comment(self, at: int, text: str) -> None:
        if self._open and self._open.fields:
            self._finish()
        if text.startswith("#~"):  # an entry that is no longer used: kept, never read
            self._open = None
            return
        self._entry(at).comments.append(text)

    def _begin(self, at: int, name: str, line: str, rest: str) -> None:
        if self._open and _begins_another(self._open, name):
            self._finish()
        entry = self._entry(at)
        translation = name.startswith("msgstr")
        problem = _out_of_place(entry, name, translation=translation)
        if problem:
            self.fault(at, problem)
            return
        entry.gather()
        entry.fields[name] = Field(self._unquoted(at, rest), at, (line,))
        if translation:
            entry.strings.append(name)
        entry.last, entry.end = name, at

    def _continue(self, at: int, line: str, text: str) -> None:
        if self._open is None or not self._open.last:
            self.fault(at, "a string that belongs to no keyword")
            return
        self._open.more.append((self._unquoted(at, text), line))
        self._open.end = at

    def _entry(self, at: int) -> _Open:
        if self._open is None:
            self._open = _Open(at - 1)
        return self._open

    def _unquoted(self, at: int, text: str) -> str:
        if not _QUOTED.fullmatch(text):
            self.fault(at, 'the text has to stand in one pair of quotes; write \\" for a quote inside it')
            return ""
        if "\\" in text:
            for problem in _wrong_escapes(text):
                self.fault(at, problem)
        return unescape(text)


def _wrong_escapes(quoted: str) -> Iterator[str]:
    for found in ESCAPE.finditer(quoted[1:-1]):
        if found[1] not in ESCAPES:
            yield f"\\{found[1]} means nothing here; write \\\\ for a backslash"


def _begins_another(entry: _Open, name: str) -> bool:
    if entry.strings:
        return not name.startswith("msgstr")
    return name in entry.fields and name in ("msgctxt", "msgid")


def _out_of_place(entry: _Open, name: str, *, translation: bool) -> str:
    """What is wrong with a keyword where it stands; "" if nothing is."""
    fields = entry.fields
    if name in fields:
        return f"a second {name} in one entry"
    if name == "msgctxt":
        return "msgctxt after msgid" if fields else ""
    if name == "msgid":
        return ""
    if "msgid" not in fields:
        return f"{name} without a msgid before it"
    wanted = f"msgstr[{len(entry.strings)}]" if "msgid_plural" in fields else "msgstr"
    return f"{name} where {wanted} belongs" if translation and name != wanted else ""
