"""What is doubtful in a file's header: the language, its name, the encoding it does not say, fields that are none."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from bot.commands.locales.issue import Issue, Language, Level
from bot.languages import tags
from bot.languages.language_file import BASE, DRAFT

_OURS = {name.casefold(): name for name in (BASE, DRAFT)}
_PREFIX = "x-photosync-"


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
    for name in fields:
        if name.casefold().startswith(_PREFIX) and name not in _OURS.values():
            nearest = _OURS[difflib.get_close_matches(name.casefold(), _OURS, 1, 0)[0]]
            yield Issue(at(name), f"{name} is no field of Photosync's; the nearest is {nearest}", Level.WARNING)
