"""What is doubtful in a file's header: the language, its name, the encoding it does not say."""

from __future__ import annotations

from collections.abc import Iterator

from bot.commands.locales.issue import Issue, Language, Level
from bot.languages import tags


def check(language: Language) -> Iterator[Issue]:
    """What is missing, or is another language's."""
    fields, at = language.document.fields, language.document.field_line
    if "charset" not in fields.get("Content-Type", "").lower():
        text = "the header has no “Content-Type: text/plain; charset=UTF-8”"
        yield Issue(at("Content-Type"), text, Level.WARNING)
    if not fields.get("X-Language-Name", "").strip() and not language.base:
        name = tags.own_name(language.locale)
        yield Issue(at("X-Language-Name"), f"no X-Language-Name; people would see “{name}”", Level.WARNING)
    named = fields.get("Language", "").strip()
    if not tags.same_language(named, language.tag):
        text = f"Language says “{named}”; the file's name says {language.tag}"
        yield Issue(at("Language"), text, Level.WARNING)
