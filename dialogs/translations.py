"""Catalogs -> sentences: the language chain, plurals, and marks that keep a value's own direction to itself."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

SOURCE = "en"
_FSI, _PDI = "\u2068", "\u2069"
_ADDRESS = ("https://", "http://")
# A placeholder, or a name in Latin letters as it stands in a sentence of another script: Microsoft 365, www.office.com,
# Ctrl+Shift+N, 4 MB. What ends a sentence or a clause is not part of it.
_WORD = r"[A-Za-z][A-Za-z0-9]*(?:[.+&'/@-][A-Za-z0-9]+)*"
_LATIN = re.compile(rf"\{{\w*\}}|(?:\d+ ?)?{_WORD}(?: (?:{_WORD}|\d+))*")


class MissingText(Exception):
    """A language lacks a sentence that a card needs; the card falls back as a whole."""

    def __init__(self, tag: str, key: str) -> None:
        super().__init__(f"{tag}: {key}")
        self.tag = tag
        self.key = key


@dataclass(frozen=True)
class Catalog:
    """One language: `entries` hold one form, or as many as `plural` tells apart."""

    tag: str  # BCP 47
    name: str  # in the language itself
    rtl: bool
    entries: Mapping[str, tuple[str, ...]] = field(repr=False)
    plural: Callable[[int], int] = field(repr=False)  # a count -> index of its form
    base: str = ""  # of a variant such as en-GB: the language that it is laid over

    def text(self, key: str, **values: str | int) -> str:
        """One sentence; `count` among the values chooses the plural form. Raises `MissingText`."""
        forms = self.entries.get(key)
        if not forms:
            raise MissingText(self.tag, key)
        count = values.get("count")
        form = forms[min(self.plural(count), len(forms) - 1)] if isinstance(count, int) else forms[0]
        if self.rtl:
            form = names_isolated(form)
        return form.format_map(_Isolated(values, rtl=self.rtl)) if "{" in form or "}" in form else form


@dataclass(frozen=True)
class Translations:
    """All languages; English is always there and whole."""

    catalogs: Mapping[str, Catalog]

    def choices(self) -> tuple[Catalog, ...]:
        """What people choose between, by the languages' own names. A variant that is called as its language is none of
        them: who chooses "English" with a British client gets it."""
        bases = ((one, self.catalogs.get(one.base)) for one in self.catalogs.values())
        found = [one for one, base in bases if base is None or base.name != one.name]
        return tuple(sorted(found, key=lambda one: one.name.casefold()))

    def chain(self, locale: str) -> Iterator[Catalog]:
        """The languages to try for a locale: itself, its parents, English."""
        parts = locale.split("-")
        tried = ["-".join(parts[:length]) for length in range(len(parts), 0, -1)]
        for tag in dict.fromkeys([*tried, SOURCE]):
            if tag in self.catalogs:
                yield self.catalogs[tag]

    def text(self, locale: str, key: str, **values: str | int) -> str:
        """One sentence in the nearest language that has it; for a whole card go through `chain`."""
        for catalog in self.chain(locale):
            if key in catalog.entries:
                return catalog.text(key, **values)
        raise MissingText(SOURCE, key)


class _Isolated:
    """The values of a sentence, each isolated when its place is met."""

    def __init__(self, values: Mapping[str, str | int], *, rtl: bool) -> None:
        self._values = values
        self._rtl = rtl

    def __getitem__(self, name: str) -> str:
        return isolated(self._values[name], rtl=self._rtl)


def isolated(value: str | int, *, rtl: bool) -> str:
    """A value as it stands in a sentence: wrapped in first-strong isolates where directions could mix.

    Addresses stay bare, or they would not work when copied.
    """
    text = str(value)
    if isinstance(value, int) or not text or text.startswith(_ADDRESS):
        return text
    mixed = rtl or any(unicodedata.bidirectional(letter) in ("R", "AL", "RLE", "RLO", "RLI") for letter in text)
    return f"{_FSI}{text}{_PDI}" if mixed else text


@lru_cache(maxsize=4096)
def names_isolated(form: str) -> str:
    """A sentence written from right to left with isolates around every name in Latin letters.

    Without them two names with only a mark between them ("Chrome: Ctrl+Shift+N") would run together, left to right.
    """
    return _LATIN.sub(lambda found: found[0] if found[0].startswith("{") else f"{_FSI}{found[0]}{_PDI}", form)


def placeholders(form: str) -> frozenset[str]:
    """The names in braces; raises ValueError for braces that do not match or ask for more than a name."""
    found = set()
    for _, name, spec, conversion in string.Formatter().parse(form):
        if name is None:
            continue
        if not name.isidentifier() or spec or conversion:
            raise ValueError(f"{{{name}}} is not a plain name in braces")
        found.add(name)
    return frozenset(found)
