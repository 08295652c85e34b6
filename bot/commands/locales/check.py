"""`photosync locales check`: everything wrong with the languages' files, each with its line."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bot.commands.locales import glossary, header, msgfmt, typed
from bot.commands.locales.folders import Folders, by_key
from bot.commands.locales.glossary import Terms
from bot.commands.locales.issue import Issue, Language, Level, WrongFile
from bot.commands.locales.notes import base_line, of_base
from bot.commands.locales.reader import lists
from bot.commands.locales.reader.rules import NAMES, Reader
from bot.commands.locales.reader.text import Knowledge
from bot.commands.preview.needs import packaged_needs, shown
from bot.errors import LocalesError
from bot.languages import tags
from bot.languages.folder import meant
from bot.languages.language_file import BASE, Forms, LanguageFile
from dialogs.examples import EXAMPLE_KEYS
from dialogs.translations import SOURCE

_MOST_ENTRIES, _MOST_CARDS = 10, 3  # named in the report
_MARKS = '"„“”«»‹›「」『』‘’‚'  # quotation marks


def check(folders: Folders, tag: str = "") -> int:
    """Report one language, or all; 1 if anything is an error. Raises `LocalesError` for a language without a file."""
    files = folders.files
    chosen = [tags.of_file(tag) or tag] if tag else list(files)
    misnamed = [one for one in folders.problems if not tag or meant(one.path) == chosen[0]]
    if chosen[0] not in files and not misnamed:
        tags.require(chosen[0])
        raise LocalesError(f"there is no {chosen[0]}.po; photosync locales new {chosen[0]} begins one")
    terms, wrong = _terms(folders)
    found = [(error.path, _of_wrong(error)) for error in wrong]
    found += [(problem.path, Issue(problem.line, problem.text)) for problem in misnamed]
    advice = [one for one in folders.advice if one.path in map(files.get, chosen)]
    found += [(one.path, Issue(one.line, one.text, Level.WARNING)) for one in advice]
    each = bool(tag)  # of all languages together only their own files' sentences: those that ship take a second each
    cards, drafts = "", list[str]()
    for one in chosen:
        if one in files:
            file = folders.language(one)
            drafts += [one] if file.draft else []
            found += [(issue.path or files[one], issue) for issue in issues(folders, one, terms, file, each=each)]
            cards += _cards(folders, file, alone=bool(tag))
    found = list(dict.fromkeys(found))  # lists hold for several languages, English's for all of them
    sys.stdout.writelines(_report_line(path, issue) for path, issue in found)
    errors = sum(issue.level is Level.ERROR for _, issue in found)
    what = chosen[0] if tag else _languages(folders, chosen)
    counted = f"{_counted(errors, 'error')}, {_counted(len(found) - errors, 'warning')}"
    sys.stdout.write(f"{cards}{what}: {counted}{_drafts(drafts, alone=bool(tag))}\n")
    return 1 if errors else 0


def _drafts(drafts: Sequence[str], *, alone: bool) -> str:
    """Who gets what was checked, if it is not everybody."""
    if not drafts:
        return ""
    return "; a draft, for PHOTOSYNC_PILOT alone" if alone else f"; drafts: {', '.join(drafts)}"


def _terms(folders: Folders) -> tuple[Terms, list[WrongFile]]:
    """The glossaries' terms, without an installation's own where that cannot be used. Raises `WrongFile`."""
    try:
        return glossary.read(folders.glossaries), []
    except WrongFile as error:
        if error.path.parent == folders.packaged:
            raise
        return glossary.read(path for path in folders.glossaries if path != error.path), [error]


def _of_wrong(error: WrongFile) -> Issue:
    return Issue(error.line, f"{error.text}; nothing of this file is used", path=error.path)


def _languages(folders: Folders, chosen: Sequence[str]) -> str:
    variants = sum(bool(folders.base(tag)) for tag in chosen)
    languages = f"{len(chosen) - variants} languages"
    return f"{languages} and {_counted(variants, 'variant')}" if variants else languages


def issues(
    folders: Folders, tag: str, terms: Terms, file: LanguageFile | None = None, *, each: bool = False
) -> list[Issue]:
    """What there is to say about one language's file, by line. Errors are what the bot does not use, and sentences
    that are English still. `file`: if it was read; `each`: also what each example comes out as, which an own file's
    always do."""
    file = file or folders.language(tag)
    found = [Issue(fault.line, fault.text, key=fault.key) for fault in file.faults]
    beside: list[Issue] = []
    below = folders.below(tag)
    if not file.usable and _is_empty(file):
        again = "" if below else f" and begin again with photosync locales new {tag}"
        found = [Issue(1, f"{file.faults[0].text}; delete it{again}")]
    if file.usable:
        if problem := folders.wrong_base(tag):
            found.append(Issue(file.document.field_line(BASE), problem))
        read = _reader(folders, tag, terms, file)
        language, base = read.language, read.language.base
        lower = folders.texts(base) if base and not problem else {}
        found += [
            *_of_entries(language, lower),
            *_unfinished(language, file, below),
            *header.check(language),
        ]
        found += _same_as_base(language, lower)
        found += _earlier_titles(language, {**lower, **(below.texts if below else {})}, folders.texts(tag, file))
        found += read.issues()
        beside = [_of_wrong(one) for known in (read.knows.lists, read.knows.english) for one in known.problems]
        own = bool(folders.over) and folders.files[tag].parent == folders.over
        found += typed.check(language, own_file=own or bool(base), each=each or own)
    lines = {issue.line for issue in found}
    found += [issue for issue in msgfmt.check(file.document.path) if issue.line not in lines]
    return [*beside, *sorted(found, key=lambda one: (one.line, -one.level))]


def _is_empty(file: LanguageFile) -> bool:
    """Whether nothing stands in a file that could be read."""
    lines = file.document.lines
    return bool(lines) and not any(line.strip("\ufeff \t") for line in lines)


def reader(folders: Folders, tag: str, terms: Terms) -> Reader:
    """What reads one language's file, which the bot can use."""
    return _reader(folders, tag, terms, folders.language(tag))


