"""Entries as Poedit and Weblate write them, and a file put in the place of another at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from babel.messages.pofile import normalize

from bot.errors import LocalesError
from bot.languages.po_document import Document, PoEntry

_ORDER = ("#", "#.", "#:", "#,", "#|")
_WIDTH = 76  # where gettext's own tools break


def wraps(document: Document) -> bool:
    """Whether the file breaks long texts over lines, as Poedit does: more of them than it does not."""
    # A text of several lines, such as what people type, is broken at their ends in every file.
    forms = (form for entry in document.entries for form in (entry.id, *entry.strings) if "\n" not in form.text)
    return sum((len(form.raw) > 1) - (len(form.raw) == 1 and len(form.text) > _WIDTH) for form in forms) > 0


def field_lines(name: str, text: str, *, wrap: bool = False, prefix: str = "") -> tuple[str, ...]:
    """One string with its keyword, as lines."""
    quoted = normalize(text, width=_WIDTH if wrap else 0)
    return tuple(f"{prefix}{line}" for line in f"{name} {quoted}".split("\n"))


def string_names(count: int, *, plural: bool) -> tuple[str, ...]:
    """`msgstr`, or `msgstr[0]` and so on."""
    return tuple(f"msgstr[{at}]" for at in range(count)) if plural else ("msgstr",)


def entry_lines(
    comments: Mapping[str, Iterable[str]], key: str, source: tuple[str, ...], strings: Iterable[str], *, wrap: bool
) -> tuple[str, ...]:
    """A whole entry; `strings` are lines already (`field_lines`), so that they can stay as they were."""
    lines = [line for kind in _ORDER for line in comments.get(kind, ())]
    lines += field_lines("msgctxt", key, wrap=wrap)
    for name, text in zip(("msgid", "msgid_plural"), source, strict=False):
        lines += field_lines(name, text, wrap=wrap)
    return (*lines, *strings)


def flag_lines(flags: Iterable[str]) -> tuple[str, ...]:
    """The `#,` line of some flags, `fuzzy` first, or none."""
    ordered = sorted(dict.fromkeys(flags), key=lambda flag: flag != "fuzzy")
    return (f"#, {', '.join(ordered)}",) if ordered else ()


def kept_strings(entry: PoEntry) -> tuple[str, ...]:
    """The lines of an entry's translations, as they stand."""
    return tuple(line for form in entry.strings for line in form.raw)


def put(path: Path, lines: Iterable[str], newline: str = "\n") -> None:
    """Write a file as a whole: a reader, the bot among them, sees the old one or the new one. Raises `LocalesError`."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.write_bytes(newline.join(lines).encode())
        fresh.replace(path)
    except OSError as error:
        raise LocalesError(f"{path} cannot be written: {error.strerror}") from None
