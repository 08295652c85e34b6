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
from bot.languages.po_document import PoEntry


def create(folders: Folders, tag: str) -> int:
    """Write the file and say what to do with it. Raises `LocalesError` for an unknown tag or one that is there."""
    locale = tags.require(tag)
    tag = tags.standard(tag)
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
    writing.put(path, _lines(tag, locale, entries, datetime.now(UTC)))
    sys.stdout.write(
        f"{path}: {len(entries)} entries to translate into {locale.get_display_name('en')}\n"
        f"Open it in Poedit or a text editor; then run: photosync locales check {tag}\n"
    )
    return 0


def _lines(tag: str, locale: Locale, entries: tuple[PoEntry, ...], now: datetime) -> Iterator[str]:
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
        comments = {"#.": entry.comments["#."], "#,": flag_lines(entry.flags)}
        names = string_names(forms, plural=entry.plural is not None)
        strings = [line for name in names for line in field_lines(name, "")]
        yield from writing.entry_lines(comments, entry.key, entry.source, strings, wrap=False)
        yield ""
