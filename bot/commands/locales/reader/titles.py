"""Buttons that a sentence names have to be there, by that name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from bot.commands.locales.reader.text import ADDRESS, PLACEHOLDER, EntryForm

_CHOOSE = r"(?:[Cc]hoose|[Ss]elect|[Pp]ress|[Tt]ap) (?:the )?"

_MAY_MENTION = re.compile(rf"{_CHOOSE}|[“\"*]")


def named(one: EntryForm) -> Iterator[str]:
    """A button of ours that the English names, and the translation does not, or without quotes."""
    if one.knows.is_source or not _MAY_MENTION.search(one.english):
        return
    english = one.english.lower()
    for title, keys in one.knows.buttons.items():
        if title.lower() not in english or not _mentioned(title).search(one.english):
            continue
        titles = {text for key in keys for text in one.knows.texts.get(key, ())}
        spans = {span.casefold() for span in quoted(one.text, one.knows.lists.quotes)}
        if titles and not any(each.casefold() in spans for each in titles):
            shown = " or ".join(f"“{each}”" for each in sorted(titles))
            yield f"the button “{title}” is called {shown} here, and stands in quotes"


def unknown(one: EntryForm) -> Iterator[str]:
    """A name in quotes that is no title of ours, no product, and on no list of what screens show."""
    if one.knows.is_source:
        return
    for span in quoted(one.text, one.knows.lists.quotes):
        bare = PLACEHOLDER.sub("", ADDRESS.sub("", span)).strip()
        if bare and bare.casefold() not in one.knows.known and span not in one.english:
            yield f"“{span}” is no button, and not on the list `screen`"


def quoted(text: str, quotes: tuple[str, ...]) -> list[str]:
    """What stands in a language's quotes."""
    return [span.strip() for pair in quotes if pair[0] in text for span in _inside(pair).findall(text)]


@lru_cache(maxsize=64)
def _inside(pair: str) -> re.Pattern[str]:
    begin, end = map(re.escape, pair)
    # An apostrophe that closes nothing stands between letters: nl „foto’s", ko ‘앱’을.
    close = rf"{end}" if pair not in ("‘’", "''") else rf"{end}(?![a-z])"
    before = r"(?<![^\W\d_])" if pair[0] == pair[1] else ""
    return re.compile(rf"{before}{begin}((?:(?!{begin}|{close}).)+){close}")


@lru_cache(maxsize=256)
def _mentioned(title: str) -> re.Pattern[str]:
    # A title of one small word is a word of sentences too: it is meant where it is chosen, or in quotes.
    spelt = re.escape(title)
    return re.compile(rf"{_CHOOSE}{spelt}\b|[“\"*]{spelt}[”\"*]|[“\"]{re.escape(title.lower())}[”\"]")
