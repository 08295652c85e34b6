"""Catalogs -> what words mean exactly: titles of buttons and names of languages, and an installation's own examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.languages import names
from dialogs.examples import Example
from dialogs.meaning import Vocabulary
from dialogs.text import folded
from dialogs.translations import Catalog, Translations

_COMMANDS = ("fix", "check", "add", "ticket", "language")  # as in manifest/manifest.json
Title = tuple[str, str]
"""The step whose button it is, "" for every card's; its action."""


def vocabulary(catalogs: Mapping[str, Catalog], examples: Mapping[str, tuple[Example, ...]]) -> Vocabulary:
    """Of the languages that are loaded, variants last; what a language's own file calls it comes first."""
    called = {**names.names(catalogs), **{one.name: one.tag for one in Translations(catalogs).choices()}}
    bases = {tag: one.base for tag, one in catalogs.items() if one.base}
    folded_names = {folded(name): tag for name, tag in called.items()}
    return Vocabulary(folded_names, _Titles(catalogs), examples, bases, _commands(catalogs))


def _commands(catalogs: Mapping[str, Catalog]) -> dict[str, str]:
    """What a title means in each language that has it; nothing where two languages differ."""
    found: dict[str, set[str]] = {}
    for one in catalogs.values():
        for action in _COMMANDS:
            for title in one.entries.get(f"button.{action}", ()):
                found.setdefault(folded(title), set()).add(action)
    return {title: min(actions) for title, actions in found.items() if len(actions) == 1}


class _Titles(Mapping[str, Mapping[str, tuple[Title, ...]]]):
    """The titles of each catalog's buttons, read when they are first asked for: most people speak few languages."""

    def __init__(self, catalogs: Mapping[str, Catalog]) -> None:
        self._catalogs = catalogs
        self._read: dict[str, dict[str, tuple[Title, ...]]] = {}

    def __getitem__(self, tag: str) -> Mapping[str, tuple[Title, ...]]:
        read = self._read.get(tag)
        if read is None:
            read = self._read[tag] = _titles(self._catalogs[tag])
        return read

    def __iter__(self) -> Iterator[str]:
        return iter(self._catalogs)

    def __len__(self) -> int:
        return len(self._catalogs)


def _titles(catalog: Catalog) -> dict[str, tuple[Title, ...]]:
    found: dict[str, tuple[Title, ...]] = {}
    for key, forms in catalog.entries.items():
        step, button, action = key.rpartition("button.")
        if button:
            title = folded(forms[0])
            found[title] = (*found.get(title, ()), (step.removesuffix("."), action))
    return found
