"""`photosync locales check`: everything wrong with the languages' files, each with its line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bot.commands.locales import glossary, header, msgfmt, texts, typed_words
from bot.commands.locales.folders import Folders, by_key, document
from bot.commands.locales.glossary import Terms
from bot.commands.locales.issue import Form, Issue, Language, Level
from bot.errors import LocalesError
from bot.languages import tags
from bot.languages.po_document import PoEntry
from dialogs.keywords import WORD_KEYS


def check(folders: Folders, tag: str = "") -> int:
    """Report one language, or all; 1 if anything is an error. Raises `LocalesError` for a language without a file."""
    files = folders.files
    chosen = [tag.replace("_", "-")] if tag else list(files)
    if chosen[0] not in files:
        tags.require(chosen[0])
        raise LocalesError(f"there is no {chosen[0]}.po; photosync locales new {chosen[0]} begins one")
    terms = glossary.read(folders.glossaries)
    counts = {Level.ERROR: 0, Level.WARNING: 0}
    for one in chosen:
        for issue in issues(folders, one, terms):
            counts[issue.level] += 1
            sys.stdout.write(_report_line(files[one], issue))
    errors, warnings = counts[Level.ERROR], counts[Level.WARNING]
    what = chosen[0] if tag else f"{len(chosen)} languages"
    sys.stdout.write(f"{what}: {_counted(errors, 'error')}, {_counted(warnings, 'warning')}\n")
    return 1 if errors else 0


def issues(folders: Folders, tag: str, terms: Terms) -> list[Issue]:
    """What there is to say about one language's file, by line; a file with faults of syntax is read no further."""
    path = folders.files[tag]
    found = document(path)
    locale = tags.known(tag)
    if locale is None:
        return [Issue(1, f"{tag} is no language that the CLDR knows: the file's name has to be a language tag")]
    faults = [Issue(fault.line, fault.text) for fault in found.faults]
    if not faults:
        language = Language(tag, locale, found, by_key(folders.english))
        faults = [*_of_entries(language), *header.check(language), *typed_words.check(language)]
        faults += glossary.check(language, terms)
    lines = {one.line for one in faults if one.level is Level.ERROR}
    faults += [one for one in msgfmt.check(path) if one.line not in lines]
    return sorted(faults, key=lambda one: (one.line, -one.level))


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def _report_line(path: Path, issue: Issue) -> str:
    here = Path.cwd()
    shown = path.resolve()
    name = shown.relative_to(here) if shown.is_relative_to(here) else path
    key = f"{issue.key}: " if issue.key else ""
    return f"{name}:{issue.line}: {issue.level.name.lower()}: {key}{issue.text}\n"


def _of_entries(language: Language) -> Iterator[Issue]:
    seen: dict[str, int] = {}
    for entry in language.document.entries:
        first = seen.setdefault(entry.key, entry.line)
        english = language.english.get(entry.key)
        if not entry.key:
            yield Issue(entry.line, "no msgctxt: without its key nothing shows this entry")
        elif first != entry.line:
            yield Issue(entry.line, f"the key stands in line {first} already", key=entry.key)
        elif english is None:
            yield Issue(entry.line, "the English has no such entry; sync puts it aside", Level.WARNING, entry.key)
        elif bool(entry.plural) != bool(english.plural):
            yield Issue(entry.line, "plural forms on one side only; sync mends it", key=entry.key)
        else:
            yield from (replace(one, key=entry.key) for one in _of_entry(language, entry, english))
    yield from _unfinished(language)


def _of_entry(language: Language, entry: PoEntry, english: PoEntry) -> Iterator[Issue]:
    if entry.source != english.source:
        yield Issue(entry.id.line, "the English has changed since; sync marks it fuzzy", Level.WARNING)
    if not entry.whole:
        return
    checks = texts.ALWAYS if entry.key in WORD_KEYS else (*texts.ALWAYS, *texts.SENTENCES)
    for at in range(len(entry.strings)):
        for check_text in checks:
            yield from check_text(Form(entry, at, english.source), language)


def _unfinished(language: Language) -> Iterator[Issue]:
    """What the bot shows in English meanwhile: reported once for each kind, or a new file would be all warnings."""
    entries = by_key(language.document)
    missing = [key for key in language.english if key not in entries]
    fuzzy = [entry for entry in entries.values() if entry.fuzzy]
    empty = [entry for entry in entries.values() if not entry.fuzzy and not entry.whole]
    if missing:
        text = f"not here yet: {len(missing)} of {len(language.english)} entries; sync adds them"
        yield Issue(1, text, Level.WARNING, missing[0])
    for kind, found in (("fuzzy, to be looked at again", fuzzy), ("not translated", empty)):
        if found:
            first = min(found, key=lambda entry: entry.line)
            text = f"{kind}: {len(found)} of {len(language.english)} entries; this is the first"
            yield Issue(first.line, text, Level.WARNING, first.key)
