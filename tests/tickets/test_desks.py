"""Every helpdesk system gets each case once, with the right caller, in words, and says what became of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bot.errors import Refused
from bot.tickets.interface import Reference
from sandbox.desks import DESKS
from sandbox.faults import Fault
from tests.tickets.ground import ADA, CASE, TicketFixture, ground

SYSTEMS = list(DESKS)
LAGGING = ("jira", "zammad", "freshservice")
BROKEN = [
    ("the connection breaks after it was created", Fault(kind="drop", lost=True)),
    ("an answer that ends early", Fault(kind="short", lost=True)),
    ("a gateway's error after it was created", Fault(502, lost=True)),
    ("an error after it was created", Fault(500, lost=True)),
    ("a page in place of an answer", Fault(201, lost=True, body=b"<html>Welcome</html>", content_type="text/html")),
    ("an id of five thousand letters", Fault(201, lost=True, body=json.dumps({"id": "9" * 5_000, "issueKey": "9" * 5_000, "result": {"sys_id": "9" * 5_000}, "ticket": {"id": "9" * 5_000}}).encode())),
    ("down before anything was created", Fault(503)),
    ("too fast", Fault(429, retry_after="0.1")),
]  # fmt: skip


def creating(ground: TicketFixture) -> str:
    """The path that creates."""
    posts = [path for method, path, _ in ground.desk.routes() if method == "POST"]
    return {"servicenow": "/table/incident", "jira": "/servicedeskapi/request"}.get(type(ground.system).__name__.lower(), posts[0])  # fmt: skip


@pytest.mark.parametrize("system", SYSTEMS)
async def test_a_case_becomes_one_ticket_that_an_agent_can_read(system: str) -> None:
    async with ground(system) as g:
        g.desk.people[ADA] = 1
        sent = await g.hand_over()
        again = await g.hand_over()
        assert (sent.result, sent.number, sent.ref) == ("sent", again.number, again.ref)
        assert g.only.caller == ADA
        assert g.only.files == ["evidence.json"]
        text = json.dumps(g.only.document, ensure_ascii=False)
        for words in (
            "SharePoint has a different photo than Microsoft 365",
            "Open a private",
            "on the intranet",
            "Picture Sync",
        ):
            assert words in text, words
        assert "resync.private_window" not in text
        assert "photosync-1A2B3C4D" in text
        assert "<b>" not in text if system == "freshservice" else "<b>wrong</b>" in text  # HTML only where it is HTML


@pytest.mark.parametrize("fault", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
@pytest.mark.parametrize("system", SYSTEMS)
async def test_whatever_breaks_there_is_one_ticket(system: str, fault: Fault) -> None:
    async with ground(system) as g:
        g.desk.lag = 30.0 if system in LAGGING else 0.0
        g.faults.plan("tickets", [replace(fault, path=creating(g), after=int(system == "zendesk"))])
        sent = await g.until_taken()
        assert sent.result == "sent"
        assert g.only.files == ["evidence.json"]
        assert str(g.only.number) in sent.number


@pytest.mark.parametrize("system", SYSTEMS)
async def test_comments_come_in_order_and_once(system: str) -> None:
    async with ground(system) as g:
        sent = await g.hand_over()
        for number, comment in ((2, "and hurry"), (3, "still nothing")):
            ticket = g.later(number, comment, sent.ref)
            g.faults.plan("tickets", [Fault(kind="drop", lost=True)])
            await g.until_taken(ticket)
        ours = [note.text for note in g.only.notes if "The person adds" in note.text]
        assert [("and hurry" in one, "still nothing" in one) for one in ours] == [(True, False), (False, True)]
        assert all(not note.public for note in g.only.notes if "The person adds" in note.text)


@pytest.mark.parametrize("accounts", [0, 2], ids=["no account", "two accounts"])
@pytest.mark.parametrize("system", ["servicenow", "jira"])
async def test_a_caller_who_cannot_be_told_is_left_empty_and_named_in_the_text(system: str, accounts: int) -> None:
    async with ground(system) as g:
        g.desk.people[ADA] = accounts
        await g.hand_over()
        assert g.only.caller == ""
        assert ADA in json.dumps(g.only.document)


@pytest.mark.parametrize("system", SYSTEMS)
async def test_a_person_whose_account_cannot_be_read_gets_a_ticket_too(system: str) -> None:
    async with ground(system) as g:
        sent = await g.hand_over(g.ticket(upn=""))
        assert sent.result == "sent"
        assert "so the requester may not be set on this ticket" in json.dumps(g.only.document)


@pytest.mark.parametrize("system", SYSTEMS)
async def test_the_newest_of_a_long_ticket_is_what_was_written_last(system: str) -> None:
    async with ground(system) as g:
        sent = await g.hand_over()
        for number in range(1, 621):
            g.desk.writes(g.only, f"number {number}")
        told = [one.text for one in await g.system.remarks(Reference(sent.ref, sent.number))]
        assert told[-50:] == [f"number {number}" for number in range(571, 621)]


@pytest.mark.parametrize("gone", [0, 20, 49])
async def test_a_request_of_jira_that_was_deleted_keeps_no_state_from_being_read(gone: int) -> None:
    async with ground("jira") as g:
        fields = {"requestFieldValues": {"summary": "another"}}
        keys = [f"HELP-{g.desk.keep(fields, ADA, 'In Progress').number}" for _ in range(50)]
        del g.desk.tickets[gone]
        read: set[str] = set()
        for key in keys:  # as one after the other is due
            if key not in read:
                found = await g.system.readings([key, *(one for one in keys if one not in read and one != key)])
                assert (key in found) == (key != keys[gone])
                read |= {key, *found}
        assert len([path for _, path in g.desk.requests if path.endswith("/search/jql")]) < 20


@pytest.mark.parametrize("system", SYSTEMS)
async def test_states_and_what_agents_write_come_back(system: str) -> None:
    async with ground(system) as g:
        g.desk.people[ADA] = 1
        sent = await g.hand_over()
        reference = Reference(sent.ref, sent.number)
        g.desk.writes(g.only, "for us only", public=False)
        g.desk.writes(g.only, "I wrote by mail", author=g.only.caller)
        g.desk.writes(g.only, "Which page is it?")
        told = [one.text for one in await g.system.remarks(reference) if one.to_person]
        assert [one for one in told if "photosync-" not in one] == ["Which page is it?"]
        for meaning in ("working", "waiting", "solved", "closed"):
            g.desk.becomes(g.only, meaning)
            reading = (await g.system.readings([sent.ref]))[sent.ref]
            silent = system == "freshservice" and meaning == "working"  # an open ticket there is a new one
            assert g.helpdesk.meaning(reading.state) == ("" if silent else meaning)
        before = (await g.system.readings([sent.ref]))[sent.ref].changed
        g.desk.writes(g.only, "more")
        assert (await g.system.readings([sent.ref]))[sent.ref].changed != before


@pytest.mark.parametrize("system", SYSTEMS)
async def test_a_ticket_that_is_gone_is_left_out_of_what_is_read(system: str) -> None:
    async with ground(system) as g:
        sent = await g.hand_over()
        gone = {"servicenow": "0" * 32, "jira": "HELP-1"}.get(system, "1")
        assert list(await g.system.readings([sent.ref, gone])) == [sent.ref]


@pytest.mark.parametrize("system", [one for one in SYSTEMS if one not in ("servicenow", "jira")])
async def test_a_ticket_can_be_solved_from_here(system: str) -> None:
    async with ground(system) as g:
        sent = await g.hand_over()
        await g.system.solve(Reference(sent.ref, sent.number))
        assert g.helpdesk.meaning(g.only.state) == "solved"


@pytest.mark.parametrize("system", SYSTEMS)
async def test_a_working_installation_is_found_well_without_creating_anything(system: str) -> None:
    async with ground(system) as g:
        found = await g.system.examine()
        assert found.well, found.found
        assert g.desk.tickets == []


WRONG = [
    ("servicenow", {"assignment_group": "Service Desk"}, "has to be a sys_id", "assignment_group"),
    ("servicenow", {"assignment_group": "Nobody"}, "no single group", "assignment_group"),
    ("jira", {"serviceDeskId": "1", "requestTypeId": "11"}, "no request type 11", "requestTypeId"),
    ("zendesk", {"group_id": 8}, "no group 8", "group_id"),
    ("freshservice", {"group_id": 8}, "no requester", "email"),
    ("zammad", {"group": "Nope"}, "no group Nope", "group"),
    ("rt", {"Queue": "Nope"}, "no queue Nope", "Queue"),
]


@pytest.mark.parametrize(("system", "fields", "found", "fix"), WRONG)
async def test_a_wrong_field_is_named_before_the_first_ticket(system: str, fields: dict[str, object], found: str, fix: str) -> None:  # fmt: skip
    async with ground(system, PHOTOSYNC_TICKET_FIELDS=json.dumps(fields)) as g:
        examination = await g.system.examine()
        assert not examination.well
        assert found in examination.found
        assert fix in examination.fix
        assert g.desk.tickets == []


async def test_a_field_that_a_request_type_requires_is_named() -> None:
    async with ground("jira") as g:
        g.desk.required = ("summary", "customfield_10010")  # type: ignore[attr-defined]
        examination = await g.system.examine()
        assert "requires customfield_10010" in examination.found
        with pytest.raises(Refused):
            await g.hand_over()


@pytest.mark.parametrize("system", SYSTEMS)
async def test_wrong_credentials_are_refused_and_say_so(system: str) -> None:
    async with ground(system, PHOTOSYNC_TICKET_SECRET="canary-secret") as g:
        with pytest.raises(Refused, match="status 401"):
            await g.hand_over()
        with pytest.raises(Refused):
            await g.system.examine()
        assert g.desk.tickets == []


async def test_a_data_center_is_asked_its_own_way() -> None:
    async with ground("jira") as g:
        g.desk.cloud = False  # type: ignore[attr-defined]
        g.desk.people[ADA] = 1
        sent = await g.hand_over()
        await g.hand_over()
        assert g.only.caller == ADA
        assert list(await g.system.readings([sent.ref])) == [sent.ref]
        assert not any("/rest/api/3/" in path for _, path in g.desk.requests)


async def test_an_address_that_is_no_web_page_is_not_shown() -> None:
    async with ground("jira") as g:
        g.desk.url = "javascript:alert(1)//"
        assert (await g.hand_over()).url == ""


@pytest.mark.parametrize(("language", "words"), [("sv", "Vad personen har gjort"), ("lv", "Ko lietotājs ir izdarījis"), ("de", "Was die Person getan hat")])  # fmt: skip
async def test_agents_read_their_own_language_whole(language: str, words: str) -> None:
    async with ground("rt", PHOTOSYNC_TICKET_LANGUAGE=language) as g:
        await g.hand_over()
        assert words in g.only.document["Content"]
        assert CASE.comment in g.only.document["Content"]
