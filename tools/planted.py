"""Faults planted into the languages' files, one at a time, and how many of them `locales check` finds.

A fault is a slip that people make when they translate; `planted.toml` has what a slip is made of in each language. Each
is planted into a copy of one entry of a file that ships, which the check then reads (`make planted`).
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bot import resources
from bot.commands.locales import check, glossary
from bot.commands.locales.folders import Folders
from bot.commands.locales.reader.rules import Reader
from bot.commands.locales.reader.text import EntryForm
from bot.languages.po_document import PoEntry

DATA = Path(__file__).with_name("planted.toml")
ENOUGH = 0.95  # of the faults have to be found
_DENIES = re.compile(r"\b(not|never|no|nothing|nobody|without|cannot)\b|n['’]t\b", re.IGNORECASE)
_SIDE = re.compile(r"\b(top|bottom) (left|right)\b")
_COUNTS = re.compile(r"\b(three|seven|\d+)\b")
_FIGURE = re.compile(r"(?<![\w+/.])\d{1,3}(?![\w+/])")
_KEYS = re.compile(r"\w+(?:\+\w+)+")
_VALUE = re.compile(r"\{\w+\}")
_TYPED = re.compile(r"aka\.ms/\w+|photosync (?:scan|doctor|check|case)|Photosync\.Helpdesk")
_TITLE = re.compile(r"(?:(?!page\.).*\.)?button\..*")
_WORD = re.compile(r"[^\W\d_]{3,}")
_RUN = re.compile(r"[\u4e00-\u9fff]{2}|[\u30a0-\u30ff]{3,}|ของคุณ|SharePoint")

Words = Mapping[str, Any]
Fault = Callable[[EntryForm, Words], Iterator[str]]
"""One text, and what slips are made of in its language -> the texts that a slip could make of it."""


def _edits(one: EntryForm, pairs: list[list[str]]) -> Iterator[str]:
    text, spaces = one.text, one.knows.lists.spaces
    for old, new in pairs:
        # Not in the middle of a word, where there are words.
        begin = r"(?<![^\W\d_])" if spaces else ""
        for found in re.finditer(begin + re.escape(old), text):
            yield text[: found.start()] + new + text[found.end() :]


def negation(one: EntryForm, words: Words) -> Iterator[str]:
    """A sentence no longer denies what the English denies."""
    if _DENIES.search(one.english):
        yield from _edits(one, words["negation"])


def number(one: EntryForm, words: Words) -> Iterator[str]:
    """Another number, in figures or in words."""
    text = one.text.replace("Microsoft 365", "Microsoft\0").replace("21Vianet", "\1")
    for found in _FIGURE.finditer(text):
        other = str(int(found[0]) * 2)
        made = text[: found.start()] + other + text[found.end() :]
        yield made.replace("Microsoft\0", "Microsoft 365").replace("\1", "21Vianet")
    if _COUNTS.search(one.english):
        yield from _edits(one, words["number"])


def shortcut(one: EntryForm, words: Words) -> Iterator[str]:  # noqa: ARG001 - one signature for all
    """Another key, or one key fewer."""
    for found in _KEYS.finditer(one.text):
        keys = found[0].split("+")
        for made in ([*keys[:-1], "B"], keys[:-2] + keys[-1:]):
            yield one.text[: found.start()] + "+".join(made) + one.text[found.end() :]


def term(one: EntryForm, words: Words) -> Iterator[str]:
    """What a screen calls its thing, called otherwise in one entry."""
    yield from _edits(one, words["term"])


def register(one: EntryForm, words: Words) -> Iterator[str]:
    """The wrong form of address in one place."""
    yield from _edits(one, words["register"])


def button(one: EntryForm, words: Words) -> Iterator[str]:
    """A button or a place of a screen under a name that nothing has."""
    for begin, end in one.knows.lists.quotes:
        for found in re.finditer(f"{begin}([^{begin}{end}{{}}]{{2,40}}){end}(?![a-z])", one.text):
            if found[1].strip() not in one.english:
                yield one.text[: found.start(1)] + words["button"] + one.text[found.end(1) :]


def side(one: EntryForm, words: Words) -> Iterator[str]:
    """Left for right."""
    if _SIDE.search(one.english):
        yield from _edits(one, words["side"])


def order(one: EntryForm, words: Words) -> Iterator[str]:  # noqa: ARG001
    """Two placeholders swapped."""
    for first, second in combinations(_VALUE.finditer(one.text), 2):
        if first[0] != second[0]:
            between = one.text[first.end() : second.start()]
            yield one.text[: first.start()] + second[0] + between + first[0] + one.text[second.end() :]


def twice(one: EntryForm, words: Words) -> Iterator[str]:  # noqa: ARG001
    """A value shown twice."""
    for found in _VALUE.finditer(one.text):
        yield f"{one.text[: found.end()]} {one.text[found.start() :]}"


def doubled(one: EntryForm, words: Words) -> Iterator[str]:  # noqa: ARG001
    """A word twice in a row."""
    spaces = one.knows.lists.spaces
    for found in (_WORD if spaces else _RUN).finditer(one.text):
        latin = found[0].isascii()
        yield one.text[: found.end()] + (" " if spaces or latin else "") + one.text[found.start() :]


def blank(one: EntryForm, words: Words) -> Iterator[str]:  # noqa: ARG001
    """Two blanks, or one before a mark."""
    for found in re.finditer(r"(?<=\w) (?=\w)", one.text):
        yield one.text[: found.start()] + " " + one.text[found.start() :]
    for found in re.finditer(r"(?<=\w)[,.](?= )", one.text):
        yield one.text[: found.start()] + " " + one.text[found.start() :]


def mark(one: EntryForm, words: Words) -> Iterator[str]:  # noqa: ARG001
    """The mark at the end forgotten, or another one."""
    if one.knows.lists.full_stop and one.english[-1] in ".?" and one.text[-1] in ".?。؟？।;":
        yield one.text[:-1]
        yield one.text[:-1] + ("!" if one.text.isascii() or one.knows.lists.spaces else "！")


def quotes(one: EntryForm, words: Words) -> Iterator[str]:  # noqa: ARG001
    """Quotes of another language, or one that does not close."""
    for begin, end in one.knows.lists.quotes:
        for found in re.finditer(f"{begin}([^{begin}{end}]{{2,40}}){end}(?![a-z])", one.text):
            left, inside, right = one.text[: found.start()], found[1], one.text[found.end() :]
            odd = ("“", "”") if begin == '"' else ('"', '"')
            yield f"{left}{odd[0]}{inside}{odd[1]}{right}"
            yield f"{left}{begin}{inside}{right}"


def address(one: EntryForm, words: Words) -> Iterator[str]:  # noqa: ARG001
    """A letter changed in what is typed as it is."""
    for found in _TYPED.finditer(one.text):
        made = found[0][:-2] + found[0][-1] + found[0][-2]
        yield one.text[: found.start()] + made + one.text[found.end() :]


def name(one: EntryForm, words: Words) -> Iterator[str]:  # noqa: ARG001
    """A product's name misspelt, or another product."""
    for old, new in (
        ("SharePoint", "Sharepoint"),
        ("OneDrive", "One Drive"),
        ("Outlook", "Teams"),
        ("Firefox", "Opera"),
    ):
        if old in one.text and new not in one.english:
            yield one.text.replace(old, new)


