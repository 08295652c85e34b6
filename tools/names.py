"""Write anew what every packaged language is called in every other (`make names`).

The CLDR knows, but asking it at each start costs half a second and forty megabytes.
"""

from __future__ import annotations

import json
from pathlib import Path

from bot import packaged
from bot.language_names import FILE, ask

__all__ = ["FILE", "TAGS", "made"]

TAGS = sorted(path.stem for path in packaged.LOCALES.glob("*.po"))


def made() -> str:
    """The file's content."""
    return json.dumps({tag: ask(tag, TAGS) for tag in TAGS}, ensure_ascii=False, indent=0) + "\n"


if __name__ == "__main__":
    Path(FILE).write_text(made(), encoding="utf-8")
