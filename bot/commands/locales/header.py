"""Checks of a file's header: the language, its name, and how it tells counts apart."""

from __future__ import annotations

from collections.abc import Iterator

from bot.commands.locales.issue import Issue, Language, Level
from bot.languages import plurals, tags


def check(language: Language) -> Iterator[Issue]:
    """What is missing or is another language's."""
    fields, at = language.document.fields, language.document.field_line
    if "utf-8" not in fields.get("Content-Type", "").lower():
        yield Issue(at("Content-Type"), "the header has no “Content-Type: text/plain; charset=UTF-8”")
    if not fields.get("X-Language-Name", "").strip():
        name = tags.own_name(language.locale)
        yield Issue(at("X-Language-Name"), f"no X-Language-Name; people would see “{name}”", Level.WARNING)
    named = fields.get("Language", "").strip()
    if not tags.same_language(named, language.tag):
        text = f"Language says “{named}”; the file's name says {language.tag}"
        yield Issue(at("Language"), text, Level.WARNING)
    yield from _plurals(language)


def _plurals(language: Language) -> Iterator[Issue]:
    document = language.document
    try:
        wanted = plurals.forms(document.fields.get("Plural-Forms", ""), language.locale)
    except plurals.WrongRule as error:
        yield Issue(document.field_line("Plural-Forms"), f"Plural-Forms {error}")
        return
    for entry in document.entries:
        if entry.plural and len(entry.strings) != wanted:
            text = f"plural forms here: {len(entry.strings)}; of this language: {wanted}"
            yield Issue(entry.strings[0].line, text, key=entry.key)
