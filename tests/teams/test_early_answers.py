"""An early answer is a promise: the activity is kept before it, and its turn is done once, whatever dies."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from bot import app
from bot.conversation import ActivityKind, Address, Channel, Incoming, Message, Scope, from_document, to_document
from bot.errors import StoreUnavailable
from bot.settings import read
from bot.store import Change, JobKind, Record, jobs
from bot.store.connect import connect
from bot.store.interface import Store
from bot.teams import endpoint
from bot.teams.activities import read_incoming
from bot.turns.runner import _inbox_of
from sandbox.chat import Chat
from sandbox.tenant import Tenant
from tests.chatting import RunningBot, eventually, scene, shown, step
from tests.teams_edge import CARD, stage
from tests.tickets.test_channel import handed_over, staged


async def test_what_cannot_be_kept_is_not_answered_early() -> None:
    """Teams gives up, and delivers it again: it is not lost."""
    async with stage() as here:
        here.inbox.error = StoreUnavailable("gone")

        async def slowly(_: Incoming, channel: Channel) -> Message | None:
            await asyncio.sleep(9)
            await channel.send(CARD)
            return CARD

        here.act = slowly
        begun = time.monotonic()
        assert (await here.deliver()).status == 200
        assert time.monotonic() - begun >= 9  # the turn's own answer
        assert here.inbox.discarded == []


async def test_a_turn_that_was_answered_at_once_costs_no_commit_of_its_own() -> None:
    async with stage() as here:
        assert (await here.deliver()).status == 200
        assert (here.inbox.there, here.inbox.discarded) == ([], [])


INCOMING = Incoming(
    "17", ActivityKind.PRESSED, Scope.PERSONAL, Address("https://x/", "a:1", "28:b", "29:a", "t"), "0a",
    name="Ada", value={"action": "next", "rev": 3, "nested": {"a": [1]}}, links=("https://a.example/",), is_invoke=True,
)  # fmt: skip


def test_an_activity_survives_the_inbox_whole() -> None:
    assert from_document(to_document(INCOMING)) == INCOMING
    assert from_document({**to_document(INCOMING), "of_a_later_release": 1}) == INCOMING
    assert from_document({k: v for k, v in to_document(INCOMING).items() if k != "timezone"}) == INCOMING


@pytest.mark.parametrize("broken", [{}, {"kind": "x"}, {"kind": "typed", "scope": "personal", "address": 5}])
def test_a_damaged_document_is_an_error_of_its_job(broken: dict[str, Any]) -> None:
    with pytest.raises((KeyError, ValueError, TypeError)):
        from_document(broken)


@pytest.mark.parametrize("times", [1, 2], ids=["once", "and delivered again by Teams meanwhile"])
async def test_a_turn_whose_process_died_is_done_once_after_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    monkeypatch.setattr(jobs, "INBOX_TIMEOUT", 1.0)
    async with Tenant.open(bot_url="http://127.0.0.1:9") as tenant:
        environ = {
            **tenant.environment(),
            "PHOTOSYNC_PORT": "0",
            "PHOTOSYNC_DATABASE_URL": f"sqlite:///{tmp_path}/p.db",
        }
        chat = tenant.channel.chat(next(one.id for one in tenant.world.people if one.story == "old"))
        activity = {**tenant.channel.activity(chat), "type": "message", "text": "my photo is wrong"}
        store = connect(read(environ).database_url.reveal())
        await store.open()
        incoming = Incoming(
            str(activity["id"]), ActivityKind.TYPED, Scope.PERSONAL,
            Address(tenant.channel.service_url, chat.conversation, tenant.channel.bot_account, f"29:{chat.person.id}", tenant.id),
            chat.person.id, name=chat.person.name, text="my photo is wrong", locale="en-US",
        )  # fmt: skip
        await store.receive(chat.person.id, incoming.id, to_document(incoming))  # as before an early answer
        await store.close()
        bot = await app.start(read(environ))
        tenant.channel.bot_url = f"http://127.0.0.1:{bot.port}"
        try:
            if times == 2:
                await eventually(lambda: bot.endpoint.ready)
                assert (await chat.deliver(activity)).status == 200
            await eventually(lambda: any(one.card for one in chat.messages))
            await asyncio.sleep(2.5)
            assert step(chat) == "look.differ"
            assert len([one for one in chat.messages if one.card is not None]) == 1
            assert await pending(bot.store) == 0
        finally:
            await bot.stop()


async def test_what_was_said_first_is_done_first_although_its_process_died(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last word holds: what was answered early and waits in the inbox does not undo it later."""
    async with scene(PHOTOSYNC_FOLLOW_UPS="1h") as here:
        chat = here.chat("old", "en-US")
        for text in ("svenska", "Deutsch"):
            await kept(here, chat, {"type": "message", "text": text})
        await chat.say("français")
        assert (step_language(chat), shown(chat), await pending(here.bot.store)) == ("fr", 3, 0)
        monkeypatch.setattr(jobs, "INBOX_TIMEOUT", 0.0)
        await asyncio.sleep(2)
        assert (step_language(chat), shown(chat)) == ("fr", 3)


