"""What ships beside the code: where topics, languages, illustrations and the app's manifest are, and their bytes.

They stand beside the `bot` package, in a checkout and in an installed wheel alike. What ships does not change under a
running program: it is read once.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import bot

_BOT = Path(bot.__file__).resolve().parent
LOCALES = _BOT.parent / "locales"
MANIFEST = _BOT.parent / "manifest"
ILLUSTRATIONS = _BOT / "cards" / "illustrations"
RENDERER = _BOT.parent / "sandbox" / "renderer.py"  # run, never imported: says where the card renderer is
TOPICS = _BOT.parent / "dialogs" / "topics"


@cache
def illustrations() -> Mapping[str, bytes]:
    """Every illustration by its name, PNG."""
    return MappingProxyType({path.stem: path.read_bytes() for path in sorted(ILLUSTRATIONS.glob("*.png"))})


@cache
def topics() -> Mapping[str, Mapping[str, Any]]:
    """The packaged topics' documents, by topic id."""
    return MappingProxyType(
        {path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(TOPICS.glob("*.toml"))}
    )


def manifest() -> dict[str, bytes]:
    """The template of the Teams app package and its icons, by file name."""
    return {path.name: path.read_bytes() for path in sorted(MANIFEST.glob("*.*"))}
