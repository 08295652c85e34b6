"""`photosync locales list`: the languages, and how far each is."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.table import Table

from bot.commands.locales.folders import Folders, by_key, document
from bot.languages import plurals, tags
from bot.languages.po_document import Document, PoEntry

_COLUMNS = ("tag", "language", "coverage", "fuzzy", "plural forms", "direction", "translators", "file")
_LONG = ("plural forms", "translators")  # broken over lines on a narrow terminal
_WIDE = 200  # characters


def show(folders: Folders) -> int:
    """A table with a row for each language; always 0."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in _COLUMNS:
        table.add_column(name, overflow="fold", no_wrap=name not in _LONG)
    english = by_key(folders.english)
    for tag, path in folders.files.items():
        where = "your own" if folders.over and path.parent == folders.over else "packaged"
        table.add_row(tag, *_row(tag, document(path), english), where)
    # Into a file or a pipe goes one line for each language.
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)
    return 0


def _row(tag: str, found: Document, english: Mapping[str, PoEntry]) -> tuple[str, ...]:
    locale = tags.known(tag)
    if locale is None or found.faults:
        problem = f"line {found.faults[0].line}: cannot be read" if found.faults else "no language tag"
        return ("", problem, *[""] * 4)
    entries = by_key(found)
    ours = [entries[key] for key in english if key in entries]
    return (
        found.fields.get("X-Language-Name", "") or tags.own_name(locale),
        f"{sum(entry.whole for entry in ours) * 100 // max(1, len(english))} %",
        str(sum(entry.fuzzy for entry in ours)),
        " ".join(plurals.categories(locale)),
        locale.text_direction,
        found.fields.get("Last-Translator", ""),
    )
