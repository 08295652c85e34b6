"""A press changes the card that was pressed, whatever ids Teams has for it; what is repeated is answered and done once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from sandbox.channel import Chat
from sandbox.faults import Fault
from tests.chatting import RunningBot, scene, step


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[RunningBot]:
    async with scene() as here:
        yield here


def cards(chat: Chat) -> list[str]:
    return [one.id for one in chat.messages if not one.mine]


def data(chat: Chat, action: str) -> dict[str, Any]:
    return next(dict(one["data"]) for one in chat.card()["actions"] if one.get("data", {}).get("action") == action)


async def press(chat: Chat, value: dict[str, Any], reply_to: str | None) -> int:
    activity = {**chat.channel.activity(chat), "type": "message", "value": value}
    return (await chat.deliver({**activity, **({} if reply_to is None else {"replyToId": reply_to})})).status


async def test_six_presses_change_one_card(stage: RunningBot) -> None:
    chat = stage.chat("old")
    await chat.say("my photo is wrong")
    for _ in range(6):
        assert await chat.press("next") == 200
    assert len(cards(chat)) == 1
    assert chat.shown().versions == 6


async def test_a_card_that_only_the_reply_id_can_update_is_updated(stage: RunningBot) -> None:
    stage.tenant.world.faults.send_ids_invalid = True
    chat = stage.chat("old")
    await chat.say("my photo is wrong")
    for _ in range(3):
        assert await chat.press("next") == 200
    assert len(cards(chat)) == 1
    assert [method for method, _ in stage.tenant.channel.requests].count("PUT") == 3  # each by the right id at once


REPLY_IDS: dict[str, tuple[str | None, int]] = {  # replyToId of the presses, PUTs for two of them
    "none": (None, 2),
    "empty": ("", 2),
    "another service's": ("f:12345", 6),
    "of a message that is gone": ("1700000000001", 6),
    "of letters": ("a" * 200, 6),
}


@pytest.mark.parametrize("what", REPLY_IDS)
async def test_a_press_without_a_usable_reply_id_changes_the_card_by_the_stored_id(
    stage: RunningBot, what: str
) -> None:
    reply_to, puts = REPLY_IDS[what]
    chat = stage.chat("old")
    await chat.say("my photo is wrong")
    for _ in range(2):
        assert await press(chat, data(chat, "next"), reply_to) == 200
    assert len(cards(chat)) == 1
    assert chat.shown().versions == 2
    assert [method for method, _ in stage.tenant.channel.requests].count("PUT") == puts


GONE = {
    "404": Fault(404, code="ActivityNotFoundInConversation"),
    "410": Fault(410, code="Gone"),
    "400 BadArgument": Fault(400, code="BadArgument"),
    "400 without a code": Fault(400, body=b"Invalid activity ID"),
}


@pytest.mark.parametrize("how", GONE)
async def test_a_press_on_a_card_that_teams_no_longer_knows_is_answered_by_a_new_one(
    stage: RunningBot, how: str
) -> None:
    chat = stage.chat("old")
    await chat.say("my photo is wrong")
    stage.tenant.world.faults.plan("connector", [GONE[how]] * 2)  # by either id
    assert await chat.press("next") == 200
    first, second = cards(chat)
    assert step(chat) == "resync.private_window"
    assert await chat.press("next") == 200
    assert cards(chat) == [first, second]
    assert await stage.metric('photosync_messages_sent_total{result="gone"}') == 2


async def test_a_double_click_shows_the_same_card_in_silence(stage: RunningBot) -> None:
    chat = stage.chat("old")
    await chat.say("my photo is wrong")
    value = data(chat, "next")
    reply_to = chat.shown().reply_id
    assert await asyncio.gather(*(press(chat, value, reply_to) for _ in range(3))) == [200] * 3
    assert len(cards(chat)) == 1
    assert step(chat) == "resync.private_window"
    assert "earlier card" not in str(chat.card())
    assert await stage.metric('photosync_refused_total{reason="stale"}') == 0
    await chat.press("next")
    assert len(cards(chat)) == 1


async def test_a_button_pressed_again_after_others_is_out_of_date(stage: RunningBot) -> None:
    chat = stage.chat("old")
    await chat.say("my photo is wrong")
    value = data(chat, "next")
    await chat.press("next")
    await chat.press("next")
    await press(chat, value, chat.shown().reply_id)
    assert "earlier card" in str(chat.card())
    assert await stage.metric('photosync_refused_total{reason="stale"}') == 1


async def test_the_same_button_with_another_choice_is_no_double_click(stage: RunningBot) -> None:
    chat = stage.chat("old")
    await chat.say("language")
    value = data(chat, "set_language")
    reply_to = chat.shown().reply_id
    await press(chat, {**value, "locale": "sv"}, reply_to)
    await press(chat, {**value, "locale": "lv"}, reply_to)
    assert await stage.metric('photosync_refused_total{reason="stale"}') == 1


@pytest.mark.parametrize("new_id", [True, False], ids=["under another id", "under the same id"])
async def test_an_invoke_that_is_repeated_gets_the_saved_card(stage: RunningBot, *, new_id: bool) -> None:
    chat = stage.chat("old")
    await chat.say("my photo is wrong")
    value = {"action": {"type": "Action.Execute", "verb": "press", "data": data(chat, "next")}, "trigger": "manual"}
    invoke = {**chat.channel.activity(chat), "type": "invoke", "name": "adaptiveCard/action", "value": value, "replyToId": chat.shown().reply_id}  # fmt: skip
    first = await chat.deliver(invoke)
    again = await chat.deliver({**invoke, "id": "1999999999999"} if new_id else invoke)
    assert again.json() == first.json()
    assert again.json()["value"] == chat.card()
    assert step(chat) == "resync.private_window"
    assert len(cards(chat)) == 1
    assert len(stage.tenant.helpdesk.tickets) == 0