async def test_a_turn_that_the_store_failed_after_its_early_answer_comes_before_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scene(PHOTOSYNC_FOLLOW_UPS="1h") as here:
        chat = here.chat("old", "en-US")
        await chat.say("my photo is wrong")
        monkeypatch.setattr(endpoint, "_ACK_AFTER", 0.5)
        commit, store = here.bot.store.commit, here.bot.store

        async def away(_: Change) -> Record:
            await asyncio.sleep(1)
            raise StoreUnavailable("gone")

        monkeypatch.setattr(store, "commit", away)
        await chat.say("svenska")
        await asyncio.sleep(1)
        assert await pending(store) == 1
        monkeypatch.setattr(store, "commit", commit)
        await chat.say("Deutsch")
        await eventually(lambda: shown(chat) == 3)
        assert step_language(chat) == "de"
        await eventually_none(store)


async def test_what_an_agent_pressed_is_done_by_the_inbox_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was taken for any card in front of others: the agents were told to write to the bot, and the person nothing."""
    async with staged() as (here, agent):
        chat = await handed_over(here)
        data = next(one["data"] for one in agent.card()["actions"] if one["data"]["action"] == "tell")
        value = {**data, "text": "We see it."}
        await kept(here, agent, {"type": "message", "value": value, "replyToId": agent.shown().reply_id})
        monkeypatch.setattr(jobs, "INBOX_TIMEOUT", 0.0)
        await eventually(lambda: step(chat) == "desk.ticket_told")


async def kept(here: RunningBot, chat: Chat, content: dict[str, Any]) -> None:
    """As before an early answer, by a process that died then."""
    incoming = read_incoming({**chat.channel.activity(chat), **content}, here.tenant.app)
    assert incoming is not None
    await here.bot.store.receive(_inbox_of(incoming), incoming.id, to_document(incoming))


def step_language(chat: Chat) -> str:
    """What the last card is in."""
    return str(chat.card()["lang"])


async def test_a_turn_that_is_under_way_when_all_is_deleted_elsewhere_brings_nothing_back() -> None:
    async with scene(PHOTOSYNC_FOLLOW_UPS="1h") as here:
        chat = here.chat("old", "en-US")
        await chat.say("hello")
        here.tenant.world.faults.graph_seconds = 1.0
        saying = asyncio.create_task(chat.say("my photo is wrong"))
        await asyncio.sleep(0.7)
        await here.bot.store.erase(chat.person.id)  # as by another replica, or `photosync erase`
        await saying
        record, _ = await here.bot.store.load(chat.person.id)
        assert (record.version, record.case) == (0, None)
        await chat.say("hello again")  # what is said afterwards begins anew
        assert (await here.bot.store.load(chat.person.id))[0].version


async def eventually_none(store: Store) -> None:
    async with asyncio.timeout(20):
        while await pending(store):  # noqa: ASYNC110 - the database says it
            await asyncio.sleep(0.05)


async def pending(store: Store) -> int:
    return (await store.pending())[JobKind.TURN]


async def test_teams_delivers_again_what_met_a_store_out_of_reach() -> None:
    """503 is not the end of a message: the channel comes again, and the turn is done once."""
    async with stage() as here:
        here.tenant.world.faults.retry_after = 0.2
        down = True

        async def turn(_: Incoming, channel: Channel) -> Message | None:
            if down:
                raise StoreUnavailable("gone")
            await channel.send(CARD)
            return CARD

        here.act = turn
        assert (await here.deliver()).status == 503
        down = False
        await eventually(lambda: any(one.card for one in here.chat.messages))
        await asyncio.sleep(0.5)
        assert here.tenant.channel.retries == 1
        assert len([one for one in here.chat.messages if one.card is not None]) == 1
