"""What the helpdesk does with a ticket reaches the person, and their answer reaches the helpdesk; over HTTP, whole."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from bot import app
from bot.settings import read
from bot.store import Job, JobKind
from sandbox.channel import Chat
from sandbox.desks import DESKS
from sandbox.desks.desk import Desk, Kept
from sandbox.faults import Fault
from sandbox.tenant import Tenant
from tests.chatting import RunningBot, actions, eventually, shown, step
from tests.commands.test_manage import photosync
from tests.databases import rows


@dataclass(frozen=True)
class Staged(RunningBot):
    """The tenant, the bot in it, and the helpdesk's system."""

    desk: Desk

    @property
    def only(self) -> Kept:
        (ticket,) = self.desk.tickets
        return ticket


@asynccontextmanager
async def staged(system: str, **changes: str) -> AsyncIterator[Staged]:
    async with Tenant.open(bot_url="http://127.0.0.1:9") as tenant:
        desk = DESKS[system](tenant.world)
        await desk.start(tenant.authority.server)
        own = {name: value for name, value in tenant.environment().items() if "_TICKET_" not in name}
        usual = {"PHOTOSYNC_PORT": "0", "PHOTOSYNC_TICKET_POLL": "1s,2s", "PHOTOSYNC_FOLLOW_UPS": "1h"}
        bot = await app.start(read({**own, **desk.environment(), **usual, **changes}))
        try:
            tenant.channel.bot_url = f"http://127.0.0.1:{bot.port}"
            yield Staged(tenant, bot, desk)
        finally:
            await bot.stop()
            await desk.stop()


async def handed_over(stage: Staged, story: str = "old", locale: str = "en-US") -> Chat:
    chat = stage.chat(story, locale)
    await chat.say("my photo is wrong" if locale == "en-US" else "min bild är gammal")
    await chat.press("ticket")
    await chat.press("send_ticket", {"comment": "please"})
    assert step(chat) == "desk.ticket_sent"
    return chat


HOSTILE = "**Which** [page](https://evil.example)\u202e <at>all</at> {{x}}?"  # what an agent writes


@pytest.mark.parametrize("system", list(DESKS))
async def test_a_ticket_from_first_word_to_closed(system: str) -> None:
    async with staged(system) as stage:
        chat = await handed_over(stage)
        stage.desk.becomes(stage.only, "working")
        if system != "freshservice":  # where an open ticket is a new one
            await eventually(lambda: step(chat) == "desk.ticket_working")
        stage.desk.becomes(stage.only, "waiting")
        stage.desk.writes(stage.only, HOSTILE)
        await eventually(lambda: step(chat) == "desk.ticket_waiting")
        card = json.dumps(chat.card(), ensure_ascii=False)
        assert "The help desk wrote: " in card
        assert "\\\\[page\\\\]" in card  # text, whatever it holds
        assert "\u202e" not in card
        await chat.press("send_ticket", {"comment": "The org chart."})
        assert step(chat) == "desk.ticket_sent"
        await eventually(lambda: any("The org chart." in note.text for note in stage.only.notes))
        before = shown(chat)
        stage.desk.writes(stage.only, "I renewed it by hand.")
        stage.desk.becomes(stage.only, "solved")
        await eventually(lambda: step(chat) == "look.differ")
        card = json.dumps(chat.card())
        assert "The help desk says that it's solved, so I've checked again." in card
        assert "The help desk wrote: I renewed it by hand." in card
        stage.desk.becomes(stage.only, "closed")
        await eventually(lambda: step(chat) == "desk.ticket_closed")
        assert shown(chat) == before + 2
        assert stage.tenant.channel.problems == []


