"""`photosync locales try`: what the bot would understand, for sentences on standard input."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from bot import resources
from bot.errors import LocalesError
from bot.languages import packaged, tags
from bot.understanding.understand import Understanding
from dialogs.library import START

_LONGEST = 100_000  # letters of a line that are looked at


def attempt(tag: str, step: str, own: Path | None, lines: Iterable[str]) -> int:
    """A JSON object a line on standard output; always 0. Raises `LocalesError` for an unknown language or step."""
    languages = packaged.languages(own, drafts=True)
    library = packaged.topics(languages, resources.illustrations())
    spelt = tags.of_file(tag) or tag
    if spelt not in languages.tags:
        raise LocalesError(f"{tag} is not spoken; photosync locales list shows what is")
    step = step or START
    if not library.has(step):
        raise LocalesError(f"{step} is no step; a button's data.step names one, such as resync.tile")
    understanding = Understanding()
    understanding.learn(languages.vocabulary.examples)
    for line in lines:
        text = line.rstrip("\r\n")[:_LONGEST]
        if not text:
            continue
        found = understanding.understand(text, spelt, library.step(step), languages.vocabulary)
        answer = {
            "text": text,
            "action": found.action,
            "value": found.value,
            "ask": list(found.alternatives),
            "confidence": round(found.confidence, 3),
        }
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
    return 0
