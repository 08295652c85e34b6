"""What is known of a language for reading it: `lint/default.toml`, then `lint/TAG.toml`, of the packaged folder and of
an installation's own.

A later file's lists add to the earlier ones; its quotes and its other values take their place. `docs/languages.md` says
what may stand in them.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from bot.commands.locales.reader.words import pattern
from bot.errors import LocalesError

FOLDER = "lint"
_DEFAULT = "default"


@dataclass(frozen=True)
class Allowance:
    """What a rule may find in an entry, and why it is right there. `key` may have `*`.

    `finding`: a part of what the rule says, so that everything else it may find there is reported still.
    """

    rule: str
    key: str
    why: str
    finding: str = ""

    def covers(self, rule: str, key: str, said: str) -> bool:
        """Whether it is about what this rule said of this entry."""
        return rule == self.rule and fnmatchcase(key, self.key) and self.finding in said


@dataclass(frozen=True)
class Forbidden:
    """Words that this language's file does not use, and why."""

    found: re.Pattern[str]
    why: str


@dataclass(frozen=True)
class Negation:
    """`words` deny; `concord` are those that stand beside one of them (Czech *nikdy nebyl* is one negation), and count
    where they stand alone; `but` look like `words` and deny nothing; `says` are phrases that say the same without any.
    """

    words: re.Pattern[str]
    concord: re.Pattern[str]
    but: re.Pattern[str]
    says: tuple[str, ...]


class Lists:
    """One language's lists; whatever is not there, its rules do not look at."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        self._found = found
        self.spaces: bool = found.get("spaces", True)
        self.names: tuple[str, ...] = tuple(found.get("names", ()))
        self.quotes: tuple[str, ...] = tuple(found.get("quotes", ()))
        self.apostrophe: str = found.get("apostrophe", "")
        self.wrong_marks: str = found.get("wrong_marks", "")
        self.blank_before: str = found.get("blank_before", "")
        self.blank_after: str = found.get("blank_after", "")
        self.full_stop: bool = found.get("full_stop", True)
        self.abbreviations: tuple[str, ...] = tuple(found.get("abbreviations", ()))
        self.doubled: tuple[str, ...] = tuple(found.get("doubled", ()))
        self.screen: tuple[str, ...] = tuple(found.get("screen", ()))
        keys = found.get("keys", {})
        self.keys: Mapping[str, list[str]] = {key: [one] if isinstance(one, str) else one for key, one in keys.items()}
        self.order: Mapping[str, list[str]] = found.get("order", {})
        self.mirrored: tuple[str, ...] = tuple(found.get("sides", {}).get("mirrored", ()))

    @cached_property
    def negation(self) -> Negation | None:
        """None where the language's negating words are not known."""
        found = self._found.get("negation")
        if not found:
            return None
        return Negation(
            self._pattern(found.get("words", ())),
            self._pattern(found.get("concord", ())),
            self._pattern(found.get("but", ())),
            tuple(found.get("says", ())),
        )

    @cached_property
    def numbers(self) -> Mapping[int, re.Pattern[str]]:
        """Number -> its words."""
        return {int(number): self._pattern(words) for number, words in self._found.get("numbers", {}).items()}

    @cached_property
    def any_number(self) -> re.Pattern[str]:
        """A figure, or any word of a number."""
        words = self._pattern(word for words in self._found.get("numbers", {}).values() for word in words)
        return re.compile(rf"\d|{words.pattern}")

    @cached_property
    def sides(self) -> Mapping[str, re.Pattern[str]]:
        """`left`, `right`, `top`, `bottom` -> the words for it."""
        found = self._found.get("sides", {})
        return {side: self._pattern(words) for side, words in found.items() if side != "mirrored"}

    @cached_property
    def plurals(self) -> Mapping[str, Mapping[str, re.Pattern[str]]]:
        """Key of a plural entry -> category of the CLDR -> what stands beside such a number."""
        found = self._found.get("plurals", {})
        return {key: {one: self._pattern([words]) for one, words in forms.items()} for key, forms in found.items()}

    @cached_property
    def forbidden(self) -> tuple[Forbidden, ...]:
        """Words that are another register's, or wrong."""
        register = self._found.get("register", {})
        rows = [(self._pattern(register.get("never", ())), register.get("why", ""))]
        rows += [(self._pattern([one["word"]]), one["why"]) for one in self._found.get("forbidden", ())]
        if inside := register.get("inside"):
            # At the beginning of a sentence every word has a capital: Danish De is "they" there.
            rows.append((re.compile(rf"(?<=[^\W\d_A-Z] |, ){self._pattern(inside).pattern}"), register.get("why", "")))
        return tuple(Forbidden(found, why) for found, why in rows)

    @cached_property
    def allowances(self) -> tuple[Allowance, ...]:
        """What is explained."""
        return tuple(Allowance(**one) for one in self._found.get("allow", ()))

    def _pattern(self, words: Iterable[str]) -> re.Pattern[str]:
        return pattern(words, spaces=self.spaces)


