"""An installation's own way: its topic files over the packaged ones."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import resources
from bot.__main__ import main
from bot.languages.catalogs import Languages
from bot.languages.live import LiveTranslations
from bot.languages.topic_files import Topics, topics
from dialogs.library import LibraryError
from tests.chatting import scene, step, title

PORTAL = """
[steps.tile]
link = "https://portal.contoso.example"
[steps.private_window]
skip = true
[steps.vpn]
after = "office"
numbered = true
picture = "portal"
[texts.en]
"vpn.title" = "Start the company VPN"
"vpn.body" = "Without it the portal does not answer."
"tile.body" = "Open {address}."
"picture.portal" = "The company portal"
[texts.sv]
"vpn.title" = "Starta företagets VPN"
"vpn.body" = "Utan den svarar portalen inte."
"tile.body" = "Öppna {address}."
"picture.portal" = "Företagets portal"
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "resync.toml").write_text(PORTAL, encoding="utf-8")
    (tmp_path / "portal.png").write_bytes(resources.illustrations()["tile"])
    return tmp_path


def laid(spoken: Languages, own: Path, *, drafts: bool = False) -> Topics:
    return topics(spoken, resources.illustrations(), own, drafts=drafts)


def test_a_link_is_changed_a_step_left_out_and_another_added(spoken: Languages, own: Path) -> None:
    found = laid(spoken, own)
    walk = [step.id for step in found.library.steps_of("resync") if step.numbered]
    assert walk == ["resync.office", "resync.vpn", "resync.sign_in", "resync.tile", "resync.page"]
    assert found.library.step("look.differ").choices["next"] == "resync.office"  # also from other topics
    assert found.library.step("resync.tile").link == "https://portal.contoso.example"
    assert found.library.step("resync.vpn").choices["next"] == "resync.sign_in"
    assert found.translations.text("sv", "resync.tile.body", address="x") == "Öppna x."
    assert "portal" in found.pictures


def test_a_language_without_the_own_text_does_not_keep_the_old_one(spoken: Languages, own: Path) -> None:
    found = laid(spoken, own)
    assert "resync.tile.body" not in found.translations.catalogs["de"].entries


FAULTS = [
    ("[steps.vpn]\nafter = 'nowhere'", "resync.toml: step vpn: comes after 'nowhere', which is no step"),
    ("[steps.nothing]\nskip = true", "resync.toml: step nothing: there is none to leave out"),
    ("[steps.page]\nchoices = { next = 'gone' }", "resync.page: next leads to 'resync.gone', which is no step"),
    ("[steps.island]\noutcome = 'stopped'", "resync.island: unreachable"),
    ("[steps.vpn]\nafter = 'office'", "resync.vpn.title: no English line"),
    ("[steps.tile]\nlink = 'http://portal.example'", "resync.tile: the link is not an https address"),
    ("[texts.tlh]\n'tile.body' = 'x'", "resync.toml: texts.tlh: no language of this installation"),
    ("[texts.sv]\n'tile.body' = 'Öppna {ticket}'", "texts.sv: resync.tile.body: nothing stands for {ticket} there"),
    ("[steps", "resync.toml: "),
    ("[steps.tile]\nlink = ['https://portal.example']", "resync.toml: step tile: link has to be a text"),
    ("[steps.tile]\nseen = 2026-11-01", "resync.toml: step tile: seen has to be a text"),
    ("[steps.tile]\nphotos = 'no'", "resync.toml: step tile: photos has to be true or false"),
    ("[steps.tile]\nlines = 100_000_000_000", "resync.toml: step tile: lines has to be a number from 0 to 20"),
    ("draft = 'true'\n[steps.tile]\nlines = 2", "resync.toml: draft has to be true or false"),
    ("texts = 3", "resync.toml: "),
]

TOO_MUCH = [
    ("nested deeply", "a = " + "[" * 100_000, "resync.toml: brackets nested too deeply"),
    ("one key of many parts", "a = 1\n" + "a." * 50_000 + "a = 1", "more than 100 dots in one line (at line 2)"),
    ("a table of many parts", "[" + "a." * 50_000 + "a]", "more than 100 dots in one line (at line 1)"),
    ("many parts in an inline table", "a = {" + "'\u2028' . " * 20_000 + "a = 1}", "more than 100 dots in one line"),
    ("large", "#" * 200_001, "resync.toml: larger than 200000 bytes"),
    ("a number of many digits", "a = " + "1" * 100_000, "resync.toml: Exceeds the limit"),
]


@pytest.mark.parametrize(("text", "problem"), FAULTS, ids=[row[1] for row in FAULTS])
def test_what_could_strand_a_person_is_named(spoken: Languages, tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "resync.toml").write_text(text, encoding="utf-8")
    with pytest.raises(LibraryError) as refused:
        laid(spoken, tmp_path)
    assert problem in str(refused.value)


NEEDED = [
    ("[steps.arrival]\nskip = true", "desk.arrival: is missing"),
    (
        "[steps.erasing]\nskip = true\n[steps.forgotten]\nskip = true\n[steps.forget.choices]\nforget_confirmed = 'menu'",
        "no step has the check 'forget'",
    ),
    ("[everywhere]\ncheck = 'menu'", "everywhere: check leads to desk.menu, which does not look at photos"),
    ("[steps.erasing]\nbranches = { done = '@back' }", "desk.erasing: done leads to '@back', which is no step"),
]


