"""`photosync locales new TAG`: a file ready to be translated."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from babel import Locale

from bot.commands.locales import writing
from bot.commands.locales.folders import Folders
from bot.commands.locales.writing import field_lines, flag_lines, string_names
from bot.errors import LocalesError
from bot.languages import plurals, tags
from bot.languages.language_file import BASE, DRAFT, Forms
from bot.languages.po_document import PoEntry


def create(folders: Folders, wanted: str, *, near: str = "", base: str = "", draft: bool = False) -> int:
    """Write the file and say what to do with it. `near`: a language there is, whose texts it begins with, each to be
    looked at; `base`: a language there is, of which it is a variant; `draft`: it is for the pilot.

    Raises `LocalesError` for an unknown language or one that is there.
    """
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
    named, marked = locale.get_display_name("en"), {DRAFT: "yes"} if draft else {}
    if base:
        base = _there(folders, base)
        lines = list(_header(tag, locale, {BASE: base, **marked}))
        report = [f"{path}: {named} as a variant of {base}: copy into it the entries of {base}.po that differ"]
    else:
        entries = folders.english.entries
        begun = folders.texts(_there(folders, near)) if near else {}
        header = _header(tag, locale, {"X-Language-Name": tags.own_name(locale), **marked})
        lines = [*header, *_entries(locale, entries, begun)]
        report = [f"{path}: {len(entries)} entries to translate into {named}"]
        if begun:
            here = sum(entry.key in begun for entry in entries)
            report.append(f"{here} of them have a text to begin with, fuzzy: people get it once you have looked at it")
    writing.put(path, lines)
    if draft:
        report.append(f"It is a draft: only PHOTOSYNC_PILOT gets it, until the line {DRAFT} is gone from its header")
    report.append(f"Open it in Poedit or a text editor; then run: photosync locales check {tag}")
    sys.stdout.write("\n".join(report) + "\n")
    return 0


def _there(folders: Folders, wanted: str) -> str:
    """The tag of a language there is, by its tag or what it is called. Raises `LocalesError` where there is none."""
    tag = tags.of_file(wanted) or tags.called(wanted)
    if tag not in folders.files:
        raise LocalesError(f"{wanted} is no language there is: {', '.join(folders.files)}")
    return tag


def _header(tag: str, locale: Locale, own: Mapping[str, str]) -> Iterator[str]:
    english = locale.get_display_name("en")
    what = f"only what differs from {own[BASE]}" if BASE in own else "every sentence a person reads"
    yield f"# Photosync: {what}, in {english}."
    yield "# Each entry's msgctxt is its key; msgid is the English source."
    yield 'msgid ""'
    yield 'msgstr ""'
    fields = {
        "Project-Id-Version": "Photosync",
        "Language": tags.header_name(tag),
        "Language-Team": english,
        "Last-Translator": "",
        "PO-Revision-Date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}+0000",
        **own,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": plurals.header(locale),
        "X-Generator": "Photosync",
    }
    for name, value in fields.items():
        yield f'"{name}: {value}\\n"'
    yield ""


def _entries(locale: Locale, entries: tuple[PoEntry, ...], begun: Forms) -> Iterator[str]:
    forms = plurals.rule(plurals.header(locale), locale).forms
    for entry in entries:
        texts = begun.get(entry.key, ("",))
        flags = ("fuzzy", *entry.flags) if entry.key in begun else entry.flags
        comments = {"#.": entry.comments["#."], "#,": flag_lines(flags)}
        names = string_names(forms, plural=entry.plural is not None)
        filled = zip(names, (*texts, *texts[-1:] * forms), strict=False)
        strings = [line for name, text in filled for line in field_lines(name, text)]
        yield from writing.entry_lines(comments, entry.key, entry.source, strings, wrap=False)
        yield ""