async def test_nothing_is_told_twice_and_what_people_wrote_is_no_news() -> None:
    async with staged("zammad", PHOTOSYNC_TICKET_POLL="1s") as stage:
        chat = await handed_over(stage)
        stage.desk.becomes(stage.only, "working")
        await eventually(lambda: step(chat) == "desk.ticket_working")
        before = shown(chat)
        asked = len(stage.desk.requests)
        stage.desk.becomes(stage.only, "working")
        stage.desk.writes(stage.only, "for agents", public=False)
        stage.desk.writes(stage.only, "by mail", author=stage.only.caller)
        await eventually(lambda: len(stage.desk.requests) > asked + 6)
        assert shown(chat) == before


async def test_a_case_that_is_over_tells_in_a_line_of_the_present_one() -> None:
    async with staged("zendesk") as stage:
        chat = await handed_over(stage)
        case = next(one["data"]["case"] for one in chat.card()["actions"] if "data" in one)
        await chat.say("my photo is wrong")
        stage.desk.becomes(stage.only, "working")
        await eventually(lambda: f"working on your earlier ticket (case {case})" in json.dumps(chat.card()))
        assert step(chat) != "desk.ticket_working"


async def test_a_question_about_an_earlier_case_is_answered_on_its_ticket_and_the_person_is_where_they_were() -> None:
    async with staged("zendesk", PHOTOSYNC_TICKET_POLL="1s") as stage:
        chat = await handed_over(stage)
        case = stage.only.key.removeprefix("photosync-")
        await chat.say("my photo is wrong")
        assert step(chat) == "look.differ"
        stage.desk.becomes(stage.only, "waiting")
        stage.desk.writes(stage.only, "Which page shows the old photo?")
        await eventually(lambda: step(chat) == "desk.earlier")
        card = json.dumps(chat.card())
        assert "The help desk wrote: Which page shows the old photo?" in card
        assert f"It's about case {case}." in card
        await chat.press("send_ticket", {"comment": " "})
        assert step(chat) == "desk.earlier"  # nothing was written
        await chat.say("The org chart.")
        await chat.press("send_ticket", {"comment": "The org chart."})
        assert step(chat) == "look.differ"
        assert f"Your answer is on your earlier ticket (case {case})." in json.dumps(chat.card())
        assert sum("The org chart." in note.text for note in stage.only.notes) == 1
        told = (await photosync(stage.tenant, "case", case)).stdout
        assert f"ticket {stage.only.number} https://" in told
        assert "  waits for the person's answer\n" in told
        assert "progressed: waiting Which page shows the old photo?" in told
        # A second answer is one more comment, and the newer case a ticket of its own.
        stage.desk.writes(stage.only, "And which else?")
        await eventually(lambda: step(chat) == "desk.earlier")
        done = await photosync(stage.tenant, "case", case, "--json")
        ticket = json.loads(done.stdout)["ticket"]
        assert (ticket["number"], ticket["submissions"], ticket["state"]) == (str(stage.only.number), 2, "waiting")
        await chat.press("send_ticket", {"comment": "None."})
        assert sum("None." in note.text for note in stage.only.notes) == 1
        await chat.press("ticket")
        assert "And which else?" not in json.dumps(chat.card())
        await chat.press("send_ticket", {"comment": "another"})
        assert len(stage.desk.tickets) == 2
        assert stage.tenant.channel.problems == []


async def test_two_questions_about_two_earlier_cases_are_asked_one_after_the_other() -> None:
    async with staged("zendesk", PHOTOSYNC_TICKET_POLL="1s") as stage:
        chat = await handed_over(stage)
        await chat.say("my photo is wrong")
        await chat.press("ticket")
        await chat.press("send_ticket", {"comment": "another"})
        await chat.say("my photo is wrong")
        first, second = stage.desk.tickets
        stage.desk.writes(first, "Which page is it?")
        await eventually(lambda: step(chat) == "desk.earlier")
        asked = len(stage.desk.requests)
        stage.desk.writes(second, "Which photo is it?")
        await eventually(lambda: len(stage.desk.requests) > asked + 6)
        assert "Which page is it?" in json.dumps(chat.card())
        await chat.press("send_ticket", {"comment": "The org chart."})
        await eventually(lambda: "Which photo is it?" in json.dumps(chat.card()))
        await chat.press("send_ticket", {"comment": "The blue one."})
        written = ["\n".join(note.text for note in one.notes) for one in (first, second)]
        assert ["The org chart." in one for one in written] == [True, False]
        assert ["The blue one." in one for one in written] == [False, True]


