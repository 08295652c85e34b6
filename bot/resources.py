"""What ships beside the code: where topics, languages, illustrations and the app's manifest are, and their bytes.

They stand beside the `bot` package, in a checkout and in an installed wheel alike.
"""

from __future__ import annotations

from pathlib import Path

import bot

_BOT = Path(bot.__file__).resolve().parent
LOCALES = _BOT.parent / "locales"
MANIFEST = _BOT.parent / "manifest"
ILLUSTRATIONS = _BOT / "cards" / "illustrations"
RENDERER = _BOT.parent / "sandbox" / "renderer.py"  # run, never imported: says where the card renderer is
TOPICS = _BOT.parent / "dialogs" / "topics"


def illustrations() -> dict[str, bytes]:
    """Every illustration by its name, PNG."""
    return {path.stem: path.read_bytes() for path in sorted(ILLUSTRATIONS.glob("*.png"))}


def manifest() -> dict[str, bytes]:
    """The template of the Teams app package and its icons, by file name."""
    return {path.name: path.read_bytes() for path in sorted(MANIFEST.glob("*.*"))}
