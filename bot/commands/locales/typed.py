"""Checks of `examples.*`: enough of them, none under two labels, and each comes out as what it is said to mean."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import islice

from bot.commands.locales.issue import Issue, Language, Level
from bot.languages.po_document import PoEntry
from bot.understanding import classifier, own
from bot.understanding.classifier import Model, features
from dialogs.examples import NAME, OTHER, PREFIX, Example, examples

_LEAST = {"fix": 25, OTHER: 60}
_LEAST_OF_ACTIONS = 15
_CLEAR = 1.0  # logarithm of odds by which another label has to win
_AROUND = " .!?…。！？"
_ACTIONS = ("add", "check", "ticket", "forget", "stop", "menu", "next", "yes", "no", "missing", "failed")
_MOST_ISSUES = 20  # examples that come out as something else which are reported one by one


def check(language: Language, *, own_file: bool, each: bool) -> Iterator[Issue]:
    """What there is to say about one file's examples; `own_file`: laid over what ships, so that what ships counts too.

    `each`: also what each of them comes out as.
    """
    entries = {entry.key: entry for entry in language.document.entries if entry.key.startswith(PREFIX)}
    shown = {key: entry for key, entry in entries.items() if language.shows(entry)}
    given = tuple(examples({key: entry.strings[0].text for key, entry in shown.items()}))
    if not given:
        return
    if not own_file:
        yield from _too_few(given, shown)
    yield from _twice(given, shown)
    if each:
        yield from islice(_pulled(given, shown, own_file=own_file), _MOST_ISSUES)


def _line(entry: PoEntry, text: str) -> int:
    """Where a sentence stands: each is a line of the string, if the file is written so."""
    first = entry.strings[0]
    found = (at for at, raw in enumerate(first.raw) if text in raw)
    return first.line + next(found, 0)


def _too_few(given: tuple[Example, ...], entries: dict[str, PoEntry]) -> Iterator[Issue]:
    for label in ("fix", *_ACTIONS, OTHER):
        count, least = sum(one.label == label for one in given), _LEAST.get(label, _LEAST_OF_ACTIONS)
        if count < least:
            key = PREFIX + label
            line = entries[key].line if key in entries else 1
            yield Issue(line, f"{count} sentences; {least} are the least to learn from", Level.WARNING, key)


def _twice(given: tuple[Example, ...], entries: dict[str, PoEntry]) -> Iterator[Issue]:
    seen: dict[str, str] = {}
    for one in given:
        label = seen.setdefault(one.text.casefold().strip(_AROUND), one.label)
        if label != one.label:
            entry = entries[PREFIX + one.label]
            text = f"“{one.text}” is an example of {label} too: it can mean only one"
            yield Issue(_line(entry, one.text), text, Level.ERROR, entry.key)


def _pulled(given: tuple[Example, ...], entries: dict[str, PoEntry], *, own_file: bool) -> Iterator[Issue]:
    """Examples that come out as something else, and the word that pulls them there."""
    meanings = _model()
    corrections = own.learn(meanings, given) if own_file else None
    for one in given:
        rows = sorted(features(one.text))
        if not rows or NAME in one.text:
            continue
        scores = meanings.scores(rows, corrections)
        best = max(range(len(scores)), key=scores.__getitem__)
        label = meanings.labels[best]
        if label == one.label or scores[best] - scores[meanings.labels.index(one.label)] < _CLEAR:
            continue
        entry = entries[PREFIX + one.label]
        word = _strongest(meanings, one, best)
        text = f"“{one.text}” comes out as {label}, by “{word}”: more examples of {one.label} with it would help"
        yield Issue(_line(entry, one.text), text, Level.WARNING, entry.key)


def _strongest(meanings: Model, one: Example, rival: int) -> str:
    """The word of a sentence that speaks most for another label than its own."""
    mine = meanings.labels.index(one.label)

    def pull(word: str) -> float:
        scores = meanings.scores(features(word))
        return scores[rival] - scores[mine]

    return max(one.text.split(), key=pull)


@cache
def _model() -> Model:
    return classifier.load(classifier.MEANINGS)
