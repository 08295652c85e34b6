"""`photosync locales list`: the languages, and how far each is."""

from __future__ import annotations

import sys
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from bot.commands.locales.folders import Folders
from bot.languages import plurals, tags

_COLUMNS = ("tag", "language", "coverage", "fuzzy", "plural forms", "direction", "translators", "file")
_LONG = ("language", "plural forms", "translators")  # broken over lines on a narrow terminal
_WIDE = 240  # characters


def show(folders: Folders) -> int:
    """A table with a row for each language, and for each file that is not used; always 0."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in _COLUMNS:
        table.add_column(name, overflow="fold", no_wrap=name not in _LONG)
    for tag, path in folders.files.items():
        table.add_row(tag, *_row(folders, tag), _where(folders, path))
    for problem in folders.problems:
        table.add_row(problem.path.name, problem.text, *[""] * 5, _where(folders, problem.path))
    # Into a file or a pipe goes one line for each language.
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)
    return 0


def _where(folders: Folders, path: Path) -> str:
    return "your own" if folders.over and path.parent == folders.over else "packaged"


def _row(folders: Folders, tag: str) -> tuple[str, ...]:
    found, below = folders.language(tag), folders.below(tag)
    if not found.usable:
        return (f"line {found.faults[0].line}: cannot be used: {found.faults[0].text}", *[""] * 5)
    locale = tags.require(tag)
    here = folders.shown.keys() & (found.texts.keys() | (below.texts.keys() if below else set()))
    return (
        found.name or tags.own_name(locale),
        f"{len(here) * 100 // max(1, len(folders.shown))} %",
        str(sum(entry.fuzzy for entry in found.unfinished)),
        " ".join(plurals.categories(locale)),
        locale.text_direction,
        found.document.fields.get("Last-Translator", ""),
    )
