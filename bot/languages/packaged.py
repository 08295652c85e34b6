"""The languages and topics that ship with the program, and an installation's own languages laid over them."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from pathlib import Path

from bot import resources
from bot.languages.catalogs import Languages, load, overlaid
from dialogs import library
from dialogs.library import Library
from dialogs.translations import SOURCE


def languages(over: Path | None = None, last: Languages | None = None) -> Languages:
    """The packaged languages, with the files of an installation's own folder `over` them; see `catalogs.overlaid`."""
    return _shipped() if over is None else overlaid(_shipped(), over, last)


@cache
def _shipped() -> Languages:
    """What ships does not change under a running program: it is read once."""
    return load(resources.LOCALES, typed=False)


def topics(languages: Languages, pictures: Collection[str]) -> Library:
    """The packaged topics; raises `LibraryError` if they could strand a person."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(resources.TOPICS.glob("*.toml"))}
    return library.read(texts, pictures, languages.wording.catalogs[SOURCE].entries)
