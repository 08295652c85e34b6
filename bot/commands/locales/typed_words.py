"""Checks of `words.*`: what people type must mean one thing in one language."""

from __future__ import annotations

from collections.abc import Iterator

from bot.commands.locales.issue import Issue, Language, Level
from dialogs.keywords import WORD_KEYS, alternatives
from dialogs.translations import Catalog


def check(language: Language) -> Iterator[Issue]:
    """Alternatives that stand under two actions, are empty, or have a `*` that is no ending."""
    entries = {entry.key: entry for entry in reversed(language.document.entries) if entry.whole}
    lists = {key: entries[key] for key in WORD_KEYS if key in entries}
    texts = {key: (entry.strings[0].text,) for key, entry in lists.items()}
    catalog = Catalog(language.tag, "", False, texts, lambda _: 0)
    seen: dict[tuple[tuple[str, bool], ...], str] = {}
    for key, entry in lists.items():
        line = entry.strings[0].line
        for keyword in alternatives(catalog, key):
            words = tuple(sorted(keyword.words))  # in any order they say the same
            first = seen.setdefault(words, key)
            if first != key:
                spelt = " ".join(letters + "*" * ending for letters, ending in keyword.words)
                where = lists[first].strings[0].line
                yield Issue(line, f"“{spelt}” stands in {first} (line {where}) too", key=key)
        for alternative in texts[key][0].split("|"):
            if not alternative.strip():
                yield Issue(line, "an empty alternative between two |", Level.WARNING, key)
            if any("*" in word.removesuffix("*") for word in alternative.split()):
                yield Issue(line, f"“{alternative}”: * can only stand at the end of a word", key=key)
