"""How long a text is: beside its English, and as the title of a button."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from bot.commands.locales.reader.text import BUTTON, PLACEHOLDER, EntryForm

TITLE = 25  # characters that Teams shows of a button's title on a phone without cutting it
_RATIO = 2.2
_SHORT = 20  # characters of an English text below which a ratio says nothing


def title(one: EntryForm) -> Iterator[str]:
    """A title that has no room on a phone."""
    if not BUTTON.fullmatch(one.key):
        return
    # Vowel signs and accents stand over, under or within their letter.
    seen = sum(unicodedata.category(sign) != "Mn" for sign in one.text)
    if seen > TITLE:
        yield f"{seen} characters; a phone shows {TITLE} of a title"


def length(one: EntryForm) -> Iterator[str]:
    """A text that is much longer than the English."""
    ours, english = (len(PLACEHOLDER.sub("", text)) for text in (one.text, one.english))
    if english >= _SHORT and ours > _RATIO * english:
        yield f"{ours / english:.1f} times as long as the English"
