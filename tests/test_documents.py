"""What the documents send a reader to is there: files, folders, targets of make."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PROSE = [path for path in DOCUMENTS if path.name != "CHANGELOG.md"]  # which may name what is gone
MADE = {"tests/screenshots/out/"}  # by a run
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_leads_to_a_file(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", PROSE, ids=name)
def test_every_file_that_is_named_is_there(document: Path) -> None:
    homes = [ROOT, ROOT / "bot", document.parent]
    named = re.findall(r"`([a-z_]+/[\w./*-]*)`", document.read_text(encoding="utf-8"))
    paths = {path for path in named if any((home / path.split("/")[0]).is_dir() for home in homes)} - MADE
    found = {path for path in paths for home in homes if any(home.glob(path.replace("TAG", "*").rstrip("/")))}
    assert paths - found == set()


@pytest.mark.parametrize("document", PROSE, ids=name)
def test_every_target_of_make_that_is_named_is_one(document: Path) -> None:
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", document.read_text(encoding="utf-8"), re.MULTILINE)) <= TARGETS
