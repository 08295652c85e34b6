"""The real Request Tracker (`make request-tracker`): what the stand-in was written down from, and every break in between.

Not among the tests that always run: installing it takes minutes.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.errors import Refused
from bot.http_client import HttpClient
from bot.tickets.interface import Reference
from dialogs.frozen import replace
from sandbox.desks.desk import basic
from sandbox.faults import Fault
from sandbox.web import act_out, listen
from sandbox.world import World
from tests.tickets.ground import ADA, CASE, TicketFixture, helpdesk_of, settings_of
from tests.tickets.request_tracker import PASSWORD, USER, request_tracker


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with request_tracker(tmp_path_factory.mktemp("rt")) as found:
        yield found


class Between:
    """Passes every request on, and breaks as it is told; asks Request Tracker as its root too."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.world = World()
        self.lag = 0.0
        self.session = aiohttp.ClientSession(headers={"Authorization": basic(USER, PASSWORD)})

    async def start(self) -> str:
        app = web.Application(client_max_size=8 << 20)
        app.router.add_route("*", "/{path:.*}", self._pass)
        self._runner, port = await listen(app, None)
        return f"http://localhost:{port}"

    async def stop(self) -> None:
        await self._runner.cleanup()
        await self.session.close()

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        fault = self.world.faults.next("tickets", request.path)
        if fault is not None and not fault.lost:
            return await act_out(fault, request)
        headers = {name: request.headers[name] for name in ("Authorization", "Content-Type") if name in request.headers}
        async with aiohttp.request(request.method, self.address + request.path_qs, data=await request.read(), headers=headers) as answer:  # fmt: skip
            found = web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)
        return await act_out(fault, request) if fault is not None else found

    async def ask(self, method: str, path: str, document: Any = None, **query: str) -> Any:
        async with self.session.request(method, f"{self.address}/REST/2.0{path}", json=document, params=query) as answer:  # fmt: skip
            return await answer.json()

    async def tickets(self, case: str) -> list[str]:
        """Numbers of the tickets that name a case in their subject."""
        found = await self.ask("GET", "/tickets", query=f"Subject LIKE 'photosync-{case}'")
        return [one["id"] for one in found["items"]]


@pytest.fixture
async def between(address: str) -> AsyncIterator[Between]:
    one = Between(address)
    yield one
    await one.stop()


@pytest.fixture
async def ground(between: Between) -> AsyncIterator[TicketFixture]:
    url = await between.start()
    fields = json.dumps({"Queue": "General", "CustomFields": {"No such": "x"}})
    settings = settings_of({"PHOTOSYNC_TICKET_SYSTEM": "rt", "PHOTOSYNC_TICKET_URL": url, "PHOTOSYNC_TICKET_USER": USER, "PHOTOSYNC_TICKET_SECRET": PASSWORD, "PHOTOSYNC_TICKET_FIELDS": fields})  # fmt: skip
    http = HttpClient.from_settings(settings)
    helpdesk = helpdesk_of(settings, http)
    assert helpdesk.system is not None
    yield TicketFixture(between, helpdesk, helpdesk.system)  # type: ignore[arg-type]
    await http.close()


BREAKS = [None, Fault(kind="drop", lost=True, path="/ticket"), Fault(502, lost=True, path="/ticket"), Fault(503, path="/ticket")]  # fmt: skip


@pytest.mark.parametrize("number", range(len(BREAKS)))
async def test_one_ticket_whatever_breaks_with_its_evidence(
    ground: TicketFixture, between: Between, number: int
) -> None:
    case, fault = f"AAAA000{number}", BREAKS[number]
    ticket = ground.ticket(replace(CASE, id=case))
    if fault is not None:
        between.world.faults.plan("tickets", [replace(fault, after=1)])
    sent = await ground.until_taken(ticket)
    again = await ground.hand_over(ticket)
    assert await between.tickets(case) == [sent.ref] == [again.ref]
    shown = await between.ask("GET", f"/ticket/{sent.ref}")
    assert [one["id"] for one in shown["Requestor"]] == [ADA]
    files = await between.ask("GET", f"/ticket/{sent.ref}/attachments", fields="Filename,Content")
    assert "evidence.json" in [one["Filename"] for one in files["items"]]
    assert any(CASE.comment in one["Content"] for one in files["items"])


async def test_comments_and_states_come_back(ground: TicketFixture, between: Between) -> None:
    sent = await ground.hand_over(ground.ticket(replace(CASE, id="BBBB0001")))
    later = replace(CASE, id="BBBB0001", submissions=2, comment="and hurry", ticket_ref=sent.ref)
    between.world.faults.plan("tickets", [Fault(kind="drop", lost=True, path="/comment")])
    await ground.until_taken(ground.ticket(later))
    await between.ask("POST", f"/ticket/{sent.ref}/correspond", {"Content": "Which page is it?", "ContentType": "text/plain"})  # fmt: skip
    remarks = await ground.system.remarks(Reference(sent.ref, sent.number))
    assert [one.text for one in remarks if one.to_person] == ["Which page is it?"]
    assert sum("and hurry" in one.text for one in remarks) == 1
    for state in ("stalled", "resolved"):
        await between.ask("PUT", f"/ticket/{sent.ref}", {"Status": state})
        assert (await ground.system.readings([sent.ref, "999999"]))[sent.ref].state == state
    await between.ask("PUT", f"/ticket/{sent.ref}", {"Status": "open"})
    await ground.system.solve(Reference(sent.ref, sent.number))
    assert (await ground.system.readings([sent.ref]))[sent.ref].state == "resolved"


async def test_what_is_wrong_is_found_before_the_first_ticket(ground: TicketFixture, between: Between) -> None:
    assert (await ground.system.examine()).well
    url = f"http://localhost:{between.address.rpartition(':')[2]}"
    for changes, words in (({"PHOTOSYNC_TICKET_FIELDS": '{"Queue": "Nope"}'}, "no queue Nope"), ({"PHOTOSYNC_TICKET_SECRET": "wrong"}, "")):  # fmt: skip
        settings = settings_of({"PHOTOSYNC_TICKET_SYSTEM": "rt", "PHOTOSYNC_TICKET_URL": url, "PHOTOSYNC_TICKET_USER": USER, "PHOTOSYNC_TICKET_SECRET": PASSWORD, "PHOTOSYNC_TICKET_FIELDS": '{"Queue": "General"}', **changes})  # fmt: skip
        http = HttpClient.from_settings(settings)
        system = helpdesk_of(settings, http).system
        assert system is not None
        if words:
            assert words in (await system.examine()).found
        else:
            with pytest.raises(Refused, match="401"):
                await system.examine()
        await http.close()
