"""`photosync locales unknown`: the sentences that were not understood, for whoever writes examples."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from bot.errors import LocalesError
from bot.setting_values import duration
from bot.understanding.unknown import UnknownSentences

_RETENTION = "90d"


def show(environ: Mapping[str, str]) -> int:
    """How often, and when last, each was written; the commonest first; always 0. Raises `LocalesError`."""
    name = environ.get("PHOTOSYNC_KEEP_UNKNOWN", "").strip()
    if not name:
        raise LocalesError("PHOTOSYNC_KEEP_UNKNOWN is not set: sentences that are not understood are not kept")
    file = Path(name)
    try:
        retention = duration(environ.get("PHOTOSYNC_RETENTION", "").strip() or _RETENTION)
        found = list(UnknownSentences(file, retention).sentences()) if file.exists() else []
    except (OSError, ValueError) as error:
        raise LocalesError(f"{file} cannot be read: {error}") from None
    last = {sentence: day for day, sentence in found}
    for sentence, count in Counter(sentence for _, sentence in found).most_common():
        sys.stdout.write(f"{count}\t{last[sentence]}\t{sentence}\n")
    return 0
