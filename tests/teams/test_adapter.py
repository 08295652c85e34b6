"""The SDK is on the way of a turn for real: its middleware runs around ours, and what it sends reaches the person."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest_asyncio
from botbuilder.core import CloudAdapterBase, Middleware, TurnContext
from botbuilder.schema import Activity, ActivityTypes

from tests.teams_edge import Stage, answer, stage


@pytest_asyncio.fixture
async def edge() -> AsyncIterator[Stage]:
    async with stage() as here:
        here.act = answer
        yield here


class Around(Middleware):
    """A middleware as bots of the SDK have it."""

    def __init__(self, *, passes: bool = True) -> None:
        self.passes = passes
        self.seen: list[tuple[str, ...]] = []

    async def on_turn(self, context: TurnContext, logic: Callable[[], Awaitable[Any]]) -> None:
        activity = context.activity
        self.seen.append((activity.type, activity.id, activity.conversation.id, activity.from_property.id))
        await context.send_activity(Activity(type=ActivityTypes.typing))
        sent = await context.send_activity("before")
        await context.update_activity(Activity(type=ActivityTypes.message, id=sent.id, text="before, mended"))
        if self.passes:
            await logic()


async def test_a_middleware_of_the_sdk_sees_the_turn_and_sends_through_our_connector(edge: Stage) -> None:
    around = Around()
    edge.edge.adapter.use(around)
    activity = edge.activity()
    assert (await edge.chat.deliver(activity)).status == 200
    assert isinstance(edge.edge.adapter, CloudAdapterBase)
    assert around.seen == [("message", activity["id"], edge.chat.conversation, edge.address.user)]
    first, card = edge.chat.messages
    assert (first.activity["text"], first.versions) == ("before, mended", 1)
    assert card.card is not None
    assert edge.chat.typing == 1
    assert (edge.sent("sent"), edge.sent("updated"), edge.sent("typing")) == (2, 1, 1)


async def test_a_turn_that_a_middleware_holds_back_shows_nothing_and_is_answered(edge: Stage) -> None:
    edge.edge.adapter.use(Around(passes=False))
    assert (await edge.deliver()).status == 200
    assert edge.turns == []
