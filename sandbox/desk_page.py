"""The helpdesk's part of the demo's page: a person's tickets as the system has them, and what an agent does with one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from sandbox.desks.desk import AGENT, Kept
from sandbox.desks.zammad import Zammad
from sandbox.office_page import document_of, found
from sandbox.tenant import Tenant
from sandbox.world import Person

_LONGEST = 1_000  # letters of what an agent writes


class DeskPage:
    """The routes of it; `add_to` puts them into the page's server."""

    def __init__(self, tenant: Tenant, desk: Zammad) -> None:
        self._tenant = tenant
        self._desk = desk

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_post("/api/desk/{person}", self._do)

    @property
    def happened(self) -> tuple[int, int]:
        """What changes whenever `tickets` has more to tell."""
        return len(self._desk.tickets), sum(one.revision + len(one.notes) for one in self._desk.tickets)

    def tickets(self, person: Person) -> list[dict[str, Any]]:
        """Everything about them, oldest first."""
        return [_shown(one) for one in self._desk.tickets if one.caller == person.upn]

    def start_over(self, person: Person) -> None:
        """As if they had never asked."""
        self._desk.tickets = [one for one in self._desk.tickets if one.caller != person.upn]

    async def _do(self, request: web.Request) -> web.StreamResponse:
        """What an agent does: `act` of `_ACTS` with the ticket `ticket`, and the words `text` where it has some."""
        person, document = found(self._tenant, request), await document_of(request)
        act, text = _ACTS.get(str(document.get("act"))), document.get("text", "")
        mine = (one for one in self._desk.tickets if one.caller == person.upn)
        ticket = next((one for one in mine if one.number == document.get("ticket")), None)
        if act is None or ticket is None or not isinstance(text, str):
            raise web.HTTPBadRequest
        if not act(self._desk, ticket, text.strip()[:_LONGEST]):
            raise web.HTTPBadRequest
        return web.json_response({"status": 200})


def _take(desk: Zammad, ticket: Kept, _: str) -> bool:
    desk.becomes(ticket, "working")
    return True


def _ask(desk: Zammad, ticket: Kept, text: str) -> bool:
    if text:
        desk.writes(ticket, text)
        desk.becomes(ticket, "waiting")
    return bool(text)


def _solved(desk: Zammad, ticket: Kept, text: str) -> bool:
    if text:
        desk.writes(ticket, text)
    desk.becomes(ticket, "solved")
    return True


_ACTS: Mapping[str, Callable[[Zammad, Kept, str], bool]] = {"take": _take, "ask": _ask, "solved": _solved}


def _shown(ticket: Kept) -> dict[str, Any]:
    document = ticket.document
    (evidence,) = document["article"]["attachments"]
    return {
        "ticket": ticket.number,
        "number": f"7{ticket.number}",
        "title": document["title"],
        "group": document["group"],
        "customer": ticket.caller,
        "state": ticket.state,
        "articles": [
            {"id": one.id, "text": one.text, "public": one.public, "agent": one.author == AGENT} for one in ticket.notes
        ],
        "evidence": json.loads(base64.b64decode(evidence["data"])),
    }
