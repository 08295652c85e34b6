"""Which files there are: the packaged languages, an installation's own folder laid over them, and which of the two is
written to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from bot.errors import LocalesError
from bot.languages import language_file
from bot.languages.catalogs import wrong_base
from bot.languages.folder import Listing, Problem, listing, stamp
from bot.languages.language_file import Forms, LanguageFile, base_of
from bot.languages.po_document import Document, PoEntry
from bot.languages.po_reader import read
from dialogs.translations import SOURCE

GLOSSARY = "GLOSSARY.tsv"


@dataclass(frozen=True)
class Folders:
    """`packaged` holds English and what ships; `over` is `PHOTOSYNC_LOCALES_DIR`, or None."""

    packaged: Path
    over: Path | None

    @property
    def files(self) -> Mapping[str, Path]:
        """Every language's file by its tag, an installation's own before the packaged one; English first."""
        found = {**_listing(self.packaged).files, **(_listing(self.over).files if self.over else {})}
        return {tag: found[tag] for tag in sorted(found, key=lambda tag: (tag != SOURCE, tag))}

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Files that look like a language's and are none."""
        return tuple(problem for folder in self.folders for problem in _listing(folder).problems)

    @property
    def own(self) -> Mapping[str, Path]:
        """The files that are written to. Raises `LocalesError` where none should be."""
        return _listing(self.target).files

    @property
    def target(self) -> Path:
        """Where files are written. Raises `LocalesError` for an installed package without a folder of one's own."""
        if self.over:
            return self.over
        if not (self.packaged.parent / "pyproject.toml").is_file():
            raise LocalesError(
                "set PHOTOSYNC_LOCALES_DIR to a folder of your own: the packaged files are not written to"
            )
        return self.packaged

    @property
    def english(self) -> Document:
        """The source. Raises `LocalesError` if it is broken."""
        path = self.packaged / f"{SOURCE}.po"
        found = _read_once(path, stamp(path))
        if found.faults:
            raise LocalesError(f"{path}:{found.faults[0].line}: {found.faults[0].text}")
        return found

    @cached_property
    def shown(self) -> Forms:
        """What the English shows: what every language is compared with, by the bot too."""
        return language_file.read(self.packaged / f"{SOURCE}.po", SOURCE, None).texts

    def language(self, tag: str) -> LanguageFile:
        """A language's file as the bot reads it."""
        path = self.files[tag]
        source = tag == SOURCE and path.parent == self.packaged
        return language_file.read(path, tag, None if source else self.shown)

    def below(self, tag: str) -> LanguageFile | None:
        """The packaged language that an own file is laid over."""
        path = _listing(self.packaged).files.get(tag)
        return language_file.read(path, tag, self.shown) if path and path != self.files[tag] else None

    def base(self, tag: str) -> str:
        """Of a variant: the language that it is laid over; "" of a language."""
        packaged = _listing(self.packaged).files.get(tag)
        return _base(self.files[tag]) or (_base(packaged) if packaged else "")

    def wrong_base(self, tag: str) -> str:
        """Why a file cannot be the variant that it says it is; "" if it can, or is none."""
        base = self.base(tag)
        if not base:
            return ""
        packaged = _listing(self.packaged).files.get(tag)
        there = {base: self.base(base)} if base in self.files else {}
        return wrong_base(tag, base, {**there, **({tag: _base(packaged)} if packaged else {})})

    def texts(self, tag: str, found: LanguageFile | None = None) -> Forms:
        """What people see of a language: its own file, `found` if it was read, over the packaged one, of a variant over
        its language."""
        below, base = self.below(tag), self.base(tag)
        lower = self.texts(base) if base and not self.wrong_base(tag) else {}
        return {**lower, **(below.texts if below else {}), **(found or self.language(tag)).texts}

    @property
    def advice(self) -> tuple[Problem, ...]:
        """Files that are read under another name than their own."""
        return tuple(one for folder in self.folders for one in _listing(folder).advice)

    @property
    def folders(self) -> tuple[Path, ...]:
        """The packaged folder, then one's own: what stands beside the files, too, is laid one over the other."""
        return (self.packaged, self.over) if self.over else (self.packaged,)

    @property
    def glossaries(self) -> tuple[Path, ...]:
        """The packaged glossary, then one's own."""
        return tuple(folder / GLOSSARY for folder in self.folders if (folder / GLOSSARY).is_file())


def folders(packaged: Path, own: str) -> Folders:
    """From the setting's value; blank counts as not set. Raises `LocalesError` if it is no folder."""
    if not own.strip():
        return Folders(packaged, None)
    over = Path(own.strip())
    if not over.is_dir():
        raise LocalesError(f"PHOTOSYNC_LOCALES_DIR: {over} is not a folder; make it first")
    return Folders(packaged, None if over.resolve() == packaged.resolve() else over)


def by_key(found: Document) -> Mapping[str, PoEntry]:
    """A file's entries by their keys; of two with the same key the first."""
    return {entry.key: entry for entry in reversed(found.entries)}


def _base(path: Path) -> str:
    """What the header of a file says; the entries are not read."""
    return base_of(_read_once(path, stamp(path), before=b"msgctxt"))


@lru_cache(maxsize=256)
def _read(path: Path, _: tuple[int, ...], before: bytes) -> Document:
    return read(path, before=before)


def _read_once(path: Path, stamped: tuple[int, ...], before: bytes = b"") -> Document:
    """A file, or its beginning, read once as long as it stays as it is; one that cannot be read is tried again."""
    found = _read(path, stamped, before)
    if found.unreadable:
        _read.cache_clear()
    return found


def _listing(folder: Path) -> Listing:
    try:
        return listing(folder)
    except OSError as error:
        raise LocalesError(f"{folder}: {error.strerror}") from None
