"""What is English still in a translated text. What cannot be shown is found by `bot.languages.rules`."""

from __future__ import annotations

from collections.abc import Iterator

from bot.commands.locales.issue import Issue, Language, Level
from bot.languages.po_document import PoEntry

# Names of products are the same in every language.
_SAME_EVERYWHERE = {
    "app.name", "photo.microsoft365.caption", "photo.sharepoint.caption",
    *(f"still_old.where.button.{app}" for app in ("teams", "outlook", "windows")),
}  # fmt: skip


def check(entry: PoEntry, english: tuple[str, ...], language: Language) -> Iterator[Issue]:
    """Texts left in English, which the bot shows as they are."""
    for form in entry.strings:
        if form.text in english and not language.is_english and entry.key not in _SAME_EVERYWHERE:
            # One word can be the same in two languages ("Menu"); a sentence cannot.
            level = Level.ERROR if " " in form.text else Level.WARNING
            yield Issue(form.line, "is the English: not translated", level)
