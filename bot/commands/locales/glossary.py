"""What the screens of Microsoft 365 and of browsers call their things, and whether a language calls them so.

`GLOSSARY.tsv` has a row for each term and language: `term`, `language`, `translation` (alternatives with `;`, `,` or
` / `, remarks in parentheses) and `source`, where the term was seen.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from bot.commands.locales.issue import Issue, Language, Level
from bot.errors import LocalesError
from bot.languages.po_document import PoEntry
from dialogs.examples import EXAMPLE_KEYS
from dialogs.text import folded

_COLUMNS = ["term", "language", "translation", "source"]
_REMARK = re.compile(r"\s*[(（][^)）]*[)）]")
_BETWEEN = re.compile(r"[;；؛,،]|\s/\s")

Terms = Mapping[str, Mapping[str, str]]
"""language -> term -> what it is called there."""


def read(paths: Iterable[Path]) -> Terms:
    """All rows; a later file's wins. Raises `LocalesError` for a file of another form."""
    found: dict[str, dict[str, str]] = {}
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise LocalesError(f"{path}:1: cannot be read: {error}") from None
        with io.StringIO(text, newline="") as file:
            rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            if next(rows, None) != _COLUMNS:
                raise LocalesError(f"{path}:1: the columns have to be {', '.join(_COLUMNS)}, with tabs between")
            for row in rows:
                if len(row) != len(_COLUMNS) or not all(row[:3]):
                    raise LocalesError(f"{path}:{rows.line_num}: a row has {len(_COLUMNS)} columns, with tabs between")
                found.setdefault(row[1], {})[row[0]] = row[2]
    return found


def check(language: Language, terms: Terms) -> Iterator[Issue]:
    """A warning for each term that no entry uses of those whose English names the thing."""
    entries = {
        entry.key: entry
        for entry in language.document.entries
        if language.shows(entry) and entry.key not in EXAMPLE_KEYS
    }
    for term, translation in terms.get(language.tag, {}).items():
        named = [entries[key] for key in _naming(term, language.english) if key in entries]
        if named and not any(_says(entry, translation) for entry in named):
            text = f"the glossary calls “{term}” “{translation}”; none of {len(named)} texts that name it does"
            yield Issue(named[0].strings[0].line, text, Level.WARNING, named[0].key)


def _naming(term: str, english: Mapping[str, PoEntry]) -> Sequence[str]:
    words = re.compile(rf"\b{re.escape(term)}\b", re.IGNORECASE)
    return [key for key, entry in english.items() if any(words.search(text) for text in entry.source)]


def _says(entry: PoEntry, translation: str) -> bool:
    text = folded(" ".join(form.text for form in entry.strings))
    wanted = [folded(one) for one in _BETWEEN.split(_REMARK.sub("", translation))]
    return any(all(_stem(word) in text for word in one.split()) for one in wanted if one)


def _stem(word: str) -> str:
    """What is left of a word whatever its ending: the first half, three letters at least."""
    return word[: max(3, -(-len(word) // 2))]
