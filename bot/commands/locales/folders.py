"""Which files there are: the packaged languages, an installation's own folder laid over them, and which of the two is
written to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.errors import LocalesError
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
        """Every language's file by its tag, as the bot would load them; English first."""
        found = {**_files(self.packaged), **(_files(self.over) if self.over else {})}
        return {tag: found[tag] for tag in sorted(found, key=lambda tag: (tag != SOURCE, tag))}

    @property
    def own(self) -> Mapping[str, Path]:
        """The files that are written to. Raises `LocalesError` where none should be."""
        return _files(self.target)

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
        found = document(path)
        if found.faults:
            raise LocalesError(f"{path}:{found.faults[0].line}: {found.faults[0].text}")
        return found

    @property
    def glossaries(self) -> tuple[Path, ...]:
        """The packaged glossary, then one's own."""
        folders = (self.packaged, self.over) if self.over else (self.packaged,)
        return tuple(folder / GLOSSARY for folder in folders if (folder / GLOSSARY).is_file())


def folders(packaged: Path, own: str) -> Folders:
    """From the setting's value; blank counts as not set. Raises `LocalesError` if it is no folder."""
    if not own.strip():
        return Folders(packaged, None)
    over = Path(own.strip())
    if not over.is_dir():
        raise LocalesError(f"PHOTOSYNC_LOCALES_DIR: {over} is not a folder; make it first")
    return Folders(packaged, None if over.resolve() == packaged.resolve() else over)


def document(path: Path) -> Document:
    """One file. Raises `LocalesError` if the system does not give it."""
    try:
        return read(path)
    except OSError as error:
        raise LocalesError(f"{path}: {error.strerror}") from None


def by_key(found: Document) -> Mapping[str, PoEntry]:
    """A file's entries by their keys; of two with the same key the first."""
    return {entry.key: entry for entry in reversed(found.entries)}


def _files(folder: Path) -> dict[str, Path]:
    # Named as the bot names them: pt_BR.po is pt-BR.
    return {path.stem.replace("_", "-"): path for path in sorted(folder.glob("*.po"))}
