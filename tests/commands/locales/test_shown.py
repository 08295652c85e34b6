"""What an admin is told of a language: how much of it people see, and what to do about a file that is not used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bot import resources
from bot.__main__ import main
from bot.commands.locales import coverage
from bot.commands.locales.check import check
from bot.commands.locales.folders import Folders
from bot.commands.preview.needs import packaged_needs
from bot.languages import tags
from bot.languages.live import LiveTranslations
from tests.language_files import SWEDISH, folders

CARDS = len(packaged_needs())
STOPPED = packaged_needs()["desk.stopped"]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PHOTOSYNC_LOCALES_DIR", str(tmp_path))
    return tmp_path


def locales(*arguments: str) -> int:
    return main(["locales", *arguments])


def translated(file: Path, keys: Sequence[str]) -> None:
    """Some entries of a new file get a text: the English with a mark before it."""
    text = file.read_text(encoding="utf-8")
    for key in keys:
        at = text.index(f'msgctxt "{key}"')
        head, _, rest = text[at:].partition('\nmsgstr ""')
        english = head.partition('msgid "')[2]
        text = f'{text[:at]}{head}\nmsgstr "¡{english}{rest}'
    file.write_text(text, encoding="utf-8")


def test_it_is_told_how_many_cards_people_see_and_what_holds_the_others_back(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert locales("new", "eu") == 0
    translated(own / "eu.po", [key for key in sorted(STOPPED) if key != "button.menu"])
    capsys.readouterr()
    assert locales("check", "eu") == 0
    out = capsys.readouterr().out
    assert f"eu: cards shown: 0 of {CARDS}; missing most: button.menu (" in out
    assert "eu: cards that lack least: desk.stopped lacks button.menu; " in out
    translated(own / "eu.po", ["button.menu"])
    locales("check", "eu")
    assert f"eu: cards shown: 1 of {CARDS}; " in capsys.readouterr().out


# what lies in the folder | what `check` says of it
MISNAMED = [
    ("eu.po.txt", "error: is not read: the name has to end in .po, in small letters; rename it to eu.po"),
    ("EU.PO", "error: is not read: the name has to end in .po, in small letters; rename it to eu.po"),
    ("eu_ES.po", "warning: is read as eu: rename it to eu.po"),
    ("basque.po", "error: is not read: basque is no language tag that the CLDR knows; rename it to eu.po"),
    ("eu (1).po", "error: is not read: eu (1) is no language tag that the CLDR knows; rename it to eu.po"),
    ("translations.po", "error: is not read: translations is no language tag that the CLDR knows; name it by its language"),
]  # fmt: skip


def test_a_file_of_another_name_is_told_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packaged, own = folders(tmp_path).packaged, tmp_path / "own"
    own.mkdir()
    place = Folders(packaged, own)
    for name, says in MISNAMED:
        (own / name).write_text(SWEDISH.replace("Language: sv", "Language: eu"), encoding="utf-8")
        status = check(place)
        assert (f"{name}:1: {says}" in capsys.readouterr().out, status) == (True, int(says.startswith("error"))), name
        if name != "translations.po":
            assert check(place, "eu") == status
            assert f"{name}:1: {says}" in capsys.readouterr().out, name
        assert coverage.show(place) == 0
        assert name in capsys.readouterr().out
        (own / name).unlink()


def test_a_file_whose_name_is_taken_is_not_to_be_renamed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packaged, own = folders(tmp_path).packaged, tmp_path / "own"
    own.mkdir()
    for name in ("eu.po", "eu.po.txt", "EU.PO.bak.PO", "eu (1).po"):
        (own / name).write_text(SWEDISH.replace("Language: sv", "Language: eu"), encoding="utf-8")
    assert check(Folders(packaged, own), "eu") == 1
    out = capsys.readouterr().out
    assert out.count("; eu.po is there already: take out of this file what is needed, then delete it\n") == 3
    assert "rename" not in out


def test_a_language_whose_file_is_broken_or_empty_is_told_what_to_do(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (own / "eu.po").write_text("", encoding="utf-8")
    assert locales("preview", "eu") == 1
    assert capsys.readouterr().err == "photosync: eu.po cannot be used; photosync locales check eu says why\n"
    assert locales("check", "eu") == 1
    assert "; delete it and begin again with photosync locales new eu\n" in capsys.readouterr().out


# a word for a language | its tag
CALLED = [
    ("farsi", "fa"), ("castellano", "es"), ("brazilian", "pt-BR"), ("Català", "ca"), ("catalan", "ca"), ("svensk", "sv"),
    ("Deutsch", "de"), ("british english", "en-GB"), ("norwegian", "nb"), ("traditional chinese", "zh-Hant"), ("valencià", "ca-valencia"),
    ("swedisch", "sv"), ("pt-XY", "pt"), ("euskara", "eu"),
]  # fmt: skip


def test_a_language_is_found_by_what_it_is_called() -> None:
    assert {word: tags.nearest(word)[0] for word, _ in CALLED} == dict(CALLED)


def test_a_language_can_begin_with_the_texts_of_a_near_one_each_to_be_looked_at(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert locales("new", "gl", "--from", "brazilian") == 0
    assert f"{len(_keys(own / 'gl.po'))} of them have a text to begin with" in capsys.readouterr().out
    text = (own / "gl.po").read_text(encoding="utf-8")
    assert '#, fuzzy\nmsgctxt "button.back"\nmsgid "Back"\nmsgstr "Voltar"\n' in text
    assert locales("check", "gl") == 0
    assert f"cards shown: 0 of {CARDS}" in capsys.readouterr().out


def _keys(file: Path) -> list[str]:
    return [line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("msgctxt ")]


def test_a_draft_is_spoken_to_the_pilot_alone(own: Path) -> None:
    assert locales("new", "eu", "--draft") == 0
    translated(own / "eu.po", sorted(STOPPED))
    live = LiveTranslations(own, resources.illustrations(), "https://teams.example/chat", pilot=("0c000000-a",))
    pilot, everybody = live.view("0C000000-A").languages, live.view("somebody").languages
    assert (pilot.negotiate("eu-ES"), everybody.negotiate("eu-ES")) == ("eu", "en")
    assert pilot.translations.text("eu", "desk.stopped.title").startswith("¡")
    assert (live.languages.drafts, "eu" in live.languages.tags) == (("eu",), False)
    draft = (own / "eu.po").read_text(encoding="utf-8")
    (own / "eu.po").write_text(draft.replace('"X-Photosync-Draft: yes\\n"\n', ""), encoding="utf-8")
    live = LiveTranslations(own, resources.illustrations(), "https://teams.example/chat", pilot=("0c000000-a",))
    assert live.view("somebody").languages.negotiate("eu-ES") == "eu"


def test_a_draft_of_a_packaged_language_leaves_everybody_else_what_ships(own: Path) -> None:
    header = 'msgid ""\nmsgstr ""\n"X-Photosync-Draft: yes\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    entry = 'msgctxt "button.back"\nmsgid "Back"\nmsgstr "Bakåt!"\n'
    taught = (
        '\nmsgctxt "examples.fix"\nmsgid "My photo is wrong, old or missing in SharePoint"\nmsgstr "kråkan är sned"\n'
    )
    (own / "sv.po").write_text(header + entry + taught, encoding="utf-8")
    live = LiveTranslations(own, resources.illustrations(), "https://teams.example/chat", pilot=("0c000000-a",))
    pilot, everybody = live.view("0c000000-a"), live.view("somebody")
    assert pilot.setting.translations.text("sv", "button.back") == "Bakåt!"
    assert everybody.setting.translations.text("sv", "button.back") == "Tillbaka"
    assert "sv" in live.examples
    assert everybody.languages.vocabulary.examples == {}
