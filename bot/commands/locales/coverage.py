"""`photosync locales list`: the languages, and how far each is."""

from __future__ import annotations

import sys
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from bot.commands.locales.folders import Folders
from bot.commands.preview.needs import packaged_needs, shown
from bot.languages import plurals, tags
from bot.languages.language_file import BASE

_COLUMNS = (
    "tag", "language", "coverage", "cards", "missing most", "fuzzy", "plural forms", "direction", "translators", "file",
)  # fmt: skip
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
        table.add_row(problem.path.name, problem.text, *[""] * (len(_COLUMNS) - 3), _where(folders, problem.path))
    # Into a file or a pipe goes one line for each language.
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)
    return 0


def _where(folders: Folders, path: Path) -> str:
    own = "your own" if folders.over and path.parent == folders.over else "packaged"
    advice = next((one.text for one in folders.advice if one.path == path), "")
    return f"{own}: {path.name} {advice}" if advice else own


def _row(folders: Folders, tag: str) -> tuple[str, ...]:
    found = folders.language(tag)
    wrong = folders.wrong_base(tag) if found.usable else ""
    if not found.usable or wrong:
        line, text = (found.document.field_line(BASE), wrong) if wrong else found.faults[0][:2]
        problem = f"line {line}: cannot be used: {text}"
        return (problem, *[""] * (len(_COLUMNS) - 3))
    locale = tags.require(tag)
    texts, base = folders.texts(tag, found), folders.base(tag)
    here = folders.shown.keys() & texts.keys()
    cards = shown(packaged_needs(), texts.keys())
    return (
        (found.name or tags.own_name(locale)) + (" (draft)" if found.draft else ""),
        f"over {base}" if base else f"{len(here) * 100 // max(1, len(folders.shown))} %",
        f"{cards.cards} of {cards.of}",
        cards.entries(1) or "-",
        str(sum(entry.fuzzy for entry in found.unfinished)),
        " ".join(plurals.categories(locale)),
        locale.text_direction,
        found.document.fields.get("Last-Translator", ""),
    )
