"""Whether it helped, asked once for a case: by Teams' own thumbs under the message, or by our buttons."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sandbox.channel import Chat
from sandbox.fitness import parts
from tests.chatting import RunningBot, actions, scene, step


@pytest.fixture
async def stage() -> AsyncIterator[RunningBot]:
    async with scene() as one:
        yield one


async def solved(stage: RunningBot) -> Chat:
    chat = stage.chat("match", "en-US")
    await chat.say("my photo is wrong")
    assert (step(chat), actions(chat).count("rate")) == ("look.match", 2)
    return chat


async def raw(chat: Chat, **value: Any) -> tuple[int, Any]:
    activity = {**chat.channel.activity(chat), "type": "invoke", "name": "message/submitAction", "value": value}
    answer = await chat.deliver(activity)
    return answer.status, answer.json()


async def test_a_thumb_counts_once_and_then_nobody_is_asked_again(stage: RunningBot) -> None:
    chat = await solved(stage)
    for odd in ({}, {"reaction": "love"}, {"reaction": "like", "feedback": "no JSON"}):
        assert await raw(chat, actionName="feedback", actionValue=odd) == (200, {})
    # The last of them was a thumb, whatever stood beside it.
    assert (step(chat), actions(chat).count("rate")) == ("look.match", 0)
    with pytest.raises(LookupError):
        await chat.thumb("dislike")
    assert await raw(chat, actionName="feedback", actionValue={"reaction": "dislike"}) == (200, {})
    assert await stage.metric('photosync_ratings_total{score="up"}') == 1
    assert await stage.metric('photosync_ratings_total{score="down"}') == 0
    assert await stage.metric('photosync_cases_total{outcome="resolved"}') == 1


@pytest.mark.parametrize("named", [True, False])
async def test_words_beside_a_thumb_down_stand_in_the_form_and_are_sent_if_the_person_sends_it(
    stage: RunningBot, named: bool
) -> None:
    chat = await solved(stage)
    stage.tenant.world.faults.send_ids_invalid = named
    assert await chat.thumb("dislike", "Outlook still shows the old one", named=named) == (200, {})
    assert len([one for one in chat.messages if not one.mine]) == 1
    assert step(chat) == "desk.ticket"
    (form,) = [part for part in parts(chat.card()) if part["type"] == "Input.Text"]
    assert form["value"] == "Outlook still shows the old one"
    assert stage.tenant.helpdesk.tickets == []
    await chat.press("send_ticket", {"comment": form["value"]})
    (ticket,) = stage.tenant.helpdesk.tickets
    assert ticket.body["comment"] == "Outlook still shows the old one"


async def test_only_messages_of_teams_that_ask_have_thumbs(stage: RunningBot) -> None:
    chat = stage.chat("old", "en-US")
    await chat.say("my photo is wrong")
    with pytest.raises(LookupError):
        await chat.thumb("like")
    assert await raw(chat, actionName="feedback", actionValue={"reaction": "like"}) == (200, {})
    assert (step(chat), await stage.metric('photosync_ratings_total{score="up"}')) == ("look.differ", 0)
    refused = await chat.deliver({**chat.channel.activity(chat), "type": "invoke", "name": "message/submitAction", "value": {"actionName": "other"}})  # fmt: skip
    assert refused.status == 501