def title(one: EntryForm, words: Words) -> Iterator[str]:
    """A title that says too much for a phone."""
    if _TITLE.fullmatch(one.key):
        yield f"{one.text} ({words['button']}, {words['button']}, {words['button']})"[:40].rstrip(" ,(")


FAULTS: Mapping[str, Fault] = {
    "lost negation": negation,
    "another number": number,
    "another shortcut": shortcut,
    "wrong term in one entry": term,
    "wrong form of address": register,
    "a button that is not there": button,
    "left for right": side,
    "swapped placeholders": order,
    "a value twice": twice,
    "doubled word": doubled,
    "doubled blank, blank before a mark": blank,
    "other final mark": mark,
    "other quotes": quotes,
    "another address or command": address,
    "misspelt or other name": name,
    "title too long": title,
}
PLURAL = "wrong plural form"


@dataclass(frozen=True)
class Planted:
    """One fault, and whether it was found."""

    kind: str
    tag: str
    key: str
    text: str
    found: bool


class Field:
    """The files that ship, to plant into; `tags`: only these."""

    def __init__(self, tags: tuple[str, ...] = ()) -> None:
        self._folders = Folders(resources.LOCALES, None)
        self._words: Mapping[str, Words] = tomllib.loads(DATA.read_text(encoding="utf-8"))
        self._terms = glossary.read(self._folders.glossaries)
        self._slips: dict[tuple[str, str], list[tuple[PoEntry, int, str]]] = {}
        self.tags = tuple(tag for tag in self._words if tag in self._folders.files and (not tags or tag in tags))
        self.reader = cache(self._reader)

    def _reader(self, tag: str) -> Reader:
        return check.reader(self._folders, tag, self._terms)

    def needless(self, tag: str) -> list[str]:
        """Explanations in a language's lists where there is nothing to explain any more."""
        reader = self.reader(tag)
        entries = [one for one in reader.language.document.entries if one.key in reader.knows.source]
        found = [one for entry in entries for one in reader.all_of(entry)]
        explained = reader.knows.lists.waivers
        needed = {one for one in explained if any(one.covers(each.rule, each.key, each.text) for each in found)}
        return [f"{tag}: {one.rule} of {one.key}" for one in explained if one not in needed]

    def plant(self, kind: str, luck: random.Random) -> Planted | None:
        """One fault of a kind in some language; None where no language has room for one."""
        for tag in luck.sample(self.tags, len(self.tags)):
            if slips := self._of(kind, tag):
                entry, form, text = luck.choice(slips)
                strings = tuple(one._replace(text=text) if at == form else one for at, one in enumerate(entry.strings))
                found = any(self.reader(tag).of(replace(entry, strings=strings)))
                return Planted(kind, tag, entry.key, text, found)
        return None

    def _of(self, kind: str, tag: str) -> list[tuple[PoEntry, int, str]]:
        """Every place and text of a kind of fault in one language."""
        if (kind, tag) not in self._slips:
            reader = self.reader(tag)
            entries = (one for one in reader.language.document.entries if one.key in reader.knows.source)
            slips = self._plurals if kind == PLURAL else self._texts
            self._slips[kind, tag] = [slip for entry in entries for slip in slips(kind, tag, entry)]
        return self._slips[kind, tag]

    def _texts(self, kind: str, tag: str, entry: PoEntry) -> Iterator[tuple[PoEntry, int, str]]:
        for form, one in self.reader(tag).texts(entry):
            for text in FAULTS[kind](one, self._words[tag]):
                if text != one.text:
                    yield entry, form, text

    def _plurals(self, kind: str, tag: str, entry: PoEntry) -> Iterator[tuple[PoEntry, int, str]]:  # noqa: ARG002
        """A form that stands where another belongs."""
        forms = dict(self.reader(tag).texts(entry)) if entry.plural else {}
        for at, other in combinations(forms, 2):
            if forms[at].text != forms[other].text:
                yield entry, at, forms[other].text
                yield entry, other, forms[at].text


