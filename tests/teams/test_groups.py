"""In front of others the bot says one thing, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from sandbox.channel import Chat
from sandbox.faults import Fault
from tests.chatting import RunningBot, scene

KINDS = ["groupChat", "channel"]


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[RunningBot]:
    async with scene() as here:
        yield here


def group(stage: RunningBot, kind: str) -> Chat:
    return stage.tenant.channel.group(stage.tenant.world.people[0].id, kind)


def cards(chat: Chat) -> int:
    return sum(one.card is not None for one in chat.messages)


def addressed(chat: Chat, **changes: Any) -> dict[str, Any]:
    called = {"type": "mention", "mentioned": {"id": chat.channel.bot_account}, "text": "<at>Photosync</at>"}
    return {**chat.channel.activity(chat), "type": "message", "text": "<at>Photosync</at> hi", "entities": [called], **changes}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("first", ["installationUpdate", "conversationUpdate"])
async def test_an_install_shows_one_card(stage: RunningBot, kind: str, first: str) -> None:
    chat = group(stage, kind)
    order = sorted(("installationUpdate", "conversationUpdate"), key=lambda one: one != first)
    assert await chat.install(order) == [200, 200]
    assert cards(chat) == 1
    await chat.uninstall()
    await chat.install(order)
    assert cards(chat) == 2  # another install


@pytest.mark.parametrize("kind", KINDS)
async def test_a_repeat_answers_nothing(stage: RunningBot, kind: str) -> None:
    chat = group(stage, kind)
    activity = addressed(chat)
    assert [(await chat.deliver(activity)).status for _ in range(3)] == [200] * 3
    assert cards(chat) == 1
    await chat.deliver(addressed(chat))
    assert cards(chat) == 2


async def test_the_same_id_in_another_conversation_is_no_repeat(stage: RunningBot) -> None:
    one, two = (group(stage, kind) for kind in KINDS)
    activity = addressed(one)
    await one.deliver(activity)
    await two.deliver({**addressed(two), "id": activity["id"]})
    assert (cards(one), cards(two)) == (1, 1)


async def test_a_repeat_of_what_could_not_be_sent_is_answered(stage: RunningBot) -> None:
    chat = group(stage, "groupChat")
    activity = addressed(chat)
    stage.tenant.world.faults.plan("connector", [Fault(500)])
    await chat.deliver(activity)
    await chat.deliver(activity)
    assert cards(chat) == 1


async def test_a_sender_without_an_id_gets_one_answer_a_message(stage: RunningBot) -> None:
    chat = stage.chat("old")
    activity = {**chat.channel.activity(chat), "type": "message", "text": "hello", "from": {"id": "29:guest"}}
    for _ in range(3):
        assert (await chat.deliver(activity)).status == 200
    assert cards(chat) == 1
