"""What a translated text has to keep so that it can be shown: a table of rules, each with one subject.

A text that breaks one is not shown, and `photosync locales check` reports it as an error: the bot and the check both
take their answer from here. What is only doubtful is a warning of the check's own (`bot.commands.locales`).

Every text of every language goes through them at the start of the bot, so a rule begins with what costs nothing.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from bot.languages.budgets import budget, byte_budget
from dialogs.examples import EXAMPLE_KEYS
from dialogs.translations import placeholders

# Controls, line and paragraph separators, overrides and embeddings of direction, invisible tags, noncharacters, and
# what stands for a letter that was lost. Marks that letters need (U+200C, U+200D, U+200E, U+200F, U+061C) may stay.
_UNSHOWABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2061-\u206f\ufdd0-\ufdef\ufeff\ufff9-\uffff\U000e0000-\U000e007f]"
)
_ADDRESS = re.compile(r"https?://[^\s\"“”«»<>]*[\w/]|\b(?:[\w-]+\.)+(?:com|net|org)\b(?:/[\w/-]+)?")
# A card's text is Markdown, and Teams rewrites its links: what would be seen as a sign there.
_MARKS = ("**", "*", "__", "_", "~~", "`", "[", "]", "#", "<", ">", "|", "~")
_PAIRED = ("**", "*", "__", "_", "~~", "`")
_ANY_MARK = re.compile(r"[*_~`\[\]#<>|]")
_LIST = re.compile(r"(\d+|\{\w+\})[.)]\s|[-+]\s")
_REPEATED = 2  # times that a placeholder may stand more often than in the English


@dataclass(frozen=True)
class Source:
    """The English of an entry, singular and plural, and what a translation has to have of it."""

    forms: tuple[str, ...]
    placeholders: frozenset[str]
    braces: int  # placeholders in the form that has most of them
    addresses: tuple[str, ...]
    marks: frozenset[str]
    a_list: bool


class Text(NamedTuple):
    """One text of a translation, beside its English."""

    text: str
    key: str
    source: Source
    may_lack: frozenset[str]  # placeholders that this plural form may leave out: "one step"


@lru_cache(maxsize=1024)
def source(forms: tuple[str, ...]) -> Source:
    """What there is to know of an English text."""
    joined = " ".join(forms)
    try:
        names = frozenset[str]().union(*(placeholders(form) for form in forms))
    except ValueError:
        names = frozenset()
    addresses = tuple(dict.fromkeys(_ADDRESS.findall(joined)))
    a_list = any(_LIST.match(form) for form in forms)
    return Source(forms, names, max(form.count("{") for form in forms), addresses, frozenset(_marks(joined)), a_list)


def problems(text: Text) -> list[str]:
    """What keeps a text from being shown; nothing if it is right."""
    return [found for rule in (TYPED if text.key in EXAMPLE_KEYS else SHOWN) if (found := rule(text))]


def unshowable(text: str) -> str:
    """The first character that can be on no card, as Unicode names it; "" if there is none."""
    found = _UNSHOWABLE.search(text)
    if found is None:
        return ""
    name = unicodedata.name(found[0], _CONTROLS.get(found[0], ""))
    return f"U+{ord(found[0]):04X} {name}".rstrip()


_CONTROLS = {"\x00": "NULL", "\x1b": "ESCAPE", "\x7f": "DELETE", "\x08": "BACKSPACE", "\r": "CARRIAGE RETURN"}


def _characters(one: Text) -> str:
    found = unshowable(one.text)
    return f"has the character {found}, which cannot be shown: take it out" if found else ""


def _blanks(one: Text) -> str:
    return "begins or ends with a blank" if one.text != one.text.strip() else ""


def _length(one: Text) -> str:
    length, most, most_bytes = len(one.text), budget(one.key), byte_budget(one.key)
    if most is not None and length > most:
        return f"{length} characters; at most {most} have room"
    if most_bytes is not None and length * 4 > most_bytes:
        size = len(json.dumps(one.text, ensure_ascii=False).encode()) - 2  # as it is sent
        if size > most_bytes:
            return f"{size:,} bytes; at most {most_bytes:,} have room"
    return ""


def _values(one: Text) -> str:
    """A placeholder that is repeated takes the room of its value each time."""
    more = one.text.count("{") - one.source.braces
    return f"{more} placeholders more than the English has" if more > _REPEATED else ""


def _placeholders(one: Text) -> str:
    wanted = one.source.placeholders
    try:
        used = placeholders(one.text) if "{" in one.text or "}" in one.text else frozenset[str]()
    except ValueError as error:
        return f"braces that do not match: {error}"
    missing = wanted - used - one.may_lack
    if used - wanted:
        return f"{_braced(used - wanted)} is not in the English; there is {_braced(wanted)}"
    return f"{_braced(missing)} is missing" if missing else ""


def _braced(names: frozenset[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names)) or "none"


def _addresses(one: Text) -> str:
    missing = [address for address in one.source.addresses if address not in one.text]
    return f"the address {', '.join(missing)} is missing or changed" if missing else ""


def _markup(one: Text) -> str:
    if not _ANY_MARK.search(one.text):
        return ""
    ours = _marks(one.text)
    strange = [mark for mark in ours if mark not in one.source.marks]
    if strange:
        return f"{' '.join(strange)} would be read as markup; the English has none"
    odd = [mark for mark in _PAIRED if ours.get(mark, 0) % 2]
    if odd or ours.get("[", 0) != ours.get("]", 0):
        return f"{' '.join(odd) or '[ ]'} opens and does not close"
    return ""


def _list(one: Text) -> str:
    begins = not one.source.a_list and _LIST.match(one.text)
    return "begins like a list; Teams would draw one" if begins else ""


def _safelinks(one: Text) -> str:
    return "has an address that a mail program rewrote (safelinks)" if "safelinks" in one.text else ""


def _marks(text: str) -> dict[str, int]:
    """How often each mark stands in a text, a doubled one not counted as two single ones."""
    found = {}
    if _ANY_MARK.search(text):
        for mark in _MARKS:
            if mark in text:
                found[mark] = text.count(mark)
                text = text.replace(mark, "")
    return found


Rule = Callable[[Text], str]
"""A text -> what is wrong with it, or ""."""
TYPED: tuple[Rule, ...] = (_characters, _blanks, _length)
"""For what people type: any sign may stand there."""
SHOWN: tuple[Rule, ...] = (*TYPED, _placeholders, _values, _addresses, _markup, _list, _safelinks)
