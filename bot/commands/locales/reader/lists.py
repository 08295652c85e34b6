"""What is known of a language for reading it: `lint/default.toml`, then `lint/TAG.toml`, of the packaged folder and of
an installation's own.

A later file's lists add to the earlier ones; its quotes and its other values take their place. `docs/languages.md` says
what may stand in them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from bot.commands.locales.issue import WrongFile
from bot.commands.locales.reader import form
from bot.commands.locales.reader.words import pattern

FOLDER = "lint"
_DEFAULT = "default"


@dataclass(frozen=True)
class Waiver:
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

    def __init__(self, found: Mapping[str, Any], problems: tuple[WrongFile, ...] = ()) -> None:
        self._found = found
        self.problems = problems  # files of an installation's own that are left out
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
    def waivers(self) -> tuple[Waiver, ...]:
        """What is explained."""
        return tuple(Waiver(**one) for one in self._found.get("allow", ()))

    def _pattern(self, words: Iterable[str]) -> re.Pattern[str]:
        return pattern(words, spaces=self.spaces)


def read(folders: Sequence[Path], tag: str, base: str = "", *, rules: Collection[str]) -> Lists:
    """A language's lists from folders with files of languages, the packaged one first. Raises `WrongFile` for a
    packaged file of another form; one of an installation's own is left out and named in `problems`.

    `base`: of a variant, the language that it is laid over, whose lists hold for one that has none; `rules`: the names
    of those that there are.
    """
    places = [folder / FOLDER for folder in folders]
    own = any((place / f"{name}.toml").is_file() for place in places for name in _names(tag))
    found: dict[str, Any] = {}
    problems: list[WrongFile] = []
    for place in places:
        for name in (_DEFAULT, *_names(tag if own or not base else base)):
            path = place / f"{name}.toml"
            if not path.is_file():
                continue
            try:
                _add(found, form.document(path, rules))
            except WrongFile as error:
                if place == places[0]:
                    raise
                problems.append(error)
    return Lists(found, tuple(problems))


def _names(tag: str) -> Iterator[str]:
    """The language, then its variety: a file for `de-AT` adds to that for `de`."""
    parts = tag.split("-")
    yield from ("-".join(parts[:length]) for length in range(1, len(parts) + 1))


def _add(found: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, dict):
            _add(found.setdefault(name, {}), value)
        elif isinstance(value, list) and name in found and name != "quotes":
            found[name] = [*found[name], *value]
        else:
            found[name] = value
