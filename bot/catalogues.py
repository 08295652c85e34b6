"""PO files -> catalogues. One language is one file; what is wrong in it is dropped for English, and told."""

from __future__ import annotations

import gettext
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import langcodes
from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import PoFileError, read_po
from rapidfuzz.distance import OSA

from dialogs.matching import WORD_KEYS, Vocabulary, vocabulary
from dialogs.wording import SOURCE, Catalogue, Wording, placeholders

log = logging.getLogger(__name__)

# Beyond this a "nearest" language is one the person may not read at all (FACTS section 5).
_FARTHEST = 10
_FUZZY, _EMPTY = "is marked fuzzy", "is not translated"
_UNFINISHED = (_FUZZY, _EMPTY)  # a translator's work in progress: counted, not listed
_LONGEST_TAG = 35  # RFC 5646 recommends room for this many letters


class CatalogueError(Exception):
    """A file that is not a catalogue at all; says which and why."""


@dataclass(frozen=True)
class Languages:
    """Everything loaded, and how to choose among it."""

    wording: Wording
    vocabulary: Vocabulary

    @property
    def tags(self) -> tuple[str, ...]:
        """All languages, English first, then by their own names."""
        others = sorted(self.wording.catalogues.values(), key=lambda one: (one.tag != SOURCE, one.name.casefold()))
        return tuple(one.tag for one in others)

    def negotiate(self, locale: str) -> str:
        """The loaded language nearest to a BCP 47 tag from outside; English for anything else."""
        return self.nearest(locale) or SOURCE

    def nearest(self, locale: str) -> str:
        """The loaded language nearest to a BCP 47 tag, or "" where none is near: also for a tag of an earlier day."""
        return locale if locale in self.wording.catalogues else _nearest(locale, self.tags)


@lru_cache(maxsize=4096)
def _nearest(locale: str, tags: tuple[str, ...]) -> str:
    if not locale or len(locale) > _LONGEST_TAG:
        return ""
    try:
        found, _ = langcodes.closest_match(locale, tags, max_distance=_FARTHEST)
    except ValueError:
        return ""
    return found if found in tags else ""


def load(*folders: Path) -> Languages:
    """All languages of the folders; a later folder's file takes the place of an earlier one's.

    Raises `CatalogueError` if English is missing or no catalogue; any other language that is none is left out.
    """
    files = {path.stem.replace("_", "-"): path for folder in folders for path in sorted(folder.glob("*.po"))}
    if SOURCE not in files:
        raise CatalogueError(f"there is no {SOURCE}.po in {', '.join(str(folder) for folder in folders)}")
    english = read(files.pop(SOURCE), SOURCE, None)
    catalogues = {SOURCE: english}
    for tag, path in sorted(files.items()):
        try:
            catalogues[tag] = read(path, tag, english)
        except CatalogueError as error:
            log.error("language left out: %s", error)
    return Languages(Wording(catalogues), vocabulary(catalogues.values(), _language_names(catalogues), _near))


def read(path: Path, tag: str, english: Catalogue | None) -> Catalogue:
    """One file. Entries that are fuzzy, empty, or whose placeholders differ from the English are dropped and logged."""
    try:
        locale = Locale.parse(tag, sep="-")
    except (ValueError, UnknownLocaleError):
        raise CatalogueError(f"{path.name}: {tag} is not a language tag") from None
    try:
        with path.open("rb") as file:
            po = read_po(file, locale=locale, abort_invalid=True)
        plural = gettext.c2py(po.plural_expr)
    except (OSError, UnicodeDecodeError, PoFileError, ValueError) as error:
        raise CatalogueError(f"{path.name}: {error}") from None
    entries, unfinished = {}, 0
    for key, forms, problem in _entries(po, english):
        if problem in _UNFINISHED:
            unfinished += 1
        elif problem:
            log.warning("%s: %s %s; English is used", path.name, key, problem)
        else:
            entries[key] = forms
    if unfinished:
        log.warning("%s: %d texts are fuzzy or not translated; English is used", path.name, unfinished)
    name = dict(po.mime_headers).get("X-Language-Name") or locale.get_display_name() or tag
    return Catalogue(tag, name, locale.text_direction == "rtl", entries, plural)


def _entries(po: Catalog, english: Catalogue | None) -> Iterator[tuple[str, tuple[str, ...], str]]:
    for message in po:
        if not message.id or not message.context:
            continue
        forms = tuple(message.string) if isinstance(message.string, tuple | list) else (message.string or "",)
        yield message.context, forms, _problem(message, forms, po.num_plurals, english)


def _problem(message: Message, forms: tuple[str, ...], plurals: int, english: Catalogue | None) -> str:
    if message.fuzzy:
        return _FUZZY
    if not all(forms):
        return _EMPTY
    if isinstance(message.id, tuple | list) and len(forms) != plurals:
        return f"has {len(forms)} plural forms in place of {plurals}"
    if str(message.context) in WORD_KEYS:
        return ""
    return _brace_problem(forms, forms if english is None else english.entries.get(str(message.context), ()))


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


def _language_names(catalogues: Mapping[str, Catalogue]) -> dict[str, str]:
    """Names people may write for each language: its own, and what every loaded language calls it."""
    locales = {tag: Locale.parse(tag, sep="-") for tag in catalogues}
    names: dict[str, str] = {}
    for tag, locale in locales.items():
        names[catalogues[tag].name] = tag
        for other in locales.values():
            for name in (locale.get_language_name(other), locale.get_display_name(other), _wider_name(locale, other)):
                if name:
                    names.setdefault(name, tag)
    return names


def _wider_name(locale: Locale, other: Locale) -> str:
    """What people call a language that is part of a wider one: Norwegian, not Bokmål."""
    wider = langcodes.Language.get(locale.language).prefer_macrolanguage().language or ""
    return str(other.languages.get(wider, "")) if wider != locale.language else ""
