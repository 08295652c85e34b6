"""`photosync locales check`: everything wrong with the languages' files, each with its line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from bot.commands.locales import glossary, header, msgfmt, typed
from bot.commands.locales.folders import Folders, by_key
from bot.commands.locales.glossary import Terms
from bot.commands.locales.issue import Issue, Language, Level
from bot.commands.locales.reader import lists
from bot.commands.locales.reader.rules import Reader
from bot.commands.locales.reader.text import Knowledge
from bot.errors import LocalesError
from bot.languages import tags
from bot.languages.language_file import LanguageFile
from dialogs.examples import EXAMPLE_KEYS
from dialogs.translations import SOURCE


def check(folders: Folders, tag: str = "") -> int:
    """Report one language, or all; 1 if anything is an error. Raises `LocalesError` for a language without a file."""
    files = folders.files
    chosen = [tags.of_file(tag) or tag] if tag else list(files)
    misnamed = [one for one in folders.problems if not tag or _meant(one.path) == chosen[0]]
    if chosen[0] not in files and not misnamed:
        tags.require(chosen[0])
        raise LocalesError(f"there is no {chosen[0]}.po; photosync locales new {chosen[0]} begins one")
    terms = glossary.read(folders.glossaries)
    found = [(problem.path, Issue(problem.line, problem.text)) for problem in misnamed]
    each = bool(tag)  # of all languages together only their own files' sentences: those that ship take a second each
    found += [(files[one], issue) for one in chosen if one in files for issue in issues(folders, one, terms, each=each)]
    sys.stdout.writelines(_report_line(path, issue) for path, issue in found)
    errors = sum(issue.level is Level.ERROR for _, issue in found)
    what = chosen[0] if tag else f"{len(chosen)} languages"
    sys.stdout.write(f"{what}: {_counted(errors, 'error')}, {_counted(len(found) - errors, 'warning')}\n")
    return 1 if errors else 0


def issues(folders: Folders, tag: str, terms: Terms, *, each: bool = False) -> list[Issue]:
    """What there is to say about one language's file, by line. Errors are what the bot does not use, and sentences
    that are English still. `each`: also what each example comes out as, which an own file's always do."""
    file = folders.language(tag)
    found = [Issue(fault.line, fault.text, key=fault.key) for fault in file.faults]
    if file.usable:
        language, below = _language(folders, tag, file), folders.below(tag)
        found += [*_of_entries(language), *_unfinished(language, file, below), *header.check(language)]
        found += _reader(folders, language, file, below, terms).issues()
        own = bool(folders.over) and folders.files[tag].parent == folders.over
        found += typed.check(language, own_file=own, each=each or own)
    lines = {issue.line for issue in found}
    found += [issue for issue in msgfmt.check(file.document.path) if issue.line not in lines]
    return sorted(found, key=lambda one: (one.line, -one.level))


def reader(folders: Folders, tag: str, terms: Terms) -> Reader:
    """What reads one language's file, which the bot can use."""
    file = folders.language(tag)
    return _reader(folders, _language(folders, tag, file), file, folders.below(tag), terms)


def _language(folders: Folders, tag: str, file: LanguageFile) -> Language:
    return Language(tag, tags.require(tag), file.document, by_key(folders.english), file.texts.keys())


def _reader(
    folders: Folders, language: Language, file: LanguageFile, below: LanguageFile | None, terms: Terms
) -> Reader:
    knows = Knowledge(
        language.tag,
        lists.read(folders.places, language.tag),
        lists.read(folders.places, SOURCE),
        terms.get(language.tag, {}),
        {**(below.texts if below else {}), **file.texts},  # an own file lies over the packaged one
        {key: entry.source for key, entry in language.english.items() if key not in EXAMPLE_KEYS},
    )
    return Reader(language, knows, file.rule)


def _meant(path: Path) -> str:
    """The language of a file that is not read because of its name: `ca.po.txt`."""
    return tags.of_file(path.name.partition(".")[0])


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def _report_line(path: Path, issue: Issue) -> str:
    here = Path.cwd()
    shown = path.absolute()
    name = shown.relative_to(here) if shown.is_relative_to(here) else path
    key = f"{issue.key}: " if issue.key else ""
    rule = f" [{issue.rule}]" if issue.rule else ""
    return f"{name}:{issue.line}: {issue.level.name.lower()}: {key}{issue.text}{rule}\n"


def _of_entries(language: Language) -> Iterator[Issue]:
    for entry in language.document.entries:
        english = language.english.get(entry.key)
        if entry.key and english is None:
            yield Issue(entry.line, "the English has no such entry; sync puts it aside", Level.WARNING, entry.key)
        elif english is not None and entry.source != english.source:
            text = "the English has changed since; sync marks it fuzzy"
            yield Issue(entry.id.line, text, Level.WARNING, entry.key)


def _unfinished(language: Language, file: LanguageFile, below: LanguageFile | None) -> Iterator[Issue]:
    """What is not shown yet: reported once for each kind, or a new file would be all warnings."""
    entries = by_key(language.document)
    # Under an own file lies the packaged one, which has what it leaves out.
    missing = [key for key in language.english if key not in entries] if below is None else []
    fuzzy = [entry for entry in file.unfinished if entry.fuzzy]
    empty = [entry for entry in file.unfinished if not entry.fuzzy]
    if missing:
        text = f"not here yet: {len(missing)} of {len(language.english)} entries; sync adds them"
        yield Issue(1, text, Level.WARNING, missing[0])
    for kind, found in (("fuzzy, to be looked at again", fuzzy), ("not translated", empty)):
        if found:
            text = f"{kind}: {len(found)} of {len(language.english)} entries; this is the first"
            yield Issue(found[0].line, text, Level.WARNING, found[0].key)
