"""`photosync locales new TAG`: a file ready to be translated."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from babel import Locale

from bot.commands.locales import writing
from bot.commands.locales.folders import Folders
from bot.commands.locales.writing import field_lines, flag_lines, string_names
from bot.errors import LocalesError
from bot.languages import plurals, tags
from bot.languages.language_file import DRAFT, English
from bot.languages.po_document import PoEntry


def create(folders: Folders, wanted: str, *, near: str = "", draft: bool = False) -> int:
    """Write the file and say what to do with it. `near`: a language there is, whose texts it begins with, each to be
    looked at; `draft`: it is for the pilot. Raises `LocalesError` for an unknown tag or one that is there."""
    tags.require(wanted)
    tag = tags.of_file(wanted)
    locale = tags.require(tag)
    target = folders.target
    there = folders.files.get(tag)
    if there is not None and there.parent == target:
        raise LocalesError(f"{there} is there already; photosync locales sync brings it up to date")
    if there is not None:
        raise LocalesError(
            f"{tag} is packaged already; to change its words copy {there} to {target} and edit the copy;"
            " it need not have every entry"
        )
    path = target / f"{tag}.po"
    entries = folders.english.entries
    begun = _texts_of(folders, near)
    writing.put(path, _lines(tag, locale, entries, begun, datetime.now(UTC), draft=draft))
    here = sum(entry.key in begun for entry in entries)
    lines = [f"{path}: {len(entries)} entries to translate into {locale.get_display_name('en')}"]
    if begun:
        lines.append(f"{here} of them have a text to begin with, fuzzy: people get it once you have looked at it")
    if draft:
        lines.append(f"It is a draft: only PHOTOSYNC_PILOT gets it, until the line {DRAFT} is gone from its header")
    lines.append(f"Open it in Poedit or a text editor; then run: photosync locales check {tag}")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _texts_of(folders: Folders, near: str) -> English:
    """What a language shows, nothing of none. Raises `LocalesError` where there is no such language."""
    if not near:
        return {}
    tag = tags.of_file(near) or tags.called(near)
    if tag not in folders.files:
        raise LocalesError(f"{near} is no language there is: {', '.join(folders.files)}")
    below = folders.below(tag)
    return {**(below.texts if below else {}), **folders.language(tag).texts}


def _lines(
    tag: str, locale: Locale, entries: tuple[PoEntry, ...], begun: English, now: datetime, *, draft: bool
) -> Iterator[str]:
    english = locale.get_display_name("en")
    yield f"# Photosync: every sentence a person reads, in {english}."
    yield "# Each entry's msgctxt is its key; msgid is the English source."
    yield 'msgid ""'
    yield 'msgstr ""'
    plural = plurals.header(locale)
    fields = {
        "Project-Id-Version": "Photosync",
        "Language": tags.header_name(tag),
        "Language-Team": english,
        "Last-Translator": "",
        "PO-Revision-Date": f"{now:%Y-%m-%d %H:%M}+0000",
        "X-Language-Name": tags.own_name(locale),
        **({DRAFT: "yes"} if draft else {}),
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": plural,
        "X-Generator": "Photosync",
    }
    for name, value in fields.items():
        yield f'"{name}: {value}\\n"'
    yield ""
    forms = plurals.rule(plural, locale).forms
    for entry in entries:
        texts = begun.get(entry.key, ("",))
        flags = ("fuzzy", *entry.flags) if entry.key in begun else entry.flags
        comments = {"#.": entry.comments["#."], "#,": flag_lines(flags)}
        names = string_names(forms, plural=entry.plural is not None)
        filled = zip(names, (*texts, *texts[-1:] * forms), strict=False)
        strings = [line for name, text in filled for line in field_lines(name, text)]
        yield from writing.entry_lines(comments, entry.key, entry.source, strings, wrap=False)
        yield ""
