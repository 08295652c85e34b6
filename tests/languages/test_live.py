"""Languages belong to the admins: a saved file is spoken by the running bot, a broken one changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from bot.resources import LOCALES
from tests.chatting import Scene, scene, title


async def soon(true: Callable[[], bool]) -> None:
    """Within the two seconds that are promised, and what a busy machine takes."""
    for _ in range(80):
        if true():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("not within 8 s")


async def asked(stage: Scene) -> str:
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
    (tmp_path / "sv.po").write_text(swedish[:at] + swedish[at:].replace('msgstr "', 'msgstr ""\n#~ msgstr "', 1), encoding="utf-8")  # fmt: skip
    async with scene(PHOTOSYNC_LOCALES_DIR=str(tmp_path)) as stage:
        chat = stage.chat("old", "sv-SE")
        await chat.say("meny")
        assert title(chat) == "How can I help with your photo?"
        await chat.say("mitt foto är fel")
        assert title(chat) == "SharePoint har fortfarande ett annat foto"
