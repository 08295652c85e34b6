"""What ships with the program: topics, languages, illustrations, the app's manifest. They stand beside the `bot`
package, in a checkout and in an installed wheel alike."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import bot
import dialogs
from bot.languages.catalogs import Languages, load
from dialogs import library
from dialogs.library import Library
from dialogs.translations import SOURCE

_BOT = Path(bot.__file__).resolve().parent
LOCALES = _BOT.parent / "locales"
MANIFEST = _BOT.parent / "manifest"
ILLUSTRATIONS = _BOT / "cards" / "illustrations"
RENDERER = _BOT.parent / "sandbox" / "renderer.py"  # run, never imported: says where the card renderer is
TOPICS = Path(dialogs.__file__).resolve().parent / "topics"


def languages(over: Path | None = None, last: Languages | None = None) -> Languages:
    """The packaged languages, and an installation's own folder laid over them; see `catalogues.load`."""
    return load(LOCALES, over, last)


def illustrations() -> dict[str, bytes]:
    """Every illustration by its name, PNG."""
    return {path.stem: path.read_bytes() for path in sorted(ILLUSTRATIONS.glob("*.png"))}


def manifest() -> dict[str, bytes]:
    """The template of the Teams app package and its icons, by file name."""
    return {path.name: path.read_bytes() for path in sorted(MANIFEST.glob("*.*"))}


def topics(spoken: Languages, pictures: Collection[str]) -> Library:
    """The packaged topics; raises `LibraryError` if they could strand a person."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(TOPICS.glob("*.toml"))}
    return library.read(texts, pictures, spoken.wording.catalogs[SOURCE].entries)
