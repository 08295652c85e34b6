"""What every translation keeps as it is: numbers, shortcuts, names, addresses, placeholders."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from bot.commands.locales.reader.text import ADDRESS, PLACEHOLDER, SHORTCUT, EntryForm
from dialogs.translations import SOURCE

_DIGITS = re.compile(r"\d+(?:[.,\u00a0\u202f]\d{3})*")
_LEAST = 3  # one and two may be said without a number: an article, "both", a dual
_KEY = re.compile(r"(?<![^\W_])(?:Ctrl|Shift|Command|Option)(?![^\W_])")
_COMMAND = re.compile(r"\bphotosync [a-z]+\b|(?<=“)[A-Z]\w+\.\w+(?=”)")


def sentences(one: EntryForm) -> Iterator[str]:
    """A sentence that is the English still; the bot shows it."""
    if one.text == one.english and " " in one.text and not _own_english(one):
        yield "is the English: not translated"


def words(one: EntryForm) -> Iterator[str]:
    """A word that is the English's, which may well be right: "Menu"."""
    if one.text == one.english and " " not in one.text and not _own_english(one):
        yield "is the English: not translated"


def _own_english(one: EntryForm) -> bool:
    """English and its varieties, and entries that are names only."""
    return one.knows.tag.partition("-")[0] == SOURCE or not one.bare_english.strip()


def numbers(one: EntryForm) -> Iterator[str]:
    """A number that is not the English's, in digits or words; the digits of a translation may be words in English."""
    if not (one.knows.lists.any_number.search(one.text) or one.knows.english.any_number.search(one.english)):
        return
    ours = _numbers(one.bare, one.knows.lists.numbers)
    english = _numbers(one.bare_english, one.knows.english.numbers)
    missing = [number for number in english - ours if number >= _LEAST]
    more = [number for number in ours - english if number >= _LEAST or number not in english]
    if missing or more:
        yield f"the English has {_listed(missing) or 'no such number'}; here is {_listed(more) or 'none'}"


def _numbers(text: str, words: Mapping[int, re.Pattern[str]]) -> Counter[int]:
    found: Counter[int] = Counter()
    for digits in _DIGITS.findall(text):
        found[int("".join(str(unicodedata.decimal(sign)) for sign in digits if sign.isdecimal()))] += 1
    for number, pattern in words.items():
        if count := len(pattern.findall(text)):
            found[number] += count
    return found


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))


def shortcuts(one: EntryForm) -> Iterator[str]:
    """Keys to press, in their order: they mean a browser each. A language may have its own names of keys."""
    wanted, found = SHORTCUT.findall(one.english), SHORTCUT.findall(one.text)
    if len(found) != len(wanted) or not all(map(partial(_same_keys, one), wanted, found)):
        yield f"the keys are {', '.join(found) or 'missing'}; the English has {', '.join(wanted) or 'none'}"
        return
    for key in dict.fromkeys(_KEY.findall(SHORTCUT.sub("", one.english))):
        if not any(name in SHORTCUT.sub("", one.text) for name in one.knows.lists.keys.get(key, [key])):
            yield f"the key {key} is missing"


def _same_keys(one: EntryForm, wanted: str, found: str) -> bool:
    """Whether a shortcut is the English's, by the language's names of its keys."""
    pairs = list(zip(wanted.split("+"), found.split("+"), strict=False))
    same = all(mine in one.knows.lists.keys.get(key, [key]) for key, mine in pairs)
    return same and wanted.count("+") == found.count("+")


def names(one: EntryForm) -> Iterator[str]:
    """Names of products that are missing, are another's, or are spelt in another way."""
    if one.knows.is_source:
        return
    wanted = set(one.knows.products.findall(one.english))
    for name in sorted(wanted):
        if name not in one.text:
            yield f"the name {name} is missing"
    ours = one.knows.source.get("app.name", ())  # may stand for "it" anywhere
    for name in sorted(set(one.knows.products.findall(one.text)) - wanted - {*ours}):
        if one.knows.names[name].search(one.text) and name not in one.english:
            yield f"the English does not name {name}"
    text = one.text.casefold()
    for name, spelt in one.knows.names.items():
        if name.casefold() not in text:
            continue
        for found in {*spelt.findall(one.text)} - {name}:
            if found not in one.knows.names and found not in one.english:
                yield f"{found} is spelt {name}"


def addresses(one: EntryForm) -> Iterator[str]:
    """Addresses and commands: what is typed letter by letter."""
    wanted, found = Counter(ADDRESS.findall(one.english)), Counter(ADDRESS.findall(one.text))
    if wanted.keys() != found.keys():
        yield f"the address is {', '.join(found) or 'missing'}; it has to be {', '.join(wanted) or 'none'}"
    for command in _COMMAND.findall(one.english):
        if command not in one.text:
            yield f"“{command}” is typed as it is; it is missing"


def doubled(one: EntryForm) -> Iterator[str]:
    """A placeholder that stands twice shows its value twice."""
    wanted, found = Counter(PLACEHOLDER.findall(one.english)), Counter(PLACEHOLDER.findall(one.text))
    for name, count in found.items():
        if count > max(1, wanted[name]):
            yield f"{name} stands here {count} times"


def order(one: EntryForm) -> Iterator[str]:
    """Placeholders in another order than the English's, or than the language's where it turns them round."""
    wanted = [f"{{{name}}}" for name in one.knows.lists.order.get(one.key, ())] or PLACEHOLDER.findall(one.english)
    found = PLACEHOLDER.findall(one.text)
    if sorted(found) == sorted(wanted) and found != wanted:
        yield f"the values stand in the order {', '.join(found)}; expected: {', '.join(wanted)}"
