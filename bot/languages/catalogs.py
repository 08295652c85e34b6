"""The languages' files -> catalogs, and how to choose among them.

One language is one file. An installation's own file is laid over the packaged one entry by entry: an entry that it has,
whole and without a fault, takes the place of the packaged one; every other entry stays as it is. Where neither has a
text, the card is in English as a whole. What is not used is named in `Languages.problems` (files) and
`Languages.faults` (entries); nothing that one file has can keep another from being used.

A variant (en-GB, pt-PT) is a file with only what differs. Its header names the language that it is laid over, last of
all: over the packaged file and an installation's own of that language. So it is whole where its language is.
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
from bot.languages.language_file import BASE, LanguageFile
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

    translations: Translations
    vocabulary: Vocabulary
    problems: tuple[str, ...] = ()  # files that are not used, each with line and reason
    faults: tuple[str, ...] = ()  # entries that are not used
    unreadable: bool = False  # the system did not give a file or the folder: worth another try
    drafts: tuple[str, ...] = ()  # tags of the files that are left out because they are for the pilot only
    packaged: Mapping[str, Catalog] = field(default_factory=dict, repr=False)  # each alone, as its file has it

    @property
    def tags(self) -> tuple[str, ...]:
        """All languages and variants, English first, then by their own names."""
        others = sorted(self.translations.catalogs.values(), key=lambda one: (one.tag != SOURCE, one.name.casefold()))
        return tuple(one.tag for one in others)

    def negotiate(self, locale: str) -> str:
        """The loaded language nearest to a BCP 47 tag from outside; English for anything else."""
        return self.nearest(locale) or SOURCE

    def nearest(self, locale: str) -> str:
        """The loaded language nearest to a BCP 47 tag, or "" where none is near: also for a tag of an earlier day."""
        if locale in self.translations.catalogs:
            return locale
        return _nearest(locale, self.tags) if 0 < len(locale) <= _LONGEST_TAG else ""

    def as_spoken(self, tag: str, client: str) -> str:
        """A language that was chosen, in the variant of the person's client, a BCP 47 tag: English with a British Teams
        is en-GB. A variant that has a name of its own is chosen by that."""
        near = self.nearest(client)
        catalogs = self.translations.catalogs
        same = near in catalogs and catalogs[near].base == tag and catalogs[near].name == catalogs[tag].name
        return near if same else tag


@lru_cache(maxsize=4096)
def _nearest(locale: str, tags: tuple[str, ...]) -> str:
    try:
        found, _ = langcodes.closest_match(locale, tags, max_distance=_FARTHEST)
    except Exception:  # the library raises more than it says for what is far from a tag
        return ""
    return found if found in tags else ""


def load(path: Path, *, typed: bool = True) -> Languages:
    """All languages of a folder; `typed` False: without reading the examples of what people type.

    Raises `CatalogError` if there is no English among them.
    """
    loading = _Loading(None, typed=typed)
    packaged = loading.catalogs(path, {})
    if SOURCE not in packaged:
        reason = next((f": {one}" for one in loading.problems if one.path.stem == SOURCE), "")
        raise CatalogError(f"there is no {SOURCE}.po in {path}{reason}")
    return loading.languages(packaged, packaged)


def overlaid(packaged: Languages, over: Path, last: Languages | None = None, *, drafts: bool = False) -> Languages:
    """An installation's own files laid over the packaged languages; `drafts`: those too that are marked so.

    `last` is what was spoken before, by a running bot: a language of which the own file can no longer be used stays as
    it was.
    """
    loading = _Loading(last, drafts=drafts)
    own = loading.catalogs(over, packaged.packaged)
    found = loading.languages(packaged.packaged, {**packaged.packaged, **own})
    problems, faults = (*packaged.problems, *found.problems), (*packaged.faults, *found.faults)
    return replace(found, problems=problems, faults=faults, unreadable=found.unreadable or packaged.unreadable)


class _Loading:
    """The files of a folder, on their way to catalogs."""

    def __init__(self, last: Languages | None, *, typed: bool = True, drafts: bool = False) -> None:
        self.drafts: list[str] = []  # left out
        self.problems: list[Problem] = []
        self.faults: list[Problem] = []
        self.examples: dict[str, tuple[Example, ...]] = {}  # of an installation's own files
        self.unreadable = False
        self._last = last.translations.catalogs if last is not None else {}
        self._last_examples = last.vocabulary.examples if last is not None else {}
        self._typed = typed
        self._with_drafts = drafts

    def languages(self, packaged: Mapping[str, Catalog], catalogs: Mapping[str, Catalog]) -> Languages:
        """What was loaded."""
        ordered = laid_over(catalogs)
        words = vocabulary(ordered, self.examples)
        problems, faults = (tuple(map(str, found)) for found in (self.problems, self.faults))
        drafts = tuple(self.drafts)
        return Languages(Translations(ordered), words, problems, faults, self.unreadable, drafts, packaged)

    def catalogs(self, path: Path, below: Mapping[str, Catalog]) -> dict[str, Catalog]:
        """A folder's catalogs, each over the one `below` it."""
        try:
            listing = folder.listing(path)
        except OSError as error:
            self.problems.append(Problem(path, 1, f"the folder cannot be read: {error.strerror}"))
            self.unreadable = True
            self.examples = {**self._last_examples}
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
                self.examples |= {tag: self._last_examples[tag]} if tag in self._last_examples else {}
        # What ships as a language stays one, so that a variant of it always has what it lies over.
        bases = {tag: one.base for tag, one in below.items()}
        for tag, one in tuple(catalogs.items()):
            every = {**{key: found.base for key, found in catalogs.items()}, **bases}
            if problem := wrong_base(tag, one.base, every):
                self.problems.append(Problem(listing.files[tag], 1, problem))
                del catalogs[tag]
        return catalogs

    def _learn(self, found: LanguageFile, *, own: bool) -> None:
        """Examples of what people type are kept of own files: those that ship are in the model that ships."""
        texts = {key: forms[0] for key, forms in found.texts.items() if key in EXAMPLE_KEYS} if own else {}
        if texts:
            self.examples[found.tag] = tuple(examples(texts))


