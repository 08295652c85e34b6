"""Plural forms, by trial: what a card shows for each count from 0 to 200."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from babel import Locale

from bot.languages.plurals import PluralForms

_COUNTS = range(201)


def wrong(
    texts: tuple[str, ...], rule: PluralForms, locale: Locale, words: Mapping[str, re.Pattern[str]]
) -> Iterator[tuple[int, str]]:
    """The number of each form that shows the wrong word for some count, and what is wrong.

    `words`: the CLDR's category of a count -> what stands beside such a number.
    """
    seen: set[int] = set()
    for count in _COUNTS:
        form, category = rule(count), locale.plural_form(count)
        if form in seen or form >= len(texts) or category not in words:
            continue
        if not words[category].search(texts[form]):
            seen.add(form)
            yield form, f"for {count} this shows “{texts[form].replace('{count}', str(count))}”"