def plant(field: Field, count: int, seed: int) -> list[Planted]:
    """So many faults, of each kind as many; the same for the same seed."""
    luck, kinds = random.Random(seed), (*FAULTS, PLURAL)
    planted = (field.plant(kinds[at % len(kinds)], luck) for at in range(count))
    return [one for one in planted if one is not None]


def main() -> int:
    """Print the table; 1 if too few were found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--missed", action="store_true", help="name those that were not found")
    chosen = parser.parse_args()
    field = Field()
    planted = plant(field, chosen.faults, chosen.seed)
    all_of, found_of = Counter(one.kind for one in planted), Counter(one.kind for one in planted if one.found)
    table = Table("fault", "planted", "found")
    for kind, count in all_of.items():
        table.add_row(kind, str(count), str(found_of[kind]))
    share = found_of.total() / max(1, all_of.total())
    table.add_row(
        f"all, in {len({one.tag for one in planted})} languages",
        str(all_of.total()),
        f"{found_of.total()} ({share:.0%})",
    )
    console = Console(width=100)
    console.print(table)
    if chosen.missed:
        for one in planted:
            if not one.found:
                console.print(f"{one.tag} {one.key}, {one.kind}: {one.text}", markup=False)
    needless = [one for tag in field.tags for one in field.needless(tag)]
    for one in needless:
        console.print(f"explained in locales/lint, and nothing is found there: {one}", markup=False)
    return 0 if share >= ENOUGH and not needless else 1


if __name__ == "__main__":
    sys.exit(main())
