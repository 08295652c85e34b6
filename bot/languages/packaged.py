"""The languages and topics that ship with the program, and an installation's own languages laid over them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from bot import resources
from bot.languages import compiled, topic_files
from bot.languages.catalogs import Languages, load, overlaid
from dialogs.library import Library


def languages(over: Path | None = None, last: Languages | None = None, *, drafts: bool = False) -> Languages:
    """The packaged languages, with the files of an installation's own folder `over` them; see `catalogs.overlaid`."""
    return _shipped() if over is None else overlaid(_shipped(), over, last, drafts=drafts)


@cache
def _shipped() -> Languages:
    """What ships does not change under a running program: it is read once."""
    try:
        key = compiled.key(resources.LOCALES)
    except OSError:  # `load` says which file it is
        return load(resources.LOCALES, typed=False)
    found = compiled.load(resources.LOCALES, key)
    if found is None:
        found = load(resources.LOCALES, typed=False)
        compiled.keep(resources.LOCALES, key, found)
    return found


def topics(languages: Languages, pictures: Mapping[str, bytes]) -> Library:
    """The packaged topics; raises `LibraryError` if they could strand a person."""
    return topic_files.topics(languages, pictures, None).library
