"""Languages belong to the admins: a saved file is spoken by the running bot, a broken one changes nothing."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot import resources
from bot.background import Background
from bot.languages.live import LiveTranslations
from bot.resources import LOCALES
from tests.chatting import RunningBot, scene, step, title
from tests.languages.test_files import OWN


async def soon(true: Callable[[], bool]) -> None:
    """Within the two seconds that are promised, and what a busy machine takes."""
    for _ in range(80):
        if true():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("not within 8 s")


async def asked(stage: RunningBot) -> str:
    """The title that a person who speaks Faroese gets."""
    chat = stage.chat("old", "fo-FO")
    await chat.say("menu")
    return title(chat)


async def test_a_new_file_is_spoken_by_a_running_bot_and_a_broken_one_leaves_the_last_good_one(tmp_path: Path) -> None:
    english = (LOCALES / "en.po").read_text(encoding="utf-8")
    file = tmp_path / "fo.po"
    good = english.replace('"Language: en\\n"', '"Language: fo\\n"').replace("X-Language-Name: English", "X-Language-Name: Føroyskt").replace('msgstr "How can I help with your photo?"', 'msgstr "Hvussu kann eg hjálpa?"')  # fmt: skip
    async with scene(PHOTOSYNC_LOCALES_DIR=str(tmp_path)) as stage:
        assert await asked(stage) == "How can I help with your photo?"
        languages = stage.bot.live
        file.write_text(good, encoding="utf-8")
        await soon(lambda: "fo" in languages.languages.tags)
        chat = stage.chat("missing", "fo-FO")
        await chat.say("menu")
        assert title(chat) == "Hvussu kann eg hjálpa?"

        broken = good.replace('msgstr "Hvussu kann eg hjálpa?"', 'msgstr "Broken')
        line = broken.splitlines().index('msgstr "Broken') + 1
        file.write_text(broken, encoding="utf-8")
        await soon(lambda: bool(languages.languages.problems))
        status, body = await stage.get("/readyz")
        assert status == 200
        assert f"fo.po:{line}:" in body
        await chat.say("menu")
        assert title(chat) == "Hvussu kann eg hjálpa?"

        file.write_text(good.replace("Hvussu kann eg hjálpa?", "Hvat kann eg gera?"), encoding="utf-8")
        await soon(lambda: not languages.languages.problems)
        await chat.say("menu")
        assert title(chat) == "Hvat kann eg gera?"

        file.unlink()
        await soon(lambda: "fo" not in languages.languages.tags)
        await chat.say("menu")
        assert title(chat) == "How can I help with your photo?"


async def test_a_card_is_never_of_two_languages(tmp_path: Path) -> None:
    swedish = (LOCALES / "sv.po").read_text(encoding="utf-8")
    at = swedish.index('msgctxt "desk.menu.body"')
    (tmp_path / "fo.po").write_text(swedish[:at] + swedish[at:].replace('msgstr "', 'msgstr ""\n#~ msgstr "', 1), encoding="utf-8")  # fmt: skip
    async with scene(PHOTOSYNC_LOCALES_DIR=str(tmp_path)) as stage:
        chat = stage.chat("old", "fo-FO")
        await chat.say("meny")
        assert title(chat) == "How can I help with your photo?"
        await chat.say("mitt foto är fel")
        assert title(chat) == "SharePoint har fortfarande ett annat foto"


async def test_an_own_file_of_one_sentence_changes_one_sentence(tmp_path: Path) -> None:
    own = OWN.replace("button.fix", "desk.menu.title").replace("Fel foto", "Vad kan jag göra?")
    (tmp_path / "sv.po").write_text(own, encoding="utf-8")
    async with scene(PHOTOSYNC_LOCALES_DIR=str(tmp_path)) as stage:
        chat = stage.chat("old", "sv-SE")
        await chat.say("meny")
        assert title(chat) == "Vad kan jag göra?"
        assert "Menu" not in str(chat.card())
        await chat.say("mitt foto är fel")
        assert title(chat) == "SharePoint har fortfarande ett annat foto"


def whole(text: str) -> str:
    """A Faroese file in which the menu's card is whole: English but for its title. Nothing of what people type is in
    it, which the bot would learn anew each time."""
    return (LOCALES / "en.po").read_text(encoding="utf-8").replace("X-Language-Name: English", "X-Language-Name: Føroyskt").replace('msgstr "How can I help with your photo?"', f'msgstr "{text}"').partition('msgctxt "examples.')[0]  # fmt: skip


@pytest.mark.parametrize("while_away", ["menu", "nothing", "a press"])
async def test_a_chosen_language_survives_its_files_absence(tmp_path: Path, while_away: str) -> None:
    file = tmp_path / "fo.po"
    file.write_text(whole("Hvat kann eg gera?"), encoding="utf-8")
    async with scene(PHOTOSYNC_LOCALES_DIR=str(tmp_path)) as stage:
        chat = stage.chat("old", "en-US")
        await chat.say("føroyskt")
        await chat.say("menu")
        assert title(chat) == "Hvat kann eg gera?"
        file.unlink()
        await soon(lambda: "fo" not in stage.bot.live.languages.tags)
        if while_away == "menu":
            await chat.say("menu")
            assert title(chat) == "How can I help with your photo?"
        elif while_away == "a press":
            await chat.press("fix")
            assert title(chat) == "SharePoint still has a different photo"
        file.write_text(whole("Hvat kann eg gera?"), encoding="utf-8")
        await soon(lambda: "fo" in stage.bot.live.languages.tags)
        await chat.say("menu")
        assert title(chat) == "Hvat kann eg gera?"


async def test_a_language_chosen_while_another_is_away_stays(tmp_path: Path) -> None:
    file = tmp_path / "fo.po"
    file.write_text(whole("Hvat kann eg gera?"), encoding="utf-8")
    async with scene(PHOTOSYNC_LOCALES_DIR=str(tmp_path)) as stage:
        chat = stage.chat("old", "en-US")
        await chat.say("føroyskt")
        file.unlink()
        await soon(lambda: "fo" not in stage.bot.live.languages.tags)
        await chat.say("English")
        file.write_text(whole("Hvat kann eg gera?"), encoding="utf-8")
        await soon(lambda: "fo" in stage.bot.live.languages.tags)
        await chat.say("menu")
        assert title(chat) == "How can I help with your photo?"


AWAY = ["the folder", "a file in its place", "a link to nothing", "a pipe for a file", "a folder for a file"]


@pytest.mark.parametrize("what", AWAY)
async def test_whatever_happens_to_the_folder_the_next_good_file_is_spoken(
    tmp_path: Path, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    own, aside = tmp_path / "own", tmp_path / "aside"
    own.mkdir()
    (own / "fo.po").write_text(whole("Fyrra"), encoding="utf-8")
    async with scene(PHOTOSYNC_LOCALES_DIR=str(own)) as stage:
        live = stage.bot.live
        good = live.languages
        own.rename(aside)
        if what == "a file in its place":
            own.touch()
        elif what == "a link to nothing":
            own.symlink_to(tmp_path / "nowhere")
        elif what != "the folder":
            own.mkdir()
            (os.mkfifo if what.startswith("a pipe") else os.mkdir)(own / "fo.po")
        await soon(lambda: bool(live.languages.problems))
        await asyncio.sleep(2.5)
        assert live.languages.translations.text("fo", "desk.menu.title") == "Fyrra"
        reported = [one for one in caplog.records if "not used" in one.message]
        assert len(reported) == 1, [one.message for one in reported]
        assert live.languages is not good
        if own.is_dir() and not own.is_symlink():
            shutil.rmtree(own)
        else:
            own.unlink(missing_ok=True)
        aside.rename(own)
        (own / "fo.po").write_text(whole("Seinna"), encoding="utf-8")
        await soon(lambda: live.languages.translations.catalogs["fo"].entries["desk.menu.title"] == ("Seinna",))
        assert live.languages.problems == ()


class Faulty(type(Path())):  # type: ignore[misc]
    """A folder on a share: what the system says of it is `fault`, for as long as there is one."""

    fault: BaseException | None = None

    def iterdir(self) -> Iterator[Path]:
        if Faulty.fault is not None:
            raise Faulty.fault
        return iter(Path(self).iterdir())


FAULTS = [
    OSError(errno.ESTALE, "Stale file handle"), OSError(errno.EIO, "Input/output error"), PermissionError(errno.EACCES, "denied"),
    TimeoutError(errno.ETIMEDOUT, "timed out"), OSError("no number"), RuntimeError("Symlink loop"), UnicodeEncodeError("utf-8", "\udc80", 0, 1, "x"),
    MemoryError(), RecursionError("deep"), ValueError("embedded null byte"),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=[repr(one)[:30] for one in FAULTS])
async def test_the_watcher_goes_on_whatever_the_system_raises(
    tmp_path: Path, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "fo.po").write_text(whole("Fyrra"), encoding="utf-8")
    live = LiveTranslations(Faulty(tmp_path), resources.illustrations(), "https://teams.example/chat", 0.02)
    background = Background(lambda _name, _alive: None, first_wait=0.01)
    background.start("languages", live.watch)
    try:
        Faulty.fault = fault
        unforeseen = not isinstance(fault, OSError)
        await soon(lambda: bool(background.failing if unforeseen else live.languages.problems))
        assert live.languages.translations.text("fo", "desk.menu.title") == "Fyrra"
        said = [one.message for one in caplog.records if one.levelno >= logging.ERROR]
        assert unforeseen or len(said) == 1, said
        Faulty.fault = None
        (tmp_path / "fo.po").write_text(whole("Seinna"), encoding="utf-8")
        await soon(lambda: live.languages.translations.catalogs["fo"].entries["desk.menu.title"] == ("Seinna",))
        await soon(lambda: not background.failing)
    finally:
        Faulty.fault = None
        await background.stop()


async def test_a_share_that_comes_back_unchanged_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "fo.po").write_text(whole("Fyrra"), encoding="utf-8")
    Faulty.fault = OSError(errno.ESTALE, "Stale file handle")
    try:
        live = LiveTranslations(Faulty(tmp_path), resources.illustrations(), "https://teams.example/chat", 0.05)
        assert "fo" not in live.languages.tags
        assert "Stale file handle" in live.languages.problems[0]
        watching = asyncio.create_task(live.watch(lambda: None))
        Faulty.fault = None
        await soon(lambda: "fo" in live.languages.tags)
        watching.cancel()
    finally:
        Faulty.fault = None


SAID = "kråkan på väggen har fel nuna"
TAUGHT = f"""\
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"