@pytest.mark.parametrize(("text", "problem"), NEEDED, ids=[row[1] for row in NEEDED])
def test_what_the_bot_goes_to_by_itself_cannot_be_left_out(
    spoken: Languages, tmp_path: Path, text: str, problem: str
) -> None:
    (tmp_path / "desk.toml").write_text(text, encoding="utf-8")
    with pytest.raises(LibraryError) as refused:
        laid(spoken, tmp_path)
    assert problem in str(refused.value)


@pytest.mark.parametrize(("text", "problem"), [row[1:] for row in TOO_MUCH], ids=[row[0] for row in TOO_MUCH])
async def test_a_file_that_is_too_much_to_read_is_named_and_keeps_nothing_from_starting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, problem: str
) -> None:
    (tmp_path / "resync.toml").write_text(text, encoding="utf-8")
    live = LiveTranslations(None, resources.illustrations(), "https://teams.example/chat", topics=tmp_path)
    assert live.view("ada").library.has("resync.tile")
    assert problem in "".join(live.topic_problems)
    assert main(["topics", "check", str(tmp_path)]) == 1
    assert problem in capsys.readouterr().err


def test_check_says_what_is_wrong_and_what_falls_back(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topics", "check", str(own)]) == 0
    out = capsys.readouterr().out
    assert "nothing is wrong" in out
    assert "de: in English, for want of" in out
    assert "sv: in English" not in out
    (own / "resync.toml").write_text("[steps.page]\nchoices = { next = 'gone' }", encoding="utf-8")
    assert main(["topics", "check", str(own)]) == 1
    assert "resync.page: next leads to 'resync.gone'" in capsys.readouterr().err


async def test_a_saved_file_is_shown_within_three_seconds_and_a_broken_one_changes_nothing(own: Path) -> None:
    live = LiveTranslations(None, resources.illustrations(), "https://teams.example/chat", 0.05, topics=own)
    assert live.view("ada").library.has("resync.vpn")
    watching = asyncio.create_task(live.watch(lambda: None))
    try:
        (own / "resync.toml").write_text("[steps", encoding="utf-8")
        await until(lambda: bool(live.topic_problems))
        assert live.view("ada").library.has("resync.vpn")
        (own / "resync.toml").write_text("[steps.tile]\nlink = 'https://other.example'", encoding="utf-8")
        await until(lambda: not live.view("ada").library.has("resync.vpn"))
        assert (live.topic_problems, live.view("ada").library.step("resync.tile").link) == ((), "https://other.example")
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def until(true: Callable[[], bool]) -> None:
    for _ in range(400):
        if true():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("not within twenty seconds")


OURS = """
[steps.photos]
branches = { match = "match", same = "same", differ = "ours", missing = "missing", unsure = "unsure", no_photo = "no_photo", unknown = "ours", direct = "direct", guest = "guest", blocked = "blocked", not_allowed = "not_allowed", synced = "synced", new_site = "new_site" }
[steps.ours]
choices = { next = "differ", check = "unknown" }
[texts.en]
"ours.title" = "Call us"
"ours.body" = "We put it right."
"""  # fmt: skip


async def test_a_turn_shows_what_it_has_decided_although_its_step_is_taken_away_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "look.toml").write_text(OURS, encoding="utf-8")
    async with scene(PHOTOSYNC_TOPICS_DIR=str(tmp_path)) as stage:
        stage.tenant.world.faults.graph_seconds = 2.0  # longer than it takes until a changed file is seen
        chat, live = stage.chat("old", "en-US"), stage.bot.live
        turn = asyncio.create_task(chat.say("my photo is wrong"))
        await until(lambda: chat.typing > 0)  # it looks
        (tmp_path / "look.toml").unlink()
        await until(lambda: not live.view(chat.person.id).library.has("look.ours"))
        assert await turn == 200
        assert title(chat) == "Call us"
        stage.tenant.world.faults.graph_seconds = 0.0
        await chat.press("next")
        assert step(chat) == "desk.menu"


def test_a_draft_is_for_the_pilot_alone(own: Path) -> None:
    (own / "resync.toml").write_text("draft = true\n" + PORTAL, encoding="utf-8")
    live = LiveTranslations(
        None, resources.illustrations(), "https://teams.example/chat", topics=own, pilot=("0c000000-a",)
    )
    assert live.view("0C000000-A").library.has("resync.vpn")
    assert not live.view("somebody").library.has("resync.vpn")
    assert "picture.portal" not in live.view("somebody").setting.translations.catalogs["en"].entries
    live.set_pilot(["somebody"])  # a group that is named has another member now
    assert live.view("somebody").library.has("resync.vpn")
    assert not live.view("0c000000-a").library.has("resync.vpn")


def _pipe(path: Path) -> None:
    os.mkfifo(path)


ODD = [
    ("a pipe", "desk.toml", _pipe, "is a pipe or a device, not a file"),
    ("a device", "desk.toml", lambda path: path.symlink_to("/dev/zero"), "is a pipe or a device, not a file"),
    ("a folder", "desk.toml", Path.mkdir, "is a folder, not a file"),
    ("a link to itself", "desk.toml", lambda path: path.symlink_to(path), "a link to a file that is not there"),
    ("a pipe for a picture", "vpn.png", _pipe, "is a pipe or a device, not a file"),
]


@pytest.mark.parametrize(("name", "make", "words"), [row[1:] for row in ODD], ids=[row[0] for row in ODD])
def test_what_is_no_file_is_named_and_waited_for_by_nobody(
    spoken: Languages, own: Path, name: str, make: Callable[[Path], None], words: str
) -> None:
    make(own / name)
    with pytest.raises(LibraryError) as raised:
        laid(spoken, own)
    assert [one for one in raised.value.problems if one.startswith(name) and words in one]
