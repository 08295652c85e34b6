"""Checks of `words.*`: what people type must mean one thing in one language."""

from __future__ import annotations

from collections.abc import Iterator

from bot.commands.locales.issue import Issue, Language, Level
from dialogs.keywords import WORD_KEYS, conflicts, usable
from dialogs.translations import Catalog


def check(language: Language) -> Iterator[Issue]:
    """Alternatives that the bot does not use: under two actions, or with a `*` that is no ending. Empty ones."""
    entries = {entry.key: entry for entry in reversed(language.document.entries) if language.shows(entry)}
    lists = {key: entries[key] for key in WORD_KEYS if key in entries}
    texts = {key: (entry.strings[0].text,) for key, entry in lists.items()}
    catalog = Catalog(language.tag, "", False, texts, lambda _: 0)
    for key, other, keyword in conflicts(catalog):
        spelt = " ".join(letters + "*" * ending for letters, ending in keyword.words)
        where = lists[other].strings[0].line
        yield Issue(lists[key].strings[0].line, f"“{spelt}” stands in {other} (line {where}) too", key=key)
    for key, entry in lists.items():
        line = entry.strings[0].line
        for alternative in texts[key][0].split("|"):
            if not alternative.strip():
                yield Issue(line, "an empty alternative between two |", Level.WARNING, key)
            elif not usable(alternative):
                yield Issue(line, f"“{alternative}”: * can only stand at the end of a word", key=key)
