"""What a translator reads above an entry: who reads it, what each placeholder may be, an example of the sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import resources
from bot.commands.locales import notes
from bot.commands.locales.folders import Folders
from bot.commands.locales.sync import sync
from bot.languages.po_document import PoEntry
from dialogs.examples import EXAMPLE_KEYS
from dialogs.translations import placeholders
from tests.language_files import ENGLISH, folders


@pytest.fixture(scope="module")
def english() -> tuple[PoEntry, ...]:
    return Folders(resources.LOCALES, None).english.entries


def test_every_entry_says_where_it_shows_and_who_reads_it(english: tuple[PoEntry, ...]) -> None:
    for entry in english:
        first, *others = entry.comments["#."]
        assert not first.startswith(("#. Read by", "#. {", "#. Example")), entry.key
        assert [line for line in others if line.startswith("#. Read by: ")] == [
            f"#. Read by: {notes.reader(entry.key)}."
        ]


def test_every_placeholder_is_explained_and_filled_in(english: tuple[PoEntry, ...]) -> None:
    for entry in english:
        if entry.key in EXAMPLE_KEYS:
            continue
        names = frozenset[str]().union(*map(placeholders, entry.texts))
        lines = entry.comments["#."]
        explained = [line[4:].partition("}")[0] for line in lines if line.startswith("#. {")]
        assert sorted(explained) == sorted(names), entry.key
        examples = [line for line in lines if line.startswith("#. Example: ")]
        assert len(examples) == bool(names), entry.key
        assert "{" not in "".join(examples), entry.key


READERS = [
    ("look.differ.title", "the person in Teams"), ("agent.subject", "a help desk agent"), ("page.numbers.title", "help desk agents and their lead"),
    ("privacy.title", "anybody"), ("manifest.short", "everybody who looks for the app in Teams"), ("examples.fix", "nobody: the bot learns from it"),
]  # fmt: skip


def test_who_reads_is_told_by_where_it_stands() -> None:
    assert [(key, notes.reader(key)) for key, _ in READERS] == READERS


def test_sync_writes_what_is_known_of_an_entry_over_what_was_there(tmp_path: Path) -> None:
    stale = ENGLISH.replace("the person's name, as Teams has it", "whatever").replace(
        "#. Example: Hello, Adele Vance!\n", ""
    )
    place = folders(tmp_path, english=stale)
    assert sync(place) == 0
    assert (place.packaged / "en.po").read_text(encoding="utf-8") == ENGLISH
