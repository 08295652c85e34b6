"""Zammad's tickets, articles and search."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from sandbox.desks.desk import SECRET, USER, Bad, Desk, Handler, Kept, document_of, strict

GROUP = "Service Desk"
_REQUIRED, _OPTIONAL = ("title", "group", "customer_id", "article"), ("state", "priority", "tags")
_ARTICLE = ("subject", "body", "content_type", "type", "internal", "attachments")


class Zammad(Desk):
    """Tickets in one group, found by a search that lags."""

    STATES: ClassVar[Mapping[str, str]] = {
        "working": "open",
        "waiting": "pending reminder",
        "solved": "closed",
        "closed": "merged",
    }

    def environment(self) -> dict[str, str]:
        return {
            "PHOTOSYNC_TICKET_SYSTEM": "zammad",
            "PHOTOSYNC_TICKET_URL": self.url,
            "PHOTOSYNC_TICKET_SECRET": SECRET,
            "PHOTOSYNC_TICKET_FIELDS": json.dumps({"group": GROUP}),
        }

    def admitted(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Token token={SECRET}"

    def routes(self) -> list[tuple[str, str, Handler]]:
        return [
            ("POST", "/api/v1/tickets", self._create),
            ("GET", "/api/v1/tickets/search", self._search),
            ("GET", "/api/v1/tickets/{id}", self._show),
            ("PUT", "/api/v1/tickets/{id}", self._change),
            ("POST", "/api/v1/ticket_articles", self._write),
            ("GET", "/api/v1/ticket_articles/by_ticket/{id}", self._articles),
            ("GET", "/api/v1/users/me", self._me),
            ("GET", "/api/v1/groups", self._groups),
        ]

    async def _create(self, request: web.Request) -> web.StreamResponse:
        asked = await document_of(request)
        document = {name: value for name, value in asked.items() if name in (*_REQUIRED, *_OPTIONAL)}
        strict(document, _REQUIRED, _OPTIONAL, 422)  # what a ticket does not have is left out in silence
        article = document["article"]
        strict(article, ("body",), _ARTICLE, 422)
        if document["group"] != GROUP:
            raise Bad(422, {"error": "No lookup value found for 'group'"})
        customer = str(document["customer_id"])
        ticket = self.keep(document, customer.removeprefix("guess:"), "new")
        note = self.writes(ticket, article["body"], public=not article.get("internal"), author=USER)
        for file in article.get("attachments", ()):
            strict(file, ("filename", "data", "mime-type"), (), 422)
            try:
                base64.b64decode(file["data"], validate=True)
            except binascii.Error:
                raise Bad(422) from None
            note.files.append(file["filename"])
            ticket.files.append(file["filename"])
        return web.json_response(_shown(ticket), status=201)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        words = re.fullmatch(r'title:"([^"]+)"', request.query["query"])
        if words is None or request.query.get("expand") != "true":
            raise Bad(422)
        return web.json_response([_shown(one) for one in self.indexed() if words[1] in one.document["title"]])

    async def _show(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(_shown(self.ticket(request.match_info["id"])))

    async def _change(self, request: web.Request) -> web.StreamResponse:
        ticket, document = self.ticket(request.match_info["id"]), await document_of(request)
        strict(document, ("state",), (), 422)
        ticket.state, ticket.revision = document["state"], ticket.revision + 1
        return web.json_response(_shown(ticket))

    async def _write(self, request: web.Request) -> web.StreamResponse:
        document = await document_of(request)
        strict(document, ("ticket_id", "body"), _ARTICLE, 422)
        ticket = self.ticket(document["ticket_id"])
        self.writes(ticket, document["body"], public=not document.get("internal"), author=USER)
        return web.json_response({}, status=201)

    async def _articles(self, request: web.Request) -> web.StreamResponse:
        ticket = self.ticket(request.match_info["id"])
        return web.json_response([
            {
                "id": note.id, "ticket_id": ticket.number, "body": note.text, "content_type": "text/plain",
                "internal": not note.public, "sender": "Customer" if note.author == ticket.caller else "Agent",
            }
            for note in ticket.notes
        ])  # fmt: skip

    async def _me(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"id": 3, "email": USER})

    async def _groups(self, _: web.Request) -> web.StreamResponse:
        return web.json_response([{"id": 1, "name": GROUP}])


def _shown(ticket: Kept) -> dict[str, Any]:
    return {
        "id": ticket.number, "number": f"7{ticket.number}", "title": ticket.document["title"], "state": ticket.state,
        "updated_at": ticket.changed, "group": ticket.document["group"], "priority": ticket.document.get("priority"),
    }  # fmt: skip