async def test_an_answer_about_an_earlier_case_waits_for_a_system_that_is_down() -> None:
    async with staged("zendesk", PHOTOSYNC_TICKET_POLL="1s,1h") as stage:
        chat = await handed_over(stage)
        await chat.say("my photo is wrong")
        stage.desk.writes(stage.only, "Which page?")
        await eventually(lambda: step(chat) == "desk.earlier")
        stage.tenant.world.faults.plan("tickets", [Fault(503)] * 4)
        await chat.press("send_ticket", {"comment": "The org chart."})
        assert "is on its way" in json.dumps(chat.card())
        await eventually(lambda: sum("The org chart." in note.text for note in stage.only.notes) == 1, 30)


async def test_a_system_that_fails_is_asked_again_and_the_states_of_many_are_read_together() -> None:
    async with staged("servicenow", PHOTOSYNC_TICKET_POLL="3s") as stage:
        chats = [await handed_over(stage, story) for story in ("old", "forbidden", "missing")]
        for ticket in stage.desk.tickets:
            stage.desk.becomes(ticket, "working")
        await eventually(lambda: all(step(chat) == "desk.ticket_working" for chat in chats))
        lists = [path for method, path in stage.desk.requests if (method, path) == ("GET", "/api/now/table/incident")]
        assert len(lists) - len(chats) < len(chats)  # each was looked for once before it was created


async def read_since(stage: Staged, **payload: object) -> tuple[float, dict[str, Any]]:
    """Have the one ticket's state read now, by a job that holds this; when it is read next, and what the job then holds.
    In 0.0 seconds: not any more."""
    database = stage.tenant.environment()["PHOTOSYNC_DATABASE_URL"]
    select = "SELECT due_at, payload FROM work WHERE kind = 'ticket_state'"
    case, number = stage.only.key.removeprefix("photosync-"), str(stage.only.number)
    ((person,),) = await rows(database, "SELECT person FROM people")
    job = Job(JobKind.TICKET_STATE, case, person, time.time(), {"ref": number, "number": number, **payload})
    await stage.bot.store.put(job)
    async with asyncio.timeout(40):
        while found := await rows(database, select):
            ((at, kept),) = found
            if at > time.time() + 600:  # no lease
                return at - time.time(), json.loads(kept)
            await asyncio.sleep(0.05)
    return 0.0, {}


async def test_a_ticket_that_may_not_be_read_is_asked_for_as_seldom_as_a_quiet_one_and_at_last_no_more() -> None:
    async with staged("zendesk", PHOTOSYNC_TICKET_POLL="15m,1h,4h") as stage:
        await handed_over(stage)
        stage.tenant.world.faults.plan("tickets", [Fault(403, path="show_many")] * 2)
        wait, kept = await read_since(stage, since=time.time() - 60, polls=1)
        assert 4 * 3_600 - 60 < wait <= 4 * 3_600
        assert kept["polls"] == 2
        assert await read_since(stage, since=time.time() - 31 * 86_400, polls=40) == (0.0, {})
        assert await stage.bot.store.dead_letters() == ()


