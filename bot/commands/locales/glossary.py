"""What the screens of Microsoft 365 and of browsers call their things.

`GLOSSARY.tsv` has a row for each term and language: `term`, `language`, `translation` (alternatives with `;`, `,` or
` / `, remarks in parentheses) and `source`, where the term was seen.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from bot.commands.locales.issue import WrongFile

_COLUMNS = ["term", "language", "translation", "source"]

Terms = Mapping[str, Mapping[str, str]]
"""language -> term -> what it is called there."""


def read(paths: Iterable[Path]) -> Terms:
    """All rows; a later file's wins. Raises `WrongFile` for a file of another form."""
    found: dict[str, dict[str, str]] = {}
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise WrongFile(path, 1, f"cannot be read: {error}") from None
        rows = csv.reader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
        try:
            if next(rows, None) != _COLUMNS:
                raise WrongFile(path, 1, f"the columns have to be {', '.join(_COLUMNS)}, with tabs between")
            for row in rows:
                if len(row) != len(_COLUMNS) or not all(row[:3]):
                    raise WrongFile(path, rows.line_num, f"a row has {len(_COLUMNS)} columns, with tabs between")
                found.setdefault(row[1], {})[row[0]] = row[2]
        except csv.Error as error:  # a column of more than 131,072 characters
            raise WrongFile(path, rows.line_num, str(error)) from None
    return found