def read(folders: Iterable[Path], tag: str, base: str = "") -> Lists:
    """A language's lists from folders with files of languages, the packaged one first. Raises `LocalesError`.

    `base`: of a variant, the language that it is laid over, whose lists hold for one that has none.
    """
    places = [folder / FOLDER for folder in folders]
    own = any((place / f"{name}.toml").is_file() for place in places for name in _names(tag))
    found: dict[str, Any] = {}
    for place in places:
        for name in (_DEFAULT, *_names(tag if own or not base else base)):
            path = place / f"{name}.toml"
            if path.is_file():
                _add(found, _document(path))
    return Lists(found)


def _names(tag: str) -> Iterator[str]:
    """The language, then its variety: a file for `de-AT` adds to that for `de`."""
    parts = tag.split("-")
    yield from ("-".join(parts[:length]) for length in range(1, len(parts) + 1))


_FORM: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("spaces", "full_stop"), bool),
    **dict.fromkeys(("apostrophe", "wrong_marks", "blank_before", "blank_after"), str),
    **dict.fromkeys(("names", "quotes", "abbreviations", "doubled", "screen", "forbidden", "allow"), list),
    **dict.fromkeys(("negation", "numbers", "sides", "register", "keys", "order", "plurals"), dict),
}
_TABLES: Mapping[str, tuple[str, ...]] = {
    "negation": ("words", "concord", "but", "says"),
    "sides": ("left", "right", "top", "bottom", "mirrored"),
    "register": ("never", "inside", "why"),
}
_PAIR = 2
_ROWS = {"forbidden": ({"word", "why"}, set[str]()), "allow": ({"rule", "key", "why"}, {"finding"})}


def _document(path: Path) -> Mapping[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # an editor may have put a mark before it
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LocalesError(f"{path}: {error}") from None
    for name, value in found.items():
        if name not in _FORM:
            raise LocalesError(f"{path}: there is no list {name}; there are {', '.join(sorted(_FORM))}")
        if not isinstance(value, _FORM[name]):
            raise LocalesError(f"{path}: {name} has another form; docs/languages.md shows it")
        _check(path, name, value)
    for name, (columns, more) in _ROWS.items():
        for row in found.get(name, ()):
            if not isinstance(row, dict) or not columns <= row.keys() <= columns | more or not all(row.values()):
                wanted = ", ".join(sorted(columns))
                raise LocalesError(f"{path}: each [[{name}]] has {wanted}, and all of them say something")
    return found


def _check(path: Path, name: str, value: Any) -> None:
    """Raises `LocalesError` for what is of another form within a list or a table."""
    if isinstance(value, list) and name not in _ROWS and not _is_words(value):
        raise LocalesError(f"{path}: {name} has to be a list of texts")
    if name == "quotes" and not all(len(pair) == _PAIR for pair in value):
        raise LocalesError(f"{path}: each of quotes has two signs, the opening and the closing one")
    if not isinstance(value, dict):
        return
    for key, words in value.items():
        there = f"{path}: [{name}] {key}"
        if name in _TABLES and key not in _TABLES[name]:
            nearest = difflib.get_close_matches(key, _TABLES[name], 1, 0.0)
            raise LocalesError(f"{there}: there is no such name; the nearest is {nearest[0]}")
        if name == "numbers" and not key.isdecimal():
            raise LocalesError(f"{there}: a number in figures has to stand before the =")
        if name == "plurals":
            if not isinstance(words, dict) or not all(isinstance(one, str) for one in words.values()):
                raise LocalesError(f"{there}: each plural form has to be a text")
        elif not _is_words(words) and not (isinstance(words, str) and (name == "keys" or key == "why")):
            raise LocalesError(f"{there} has to be a list of texts")


def _is_words(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and one for one in value)


def _add(found: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, dict):
            _add(found.setdefault(name, {}), value)
        elif isinstance(value, list) and name in found and name != "quotes":
            found[name] = [*found[name], *value]
        else:
            found[name] = value
