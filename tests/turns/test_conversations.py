"""Whole conversations over real HTTP: signed activities in, Graph and the connector out, in every language."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.languages.catalogs import Languages
from bot.store import Change
from bot.store.connect import open_store
from bot.teams.connector import Connector
from sandbox.channel import Chat
from sandbox.fitness import parts
from tests.chatting import RunningBot, actions, images, scene, step, title

TAGS = ("en", "zh-Hans", "lv", "sv", "ru")
LOCALES = {"en": "en-US", "zh-Hans": "zh-CN", "lv": "lv-LV", "sv": "sv-SE", "ru": "ru-RU"}


@pytest.fixture
async def stage() -> AsyncIterator[RunningBot]:
    async with scene() as one:
        yield one


def words(spoken: Languages, tag: str, action: str) -> str:
    """What a person of a language types for an action."""
    return spoken.translations.catalogs[tag].text(f"button.{action}")


async def press(chat: Chat, *buttons: str) -> None:
    for action in buttons:
        assert await chat.press(action) in (200, 201, 202)


@pytest.mark.parametrize("tag", TAGS)
async def test_an_old_photo_is_found_walked_and_confirmed(stage: RunningBot, spoken: Languages, tag: str) -> None:
    text = spoken.translations.catalogs[tag].text
    chat = stage.chat("old", LOCALES[tag])
    assert await chat.say(words(spoken, tag, "fix")) in (200, 201, 202)
    assert title(chat) == text("look.differ.title")
    before = images(chat.card())
    assert len(set(before)) == 2
    card = chat.messages[-1].id
    for number in range(1, 6):
        await press(chat, "next")
        assert text("card.progress", number=number, total=5) in json.dumps(chat.card(), ensure_ascii=False)
        if step(chat) == "resync.tile":
            stage.tenant.world.visit_sharepoint(chat.person.id)
    await press(chat, "next")
    assert title(chat) == text("resync.done.title")
    ours, theirs = images(chat.card())
    assert (ours, theirs != before[1]) == (before[0], True)
    assert chat.messages[-1].id == card
    assert chat.messages[-1].versions == 6
    assert await stage.metric('photosync_cases_total{outcome="resolved"}') == 1


@pytest.mark.parametrize("tag", TAGS)
async def test_no_photo_is_added_lags_and_is_confirmed(stage: RunningBot, spoken: Languages, tag: str) -> None:
    text = spoken.translations.catalogs[tag].text
    chat = stage.chat("no-photo", LOCALES[tag])
    await chat.say(words(spoken, tag, "fix"))
    assert title(chat) == text("look.no_photo.title")
    await press(chat, *["next"] * 6)
    stage.tenant.world.change_photo(chat.person.id, 1)
    await press(chat, "next")
    assert title(chat) == text("add_photo.lagging.title")
    await press(chat, *["next"] * 4)
    stage.tenant.world.visit_sharepoint(chat.person.id)
    await press(chat, *["next"] * 2)
    assert title(chat) == text("resync.done.title")


@pytest.mark.parametrize("tag", TAGS)
async def test_a_match_that_still_looks_old_is_walked_to_its_end(
    stage: RunningBot, spoken: Languages, tag: str
) -> None:
    text = spoken.translations.catalogs[tag].text
    chat = stage.chat("match", LOCALES[tag])
    await chat.say(words(spoken, tag, "check"))
    assert title(chat) == text("look.match.title")
    await press(chat, "next", "outlook", "next", "next")
    assert title(chat) == text("still_old.done.title")


@pytest.mark.parametrize("tag", TAGS)
async def test_a_whole_walk_can_be_typed(stage: RunningBot, spoken: Languages, tag: str) -> None:
    text = spoken.translations.catalogs[tag].text
    chat = stage.chat("missing", LOCALES[tag])
    await chat.say(words(spoken, tag, "fix"))
    assert title(chat) == text("look.missing.title")
    for _ in range(5):
        await chat.say(words(spoken, tag, "next"))
    assert title(chat) == text("resync.page.title")
    await chat.say(words(spoken, tag, "back"))
    assert title(chat) == text("resync.tile.title")
    await chat.say(words(spoken, tag, "stop"))
    assert title(chat) == text("desk.leave.title")  # we would look no more: that is asked first
    await chat.press("stop")
    assert title(chat) == text("desk.stopped.title")


# who | what the look finds | the buttons that follow
VERDICTS = [
    ("old", "look.differ", {"next", "check"}),
    ("missing", "look.missing", {"next", "check"}),
    ("no-photo", "look.no_photo", {"next", "check"}),
    ("one-pixel", "look.no_photo", {"next", "check"}),
    ("match", "look.match", {"rate", "next", "add"}),
    ("close", "look.unsure", {"same", "different", "next"}),
    ("forbidden", "look.unknown", {"next", "check", "ticket"}),
    ("rtl-name", "look.differ", {"next"}),
    ("silhouette", "look.missing", {"next"}),
    ("by-name", "look.differ", {"next"}),
]


@pytest.mark.parametrize(("story", "found", "offered"), VERDICTS, ids=[row[0] for row in VERDICTS])
async def test_every_person_of_the_sandbox_gets_the_right_verdict(
    stage: RunningBot, story: str, found: str, offered: set[str]
) -> None:
    chat = stage.chat(story, "en-US")
    await chat.say("my photo is wrong")
    assert step(chat) == found
    assert offered <= set(actions(chat))


async def test_who_has_to_tell_whether_two_photos_are_the_same_is_shown_what_differs(
    stage: RunningBot, spoken: Languages
) -> None:
    chat = stage.chat("close", "sv-SE")
    await chat.say("hej, fel bild på mig")
    ours, theirs, differs = (one for one in parts(chat.card()) if one["type"] == "Image")
    assert differs["altText"] == spoken.translations.catalogs["sv"].text("photo.difference.alt")
    assert len({ours["url"], theirs["url"], differs["url"]}) == 3
    other = stage.chat("old", "sv-SE")
    await other.say("hej, fel bild på mig")
    assert len(images(other.card())) == 2  # two that are plainly not the same need no third


async def test_the_language_of_the_first_message_stays(stage: RunningBot, spoken: Languages) -> None:
    chat = stage.chat("old", "sv-SE")
    await chat.say("hej")
    await chat.say("hej", locale="ru-RU")
    assert title(chat) == spoken.translations.catalogs["sv"].text("desk.menu.title")


@pytest.mark.parametrize(
    ("speaks", "text", "tag"),
    [
        ("sv-SE", "sorry, I don't speak Swedish", "en"),
        ("lv-LV", "я не говорю по-латышски", "ru"),
        ("sv-SE", "jag pratar bara svenska", "sv"),
        ("en-GB", "please write to me in English", "en-GB"),
    ],
)
async def test_who_does_not_speak_a_language_is_answered_in_their_own(
    stage: RunningBot, speaks: str, text: str, tag: str
) -> None:
    chat = stage.chat("old", speaks)
    await chat.say("?")
    await chat.say(text)
    assert chat.card()["lang"] == tag


@pytest.mark.parametrize("way", ["button", "typed"])
async def test_a_person_changes_the_language(stage: RunningBot, spoken: Languages, way: str) -> None:
    chat = stage.chat("old", "en-US")
    await chat.say("hello")
    if way == "typed":
        await chat.say("latviešu")
    else:
        await chat.press("language")
        await chat.press("set_language", {"locale": "lv"})
    assert title(chat) == spoken.translations.catalogs["lv"].text("desk.menu.title")
    await chat.say("hello")
    assert title(chat) == spoken.translations.catalogs["lv"].text("desk.menu.title")


@pytest.mark.parametrize(
    "order", [("installationUpdate", "conversationUpdate"), ("conversationUpdate", "installationUpdate")]
)
async def test_an_install_is_welcomed_once(stage: RunningBot, order: tuple[str, str]) -> None:
    chat = stage.chat("old")
    assert set(await chat.install(order)) <= {200, 201, 202}
    assert [step(chat)] == ["look.differ"]
    assert len([one for one in chat.messages if not one.mine]) == 1


async def test_a_retried_activity_is_answered_and_changes_nothing(stage: RunningBot) -> None:
    chat = stage.chat("old", "en-US")
    await chat.say("my photo is wrong", id="again-1")
    first = json.dumps(chat.card())
    count = len(chat.messages)
    assert await chat.say("my photo is wrong", id="again-1") in (200, 201, 202)
    assert json.dumps(chat.card()) == first
    assert len([one for one in chat.messages if not one.mine]) == len(
        [one for one in chat.messages[:count] if not one.mine]
    )


async def test_a_double_click_is_one_step(stage: RunningBot) -> None:
    chat = stage.chat("missing", "en-US")
    await chat.say("my photo is wrong")
    data = next(one["data"] for one in chat.card()["actions"] if one.get("data", {}).get("action") == "next")
    await chat.press(dict(data))
    await chat.press(dict(data))
    assert step(chat) == "resync.private_window"


async def test_another_persons_button_does_nothing_to_either(stage: RunningBot) -> None:
    ada, ben = stage.chat("old", "en-US"), stage.chat("missing", "en-US")
    await ada.say("my photo is wrong")
    await ben.say("my photo is wrong")
    data = next(one["data"] for one in ada.card()["actions"] if one.get("data", {}).get("action") == "next")
    await ben.press(dict(data))
    assert (step(ada), step(ben)) == ("look.differ", "look.missing")
    assert "That card belongs to another person. Here's yours." in json.dumps(ben.card())
    assert await stage.metric('photosync_refused_total{reason="foreign"}') == 1


INVENTED = [
    {"action": "rm -rf"},
    {"action": 5, "case": [], "rev": "x"},
    {"action": "next", "case": "nobody", "step": "resync.done", "rev": 1},
    {"action": "set_language", "locale": "../../etc/passwd"},
    {"action": "forget_confirmed"},
    {"action": "rate", "score": {"a": 1}},
    {"something": "else"},
]


@pytest.mark.parametrize("data", INVENTED, ids=[json.dumps(one)[:40] for one in INVENTED])
async def test_invented_button_data_gets_the_present_card(stage: RunningBot, data: dict[str, object]) -> None:
    chat = stage.chat("old", "en-US")
    await chat.say("my photo is wrong")
    assert await chat.press(data) in (200, 201, 202)
    assert step(chat) == "look.differ"


async def test_a_ticket_carries_the_evidence_and_the_person_gets_its_number(stage: RunningBot) -> None:
    chat = stage.chat("forbidden", "en-US")
    await chat.say("my photo is wrong")
    await press(chat, "ticket")
    await chat.press("send_ticket", {"comment": "In the org chart"})
    assert step(chat) == "desk.ticket_sent"
    (ticket,) = stage.tenant.helpdesk.tickets
    assert (ticket.body["verdict"], ticket.body["reason"], ticket.body["comment"]) == (
        "unknown",
        "permission",
        "In the org chart",
    )
    assert ticket.body["person"]["id"] == chat.person.id
    assert ticket.number in json.dumps(chat.card())
    assert await stage.metric('photosync_cases_total{outcome="escalated"}') == 1


async def test_forgetting_starts_from_the_beginning(stage: RunningBot) -> None:
    chat = stage.chat("old", "sv-SE")
    await chat.say("hej")
    await chat.say("glöm mig")
    await press(chat, "forget_confirmed")
    assert step(chat) == "desk.forgotten"
    await chat.say("hello", locale="en-US")
    assert title(chat) == "How can I help with your photo?"


async def test_the_service_tells_that_it_is_alive_and_ready(stage: RunningBot) -> None:
    assert (await stage.get("/healthz"))[0] == 200
    await stage.chat("old").say("hello")
    assert json.loads((await stage.get("/readyz"))[1]) == {
        "store": True,
        "catalogues": True,
        "channel_keys": True,
        "sign_in": True,
        "background": True,
    }
    assert "photosync_turns_total" in (await stage.get("/metrics"))[1]


async def test_without_a_ticket_system_the_contact_is_shown() -> None:
    async with scene(PHOTOSYNC_TICKET_SYSTEM="none", PHOTOSYNC_HELPDESK_CONTACT="Call 4711") as stage:
        chat = stage.chat("old", "en-US")
        await chat.say("ticket")
        assert step(chat) == "desk.contact"
        assert "Call 4711" in json.dumps(chat.card())


GROUPS = [
    ("a channel", {"conversationType": "channel"}),
    ("a group chat", {"conversationType": "groupChat", "isGroup": True}),
]


@pytest.mark.parametrize("kind", [row[1] for row in GROUPS], ids=[row[0] for row in GROUPS])
async def test_in_front_of_others_nothing_personal_is_shown_or_looked_up(
    stage: RunningBot, kind: dict[str, object]
) -> None:
    chat = stage.chat("old", "en-US")
    here = {"conversation": {"id": chat.conversation, "tenantId": stage.tenant.id, **kind}}
    mention = {"type": "mention", "mentioned": {"id": stage.tenant.channel.bot_account}, "text": "<at>Photosync</at>"}
    await chat.say("my photo is wrong", **here)  # not spoken to: silence
    assert [one for one in chat.messages if not one.mine] == []
    await chat.say("<at>Photosync</at> my photo is wrong", entities=[mention], **here)
    assert title(chat) == "I only talk about photos in private"
    assert images(chat.card()) == []
    assert [one["type"] for one in chat.card()["actions"]] == ["Action.OpenUrl"]
    assert stage.tenant.graph.requests == []
    assert chat.person.name not in json.dumps(chat.card())


async def test_the_bot_shows_that_it_is_at_work_while_it_looks(stage: RunningBot) -> None:
    chat = stage.chat("old", "en-US")
    await chat.say("my photo is wrong")
    assert chat.typing == 1


async def test_a_sender_without_an_account_is_told_so(stage: RunningBot) -> None:
    chat = stage.chat("old", "en-US")
    await chat.say("my photo is wrong", **{"from": {"id": "29:guest", "name": "Guest"}})
    assert title(chat) == "I can't tell who you are"
    assert stage.tenant.graph.requests == []


async def test_a_card_that_was_deleted_is_posted_anew(stage: RunningBot) -> None:
    chat = stage.chat("old", "en-US")
    await chat.say("my photo is wrong")
    gone = chat.messages.pop()
    data = next(one["data"] for one in gone.card["actions"] if one.get("data", {}).get("action") == "next")  # type: ignore[index]
    activity = {**stage.tenant.channel.activity(chat), "type": "message", "value": data, "replyToId": gone.id}
    await chat.deliver(activity)
    assert step(chat) == "resync.private_window"


async def test_words_get_a_new_card_and_the_old_ones_button_shows_the_present_one(stage: RunningBot) -> None:
    chat = stage.chat("old", "en-US")
    await chat.say("my photo is wrong")
    first = chat.messages[-1]
    data = next(one["data"] for one in chat.card()["actions"] if one["data"]["action"] == "next")
    await chat.say("next")
    assert len([one for one in chat.messages if not one.mine]) == 2
    assert (first.card or {}).get("actions", []) == []  # one card at a time has buttons
    assert images(first.card or {}) == []
    await chat.press(dict(data), card=first.id)  # from a client that has not drawn that yet
    assert step(chat) == "resync.private_window"
    assert "earlier card" in json.dumps(chat.card())


@pytest.mark.parametrize("ended", [False, True])
async def test_a_double_click_in_the_menu_says_nothing_of_earlier_cards(stage: RunningBot, ended: bool) -> None:
    chat = stage.chat("match" if ended else "old", "en-US")
    if ended:
        await chat.say("my photo is wrong")
    await chat.say("menu")
    shown, data = (
        chat.messages[-1],
        next(one["data"] for one in chat.card()["actions"] if one["data"]["action"] == "fix"),
    )
    await asyncio.gather(*(chat.press(dict(data), card=shown.id) for _ in range(2)))
    assert "earlier card" not in json.dumps(chat.card())
    assert len([one for one in chat.messages if not one.mine]) == 1 + ended


async def test_every_card_of_a_whole_story_is_one_that_teams_takes(stage: RunningBot) -> None:
    chat = stage.chat("rtl-name", "ar-SA")
    await chat.say("my photo is wrong")
    await press(chat, *["next"] * 5, "ticket", "back", "menu", "language", "back")
    assert stage.tenant.channel.problems == []
    assert max(stage.tenant.channel.sizes) < 28 * 1024


async def test_who_removed_the_bot_elsewhere_and_installs_it_again_is_welcomed(tmp_path: Path) -> None:
    """Another process may have seen the bot removed, or forgotten the person by the command."""
    database = f"sqlite:///{tmp_path / 'photosync.db'}"
    async with scene(PHOTOSYNC_DATABASE_URL=database) as here:
        chat = here.chat("old")
        await chat.install()
        elsewhere = await open_store(database)
        record, _ = await elsewhere.load(chat.person.id)
        await elsewhere.commit(Change(replace(record, address=None)))
        await chat.install()
        assert len([one for one in chat.messages if not one.mine]) == 2
        await elsewhere.erase(chat.person.id)
        await elsewhere.close()
        await chat.install()
        assert len([one for one in chat.messages if not one.mine]) == 3


async def test_a_card_that_took_long_to_be_sent_is_not_sent_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than it may be owed: a worker has taken it over, and waits for the turn to end."""
    monkeypatch.setattr("bot.turns.outbox._PENDING_FOR", 0.5)
    monkeypatch.setattr("bot.turns.worker._LONGEST_SLEEP", 0.2)
    real = Connector.send

    async def slowly(self: Connector, *message: Any) -> str:
        await asyncio.sleep(1.5)
        return await real(self, *message)

    async with scene() as here:
        chat = here.chat("old")
        monkeypatch.setattr(Connector, "send", slowly)
        assert await chat.say("menu") == 200
        monkeypatch.setattr(Connector, "send", real)
        await asyncio.sleep(2)
        assert len([one for one in chat.messages if not one.mine]) == 1


@pytest.mark.parametrize(
    ("locale", "done", "further"),
    [
        ("en-US", "I've done it", "next"),
        ("en-US", "finished", "next step"),
        ("zh-CN", "完成了", "下一步"),
        ("ru-RU", "готово", "дальше"),
        ("lv-LV", "gatavs", "tālāk"),
        ("ar-SA", "تم", "الخطوة التالية"),
    ],
)
async def test_who_says_that_it_is_done_where_all_steps_are_shown_is_not_sent_to_the_first(
    locale: str, done: str, further: str
) -> None:
    async with scene(PHOTOSYNC_FOLLOW_UPS="1h") as here:
        chat = here.chat("old", locale)
        await chat.say("SharePoint")
        for words, shows in ((done, "resync.waiting"), (further, "resync.private_window")):
            await chat.say("SharePoint photo")
            if step(chat) != "look.differ":
                await chat.press("menu")
                await chat.press("fix")
            assert step(chat) == "look.differ"
            await chat.say(words)
            assert step(chat) == shows
