"""The languages' files -> catalogs, and how to choose among them.

One language is one file. An installation's own file is laid over the packaged one entry by entry: an entry that it has,
whole and without a fault, takes the place of the packaged one; every other entry stays as it is. Where neither has a
text, the card is in English as a whole. What is not used is named in `Languages.problems` (files) and
`Languages.faults` (entries); nothing that one file has can keep another from being used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import langcodes
from babel import Locale

from bot.languages import folder, language_file, plurals, tags
from bot.languages.folder import Problem
from bot.languages.language_file import LanguageFile
from bot.languages.vocabulary import vocabulary
from dialogs.examples import EXAMPLE_KEYS, Example, examples
from dialogs.meaning import Vocabulary
from dialogs.translations import SOURCE, Catalog, Translations

# Beyond this a "nearest" language is one the person may not read at all (docs/facts.md).
_FARTHEST = 10
_RTL_SCRIPTS = frozenset({"Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm", "Rohg", "Mand", "Samr"})
_LONGEST_TAG = 35  # RFC 5646 recommends room for this many letters


class CatalogError(Exception):
    """A file that is not a catalog at all; says which and why."""


@dataclass(frozen=True)
class Languages:
    """Everything loaded, and how to choose among it."""

    wording: Translations
    vocabulary: Vocabulary
    problems: tuple[str, ...] = ()  # files that are not used, each with line and reason
    faults: tuple[str, ...] = ()  # entries that are not used
    unreadable: bool = False  # the system did not give a file or the folder: worth another try
    drafts: tuple[str, ...] = ()  # tags of the files that are left out because they are for the pilot only
    packaged: Mapping[str, Catalog] = field(default_factory=dict, repr=False)  # without what lies over them

    @property
    def tags(self) -> tuple[str, ...]:
        """All languages, English first, then by their own names."""
        others = sorted(self.wording.catalogs.values(), key=lambda one: (one.tag != SOURCE, one.name.casefold()))
        return tuple(one.tag for one in others)

    def negotiate(self, locale: str) -> str:
        """The loaded language nearest to a BCP 47 tag from outside; English for anything else."""
        return self.nearest(locale) or SOURCE

    def nearest(self, locale: str) -> str:
        """The loaded language nearest to a BCP 47 tag, or "" where none is near: also for a tag of an earlier day."""
        if locale in self.wording.catalogs:
            return locale
        return _nearest(locale, self.tags) if 0 < len(locale) <= _LONGEST_TAG else ""


@lru_cache(maxsize=4096)
def _nearest(locale: str, tags: tuple[str, ...]) -> str:
    try:
        found, _ = langcodes.closest_match(locale, tags, max_distance=_FARTHEST)
    except Exception:  # the library raises more than it says for what is far from a tag
        return ""
    return found if found in tags else ""


def load(folder: Path, *, typed: bool = True) -> Languages:
    """All languages of a folder; `typed` False: without reading the examples of what people type.

    Raises `CatalogError` if there is no English among them.
    """
    loading = _Loading({}, typed=typed)
    packaged = loading.folder(folder, {})
    if SOURCE not in packaged:
        reason = next((f": {one}" for one in loading.problems if one.path.stem == SOURCE), "")
        raise CatalogError(f"there is no {SOURCE}.po in {folder}{reason}")
    return loading.languages(packaged, packaged)


def overlaid(packaged: Languages, over: Path, last: Languages | None = None, *, drafts: bool = False) -> Languages:
    """An installation's own files laid over the packaged languages; `drafts`: those too that are marked so.

    `last` is what was spoken before, by a running bot: a language of which the own file can no longer be used stays as
    it was.
    """
    loading = _Loading(last.wording.catalogs if last is not None else {}, drafts=drafts)
    own = loading.folder(over, packaged.packaged)
    found = loading.languages(packaged.packaged, {**packaged.packaged, **own})
    problems, faults = (*packaged.problems, *found.problems), (*packaged.faults, *found.faults)
    return replace(found, problems=problems, faults=faults, unreadable=found.unreadable or packaged.unreadable)


class _Loading:
    """The files of a folder, on their way to catalogs."""

    def __init__(self, last: Mapping[str, Catalog], *, typed: bool = True, drafts: bool = False) -> None:
        self.drafts: list[str] = []  # left out
        self.problems: list[Problem] = []
        self.faults: list[Problem] = []
        self.examples: dict[str, tuple[Example, ...]] = {}  # of an installation's own files
        self.unreadable = False
        self._last = last
        self._typed = typed
        self._with_drafts = drafts

    def languages(self, packaged: Mapping[str, Catalog], catalogs: Mapping[str, Catalog]) -> Languages:
        """What was loaded, English first."""
        ordered = {tag: catalogs[tag] for tag in sorted(catalogs, key=lambda tag: (tag != SOURCE, tag))}
        words = vocabulary(ordered, self.examples)
        problems, faults = (tuple(map(str, found)) for found in (self.problems, self.faults))
        drafts = tuple(self.drafts)
        return Languages(Translations(ordered), words, problems, faults, self.unreadable, drafts, packaged)

    def folder(self, path: Path, below: Mapping[str, Catalog]) -> dict[str, Catalog]:
        """A folder's catalogs, each over the one `below` it."""
        try:
            listing = folder.listing(path)
        except OSError as error:
            self.problems.append(Problem(path, 1, f"the folder cannot be read: {error.strerror}"))
            self.unreadable = True
            return {**self._last}
        self.problems += listing.problems
        catalogs: dict[str, Catalog] = {}
        for tag, file in listing.files.items():
            english = below.get(SOURCE) or catalogs.get(SOURCE)
            found = language_file.read(file, tag, english.entries if english else None, typed=self._typed)
            if found.usable and found.draft and not self._with_drafts:
                self.drafts.append(tag)
                continue
            try:
                if found.usable:
                    catalogs[tag] = _catalog(found, below.get(tag))
                    self._learn(found, own=bool(below))
                    self.faults += [_problem(file, fault.line, fault.key, fault.text) for fault in found.faults]
                    continue
                line, text = found.faults[0].line, found.faults[0].text
            except Exception as error:  # what the libraries of languages make of one stays with that one
                line, text = 1, f"cannot be used: {type(error).__name__}: {error}"
            self.problems.append(Problem(file, line, text))
            self.unreadable = self.unreadable or found.document.unreadable
            if tag in self._last:
                catalogs[tag] = self._last[tag]
        return catalogs

    def _learn(self, found: LanguageFile, *, own: bool) -> None:
        """Examples of what people type are kept of own files: those that ship are in the model that ships."""
        texts = {key: forms[0] for key, forms in found.texts.items() if key in EXAMPLE_KEYS} if own else {}
        if texts:
            self.examples[found.tag] = tuple(examples(texts))


def _problem(file: Path, line: int, key: str, text: str) -> Problem:
    return Problem(file, line, f"{key}: {text}" if key else text)


def _catalog(found: LanguageFile, below: Catalog | None) -> Catalog:
    """A file's texts that are shown, laid over another catalog of its language entry by entry."""
    texts = {key: forms for key, forms in found.texts.items() if key not in EXAMPLE_KEYS}
    if below is None:
        locale = Locale.parse(found.tag, sep="-")
        rule = found.rule or plurals.rule(plurals.header(locale), locale)
        return Catalog(found.tag, found.name or tags.own_name(locale), _rtl(found.tag), texts, rule)
    if found.rule is not None and isinstance(below.plural, plurals.Rule) and found.rule is not below.plural:
        ours, theirs = found.rule, below.plural
        texts = {key: ours.like(theirs, forms) if len(forms) > 1 else forms for key, forms in texts.items()}
    return replace(below, name=found.name or below.name, entries={**below.entries, **texts})


def _rtl(tag: str) -> bool:
    """Whether the language is written from right to left: by its script, which costs less than the CLDR's own word."""
    return langcodes.Language.get(tag).maximize().script in _RTL_SCRIPTS
