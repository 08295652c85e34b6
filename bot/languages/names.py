"""What people may call a language when they ask for it: in its own words, and in those of every packaged language."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import langcodes
from babel import Locale

FILE = Path(__file__).with_name("names.json")  # written by `make names`

# As people ask for it in their own language, where the name of another would be as near: Slovak and Slovenian.
_ALSO = {"sk": ("slovensky",), "sl": ("slovensko",)}


@cache
def _known() -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def shipped() -> dict[str, str]:
    """Name -> tag of the languages that ship."""
    return names(_known())


def names(tags: Iterable[str]) -> dict[str, str]:
    """Name -> tag of the languages that are loaded. One that does not ship is asked of the CLDR."""
    found: dict[str, str] = {}
    for tag in tags:
        for name in (*(_known().get(tag) or ask(tag, (tag, "en"))), *_ALSO.get(tag, ())):
            found.setdefault(name, tag)
    return found


def ask(tag: str, speakers: Sequence[str]) -> list[str]:
    """What speakers of some languages call one, each once."""
    locale = Locale.parse(tag, sep="-")
    wider = langcodes.Language.get(locale.language).prefer_macrolanguage().language or ""
    called: dict[str, None] = {}
    for other in (Locale.parse(one, sep="-") for one in speakers):
        # What people call a language that is part of a wider one: Norwegian, not Bokmål.
        broader = other.languages.get(wider) if wider != locale.language else None
        variety = other.languages.get(str(locale))  # British English
        for name in (locale.get_language_name(other), locale.get_display_name(other), broader, variety):
            if name:
                called[str(name)] = None
    return list(called)
