"""PO files -> catalogs. One language is one file; what is wrong in it is dropped for English, and reported."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import langcodes
from babel import Locale, UnknownLocaleError
from rapidfuzz.distance import OSA

from bot.languages import names, plurals, po_reader
from bot.languages.po_document import PoEntry
from dialogs.keywords import WORD_KEYS, Keywords, keywords_of
from dialogs.translations import SOURCE, Catalog, Translations, placeholders

log = logging.getLogger(__name__)

# Beyond this a "nearest" language is one the person may not read at all (docs/facts.md).
_FARTHEST = 10
_FUZZY, _EMPTY = "is marked fuzzy", "is not translated"
_UNFINISHED = (_FUZZY, _EMPTY)  # a translator's work in progress: counted, not listed
_RTL_SCRIPTS = frozenset({"Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm", "Rohg", "Mand", "Samr"})
_LONGEST_TAG = 35  # RFC 5646 recommends room for this many letters


class CatalogError(Exception):
    """A file that is not a catalog at all; says which and why."""


@dataclass(frozen=True)
class Languages:
    """Everything loaded, and how to choose among it."""

    wording: Translations
    vocabulary: Keywords
    problems: tuple[str, ...] = ()  # files that are not used, each with line and reason

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
    except ValueError:
        return ""
    return found if found in tags else ""


def load(packaged: Path, over: Path | None = None, last: Languages | None = None) -> Languages:
    """All packaged languages, and an installation's own files laid over them.

    A file that is no catalog is not used: the language stays as it was `last`, or as it is packaged, or is left out,
    and `problems` names it. Raises `CatalogError` if there is no English at all.
    """
    known = last.wording.catalogs if last is not None else {}
    catalogs: dict[str, Catalog] = {}
    problems: list[str] = []
    for folder in filter(None, (packaged, over)):
        files = {path.stem.replace("_", "-"): path for path in sorted(folder.glob("*.po"))}
        for tag in sorted(files, key=lambda one: (one != SOURCE, one)):
            try:
                catalogs[tag] = read(files[tag], tag, catalogs.get(SOURCE) if tag != SOURCE else None)
            except CatalogError as error:
                log.error("language file not used: %s", error)
                problems.append(str(error))
                if tag in known:
                    catalogs[tag] = known[tag]
    if SOURCE not in catalogs:
        raise CatalogError(f"there is no {SOURCE}.po in {packaged}")
    words = keywords_of(catalogs.values(), _names(catalogs), _near)
    return Languages(Translations(catalogs), words, tuple(problems))


def read(path: Path, tag: str, english: Catalog | None) -> Catalog:
    """One file. Entries that are fuzzy, empty, or whose placeholders differ from the English are dropped and logged."""
    try:
        locale = Locale.parse(tag, sep="-")
    except (ValueError, UnknownLocaleError):
        raise CatalogError(f"{path.name}: {tag} is not a language tag") from None
    try:
        document = po_reader.read(path)
        count, plural = plurals.read(document.fields.get("Plural-Forms", ""))
    except (OSError, plurals.WrongRule) as error:
        raise CatalogError(f"{path.name}: {error}") from None
    if document.faults:
        raise CatalogError(f"{path.name}:{document.faults[0].line}: {document.faults[0].text}")
    entries, unfinished = {}, 0
    for entry in document.entries:
        problem = _problem(entry, count, english) if entry.key else ""
        if problem in _UNFINISHED:
            unfinished += 1
        elif problem:
            log.warning("%s:%d: %s %s; English is used", path.name, entry.line, entry.key, problem)
        elif entry.key:
            entries[entry.key] = entry.texts
    if unfinished:
        log.warning("%s: %d texts are fuzzy or not translated; English is used", path.name, unfinished)
    name = document.fields.get("X-Language-Name", "").strip() or locale.get_display_name() or tag
    return Catalog(tag, name, _rtl(tag), entries, plural)


def _rtl(tag: str) -> bool:
    """Whether the language is written from right to left: by its script, which costs less than the CLDR's own word."""
    return langcodes.Language.get(tag).maximize().script in _RTL_SCRIPTS


def _problem(entry: PoEntry, plurals: int, english: Catalog | None) -> str:
    if entry.fuzzy:
        return _FUZZY
    if not all(entry.texts):
        return _EMPTY
    if entry.plural and len(entry.texts) != plurals:
        return f"has {len(entry.texts)} plural forms in place of {plurals}"
    if entry.key in WORD_KEYS:
        return ""
    return _brace_problem(entry.texts, entry.texts if english is None else english.entries.get(entry.key, ()))


def _brace_problem(forms: tuple[str, ...], english: tuple[str, ...]) -> str:
    try:
        used = [placeholders(form) for form in forms]
    except ValueError as error:
        return f"has bad braces ({error})"
    wanted = frozenset[str]().union(*(placeholders(form) for form in english))
    # A plural form may leave the number out ("one step"), nothing else.
    if any(names - wanted or (wanted - names) - {"count"} for names in used):
        return "has other placeholders than the English"
    return ""


def _near(one: str, other: str, errors: int) -> bool:
    return OSA.distance(one, other, score_cutoff=errors) <= errors


def _names(catalogs: Mapping[str, Catalog]) -> dict[str, str]:
    """Names people may write for each language; what its own file calls it comes first."""
    return {**names.names(catalogs), **{one.name: tag for tag, one in catalogs.items()}}
