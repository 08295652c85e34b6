"""Which languages' files a folder has, and which files in it are none although they look like one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bot.languages import tags
from dialogs.translations import SOURCE

_SUFFIX = ".po"
_KEPT_ASIDE = ("~", ".bak", ".old", ".orig", ".swp", ".tmp")  # what editors and people keep beside a file


class Problem(NamedTuple):
    """A file that is not used, or a part of one, with the line from 1."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path.name}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Listing:
    """A folder's files by their language, English first."""

    files: Mapping[str, Path]
    problems: tuple[Problem, ...]


def listing(folder: Path) -> Listing:
    """What there is. Raises OSError if the folder cannot be read."""
    files: dict[str, Path] = {}
    problems: list[Problem] = []
    for path in sorted(names(folder), key=_plainest_first):
        tag = tags.of_file(path.stem) if path.suffix == _SUFFIX else ""
        if path.suffix != _SUFFIX:
            problems.append(Problem(path, 1, f"is not read: the name has to end in {_SUFFIX}, in small letters"))
        elif not tag:
            text = f"{path.stem} is no language that the CLDR knows: the file's name has to be a language tag"
            problems.append(Problem(path, 1, text))
        elif tag in files:
            problems.append(Problem(path, 1, f"is not read: {files[tag].name} is this language's file"))
        else:
            files[tag] = path
    found = {tag: files[tag] for tag in sorted(files, key=lambda tag: (tag != SOURCE, tag))}
    return Listing(found, tuple(sorted(problems)))


def names(folder: Path) -> Iterator[Path]:
    """What is, or looks like, a file of translations: also `ca.po.txt` and `CA.PO`. Raises OSError."""
    for path in folder.iterdir():
        spelt = path.name.casefold()
        aside = spelt.startswith(".") or spelt.endswith(_KEPT_ASIDE)
        if not aside and (spelt.endswith(_SUFFIX) or f"{_SUFFIX}." in spelt):
            yield path


def _plainest_first(path: Path) -> tuple[bool, str]:
    """Of two files of one language the one counts whose name is the tag itself."""
    return path.stem != tags.of_file(path.stem), path.name
