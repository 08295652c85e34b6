"""The examples that ship, ready for training: who wrote which sentence in which language, and what it means."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bot import resources
from bot.languages import names, po_reader
from bot.languages.language_file import BASE
from dialogs.examples import EXAMPLE_KEYS, NAME, examples
from dialogs.model import ANSWERS

_NAMED = 3  # languages that one sentence with a place for a name is filled with
TITLES = "titles of buttons"  # the writer of what is taken from there
_OF_TITLES = {
    "fix", "add", "check", "ticket", "send_ticket", "language", "forget", "forget_confirmed", "stop", "menu", "next",
    "back", "same", "different", "rate_up", "rate_down", *ANSWERS,
}  # fmt: skip


class Row(NamedTuple):
    """One sentence."""

    tag: str
    label: str
    text: str
    writer: str


def digest(folder: Path = resources.LOCALES) -> str:
    """Of all examples as they stand in the files: what a model says it was trained on."""
    found = hashlib.sha256()
    for tag, entries in _entries(folder):
        for one in examples(entries):
            found.update("\t".join((tag, one.label, one.text)).encode() + b"\n")
    return found.hexdigest()


def rows(folder: Path = resources.LOCALES) -> list[Row]:
    """All sentences in the order of the files, each once a language; names of languages are filled in."""
    tags = [tag for tag, _ in _entries(folder)]
    found: dict[tuple[str, str], Row] = {}
    for tag, entries in (*_entries(folder), *_entries(folder, variants=True)):
        called = [name for other in tags for name in names.ask(other, (tag,))[:1]]
        called += [name for other in tags for name in names.ask(other, (other,))[:1]]
        at = 0
        for one in examples(entries):
            texts = [one.text]
            if NAME in one.text:
                texts = [one.text.replace(NAME, called[(at + step) % len(called)]) for step in range(_NAMED)]
                at += _NAMED
            for text in texts:
                found.setdefault((tag, text), Row(tag, one.label, text, one.writer))
        for key, text in entries.items():
            action = key.rpartition("button.")[2]
            if "button." in key and action in _OF_TITLES and "." not in key.removeprefix("button."):
                found.setdefault((tag, text), Row(tag, action, text, TITLES))
    return list(found.values())


def _entries(folder: Path, *, variants: bool = False) -> Iterator[tuple[str, dict[str, str]]]:
    """The languages' entries; or those of their variants, each under its language's tag."""
    for path in sorted(folder.glob("*.po")):
        document = po_reader.read(path)
        base = document.fields.get(BASE, "")
        if bool(base) != variants:
            continue
        wanted = (one for one in document.entries if one.key in EXAMPLE_KEYS or "button." in one.key)
        yield base or path.stem, {one.key: one.strings[0].text for one in wanted if one.strings}
