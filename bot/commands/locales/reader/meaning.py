"""Small words that turn a sentence round: not, left, right."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from bot.commands.locales.reader.lists import Negation
from bot.commands.locales.reader.text import EntryForm, sentences

_CLAUSE = re.compile(r"[.,:;!?()…—–。，、：；！？（）،؛؟।]+")
_TURNED = {"left": "right", "right": "left"}
_PAIRS = (("left", "right"), ("top", "bottom"))


def negation(one: EntryForm) -> Iterator[str]:
    """Fewer negations than the English has: each *not*, *no*, *never*, *without* is said by one of the language's.

    Where both have as many sentences, as many of them deny: one may deny twice in this language and once in English.
    """
    ours, english = one.knows.lists.negation, one.knows.english.negation
    if ours is None or english is None or one.knows.is_source or not english.words.search(one.english):
        return
    wanted, found = _count(one.english, english), _count(one.text, ours)
    if found < wanted:
        yield f"the English denies {_times(wanted)}, this {_times(found) if found else 'does not'}"
    elif wanted > 1:
        theirs = [_count(part, english) > 0 for part in sentences(one.english)]
        mine = [_count(part, ours) > 0 for part in sentences(one.text, one.knows.lists.abbreviations)]
        if len(theirs) == len(mine) and sum(mine) < sum(theirs):
            yield f"{sum(theirs)} sentences of the English deny something, and {sum(mine) or 'none'} here"


def _count(text: str, negation: Negation) -> int:
    found = sum(text.casefold().count(phrase.casefold()) for phrase in negation.says)
    for clause in _CLAUSE.split(text):
        words = sum(not negation.but.fullmatch(word) for word in negation.words.findall(clause))
        found += words or bool(negation.concord.search(clause))
    return found


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def sides(one: EntryForm) -> Iterator[str]:
    """Left and right, and top and bottom beside them, in the English's order; a mirrored screen has them turned."""
    ours, english = one.knows.lists.sides, one.knows.english.sides
    wanted = [_order(one.english, english, pair) for pair in _PAIRS]
    if not wanted[0] or not all(side in ours for pair in _PAIRS for side in pair):
        return
    mirrored = any(fnmatchcase(one.key, key) for key in one.knows.lists.mirrored)
    if mirrored:
        wanted[0] = [_TURNED[side] for side in wanted[0]]
    for pair, expected in zip(_PAIRS, wanted, strict=True):
        found = _order(one.text, ours, pair)
        if found != expected:
            turned = ", and the screen is mirrored" if mirrored else ""
            yield f"here is {_said(found)}; expected: {_said(expected)}{turned}"


def _order(text: str, words: Mapping[str, re.Pattern[str]], pair: tuple[str, str]) -> list[str]:
    places = [(found.start(), side) for side in pair if side in words for found in words[side].finditer(text)]
    return [side for _, side in sorted(places)]


def _said(sides: list[str]) -> str:
    return ", then ".join(sides) or "no side"