msgctxt "examples.fix"
msgid "My photo is wrong, old or missing in SharePoint"
msgstr "{SAID}"
"""


async def test_a_running_bot_learns_the_examples_of_a_file_that_is_saved(tmp_path: Path) -> None:
    async with scene(PHOTOSYNC_LOCALES_DIR=str(tmp_path)) as stage:
        chat = stage.chat("old", "sv-SE")
        await chat.say(SAID)
        assert step(chat) != "look.differ"
        (tmp_path / "sv.po").write_text(TAUGHT, encoding="utf-8")
        for _ in range(40):  # within the three seconds that are promised, and what a busy machine takes
            await asyncio.sleep(0.2)
            await chat.say("meny")
            await chat.say(SAID)
            if step(chat) == "look.differ":
                break
        assert step(chat) == "look.differ"


TYPED = """
msgctxt "examples.menu"
msgid "What can you do?"
msgstr "hjálp\\nvalmynd\\nhvað geturðu gert"
"""


@pytest.mark.parametrize("draft", [False, True])
@pytest.mark.parametrize("how", ["empty", "another encoding", "the folder is away"])
async def test_what_people_type_and_a_draft_stay_too_when_a_file_cannot_be_read(
    tmp_path: Path, how: str, draft: bool
) -> None:
    own, pilot = tmp_path / "own", "0c000000-0000-4000-8000-000000000001"
    own.mkdir()
    header = 'msgid ""\nmsgstr ""\n"Language: fo\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n'
    mark = '"X-Photosync-Draft: yes\\n"\n' if draft else ""
    entry = '\nmsgctxt "desk.menu.title"\nmsgid "How can I help with your photo?"\nmsgstr "Hvussu kann eg hjálpa?"\n'
    (own / "fo.po").write_text(header + mark + entry + TYPED, encoding="utf-8")
    live = LiveTranslations(own, resources.illustrations(), "https://teams.example", interval=0.05, pilot=[pilot])
    watching = asyncio.create_task(live.watch(lambda: None))

    def spoken() -> tuple[str, int]:
        view = live.view(pilot)
        text = view.languages.translations.catalogs["fo"].text("desk.menu.title") if "fo" in view.languages.tags else ""
        return text, len(live.examples.get("fo", ()))

    try:
        before = spoken()
        assert before == ("Hvussu kann eg hjálpa?", 3)
        if how == "the folder is away":
            own.rename(tmp_path / "away")
        else:
            (own / "fo.po").write_bytes(b"" if how == "empty" else (header + entry).encode("cp1252", "replace"))
        await soon(lambda: bool(live.languages.problems))
        assert spoken() == before
    finally:
        watching.cancel()
