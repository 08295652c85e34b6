"""`photosync locales sync`: what changed in the English comes into every language's own file, and nothing else does.

Entries that are new come into files that hold a language; a variant's, and one with a few other words of an
installation's, stay small. Above a variant's entry stands what its language says; where that has changed, the entry is
marked as after changed English.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping

from bot.commands.locales import notes, writing
from bot.commands.locales.folders import Folders
from bot.commands.locales.merge import SourceEntry, merge, revived
from bot.commands.locales.notes import of_base
from bot.errors import LocalesError
from bot.languages import plurals, po_reader, tags
from bot.languages.language_file import base_of
from bot.languages.po_document import Document, PoEntry
from dialogs.examples import EXAMPLE_KEYS
from dialogs.frozen import replace
from dialogs.translations import SOURCE, placeholders

# Poedit, Weblate and msgfmt watch over the placeholders of an entry with this flag.
_BRACES = "python-brace-format"
ALL = "all"


def sync(folders: Folders, reworded: Collection[str] = ()) -> int:
    """Bring the own files up to date; 1 if one of them cannot be read. Raises `LocalesError` if the English cannot.

    `reworded`: the keys whose English, or whose text in a variant's language, says the same in other words, or `ALL`;
    their translations are not marked fuzzy.
    """
    english = _english(folders.english)
    if unknown := [key for key in reworded if key not in (ALL, *english)]:
        raise LocalesError(f"the English has no entry {', '.join(unknown)}")
    same_meaning = english.keys() if ALL in reworded else frozenset(reworded)
    report, failed = "", False
    for tag, path in folders.own.items():
        found = po_reader.read(path)
        if found.faults:
            failed = True
            sys.stderr.write(f"photosync: {path} is left as it is: photosync locales check {tag} says why\n")
            continue
        before = found.lines
        again = po_reader.of_lines(path, revived(found, english), found.newline)
        here = {entry.key for entry in found.entries}
        found = found if again.faults else again  # what stands aside is never read: it may be anything
        base = base_of(found)
        whole = not base and (folders.below(tag) is None or _is_whole(found, english))
        over = _over(english, folders.texts(base)) if base not in ("", SOURCE) and base in folders.files else english
        back = {entry.key for entry in found.entries} - here
        merged = merge(found, tag, _forms(found, tag), over, whole=whole, reworded=same_meaning, back=back)
        if merged.lines != before:
            writing.put(path, merged.lines, found.newline)
            report += f"{path}: {merged}\n"
    sys.stdout.write(report or ("" if failed else "every file is up to date\n"))
    return 1 if failed else 0


def _over(english: Mapping[str, SourceEntry], base: Mapping[str, tuple[str, ...]]) -> Mapping[str, SourceEntry]:
    """The English as it stands above a variant's entries, with what its language says."""
    theirs = {key: of_base(base[key]) for key in english.keys() - EXAMPLE_KEYS if base.get(key)}
    return {
        key: replace(one, comments=(*one.comments, theirs[key])) if key in theirs else one
        for key, one in english.items()
    }


def _is_whole(found: Document, english: Mapping[str, SourceEntry]) -> bool:
    """Whether an installation's own file of a packaged language is to have every entry, or holds just some other words:
    it is laid over what is packaged entry by entry, and stays as small as it is."""
    here = {entry.key for entry in found.entries} & english.keys()
    return 2 * len(here) > len(english)


def _english(found: Document) -> Mapping[str, SourceEntry]:
    """What is shown counts: the English is edited in its msgstr, in Poedit too."""
    shown = {entry.key: entry.texts for entry in found.entries}
    return {entry.key: _entry(entry, shown) for entry in found.entries}


def _entry(entry: PoEntry, shown: Mapping[str, tuple[str, ...]]) -> SourceEntry:
    # What people type has only a hint as its English, and every language its own sentences.
    source = entry.source if entry.key in EXAMPLE_KEYS else tuple(form.text for form in entry.strings)
    flags = [flag for flag in entry.flags if flag not in ("fuzzy", _BRACES)]
    if entry.key not in EXAMPLE_KEYS and any(placeholders(text) for text in source):
        flags.append(_BRACES)
    comments = notes.written(entry.key, source, entry.comments["#."], shown)
    return SourceEntry(entry.key, source, comments, tuple(flags))


def _forms(found: Document, tag: str) -> int:
    """How many plural forms a file has; those of the CLDR where its header is of no use."""
    locale = tags.require(tag)
    try:
        return plurals.rule(found.fields.get("Plural-Forms", ""), locale).forms
    except plurals.WrongRule:
        return len(plurals.categories(locale))
