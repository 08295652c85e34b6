"""The form of `lint/TAG.toml`: which lists and names there are, and what each has to be."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from bot import toml_file
from bot.commands.locales.issue import WrongFile
from bot.toml_file import WrongToml

_FORM: Mapping[str, tuple[type, str]] = {
    **dict.fromkeys(("spaces", "full_stop"), (bool, "true or false")),
    **dict.fromkeys(("apostrophe", "wrong_marks", "blank_before", "blank_after"), (str, "a text")),
    **dict.fromkeys(("names", "quotes", "abbreviations", "doubled", "screen"), (list, "a list of texts")),
    **dict.fromkeys(("forbidden", "allow"), (list, "a table in double brackets")),
    **dict.fromkeys(("negation", "numbers", "sides", "register", "keys", "order", "plurals"), (dict, "a table")),
}
_TABLES: Mapping[str, tuple[str, ...]] = {
    "negation": ("words", "concord", "but", "says"),
    "sides": ("left", "right", "top", "bottom", "mirrored"),
    "register": ("never", "inside", "why"),
}
_ROWS: Mapping[str, tuple[set[str], set[str]]] = {  # the columns that each row has, and those that it may have
    "forbidden": ({"word", "why"}, set()),
    "allow": ({"rule", "key", "why"}, {"finding"}),
}
_CATEGORIES = ("zero", "one", "two", "few", "many", "other")  # the CLDR's names of plural forms
_PAIR = 2  # signs


class _Wrong(Exception):
    """What is wrong; `names` lead to it: a list, then a name in it or the number of a row."""

    def __init__(self, text: str, *names: str | int) -> None:
        super().__init__(text)
        self.names = names


def document(path: Path, rules: Collection[str]) -> Mapping[str, Any]:
    """A file of lists; `rules` are those that may be allowed something. Raises `WrongFile`."""
    try:
        text = toml_file.text(path)
        found = toml_file.document(text)
        for name, value in found.items():
            _check(name, value, rules)
    except OSError as error:
        raise WrongFile(path, 1, f"cannot be read: {error.strerror}") from None
    except WrongToml as error:
        raise WrongFile(path, error.line, str(error)) from None
    except _Wrong as error:
        raise WrongFile(path, _line(text.splitlines(), error.names), str(error)) from None
    return found


def _check(name: str, value: object, rules: Collection[str]) -> None:
    if name not in _FORM:
        raise _Wrong(f"there is no list {name}; {_nearest(name, _FORM)}", name)
    kind, wanted = _FORM[name]
    if not isinstance(value, kind):
        raise _Wrong(f"{name} has to be {wanted}", name)
    if name in _ROWS and isinstance(value, list):
        for at, row in enumerate(value):
            _check_row(name, at, row, rules)
    elif isinstance(value, list) and not _is_words(value):
        raise _Wrong(f"{name} has to be a list of texts, none of them empty", name)
    elif name == "quotes" and isinstance(value, list) and not all(len(pair) == _PAIR for pair in value):
        raise _Wrong("each of quotes has two signs, the opening and the closing one", name)
    elif isinstance(value, dict):
        for key, words in value.items():
            _check_name(name, key, words)


def _check_name(table: str, key: str, words: object) -> None:
    there = f"[{table}] {key}"
    if table in _TABLES and key not in _TABLES[table]:
        raise _Wrong(f"{there}: there is no such name; {_nearest(key, _TABLES[table])}", table, key)
    if table == "numbers" and not key.isdecimal():
        raise _Wrong(f"{there}: before the = has to stand a number in figures", table, key)
    if table == "plurals":
        _check_forms(there, key, words)
    elif (table, key) == ("register", "why"):
        if not _is_text(words):
            raise _Wrong(f"{there} has to be a text", table, key)
    elif not (_is_words(words) or (table == "keys" and _is_text(words))):
        raise _Wrong(f"{there} has to be a list of texts, none of them empty", table, key)


def _check_forms(there: str, key: str, forms: object) -> None:
    if not isinstance(forms, dict):
        raise _Wrong(f"{there} has to be a table of plural forms", "plurals", key)
    for form, words in forms.items():
        if form not in _CATEGORIES:
            text = f"{there}: there is no plural form {form}; {_nearest(form, _CATEGORIES)}"
            raise _Wrong(text, "plurals", key, form)
        if not _is_text(words):
            raise _Wrong(f"{there}: each plural form has to be a text", "plurals", key, form)


def _check_row(name: str, at: int, row: object, rules: Collection[str]) -> None:
    columns, more = _ROWS[name]
    if not isinstance(row, dict) or not columns <= row.keys() <= columns | more or not all(map(_is_text, row.values())):
        wanted = ", ".join(sorted(columns)) + "".join(f" and may have {one}" for one in sorted(more))
        raise _Wrong(f"each [[{name}]] has {wanted}, each of them a text", name, at)
    if name == "allow" and row["rule"] not in rules:
        raise _Wrong(f"[[allow]]: there is no rule {row['rule']}; {_nearest(row['rule'], rules)}", name, at)


def _nearest(name: str, known: Iterable[str]) -> str:
    return f"the nearest is {difflib.get_close_matches(name, known, 1, 0.0)[0]}"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_words(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _line(lines: list[str], names: Iterable[str | int]) -> int:
    """Where the last of some names stands, from 1, each looked for from the one before on; a number counts rows."""
    at, last = 0, ""
    for name in names:
        if isinstance(name, int):
            begin, after = rf"\s*\[\[\s*{re.escape(last)}\s*\]\]", name
        else:
            begin, after, last = rf"[^#=]*(?<![\w-]){re.escape(name)}(?![\w-])", 0, name
        here = [number for number, line in enumerate(lines) if number >= at and re.match(begin, line)]
        at = here[after] if after < len(here) else at
    return at + 1
