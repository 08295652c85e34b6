"""Sentences that were not understood, for an admin who writes examples: only where the settings name a file.

A sentence is kept with the day, and without what could tell who wrote it: addresses and links, numbers, and words with
a capital inside a sentence are dots. Lines older than the retention go when the file is next written or read.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

log = logging.getLogger(__name__)

_LONGEST = 200  # letters of a sentence
_MOST = 5_000  # sentences; the oldest go first
_EVERY = 1_000  # sentences between two rounds of throwing away
_HIDDEN = re.compile(
    r"https?://\S+|www\.\S+|[^\s@]+@[^\s@]+|@\S+|\b[\w-]+(?:\.[\w-]+)+(?:/\S*)?|\S*\d\S*", re.IGNORECASE
)
_NAME = re.compile(r"(?<=[^\s.!?…:;–-]\s)(?:[^\W\d_a-zß-öø-ÿ][^\W\d_]+)(?:[-\s]+[^\W\d_a-zß-öø-ÿ][^\W\d_]+)*")


class UnknownSentences:
    """The file; `retention` in seconds. A file that cannot be written is logged once and loses the sentence."""

    def __init__(self, file: Path, retention: float) -> None:
        self._file = file
        self._retention = timedelta(seconds=retention)
        self._since_purge = _EVERY
        self._failed = False

    def keep(self, text: str) -> None:
        """Add a sentence."""
        hidden = without_names(text)
        if not any(letter.isalpha() for letter in hidden):
            return
        try:
            self._since_purge += 1
            if self._since_purge >= _EVERY:
                self._purge()
            with self._file.open("a", encoding="utf-8") as file:
                file.write(f"{datetime.now(UTC):%Y-%m-%d}\t{hidden}\n")
        except OSError as error:
            if not self._failed:
                log.error("sentences that were not understood cannot be kept: %s", error.strerror)
            self._failed = True

    def sentences(self) -> Iterator[tuple[str, str]]:
        """(day, sentence), the oldest first, of those that are not too old. Raises OSError."""
        oldest = (datetime.now(UTC) - self._retention).date()
        for line in self._file.read_text(encoding="utf-8", errors="replace").splitlines():
            day, _, sentence = line.partition("\t")
            if sentence and _date(day) >= oldest:
                yield day, sentence

    def _purge(self) -> None:
        self._since_purge = 0
        if not self._file.exists():
            self._file.touch(mode=0o600)
            return
        kept = list(self.sentences())[-_MOST:]
        fresh = self._file.with_name(f"{self._file.name}.{time.time_ns()}")
        fresh.touch(mode=0o600)
        fresh.write_text("".join(f"{day}\t{sentence}\n" for day, sentence in kept), encoding="utf-8")
        fresh.replace(self._file)


def without_names(text: str) -> str:
    """One line without what could tell who wrote it, or about whom."""
    line = " ".join(text[: 4 * _LONGEST].split())
    return _NAME.sub("…", _HIDDEN.sub("…", line))[:_LONGEST]


def _date(day: str) -> date:
    try:
        return date.fromisoformat(day)
    except ValueError:
        return date.min
