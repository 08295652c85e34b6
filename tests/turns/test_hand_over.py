"""Asking the helpdesk, over HTTP: what is written arrives, what is promised happens, and what is deleted stays so."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest

from bot.store import Job, JobKind
from bot.store.connect import open_store
from sandbox.channel import Chat
from sandbox.faults import Fault
from tests.chatting import RunningBot, actions, eventually, scene, shown, step, title
from tests.commands.test_manage import photosync
from tests.databases import rows
from tests.turns.test_follow_ups import walked


@pytest.fixture
async def stage(database: str) -> AsyncIterator[RunningBot]:
    async with scene(PHOTOSYNC_DATABASE_URL=database, PHOTOSYNC_FOLLOW_UPS="1s,2s,4s") as one:
        yield one


async def handed_over(stage: RunningBot, story: str = "forbidden", comment: str = "please") -> Chat:
    chat = stage.chat(story, "en-US")
    await chat.say("my photo is wrong")
    await chat.press("ticket")
    await chat.press("send_ticket", {"comment": comment})
    return chat


async def test_what_is_written_the_second_and_the_third_time_arrives(stage: RunningBot) -> None:
    chat = await handed_over(stage)
    for comment in ("and hurry", "still nothing"):
        await chat.say("ticket")
        await chat.press("send_ticket", {"comment": comment})
        assert step(chat) == "desk.ticket_sent"
    (ticket,) = stage.tenant.helpdesk.tickets
    case = ticket.body["case"]
    assert ticket.webhook_id == f"ticket_{case}"
    assert "type" not in ticket.body
    comments = stage.tenant.helpdesk.comments
    assert [one.webhook_id for one in comments] == [f"ticket_{case}_2", f"ticket_{case}_3"]
    assert [(one.body["type"], one.body["comment"]) for one in comments] == [
        ("comment", "and hurry"),
        ("comment", "still nothing"),
    ]
    assert ticket.number in json.dumps(chat.card())


async def test_the_helpdesk_is_told_how_many_steps_were_taken_not_how_often(stage: RunningBot) -> None:
    chat = stage.chat("old", "en-US")
    await chat.say("my photo is wrong")
    for action in ("next", "next", "back", "next", "back", "next", "ticket"):
        await chat.press(action)
    await chat.press("send_ticket", {"comment": "please"})
    (ticket,) = stage.tenant.helpdesk.tickets
    assert "went through 2 steps and 1 looks" in ticket.body["summary"]


async def test_a_comment_that_has_to_wait_keeps_its_id_and_takes_no_other_place(stage: RunningBot) -> None:
    """The first is still to be tried again when the second is written: both arrive, each once."""
    chat = stage.chat("forbidden", "en-US")
    await chat.say("my photo is wrong")
    await chat.press("ticket")
    stage.tenant.world.faults.plan("tickets", [Fault(503)] * 12)
    await chat.press("send_ticket", {"comment": "one"})
    assert step(chat) == "desk.ticket_queued"
    await chat.say("ticket")
    stage.tenant.world.faults.plan("tickets", [Fault(503)] * 4)
    await chat.press("send_ticket", {"comment": "two"})
    stage.tenant.world.faults.tickets.clear()
    helpdesk = stage.tenant.helpdesk
    await eventually(lambda: len(helpdesk.tickets) == len(helpdesk.comments) == 1, 40)
    assert helpdesk.tickets[0].body["comment"] == "one"
    assert helpdesk.comments[0].body["comment"] == "two"
    assert helpdesk.comments[0].webhook_id == f"ticket_{helpdesk.tickets[0].body['case']}_2"


async def test_when_the_photo_arrives_the_person_and_the_ticket_hear_of_it(stage: RunningBot) -> None:
    chat = await handed_over(stage, "old")
    assert step(chat) == "desk.ticket_sent"
    assert "I'll check again at" in json.dumps(chat.card())
    stage.tenant.world.visit_sharepoint(chat.person.id)
    await eventually(lambda: step(chat) == "desk.arrived")
    await eventually(lambda: len(stage.tenant.helpdesk.comments) == 1)
    (comment,) = stage.tenant.helpdesk.comments
    assert comment.number == stage.tenant.helpdesk.tickets[0].number
    assert (comment.body["verdict"], "SharePoint has the current photo" in comment.body["comment"]) == ("match", True)
    await chat.press("rate up")
    assert await stage.metric('photosync_cases_total{outcome="escalated"}') == 1
    assert await stage.metric('photosync_cases_total{outcome="resolved_later"}') == 0
    assert await stage.metric('photosync_cases_total{outcome="resolved"}') == 0
    assert await stage.metric("photosync_follow_ups_pending") == 0


async def test_a_ticket_of_an_earlier_case_that_fails_for_a_day_is_told(stage: RunningBot, database: str) -> None:
    chat = await handed_over(stage)
    earlier = stage.tenant.helpdesk.tickets[0].body
    await chat.say("my photo is wrong")
    stage.tenant.world.faults.plan("tickets", [Fault(503)] * 12)
    store = await open_store(database)
    payload = {"id": f"ticket_{earlier['case']}", "body": earlier, "since": time.time() - 90_000}
    await store.put(Job(JobKind.TICKET, earlier["case"], chat.person.id, time.time(), payload))
    await store.close()
    await eventually(lambda: f"for your earlier ticket (case {earlier['case']})" in json.dumps(chat.card()), 40)  # fmt: skip
    await chat.say("menu")
    assert earlier["case"] not in json.dumps(chat.card())


NO_MAIL = {
    "PHOTOSYNC_TICKET_SYSTEM": "mail",
    "PHOTOSYNC_TICKET_URL": "smtp://127.0.0.1:9",
    "PHOTOSYNC_TICKET_FIELDS": '{"from": "photosync@fabrikam.example", "to": "helpdesk@fabrikam.example"}',
}


async def test_a_ticket_that_fails_for_a_day_by_a_mistake_is_told_as_one_that_nobody_takes(database: str) -> None:
    async with scene(PHOTOSYNC_DATABASE_URL=database, **NO_MAIL) as stage:
        chat = stage.chat("forbidden", "en-US")
        await chat.say("my photo is wrong")
        case = chat.card()["actions"][0]["data"]["case"]
        person = {"id": chat.person.id, "name": "Ada\nO'Neil", "upn": chat.person.upn}  # no name that a mail can have
        payload = {"id": f"ticket_{case}", "body": {"case": case, "person": person}, "since": time.time() - 90_000}
        await stage.bot.store.put(Job(JobKind.TICKET, case, chat.person.id, time.time(), payload))
        await eventually(lambda: step(chat) == "desk.ticket_failed", 40)
        done = await photosync(stage.tenant, "case", case, PHOTOSYNC_DATABASE_URL=database)
        assert "not taken by the help desk's system, and given up" in done.stdout


FORM = [
    ("a sentence about the photo", "My old photo still shows on the intranet start page"),
    (
        "words in which a command stands",
        "please cancel the order for the old picture, and stop asking me to look again",
    ),
    ("the name of a language", "Swedish"),
    ("an address of a site", "https://fabrikam.sharepoint.example/sites/intranet is where I see it"),
]


@pytest.mark.parametrize("text", [row[1] for row in FORM], ids=[row[0] for row in FORM])
async def test_what_is_typed_on_the_form_reaches_the_helpdesk(text: str) -> None:
    async with scene() as stage:
        chat = stage.chat("forbidden", "en-US")
        await chat.say("my photo is wrong")
        await chat.press("ticket")
        await chat.say(text)
        await chat.say("")  # a picture
        await chat.say("since Monday")
        assert step(chat) == "desk.ticket"
        await chat.say("send")
        (ticket,) = stage.tenant.helpdesk.tickets
        assert ticket.body["comment"] == f"{text}\nsince Monday"


async def test_a_picture_keeps_the_place(stage: RunningBot) -> None:
    chat = stage.chat("old", "sv-SE")
    await chat.say("min bild är gammal")
    await chat.press("next")
    await chat.say("")
    assert step(chat) == "resync.private_window"
    assert "Jag kan bara läsa ord" in json.dumps(chat.card(), ensure_ascii=False)


@pytest.fixture
async def without_tickets(database: str) -> AsyncIterator[RunningBot]:
    changes = {"PHOTOSYNC_TICKET_SYSTEM": "none", "PHOTOSYNC_HELPDESK_CONTACT": "ext. 4711"}
    async with scene(PHOTOSYNC_DATABASE_URL=database, PHOTOSYNC_FOLLOW_UPS="1s,2s", **changes) as one:
        yield one


async def test_without_a_ticket_system_nothing_is_promised_that_does_not_happen(without_tickets: RunningBot) -> None:
    chat = without_tickets.chat("old", "en-US")
    await chat.say("my photo is wrong")
    await chat.press("next")
    await chat.press("next")
    await chat.say("talk to a human")
    card = json.dumps(chat.card())
    assert step(chat) == "desk.contact"
    for part in ("ext. 4711", "SharePoint still has a different photo", "Open a private browser window"):
        assert part in card
    assert "I'll send the help desk" not in card
    assert "send_ticket" not in actions(chat)
    await chat.say("purple monkey")
    summary = next(part for part in chat.card()["body"] if part.get("id") == "summary")
    assert summary["value"].endswith("What I want to add:\npurple monkey")
    without_tickets.tenant.world.visit_sharepoint(chat.person.id)
    await eventually(lambda: step(chat) == "desk.arrived")
    assert "letting the help desk know" not in json.dumps(chat.card())


async def people(database: str) -> int:
    """Rows that say anything about anybody."""
    tables = ("people", "cases", "log", "owed", "inbox", "work WHERE kind NOT IN ('purge', 'count')")
    counts = [await rows(database, f"SELECT count(*) FROM {table}") for table in tables]
    return sum(found[0][0] for found in counts)


AFTER_ERASING = [
    ("the button twice", "forget_confirmed", "desk.forgotten"),
    ("the menu button", "menu", "desk.menu"),
]


@pytest.mark.parametrize(("action", "ends"), [row[1:] for row in AFTER_ERASING], ids=[row[0] for row in AFTER_ERASING])
async def test_what_is_deleted_is_brought_back_by_no_button(
    stage: RunningBot, database: str, action: str, ends: str
) -> None:
    chat = stage.chat("old", "en-US")
    await chat.say("my photo is wrong")
    await chat.say("forget me")
    confirm = chat.card()["actions"][0]["data"]
    await chat.press("forget_confirmed")
    assert (title(chat), actions(chat)) == ("Your data is deleted", ["menu"])
    before = shown(chat)
    if action == "menu":
        await chat.press("menu")
        assert title(chat) == "How can I help with your photo?"
    else:
        await chat.press(confirm)
    assert step(chat) == ends
    assert "earlier card" not in json.dumps(chat.card())
    assert shown(chat) == before
    assert await people(database) == 0
    await chat.press("menu" if action != "menu" else "fix")
    assert step(chat) in ("desk.menu", "look.differ")


@pytest.mark.parametrize("action", ["next", "back", "rate", "check", "stop", "forget", "no_such_action"])
async def test_a_card_from_before_it_was_deleted_stores_nothing(stage: RunningBot, database: str, action: str) -> None:
    chat = stage.chat("old", "en-US")
    await chat.say("my photo is wrong")
    old = {**chat.card()["actions"][0]["data"], "action": action}
    await chat.say("forget me")
    await chat.press("forget_confirmed")
    await chat.press(old)
    assert step(chat) == "desk.menu"
    assert await people(database) == 0


@pytest.mark.parametrize("schedule", ["1s", "1s,2s"])
async def test_a_schedule_of_any_length_ends_once(database: str, schedule: str) -> None:
    """The last look of somebody who has gone on during an outage: nothing to say, and no dead letter."""
    async with scene(PHOTOSYNC_DATABASE_URL=database, PHOTOSYNC_FOLLOW_UPS=schedule) as stage:
        stage.tenant.world.faults.graph_always = Fault(503)
        chat = stage.chat("old", "en-US")
        await chat.say("my photo is wrong")
        await chat.press("next")
        stage.tenant.world.faults.graph_always = None
        async with asyncio.timeout(40):
            while await rows(database, "SELECT id FROM work WHERE kind = 'follow_up' AND dead_at IS NULL"):  # noqa: ASYNC110 - looked at from outside
                await asyncio.sleep(0.05)
        assert step(chat) in ("resync.steps", "resync.overdue")
        assert await rows(database, "SELECT id FROM work WHERE kind = 'follow_up'") == []


async def due(database: str, chat: Chat, **payload: object) -> None:
    """The next look by ourselves is due now."""
    case = chat.card()["actions"][0]["data"]["case"]
    store = await open_store(database)
    await store.put(Job(JobKind.FOLLOW_UP, case, chat.person.id, time.time(), payload))
    await store.close()


async def scheduled(database: str, name: str) -> object:
    """A field of the next look, once the present one is over."""
    async with asyncio.timeout(40):
        while True:
            ((payload, at),) = await rows(database, "SELECT payload, due_at FROM work WHERE kind = 'follow_up'")
            if at > time.time() + 600:  # no lease
                return json.loads(payload).get(name)
            await asyncio.sleep(0.05)


async def test_an_outage_at_the_last_look_uses_up_nothing(database: str) -> None:
    async with scene(PHOTOSYNC_DATABASE_URL=database, PHOTOSYNC_FOLLOW_UPS="1h,2h") as stage:
        chat = await walked(stage)
        stage.tenant.world.faults.graph_always = Fault(503)
        stage.tenant.world.visit_sharepoint(chat.person.id)
        last: dict[str, object] = {"looks": 1, "since": time.time() - 7_300}
        await due(database, chat, **last)
        assert await scheduled(database, "tries") == 1
        assert step(chat) == "resync.waiting"  # not "still has not copied": it has
        stage.tenant.world.faults.graph_always = None
        await due(database, chat, **last)
        await eventually(lambda: step(chat) == "resync.arrived", 40)


async def test_looks_that_were_missed_are_made_up_for_by_one(database: str) -> None:
    async with scene(PHOTOSYNC_DATABASE_URL=database, PHOTOSYNC_FOLLOW_UPS="1h,2h,3h,4h,5h,9h") as stage:
        chat = await walked(stage)
        looks = len(stage.tenant.graph.downloads)
        await due(database, chat, looks=0, since=time.time() - 5 * 3_600 - 60)
        assert await scheduled(database, "looks") == 5
        assert len(stage.tenant.graph.downloads) > looks


async def test_a_look_that_an_earlier_release_put_is_the_next_of_its_schedule(database: str) -> None:
    async with scene(PHOTOSYNC_DATABASE_URL=database, PHOTOSYNC_FOLLOW_UPS="1h,2h,3h,4h") as stage:
        chat = await walked(stage)
        await due(database, chat, turn=2, since=time.time())
        assert await scheduled(database, "looks") == 3
