"""What came of the packaged languages is kept for the next start, and never in place of what the files say."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import resources
from bot.languages import compiled, packaged
from bot.languages.catalogs import Languages


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two packaged languages and a variant that a test may change; what is read is not remembered from start to start."""
    place = tmp_path / "locales"
    place.mkdir()
    for tag in ("en", "sv", "en-GB"):
        shutil.copy(resources.LOCALES / f"{tag}.po", place)
    monkeypatch.setattr(resources, "LOCALES", place)
    return place


def started() -> Languages:
    packaged._shipped.cache_clear()
    try:
        return packaged.languages()
    finally:
        packaged._shipped.cache_clear()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders whose files were read."""
    found: list[Path] = []
    load = packaged.load

    def counted(folder: Path, *, typed: bool) -> Languages:
        found.append(folder)
        return load(folder, typed=typed)

    monkeypatch.setattr(packaged, "load", counted)
    return found


def shown(languages: Languages) -> dict[str, tuple[object, ...]]:
    """All that a card or a choice takes from them."""
    return {
        tag: (one.name, one.base, one.rtl, one.entries, [one.plural(count) for count in range(130)])
        for tag, one in languages.translations.catalogs.items()
    }


def test_a_second_start_shows_the_same_without_reading_the_files(folder: Path, reads: list[Path]) -> None:
    first = started()
    second = started()
    assert reads == [folder]
    assert shown(second) == shown(first)
    assert second.tags == first.tags
    assert second.vocabulary.names == first.vocabulary.names
    assert second.vocabulary.titles["sv"] == first.vocabulary.titles["sv"]


def _translated(folder: Path) -> None:
    file = folder / "sv.po"
    file.write_text(file.read_text("utf-8").replace("Välj språk", "Vilket språk?"), "utf-8")


def _added(folder: Path) -> None:
    shutil.copy(folder / "sv.po", folder / "nb.po")


def _removed(folder: Path) -> None:
    (folder / "sv.po").unlink()


def _cut(folder: Path) -> None:
    kept = folder / "__pycache__" / "catalogs.json"
    kept.write_bytes(kept.read_bytes()[:-1000])


def _of_something_else(folder: Path) -> None:
    (folder / "__pycache__" / "catalogs.json").write_text("[1, null]")


def _another_shape(folder: Path) -> None:
    kept = folder / "__pycache__" / "catalogs.json"
    found = json.loads(kept.read_text("utf-8"))
    kept.write_text(json.dumps({"key": found["key"], "catalogs": {"en": {"name": "English"}}}))


def _nobody(folder: Path) -> None:
    kept = folder / "__pycache__" / "catalogs.json"
    kept.write_text(json.dumps({**json.loads(kept.read_text("utf-8")), "catalogs": {}}))


def _a_pipe(folder: Path) -> None:
    kept = folder / "__pycache__" / "catalogs.json"
    kept.unlink()
    os.mkfifo(kept)


def _a_folder(folder: Path) -> None:
    kept = folder / "__pycache__" / "catalogs.json"
    kept.unlink()
    kept.mkdir()


@pytest.mark.parametrize(
    "change", [_translated, _added, _removed, _cut, _of_something_else, _another_shape, _nobody, _a_pipe, _a_folder]
)
def test_what_is_not_of_just_these_files_is_read_anew(
    folder: Path, reads: list[Path], change: Callable[[Path], None]
) -> None:
    started()
    change(folder)
    assert shown(started()) == shown(packaged.load(folder, typed=False))
    assert len(reads) >= 2


def test_a_fault_is_told_at_every_start(folder: Path) -> None:
    (folder / "sv.po").write_text("not a file of translations", "utf-8")
    assert started().problems
    assert started().problems
    assert not (folder / "__pycache__").exists()


def test_a_folder_that_cannot_be_written_costs_time_only(
    folder: Path, reads: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "__pycache__").write_text("a file in the folder's place")
    with caplog.at_level(logging.DEBUG, compiled.__name__):
        assert set(shown(started())) == set(shown(started())) == {"en", "en-GB", "sv"}
    assert reads == [folder, folder]
    assert {one.levelno for one in caplog.records} == {logging.DEBUG}
