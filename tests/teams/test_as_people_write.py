"""What people send in the middle of a walk, in the form in which Teams sends it on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from sandbox.channel import Chat
from sandbox.faults import Fault
from sandbox.team_sites import TeamSite
from tests.chatting import RunningBot, scene, step


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[RunningBot]:
    async with scene() as here:
        yield here


async def send(chat: Chat, **changes: Any) -> int:
    made = {**chat.channel.activity(chat), "type": "message", **changes}
    return (await chat.deliver({name: value for name, value in made.items() if value is not None})).status


GIF = '<p>&nbsp;</p><img src="https://media.example/1.gif" itemtype="http://schema.skype.com/Giphy">'
FILE = {"contentType": "application/vnd.microsoft.teams.file.download.info", "name": "photo.jpg", "contentUrl": "https://fabrikam-my.sharepoint.example/photo.jpg", "content": {"uniqueId": "1"}}  # fmt: skip
WORDLESS: dict[str, Callable[[Chat], Awaitable[int]]] = {
    "a picture": lambda chat: chat.send_picture(),
    "a GIF": lambda chat: send(chat, text="", attachments=[{"contentType": "text/html", "content": GIF}]),
    "a file": lambda chat: send(chat, attachments=[FILE, {"contentType": "text/html", "content": ""}]),
    "a sticker": lambda chat: send(chat, attachments=[{"contentType": "image/*", "contentUrl": "https://x.example/"}]),
    "an emoji": lambda chat: chat.say("🤔"),
    "dots": lambda chat: chat.say("..."),
    "blanks": lambda chat: chat.say(" \xa0 "),
    "a quotation and nothing else": lambda chat: send(chat, text='<quoted messageId="1"/>'),
    "a voice message": lambda chat: send(chat, attachments=[{"contentType": "audio/mp4", "contentUrl": "https://x.example/"}]),
    "a submit with a text as its data": lambda chat: send(chat, value="next"),
    "nothing at all": send,
}  # fmt: skip


@pytest.mark.parametrize("what", WORDLESS)
async def test_a_message_without_words_keeps_the_persons_place(stage: RunningBot, what: str) -> None:
    chat = stage.chat("old")
    await chat.say("my photo is wrong")
    await chat.press("next")
    assert step(chat) == "resync.private_window"
    assert await WORDLESS[what](chat) == 200
    assert step(chat) == "resync.private_window"
    assert "I can only read words" in str(chat.card())
    assert await chat.press("next") == 200
    assert step(chat) != "resync.private_window"


async def test_a_picture_after_a_comment_erases_nothing(stage: RunningBot) -> None:
    chat = stage.chat("old")
    await chat.say("my photo is wrong")
    await chat.press("ticket")
    await chat.say("it has been like this since Monday")
    await chat.send_picture()
    assert "since Monday" in str(chat.card())


async def test_the_address_of_a_page_is_understood_as_teams_pastes_it(stage: RunningBot) -> None:
    chat = stage.chat("match")
    stage.tenant.world.team_sites.append(TeamSite("intranet", "The Intranet"))
    await chat.paste(
        "https://fabrikam.sharepoint.example/sites/intranet/SitePages/Home.aspx", "Intranet - Home", "look at"
    )
    assert "The Intranet" in str(chat.card())


WORDS = {
    "a quoted reply": '<quoted messageId="1700000000001"/> next',
    "an escaped one": "&lt;quoted messageId=&quot;17&quot;/&gt;\n next",
    "a mention": "<at>Photosync</at>&nbsp;next",
}


@pytest.mark.parametrize("what", WORDS)
async def test_markup_around_words_is_taken_off(stage: RunningBot, what: str) -> None:
    chat = stage.chat("old")
    await chat.say("my photo is wrong")
    await send(chat, text=WORDS[what])
    assert step(chat) == "resync.private_window"


NO_LOCALE = {"locale": None, "entities": [{"type": "clientInfo", "platform": "iOS"}]}
UNDERSTOOD = {
    "lv": "mana bilde ir nepareiza",
    "ru": "моё фото неправильное",
    "zh-Hans": "我的照片不对",
    "": "my photo is wrong",
}


@pytest.mark.parametrize("tag", UNDERSTOOD)
async def test_without_a_locale_the_answer_is_in_the_language_that_was_understood(stage: RunningBot, tag: str) -> None:
    chat = stage.chat("old")
    await send(chat, text=UNDERSTOOD[tag], **NO_LOCALE)
    assert step(chat) == "look.differ"
    assert chat.shown().activity["locale"] == (tag or "en")
    await send(chat, text="?", **NO_LOCALE)
    assert chat.shown().activity["locale"] == (tag or "en")


async def test_another_language_than_the_client_s_changes_nothing(stage: RunningBot) -> None:
    chat = stage.chat("old")
    await send(chat, text=UNDERSTOOD["lv"], locale="sv-SE")
    assert chat.shown().activity["locale"] == "sv"


async def test_the_first_card_is_in_the_language_that_the_directory_names(stage: RunningBot) -> None:
    chat = stage.chat("old", "sv-SE")
    stage.tenant.world.people = tuple(
        replace(one, locale="lv-LV") if one.id == chat.person.id else one for one in stage.tenant.world.people
    )
    await chat.install()
    assert chat.shown().activity["locale"] == "lv"
    await chat.say("hej")  # the client knows better
    assert chat.shown().activity["locale"] == "sv"


async def test_a_client_that_names_no_language_keeps_the_directory_s(stage: RunningBot) -> None:
    chat = stage.chat("old", "ar")
    stage.tenant.world.people = tuple(
        replace(one, locale="ru") if one.id == chat.person.id else one for one in stage.tenant.world.people
    )
    await chat.install()
    await send(chat, text="?", **NO_LOCALE)
    assert chat.shown().activity["locale"] == "ru"


@pytest.mark.parametrize("locale", ["", "xx-Nope", "../../etc"])
async def test_a_directory_that_names_none_leaves_english(stage: RunningBot, locale: str) -> None:
    chat = stage.chat("old")
    stage.tenant.world.people = tuple(
        replace(one, locale=locale) if one.id == chat.person.id else one for one in stage.tenant.world.people
    )
    await chat.install()
    assert chat.shown().activity["locale"] == "en"


async def test_a_directory_that_does_not_answer_holds_no_welcome_up(stage: RunningBot) -> None:
    stage.tenant.world.faults.graph_always = Fault(403)
    chat = stage.chat("old", "lv-LV")
    await chat.install()
    assert chat.shown().activity["locale"] == "en"
