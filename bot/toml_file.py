"""A TOML file that somebody gave us, read within limits.

`tomllib` takes time that grows with the square of a dotted key's parts, and a few calls inside one another for each
bracket: without limits a file that was damaged or made on purpose keeps a core for hours.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from bot import regular_file

_LARGEST = 200_000  # bytes
_MOST_DOTS = 100  # in a line, so that no key has more parts: the longest line that ships has 19
_OTHER_DOTS = re.compile(r"\"[^\"]*\"|'[^']*'|#.*")  # in strings and comments, that cost nothing
_PLACE = re.compile(r"\(at line (\d+)")


class WrongToml(ValueError):
    """No TOML that is used; says where in the file. `line` from 1."""

    def __init__(self, text: str, line: int) -> None:
        super().__init__(text)
        self.line = line


def text(path: Path) -> str:
    """What stands in a file. Raises `WrongToml`, and OSError for a file that the system does not give."""
    data = regular_file.read(path, _LARGEST)
    if len(data) > _LARGEST:
        raise WrongToml(f"larger than {_LARGEST} bytes", 1)
    try:
        return data.decode("utf-8-sig")  # an editor may have put a mark before it
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise WrongToml(f"is not UTF-8: save the file as UTF-8 (at line {line})", line) from None


def document(content: str) -> dict[str, Any]:
    """A file's text, read. Raises `WrongToml`."""
    for number, line in enumerate(content.split("\n"), 1):
        if line.count(".") > _MOST_DOTS and _OTHER_DOTS.sub("", line).count(".") > _MOST_DOTS:
            raise WrongToml(f"more than {_MOST_DOTS} dots in one line (at line {number})", number)
    try:
        return tomllib.loads(content)
    except RecursionError:
        raise WrongToml("brackets nested too deeply", 1) from None
    except ValueError as error:  # also a number of thousands of digits, whose line is not told
        place = _PLACE.search(str(error))
        raise WrongToml(str(error), int(place[1]) if place else len(content.splitlines())) from None