@pytest.mark.parametrize("fault", [Fault(200, body=b"[]"), Fault(200, body=b"<html>"), Fault(403), Fault(404)], ids=lambda one: f"{one.status} {one.body!r}")  # fmt: skip
async def test_a_state_is_told_although_what_agents_write_cannot_be_read(
    fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    async with staged("zendesk", PHOTOSYNC_TICKET_POLL="1s") as stage:
        chat = await handed_over(stage)
        stage.tenant.world.faults.plan("tickets", [replace(fault, path="/comments")] * 50)
        stage.desk.becomes(stage.only, "working")
        await eventually(lambda: step(chat) == "desk.ticket_working")
        assert "what agents write to people cannot be read" in caplog.text


async def test_a_job_of_an_earlier_release_goes_on_with_its_intervals() -> None:
    async with staged("zendesk", PHOTOSYNC_TICKET_POLL="15m,1h,4h") as stage:
        await handed_over(stage)
        wait, kept = await read_since(stage, since=time.time() - 60, turn=1)
        assert 4 * 3_600 - 60 < wait <= 4 * 3_600
        assert (kept["polls"], "turn" in kept) == (2, False)


async def test_a_photo_that_arrives_is_said_on_the_ticket_and_solves_it_where_that_is_wanted() -> None:
    changes = {"PHOTOSYNC_FOLLOW_UPS": "1s,2s,4s", "PHOTOSYNC_TICKET_SOLVE": "yes", "PHOTOSYNC_TICKET_POLL": "1h"}
    async with staged("zammad", **changes) as stage:
        chat = await handed_over(stage)
        stage.tenant.world.visit_sharepoint(chat.person.id)
        await eventually(lambda: step(chat) == "desk.arrived")
        await eventually(lambda: stage.only.state == "closed")
        assert sum("SharePoint now has the new photo" in note.text for note in stage.only.notes) == 1


async def test_a_ticket_whose_answer_is_lost_gets_its_number_and_stays_one() -> None:
    async with staged("servicenow") as stage:
        chat = stage.chat("old", "en-US")
        await chat.say("my photo is wrong")
        await chat.press("ticket")
        down = [Fault(kind="drop", lost=True, path="/table/incident", after=1), *[Fault(503, path="/table")] * 6]
        stage.tenant.world.faults.plan("tickets", down)
        await chat.press("send_ticket", {"comment": "please"})
        assert step(chat) == "desk.ticket_queued"
        stage.tenant.world.faults.tickets.clear()
        await eventually(lambda: step(chat) == "desk.ticket_sent", 40)
        assert f"INC{stage.only.number:07}" in json.dumps(chat.card())


WAKE = "canary-wake"


def signed(system: str, body: bytes, secret: str = WAKE) -> dict[str, str]:
    if system == "zendesk":
        at = datetime.now(UTC).isoformat()
        made = base64.b64encode(hmac.new(secret.encode(), at.encode() + body, hashlib.sha256).digest()).decode()
        return {"X-Zendesk-Webhook-Signature": made, "X-Zendesk-Webhook-Signature-Timestamp": at}
    if system in ("jira", "zammad"):
        name = {"jira": "sha256", "zammad": "sha1"}[system]
        return {"X-Hub-Signature": f"{name}={hmac.new(secret.encode(), body, name).hexdigest()}"}
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize("system", ["jira", "zendesk", "servicenow"])
async def test_a_signed_call_has_the_state_read_at_once_and_is_believed_in_nothing(system: str) -> None:
    async with staged(system, PHOTOSYNC_TICKET_POLL="1h", PHOTOSYNC_TICKET_WAKE_SECRET=WAKE) as stage:
        chat = await handed_over(stage)
        stage.desk.becomes(stage.only, "working")
        body = json.dumps({"ticket": stage.only.key, "state": "closed"}).encode()
        async with aiohttp.ClientSession() as session:
            for headers in (
                {},
                signed(system, body, "another"),
                signed("rt" if system != "servicenow" else "jira", body),
            ):
                async with session.post(f"{stage.url}/api/tickets/{system}", data=body, headers=headers) as answer:
                    assert answer.status == 401
            async with session.post(f"{stage.url}/api/tickets/rt", data=body, headers=signed("rt", body)) as answer:
                assert answer.status == 401
            async with session.post(
                f"{stage.url}/api/tickets/{system}", data=body, headers=signed(system, body)
            ) as answer:
                assert answer.status == 202
        await eventually(lambda: step(chat) == "desk.ticket_working")
        assert "menu" in actions(chat)
