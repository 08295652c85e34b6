"""Sentences that were not understood, for an admin who writes examples: only where the settings name a file.

A sentence is kept with the day, and without what could tell who wrote it or about whom. Addresses, links and numbers
are dots, and so is every part of the writer's own name. Any other name is told by its capital: a word with one is dots,
at the beginning of a sentence too, unless the bot's own sentences have it ("My", "Foto"). In scripts without capitals
nothing tells the names of others. Lines older than the retention go when the file is next written or read.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bot import regular_file
from dialogs.translations import Catalog

log = logging.getLogger(__name__)

_LONGEST = 200  # letters of a sentence
_MOST = 5_000  # sentences; the oldest go first
_EVERY = 1_000  # sentences between two rounds of throwing away
_HIDDEN = re.compile(
    r"https?://\S+|www\.\S+|[^\s@]+@[^\s@]+|@\S+|\b[\w-]+(?:\.[\w-]+)+(?:/\S*)?|\S*\d\S*", re.IGNORECASE
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_DOTS = re.compile(r"…(?:[\s'’.-]*…)+")  # several in a row: nothing of a name's form stays


class UnknownSentences:
    """The file; `retention` in seconds. A file that cannot be written is logged once and loses the sentence."""

    def __init__(self, file: Path, retention: float) -> None:
        self._file = file
        self._retention = timedelta(seconds=retention)
        self._since_purge = _EVERY
        self._failed = False
        self._words: dict[str, tuple[Catalog, frozenset[str]]] = {}

    def keep(self, text: str, catalog: Catalog, name: str) -> None:
        """Add a sentence of a person of this name, who reads this catalog."""
        hidden = without_names(text, self._known(catalog), name)
        if not any(letter.isalpha() for letter in hidden):
            return
        try:
            self._check()
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
        self._check()
        oldest = (datetime.now(UTC) - self._retention).date()
        for line in self._file.read_text(encoding="utf-8", errors="replace").splitlines():
            day, _, sentence = line.partition("\t")
            if sentence and _date(day) >= oldest:
                yield day, sentence

    def _check(self) -> None:
        """Raises OSError where a pipe or a device stands in its place, for which a turn would wait."""
        if self._file.exists():
            regular_file.check(self._file.stat().st_mode)

    def _known(self, catalog: Catalog) -> frozenset[str]:
        """The words of a catalog's sentences, folded; found out once."""
        found = self._words.get(catalog.tag)
        if found is None or found[0] is not catalog:
            forms = (form for entry in catalog.entries.values() for form in entry)
            words = frozenset(word.casefold() for form in forms for word in _WORD.findall(form))
            found = self._words[catalog.tag] = (catalog, words)
        return found[1]

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


def without_names(text: str, known: Collection[str], name: str) -> str:
    """One line without what could tell who wrote it, or about whom; `known`: folded words that may have a capital."""
    own = {part.casefold() for part in _WORD.findall(name)}

    def kept(found: re.Match[str]) -> str:
        word = found[0].casefold()
        if word in own or (found[0] != found[0].lower() and word not in known):
            return "…"
        return found[0]

    line = _HIDDEN.sub("…", " ".join(text[: 4 * _LONGEST].split()))
    return _DOTS.sub("…", _WORD.sub(kept, line))[:_LONGEST]


def _date(day: str) -> date:
    try:
        return date.fromisoformat(day)
    except ValueError:
        return date.min
