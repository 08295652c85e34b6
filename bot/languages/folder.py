"""Which languages' files a folder has, and which files in it are none although they look like one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bot.languages import tags
from dialogs.translations import SOURCE

_SUFFIX = ".po"
_WORDS = re.compile(r"[^\W_]+")
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
    """A folder's files by their language, English first. `advice`: files that are read under another name."""

    files: Mapping[str, Path]
    problems: tuple[Problem, ...]
    advice: tuple[Problem, ...] = ()


def listing(folder: Path) -> Listing:
    """What there is. Raises OSError if the folder cannot be read."""
    files: dict[str, Path] = {}
    problems: list[Problem] = []
    advice: list[Problem] = []
    misnamed: list[Path] = []
    for path in sorted(names(folder), key=_plainest_first):
        tag = tags.of_file(path.stem) if path.suffix == _SUFFIX else ""
        if not tag:
            misnamed.append(path)
        elif tag in files:
            text = f"is not read: {files[tag].name} is this language's file; put both into one file, {tag}{_SUFFIX}"
            problems.append(Problem(path, 1, text))
        else:
            files[tag] = path
            if _region_too_many(path.stem, tag):
                advice.append(Problem(path, 1, f"is read as {tag}: rename it to {tag}{_SUFFIX}"))
    problems += [Problem(path, 1, _misnamed(path, files)) for path in misnamed]
    found = {tag: files[tag] for tag in sorted(files, key=lambda tag: (tag != SOURCE, tag))}
    return Listing(found, tuple(sorted(problems)), tuple(sorted(advice)))


def meant(path: Path) -> str:
    """The language that a file's name seems to mean: `ca.po.txt`, `CA.PO`, `catalan.po`, `ca (1).po`; "" if none."""
    stem = path.name.casefold().partition(_SUFFIX)[0]
    words = (stem, *_WORDS.findall(stem))
    return next((tag for word in words if (tag := tags.of_file(word) or tags.called(word))), "")


def _misnamed(path: Path, files: Mapping[str, Path]) -> str:
    tag = meant(path)
    if path.suffix != _SUFFIX:
        problem = f"is not read: the name has to end in {_SUFFIX}, in small letters"
    else:
        problem = f"is not read: {path.stem} is no language tag that the CLDR knows"
    if not tag:
        return f"{problem}; name it by its language, such as ca.po"
    if tag in files:  # which a renamed file would replace
        return f"{problem}; {files[tag].name} is there already: take out of this file what is needed, then delete it"
    return f"{problem}; rename it to {tag}{_SUFFIX}"


def _region_too_many(stem: str, tag: str) -> bool:
    """Whether a name has a region that its language has anyway: `sv_SE`."""
    return len(_WORDS.findall(stem)) > len(_WORDS.findall(tag))


def names(folder: Path) -> Iterator[Path]:
    """What is, or looks like, a file of translations: also `ca.po.txt` and `CA.PO`. Raises OSError."""
    for path in folder.iterdir():
        spelt = path.name.casefold()
        aside = spelt.startswith(".") or spelt.endswith(_KEPT_ASIDE)
        if not aside and (spelt.endswith(_SUFFIX) or f"{_SUFFIX}." in spelt):
            yield path


def stamp(path: Path) -> tuple[int, ...]:
    """What a change of a file can be seen by; also that it cannot be read."""
    try:
        found = path.stat()
    except OSError as error:
        return (-1, error.errno or 0)
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_mode


def _plainest_first(path: Path) -> tuple[bool, str]:
    """Of two files of one language the one counts whose name is the tag itself."""
    return path.stem != tags.of_file(path.stem), path.name