def _reader(folders: Folders, tag: str, terms: Terms, file: LanguageFile) -> Reader:
    base = folders.base(tag)
    language = Language(tag, tags.require(tag), file.document, by_key(folders.english), file.texts.keys(), base)
    knows = Knowledge(
        tag,
        lists.read(folders.folders, tag, base, rules=NAMES),
        lists.read(folders.folders, SOURCE, rules=NAMES),
        {**terms.get(base, {}), **terms.get(tag, {})},
        folders.texts(tag, file),
        {key: entry.source for key, entry in language.english.items() if key not in EXAMPLE_KEYS},
    )
    return Reader(language, knows, file.rule)


def _cards(folders: Folders, file: LanguageFile, *, alone: bool) -> str:
    """What people see of a language; of one that is whole only if it was asked about."""
    tag = file.tag
    if not file.usable or folders.wrong_base(tag):
        return ""
    cards = shown(packaged_needs(), folders.texts(tag, file).keys())
    if not alone:
        return f"{tag}: {cards}\n" if cards.holding else ""
    least = f"{tag}: cards that lack least: {cards.next_cards(_MOST_CARDS)}\n" if cards.holding else ""
    return f"{tag}: {cards.summary(_MOST_ENTRIES)}\n{least}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def _report_line(path: Path, issue: Issue) -> str:
    here = Path.cwd()
    shown = path.absolute()
    name = shown.relative_to(here) if shown.is_relative_to(here) else path
    key = f"{issue.key}: " if issue.key else ""
    rule = f" [{issue.rule}]" if issue.rule else ""
    return f"{name}:{issue.line}: {issue.level.name.lower()}: {key}{issue.text}{rule}\n"


def _of_entries(language: Language, base: Forms) -> Iterator[Issue]:
    for entry in language.document.entries:
        english = language.english.get(entry.key)
        if entry.key and english is None:
            yield Issue(entry.line, "the English has no such entry; sync puts it aside", Level.WARNING, entry.key)
        elif english is not None and entry.source != english.source:
            text = "the English has changed since; sync marks it fuzzy"
            yield Issue(entry.id.line, text, Level.WARNING, entry.key)
        elif (stood := base_line(entry.comments["#."])) and stood != of_base(base.get(entry.key, ())):
            text = f"what {language.base} says has changed since; sync marks it fuzzy"
            yield Issue(entry.id.line, text, Level.WARNING, entry.key)


def _same_as_base(language: Language, base: Forms) -> Iterator[Issue]:
    """Entries that a variant need not have: what its language says, it says too, and follows when that changes."""
    for entry in language.document.entries:
        if language.shows(entry) and base.get(entry.key) == entry.texts:
            text = f"is what {language.base} says: take it out, and it follows {language.base}"
            yield Issue(entry.line, text, Level.WARNING, entry.key)


def _earlier_titles(language: Language, below: Forms, shown: Forms) -> Iterator[Issue]:
    """Buttons that have another title here than in what lies below, and sentences from there that still name it."""
    own = {entry.key for entry in language.document.entries if language.shows(entry)}
    for entry in language.document.entries:
        title = below.get(entry.key, ("",))[0]
        if entry.key not in own or "button." not in entry.key or not title or entry.texts == below[entry.key]:
            continue
        quoted = re.compile(rf"[{_MARKS}]\s?{re.escape(title)}\s?[{_MARKS}]")
        for key, forms in shown.items():
            if key not in own and any(quoted.search(form) for form in forms):
                text = f"{key} names this button “{title}”: say it there as here"
                yield Issue(entry.line, text, Level.WARNING, entry.key)


def _unfinished(language: Language, file: LanguageFile, below: LanguageFile | None) -> Iterator[Issue]:
    """What is not shown yet: reported once for each kind, or a new file would be all warnings."""
    entries = by_key(language.document)
    # Under an own file lies the packaged one, under a variant its language, which have what it leaves out.
    whole = below is None and not language.base
    missing = [key for key in language.english if key not in entries] if whole else []
    fuzzy = [entry for entry in file.unfinished if entry.fuzzy]
    empty = [entry for entry in file.unfinished if not entry.fuzzy]
    if missing:
        text = f"not here yet: {len(missing)} of {len(language.english)} entries; sync adds them"
        yield Issue(1, text, Level.WARNING, missing[0])
    for kind, found in (("fuzzy, to be looked at again", fuzzy), ("not translated", empty)):
        if found:
            text = f"{kind}: {len(found)} of {len(language.english)} entries; this is the first"
            yield Issue(found[0].line, text, Level.WARNING, found[0].key)
