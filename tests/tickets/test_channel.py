"""The helpdesk in its channel: a card for each case, pressed by members of the team only, and told to the person."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot import app
from bot.settings import read
from sandbox.channel import HELPDESK, Chat
from sandbox.faults import Fault
from sandbox.tenant import Tenant
from tests.chatting import RunningBot, actions, eventually, shown, step
from tests.sandboxed import IDS


@asynccontextmanager
async def staged() -> AsyncIterator[tuple[RunningBot, Chat]]:
    """The scene, and the channel as an agent sees it."""
    async with Tenant.open(bot_url="http://127.0.0.1:9") as tenant:
        agent = tenant.channel.helpdesk(IDS["match"])
        own = {name: value for name, value in tenant.environment().items() if "_TICKET_" not in name}
        fields = json.dumps({"channel": HELPDESK})
        desk = {"PHOTOSYNC_TICKET_SYSTEM": "teams", "PHOTOSYNC_TICKET_FIELDS": fields, "PHOTOSYNC_FOLLOW_UPS": "1h"}
        bot = await app.start(read({**own, **desk, "PHOTOSYNC_PORT": "0"}))
        try:
            tenant.channel.bot_url = f"http://127.0.0.1:{bot.port}"
            yield RunningBot(tenant, bot), agent
        finally:
            await bot.stop()


async def handed_over(stage: RunningBot) -> Chat:
    chat = stage.chat("old", "sv-SE")
    await chat.say("min bild är gammal")
    await chat.press("ticket")
    await chat.press("send_ticket", {"comment": "**hjälp** <at>alla</at>"})
    assert step(chat) == "desk.ticket_sent"
    return chat


async def test_a_case_is_a_card_of_which_agents_and_the_person_hear_of_each_other() -> None:
    async with staged() as (stage, agent):
        chat = await handed_over(stage)
        card = json.dumps(agent.card(), ensure_ascii=False)
        assert "SharePoint has a different photo than Microsoft 365" in card
        assert "\\\\*\\\\*hjälp" in card
        assert '"Image"' not in card
        assert actions(agent) == ["take", "ask", "tell", "solved"]
        await agent.press("take")
        assert step(chat) == "desk.ticket_working"
        assert agent.person.name not in json.dumps(chat.card(), ensure_ascii=False)
        assert f"Taken by {agent.person.name}" in json.dumps(agent.card(), ensure_ascii=False)
        assert len([one for one in agent.messages if one.card is not None]) == 1  # in its place
        await agent.press("ask", {"text": "Vilken sida?"})
        assert step(chat) == "desk.ticket_waiting"
        assert "Supporten skrev: Vilken sida?" in json.dumps(chat.card(), ensure_ascii=False)
        await chat.press("send_ticket", {"comment": "Organisationsschemat"})
        thread = agent.messages[-1]
        assert "Organisationsschemat" in json.dumps(thread.activity, ensure_ascii=False)
        threads = [path for method, path in stage.tenant.channel.requests if method == "POST" and "messageid" in path]
        assert len(threads) == 1
        card_of_case = next(one for one in agent.messages if one.card is not None).id
        await agent.press("tell", {"text": "Vi ser det."}, card=card_of_case)
        assert step(chat) == "desk.ticket_told"
        await agent.press("solved", card=card_of_case)
        assert step(chat) == "look.differ"
        assert "Supporten säger att det är löst" in json.dumps(chat.card(), ensure_ascii=False)
        assert stage.tenant.channel.problems == []


async def test_who_is_not_in_the_team_presses_without_effect() -> None:
    async with staged() as (stage, agent):
        chat = await handed_over(stage)
        stranger = stage.tenant.channel.helpdesk(IDS["forbidden"], member=False)
        before = shown(chat)
        await stranger.press("take")
        assert shown(chat) == before
        assert "Taken by" not in json.dumps(agent.card())
        assert await stage.metric('photosync_refused_total{reason="foreign"}') == 1


async def test_a_press_that_is_delivered_twice_and_one_without_words_tell_nothing_more() -> None:
    async with staged() as (stage, agent):
        chat = await handed_over(stage)
        before = shown(chat)
        await agent.press("ask", {"text": "  "})
        assert shown(chat) == before
        data = next(one["data"] for one in agent.card()["actions"] if one["data"]["action"] == "take")
        activity = {**agent.channel.activity(agent), "type": "message", "value": data, "replyToId": agent.shown().reply_id}  # fmt: skip
        stage.tenant.world.faults.plan("connector", [Fault(403, path=HELPDESK, after=1)])  # the card stays as it was
        await agent.deliver(activity)
        assert "Taken by" not in json.dumps(agent.card())
        await agent.deliver(activity)
        assert "Taken by" in json.dumps(agent.card())
        assert shown(chat) == before + 1


async def test_a_card_whose_answer_is_lost_comes_once_more_at_most() -> None:
    async with staged() as (stage, agent):
        chat = stage.chat("old", "en-US")
        await chat.say("my photo is wrong")
        await chat.press("ticket")
        stage.tenant.world.faults.plan("connector", [Fault(kind="drop", lost=True, path=HELPDESK)])
        await chat.press("send_ticket", {"comment": "please"})
        await eventually(lambda: step(chat) == "desk.ticket_sent", 40)
        assert len([one for one in agent.messages if one.card is not None]) <= 2


async def test_a_question_about_an_earlier_case_is_answered_in_the_thread_of_its_card() -> None:
    async with staged() as (stage, agent):
        chat = await handed_over(stage)
        await chat.say("min bild är gammal")
        await agent.press("take")
        assert "Supporten arbetar med ditt tidigare ärende" in json.dumps(chat.card(), ensure_ascii=False)
        await agent.press("ask", {"text": "Vilken sida?"})
        assert step(chat) == "desk.earlier"
        assert f"Taken by {agent.person.name}" in json.dumps(agent.card(), ensure_ascii=False)
        await chat.press("send_ticket", {"comment": "Organisationsschemat"})
        assert step(chat) == "look.differ"
        assert "Organisationsschemat" in json.dumps(agent.messages[-1].activity, ensure_ascii=False)
        threads = [path for method, path in stage.tenant.channel.requests if method == "POST" and "messageid" in path]
        assert len(threads) == 1