def laid_over(catalogs: Mapping[str, Catalog]) -> dict[str, Catalog]:
    """The catalogs, each as its file has it, with variants over their languages; English first, variants last."""
    found: dict[str, Catalog] = {}
    for tag in sorted(catalogs, key=lambda tag: (tag != SOURCE, bool(catalogs[tag].base), tag)):
        one = catalogs[tag]
        found[tag] = _over(one, found[one.base]) if one.base else one
    return found


def wrong_base(tag: str, base: str, bases: Mapping[str, str]) -> str:
    """Why a file cannot be a variant of `base`, "" if it can or is none; `bases` has that of each language there is."""
    if not base:
        return ""
    if tag == SOURCE or bases.get(tag) == "":
        return f"{BASE} says {base}, but {tag} is a language and no variant"
    if bases.get(base) == "":
        return ""
    return f"{BASE} says {base}, which is {'a variant itself' if base in bases else 'no language here'}"


def _problem(file: Path, line: int, key: str, text: str) -> Problem:
    return Problem(file, line, f"{key}: {text}" if key else text)


def _catalog(found: LanguageFile, below: Catalog | None) -> Catalog:
    """A file's texts that are shown, laid over another catalog of its language entry by entry."""
    texts = {key: forms for key, forms in found.texts.items() if key not in EXAMPLE_KEYS}
    if below is None:
        locale = Locale.parse(found.tag, sep="-")
        rule = found.rule or plurals.rule(plurals.header(locale), locale)
        name = found.name or ("" if found.base else tags.own_name(locale))
        return Catalog(found.tag, name, _rtl(found.tag), texts, rule, found.base)
    own = Catalog(found.tag, found.name, below.rtl, texts, found.rule or below.plural, found.base or below.base)
    return _over(own, below)


def _over(own: Catalog, below: Catalog) -> Catalog:
    """A catalog with what it lacks from another, whose plural forms it then has."""
    entries, ours, theirs = own.entries, own.plural, below.plural
    if isinstance(ours, plurals.PluralForms) and isinstance(theirs, plurals.PluralForms) and ours is not theirs:
        entries = {key: ours.like(theirs, forms) if len(forms) > 1 else forms for key, forms in entries.items()}
    return replace(own, name=own.name or below.name, entries={**below.entries, **entries}, plural=theirs)


def _rtl(tag: str) -> bool:
    """Whether the language is written from right to left: by its script, which costs less than the CLDR's own word."""
    return langcodes.Language.get(tag).maximize().script in _RTL_SCRIPTS
