"""Words that are binding: what screens call their things, and what this language's file never says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from math import ceil

from bot.commands.locales.reader.text import EntryForm
from dialogs.text import folded

_REMARK = re.compile(r"\s*[(（][^)）]*[)）]")
_STEM = 0.6  # of a word, three letters at least
_BETWEEN = re.compile(r"[;；؛,،]|\s/\s")


def glossary(one: EntryForm) -> Iterator[str]:
    """A thing that the English names, called other than in the glossary."""
    for term, translation in one.knows.terms.items():
        if _named(term).search(one.english) and not _says(one.text, translation, one.knows.lists.spaces):
            yield f"the glossary calls “{term}” “{translation}”"


@lru_cache(maxsize=256)
def _named(term: str) -> re.Pattern[str]:
    # "sign in", "sign-in", "signin", "private browser window": however the English spells it.
    spelt = re.escape(term).replace(r"\ ", r"(?:[ -]?| \w+ )")
    return re.compile(rf"(?<![\w.]){spelt}s?\b", re.IGNORECASE)


def _says(text: str, translation: str, spaces: bool) -> bool:
    said = folded(text)
    return any(all(stem in said for stem in stems) for stems in _stems(translation, spaces))


@lru_cache(maxsize=2048)
def _stems(translation: str, spaces: bool) -> tuple[tuple[str, ...], ...]:
    """Of each alternative what is left of its words whatever their endings; a language without blanks has none."""
    wanted = [folded(one) for one in _BETWEEN.split(_REMARK.sub("", translation))]
    share = _STEM if spaces else 1
    return tuple(tuple(word[: max(3, ceil(len(word) * share))] for word in one.split()) for one in wanted if one)


def forbidden(one: EntryForm) -> Iterator[str]:
    """A word that this language's file does not use: another form of address, a false friend."""
    for row in one.knows.lists.forbidden:
        if found := row.found.search(one.bare):
            yield f"“{found[0]}”: {row.why}"
