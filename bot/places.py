"""Where the packaged files are: beside the `bot` package, in a checkout and in an installed wheel alike."""

from __future__ import annotations

from pathlib import Path

import bot
import dialogs

_BOT = Path(bot.__file__).resolve().parent
LOCALES = _BOT.parent / "locales"
ILLUSTRATIONS = _BOT / "illustrations"
TOPICS = Path(dialogs.__file__).resolve().parent / "topics"
