"""The bot goes on by itself: it looks again and writes, shows what it owes, and stops when it is told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.app import Bot
from bot.errors import Outage
from bot.http_client import HttpClient
from bot.settings import read
from bot.store import Job, JobKind
from bot.store.connect import open_store
from sandbox.channel import Chat
from sandbox.faults import Fault
from tests.chatting import RunningBot, eventually, images, scene, shown, step, title
from tests.databases import execute, rows


@pytest.fixture
async def stage(database: str) -> AsyncIterator[RunningBot]:
    async with scene(PHOTOSYNC_DATABASE_URL=database, PHOTOSYNC_FOLLOW_UPS="1s,2s,4s") as one:
        yield one


async def walked(stage: RunningBot, story: str = "old", locale: str = "en-US") -> Chat:
    """Somebody who went through the walk while SharePoint did nothing."""
    chat = stage.chat(story, locale)
    await chat.say("my photo is wrong")
    for _ in range(6):
        await chat.press("next")
    assert step(chat) == "resync.waiting"
    return chat


async def looked(database: str, looks: int) -> None:
    """Wait until so many looks of the schedule are over, and the next is scheduled."""
    async with asyncio.timeout(40):
        while True:
            found = await rows(database, "SELECT payload FROM work WHERE kind = 'follow_up'")
            if found and json.loads(found[0][0])["looks"] >= looks:
                return
            await asyncio.sleep(0.05)


async def pending_becomes(stage: RunningBot, count: int) -> None:
    """The metric is counted twice a second at most."""
    async with asyncio.timeout(20):
        while await stage.metric("photosync_follow_ups_pending") != count:  # noqa: ASYNC110 - read as a scraper does
            await asyncio.sleep(0.1)


async def test_the_photo_arrives_and_the_bot_writes(stage: RunningBot) -> None:
    chat = await walked(stage, locale="sv-SE")
    await pending_becomes(stage, 1)
    stage.tenant.world.visit_sharepoint(chat.person.id)
    await eventually(lambda: step(chat) == "resync.arrived")
    assert shown(chat) == 1  # the card in front turns to it
    assert title(chat) == "Ditt nya foto har kommit till SharePoint"
    assert len(set(images(chat.card()))) == 2
    assert chat.messages[-1].activity["summary"] == title(chat)
    await pending_becomes(stage, 0)
    assert await stage.metric('photosync_cases_total{outcome="resolved_later"}') == 1
    await asyncio.sleep(2.5)
    assert shown(chat) == 1  # the card that was there has turned


async def test_after_the_last_look_a_ticket_is_offered(stage: RunningBot) -> None:
    chat = await walked(stage)
    await eventually(lambda: shown(chat) == 2)
    assert step(chat) == "resync.overdue"
    await chat.press("ticket")
    await chat.press("send_ticket")
    (ticket,) = stage.tenant.helpdesk.tickets
    assert len(ticket.body["checks"]) in (4, 5)  # most of those by ourselves saw that nothing had changed


async def test_stopping_ends_looking(stage: RunningBot) -> None:
    chat = await walked(stage)
    await chat.press("stop")
    await left_alone(stage, chat)


async def test_forgetting_ends_looking(stage: RunningBot) -> None:
    chat = await walked(stage)
    await chat.say("forget me")
    await chat.press("forget_confirmed")
    await left_alone(stage, chat)


async def test_a_match_that_the_person_found_ends_looking(stage: RunningBot) -> None:
    chat = await walked(stage)
    stage.tenant.world.visit_sharepoint(chat.person.id)
    await chat.press("next")
    assert step(chat) == "resync.done"
    await left_alone(stage, chat)


async def left_alone(stage: RunningBot, chat: Chat) -> None:
    """Nothing more comes, though the photo is there by now."""
    stage.tenant.world.visit_sharepoint(chat.person.id)
    before = shown(chat)
    await pending_becomes(stage, 0)
    await asyncio.sleep(1.5)
    assert shown(chat) == before


async def test_the_menu_does_not_end_looking(stage: RunningBot) -> None:
    chat = await walked(stage)
    await chat.say("menu")
    stage.tenant.world.visit_sharepoint(chat.person.id)
    await eventually(lambda: step(chat) == "resync.arrived")


async def test_a_person_who_blocked_the_bot_is_left_alone_until_they_write(stage: RunningBot) -> None:
    chat = await walked(stage)
    stage.tenant.world.visit_sharepoint(chat.person.id)
    refusal = Fault(403, code="MessageWritesBlocked")
    stage.tenant.world.faults.plan("connector", [refusal] * 3)
    await eventually(lambda: len(stage.tenant.world.faults.connector) < 3)
    await asyncio.sleep(1.0)
    asked = len(stage.tenant.channel.requests)
    await asyncio.sleep(1.5)
    assert len(stage.tenant.channel.requests) == asked
    stage.tenant.world.faults.connector.clear()
    await chat.say("hello")
    assert step(chat) == "desk.menu"


async def test_a_fault_of_graph_is_no_reason_to_give_up(stage: RunningBot) -> None:
    chat = await walked(stage)
    stage.tenant.world.visit_sharepoint(chat.person.id)
    stage.tenant.world.faults.graph_always = Fault(403, code="accessDenied")
    await asyncio.sleep(1.5)
    stage.tenant.world.faults.graph_always = None
    await eventually(lambda: step(chat) == "resync.arrived")
    assert "permission" not in json.dumps(chat.card())


async def test_a_ticket_that_is_not_taken_at_once_arrives_once_and_its_number_is_told(stage: RunningBot) -> None:
    chat = stage.chat("forbidden", "en-US")
    await chat.say("my photo is wrong")
    await chat.press("ticket")
    # Taken and the answer lost, then down for longer than anyone waits.
    stage.tenant.world.faults.plan("tickets", [Fault(500, lost=True), Fault(503), Fault(500)])
    await chat.press("send_ticket", {"comment": "please"})
    assert step(chat) == "desk.ticket_queued"
    await eventually(lambda: step(chat) == "desk.ticket_sent", 40)
    (ticket,) = stage.tenant.helpdesk.tickets
    assert ticket.number in json.dumps(chat.card())
    assert stage.tenant.helpdesk.tries == 4
    assert await stage.metric('photosync_tickets_total{result="queued"}') == 1
    assert await stage.metric('photosync_tickets_total{result="sent"}') == 1


@asynccontextmanager
async def by_hand(stage: RunningBot, database: str) -> AsyncIterator[Bot]:
    """Another replica whose jobs are done one by one by the test; the bot itself does none any more."""
    await stage.bot.background.stop("jobs")
    settings = read({**stage.tenant.environment(), "PHOTOSYNC_DATABASE_URL": database})
    http = HttpClient.from_settings(settings)
    replica = Bot.build(settings, await open_store(database), http)
    try:
        yield replica
    finally:
        await replica.store.close()
        await http.close()


async def test_what_a_ticket_waits_for_uses_up_none_of_its_tries(stage: RunningBot, database: str) -> None:
    """A job that has failed eight times is given up: neither a system that does not take it nor an earlier submission
    that goes first is its fault."""
    chat = stage.chat("forbidden", "en-US")
    await chat.say("my photo is wrong")
    await chat.press("ticket")
    async with by_hand(stage, database) as replica:
        stage.tenant.world.faults.plan("tickets", [Fault(403)] * 20)
        await chat.press("send_ticket", {"comment": "please"})
        assert step(chat) == "desk.ticket_queued"
        ((case, payload),) = await rows(database, "SELECT key, payload FROM work WHERE kind = 'ticket'")
        later = Job(JobKind.TICKET, f"{case}_2", chat.person.id, 0.0, json.loads(payload))
        await replica.store.put(later)
        seen = set()
        for _ in range(3):
            await execute(database, "UPDATE work SET due_at = 0 WHERE kind = 'ticket'")
            for claimed in await replica.store.claim({JobKind.TICKET: 2}, 60):
                seen.add((claimed.job.key, claimed.attempt))
                await replica.follow_ups.doers[JobKind.TICKET](claimed)
        assert seen == {(case, 1), (later.key, 1)}


async def test_a_card_that_is_tried_again_and_again_is_in_the_log_once(stage: RunningBot, database: str) -> None:
    chat = stage.chat("old", "en-US")
    await chat.say("menu")
    logged = await rows(database, "SELECT kind, what FROM log ORDER BY id")
    async with by_hand(stage, database) as replica:
        stage.tenant.world.faults.plan("connector", [Fault(500)] * 3)  # Teams is away, as it may be for a week
        for _ in range(3):
            await replica.store.put(Job(JobKind.SHOW, chat.person.id, chat.person.id, 0.0, {"in_place": True}))
            (claimed,) = await replica.store.claim({JobKind.SHOW: 1}, 60)
            with pytest.raises(Outage):
                await replica.follow_ups.doers[JobKind.SHOW](claimed)
        assert await rows(database, "SELECT kind, what FROM log ORDER BY id") == logged


def at_rest(folder: Path) -> bytes:
    """Everything that SQLite has written; nothing where the database is PostgreSQL."""
    return b"".join(file.read_bytes() for file in folder.glob("photosync.db*"))


async def test_no_photo_and_no_token_is_at_rest(stage: RunningBot, tmp_path: Path) -> None:
    chat = await walked(stage)
    await chat.press("ticket")
    await chat.press("send_ticket", {"comment": "please"})
    kept = at_rest(tmp_path)
    for forbidden in (b"\xff\xd8\xff", b"base64", b"Bearer", b"eyJ", stage.tenant.secret.encode()):
        assert forbidden not in kept
    (ticket,) = stage.tenant.helpdesk.tickets
    assert "typed: my photo is wrong" in ticket.body["transcript"]
    assert "looked: differ" in ticket.body["transcript"]
    assert "data:image" not in json.dumps(ticket.body)


async def test_a_late_ticket_is_told_to_somebody_who_has_gone_on_to_another_case(stage: RunningBot) -> None:
    chat = stage.chat("forbidden", "en-US")
    await chat.say("my photo is wrong")
    await chat.press("ticket")
    stage.tenant.world.faults.plan("tickets", [Fault(500), Fault(503), Fault(500)])
    await chat.press("send_ticket", {"comment": ""})
    earlier = chat.card()["actions"][0]["data"]["case"]
    await chat.say("my photo is wrong")
    assert chat.card()["actions"][0]["data"]["case"] != earlier
    await eventually(lambda: f"has your earlier ticket (case {earlier})" in json.dumps(chat.card()), 40)
    (ticket,) = stage.tenant.helpdesk.tickets
    assert ticket.number in json.dumps(chat.card())
    await chat.say("menu")
    assert ticket.number not in json.dumps(chat.card())


async def test_an_outage_is_looked_at_again_by_ourselves_and_the_person_told_what_was_found(stage: RunningBot) -> None:
    stage.tenant.world.faults.graph_always = Fault(503)
    chat = stage.chat("old", "en-US")
    await chat.say("my photo is wrong")
    assert step(chat) == "look.unknown"
    assert "I'll check again at " in json.dumps(chat.card())
    stage.tenant.world.faults.graph_always = None
    await eventually(lambda: step(chat) == "look.differ")
    assert len(set(images(chat.card()))) == 2


async def test_somebody_who_walks_on_during_an_outage_is_not_interrupted(stage: RunningBot) -> None:
    stage.tenant.world.faults.graph_always = Fault(503)
    chat = stage.chat("old", "en-US")
    await chat.say("my photo is wrong")
    await chat.press("next")
    stage.tenant.world.faults.graph_always = None
    await asyncio.sleep(4)
    assert step(chat) in ("resync.steps", "resync.overdue")  # no verdict on top of the steps
    await pending_becomes(stage, 0)


async def test_somebody_whose_case_cannot_be_read_gets_an_apology_and_a_new_start(database: str) -> None:
    async with scene(PHOTOSYNC_DATABASE_URL=database) as before:
        await before.chat("old", "en-US").say("my photo is wrong")
    await execute(database, "UPDATE cases SET document = '{broken'")
    async with scene(PHOTOSYNC_DATABASE_URL=database) as after:
        chat = after.chat("old", "en-US")
        await chat.say("next")
        assert step(chat) == "desk.menu"
        assert "I couldn't read my notes, so we're starting over." in json.dumps(chat.card())
        await chat.say("my photo is wrong")
        assert step(chat) == "look.differ"
