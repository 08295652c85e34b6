"""Whatever a helpdesk's system answers, in every system alike: one kind of error, no secret, nothing believed."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from bot.errors import OutsideError
from bot.http_client import HttpClient
from bot.tickets.interface import MOST_REMARKS, Reference
from sandbox.desks import DESKS
from sandbox.helpdesk import Helpdesk
from sandbox.web import listen
from sandbox.world import World
from tests.tickets.ground import TicketFixture, ground, helpdesk_of, settings_of

SYSTEMS = (*DESKS, "webhook")
LONG = "9" * 5_000
_IDS = {"id": LONG, "issueKey": LONG, "issueId": LONG, "sys_id": LONG, "number": LONG, "key": LONG, "token": LONG}
_RUNS = {"id": "1", "issueKey": "A-1", "url": "javascript:alert(1)", "_links": {"web": "javascript:alert(1)"}}


def whole(one: dict[str, Any]) -> bytes:
    """An answer that is one for every system's question."""
    lists = ("tickets", "issues", "items", "values", "comments", "conversations", "users")
    around = {"result": one, "ticket": one, "issue": one, **{name: [one] for name in lists}}
    return json.dumps({**around, **one}).encode()


@dataclass(frozen=True)
class Row:
    """What is answered to every request."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    endless: bool = False


ROWS = {
    "a page": Row(b"<html><script>alert(1)</script></html>", headers={"Content-Type": "text/html"}),
    "nothing": Row(),
    "null": Row(b"null"),
    "a list of numbers": Row(b"[1, 2]"),
    "members of another kind": Row(whole({"id": None, "key": [], "issueKey": {}, "sys_id": True, "status": 7})),
    "lists and objects for ids": Row(
        whole({"id": ["1"], "author_id": {}, "name": {}, "Type": ["Comment"], "pages": {}})
    ),
    "no end of brackets": Row(b"[" * 200_000),
    "half a letter": Row(b'{"id": "\xff"}'),
    "an id of five thousand letters": Row(whole(_IDS), 201),
    "an address that is a program": Row(whole(_RUNS), 201),
    "a redirect": Row(status=302, headers={"Location": "/elsewhere"}),
    "a redirect that keeps the method": Row(status=307, headers={"Location": "/elsewhere"}),
    "credentials refused": Row(b'{"error": "no"}', 401),
    "not allowed": Row(b'{"error": "no"}', 403),
    "two hundred megabytes": Row(endless=True),
}


@dataclass
class Seen:
    """What the server was asked, and how much of its answers was taken."""

    paths: list[str] = field(default_factory=list)
    taken: int = 0


@asynccontextmanager
async def answering(row: Row) -> AsyncIterator[tuple[str, Seen]]:
    """A server that answers everything so."""
    seen = Seen()

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.paths.append(request.path)
        if not row.endless:
            return web.Response(status=row.status, body=row.body, headers=row.headers)
        response = web.StreamResponse(headers={"Content-Length": str(200 << 20), **row.headers})
        await response.prepare(request)
        while seen.taken < 200 << 20:
            await response.write(b"[" * 65_536)
            seen.taken += 65_536
        return response

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner, port = await listen(app, None)
    try:
        yield f"http://127.0.0.1:{port}", seen
    finally:
        await runner.cleanup()


@asynccontextmanager
async def asking(system: str, url: str) -> AsyncIterator[TicketFixture]:
    """The bot's side of a system that is said to be at another address."""
    if system != "webhook":
        async with ground(system, PHOTOSYNC_TICKET_URL=url) as g:
            yield g
        return
    desk = Helpdesk(World())
    settings = settings_of(
        {
            "PHOTOSYNC_TICKET_SYSTEM": "webhook",
            "PHOTOSYNC_TICKET_URL": f"{url}/tickets",
            "PHOTOSYNC_TICKET_SECRET": desk.secret,
        }
    )
    http = HttpClient.from_settings(settings)
    helpdesk = helpdesk_of(settings, http)
    assert helpdesk.system is not None
    try:
        yield TicketFixture(desk, helpdesk, helpdesk.system)  # type: ignore[arg-type]
    finally:
        await http.close()


async def outcome(asked: Awaitable[object]) -> str:
    """What an operator or a person would see of it. Any other error is the test's failure."""
    try:
        return str(await asked)
    except OutsideError as error:
        return str(error)


@pytest.mark.parametrize("row", list(ROWS.values()), ids=list(ROWS))
@pytest.mark.parametrize("system", SYSTEMS)
async def test_whatever_is_answered_is_one_kind_of_error_or_shows_nothing_of_it(system: str, row: Row) -> None:
    async with answering(row) as (url, seen), asking(system, url) as g:
        there = Reference("1", "1")
        for asked in (
            g.hand_over(),
            g.hand_over(g.later(2, "and hurry", "1")),
            g.system.readings(["1"]),
            g.system.remarks(there),
            g.system.solve(there),
            g.system.examine(),
        ):
            found = await outcome(asked)
            assert len(found) < 1_000
            assert "javascript" not in found
            assert "secret" not in found
        assert "/elsewhere" not in seen.paths  # no redirect is followed, whatever it carries
        assert seen.taken < 64 << 20  # what a connection holds, for each of them


# A full page each time, whichever is asked for, as of a system that does not know the parameter.
SAME_PAGE = Row(json.dumps({
    "values": [{"id": "1", "body": "x"}] * 50, "isLastPage": False,
    "conversations": [{"id": 1, "body_text": "x"}] * 100,
}).encode())  # fmt: skip


@pytest.mark.parametrize("system", ["jira", "freshservice"])
async def test_a_list_without_end_is_read_for_fifty_pages(system: str) -> None:
    async with answering(SAME_PAGE) as (url, seen), asking(system, url) as g:
        async with asyncio.timeout(60):
            found = await g.system.remarks(Reference("1", "1"))
        assert len(found) == MOST_REMARKS
        assert sum(path.endswith(("/comment", "/conversations")) for path in seen.paths) == 50


DROPPING = {
    "servicenow": {"assignment_group": "f" * 32, "u_no_such": "x"},
    "zendesk": {"group_id": 7, "u_no_such": "x"},
    "zammad": {"group": "Service Desk", "u_no_such": "x"},
    "rt": {"Queue": "General", "CustomFields": {"u_no_such": "x"}},
}
REFUSING = {
    "jira": {"serviceDeskId": "1", "requestTypeId": "10", "u_no_such": "x"},
    "freshservice": {"email": "portal@desk.example", "u_no_such": "x"},
}


@pytest.mark.parametrize("system", DROPPING)
async def test_a_field_that_a_system_drops_in_silence_is_named_to_the_operator(
    system: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with ground(system, PHOTOSYNC_TICKET_FIELDS=json.dumps(DROPPING[system])) as g:
        with caplog.at_level(logging.ERROR):
            assert (await g.hand_over()).result == "sent"
        (line,) = [one.getMessage() for one in caplog.records if "did not keep" in one.getMessage()]
        assert "u_no_such:" in line
        assert "group" not in line.partition(":")[0]


@pytest.mark.parametrize("system", REFUSING)
async def test_a_field_that_a_system_refuses_is_an_error(system: str) -> None:
    async with ground(system, PHOTOSYNC_TICKET_FIELDS=json.dumps(REFUSING[system])) as g:
        with pytest.raises(OutsideError, match="status 400"):
            await g.hand_over()
        assert g.desk.tickets == []
