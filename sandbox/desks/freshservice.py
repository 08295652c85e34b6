"""Freshservice's API v2: a requester is a must, texts are HTML, and the list lags a little."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from sandbox.desks.desk import SECRET, USER, Bad, Desk, Handler, Kept, basic, document_of, file_in, strict

NOBODY = "portal@desk.example"
_OPTIONAL = ("description", "source", "group_id", "category", "custom_fields", "tags", "cc_emails", "department_id")


class Freshservice(Desk):
    """Tickets."""

    STATES: ClassVar[Mapping[str, str]] = {
        "working": "2",
        "waiting": "3",
        "solved": "4",
        "closed": "5",
    }  # open is no news

    def environment(self) -> dict[str, str]:
        return {
            "PHOTOSYNC_TICKET_SYSTEM": "freshservice",
            "PHOTOSYNC_TICKET_URL": self.url,
            "PHOTOSYNC_TICKET_SECRET": SECRET,
            "PHOTOSYNC_TICKET_FIELDS": json.dumps({"email": NOBODY}),
        }

    def admitted(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == basic(SECRET, "X")

    def routes(self) -> list[tuple[str, str, Handler]]:
        return [
            ("GET", "/api/v2/tickets", self._list),
            ("POST", "/api/v2/tickets", self._create),
            ("GET", "/api/v2/tickets/{id}", self._show),
            ("PUT", "/api/v2/tickets/{id}", self._change),
            ("POST", "/api/v2/tickets/{id}/notes", self._write),
            ("GET", "/api/v2/tickets/{id}/conversations", self._conversations),
        ]

    async def _list(self, request: web.Request) -> web.StreamResponse:
        mail = request.query.get("email")
        found = [one for one in self.indexed() if mail in (None, one.caller)]
        return web.json_response({"tickets": [_shown(one) for one in reversed(found)]})

    async def _create(self, request: web.Request) -> web.StreamResponse:
        document = await document_of(request)
        strict(document, ("email", "subject", "status", "priority"), _OPTIONAL)
        if document["status"] not in (2, 3, 4, 5) or document["priority"] not in (1, 2, 3, 4):
            raise Bad(400, {"description": "Validation failed"})
        ticket = self.keep(document, document["email"], "2")
        return web.json_response({"ticket": _shown(ticket)}, status=201)

    async def _show(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"ticket": _shown(self.ticket(request.match_info["id"]))})

    async def _change(self, request: web.Request) -> web.StreamResponse:
        ticket = self.ticket(request.match_info["id"])
        if request.content_type == "multipart/form-data":
            ticket.files.append(file_in(await request.read(), "attachments[]"))
        else:
            document = await document_of(request)
            strict(document, (), ("status", "priority"))
            ticket.state = str(document.get("status", ticket.state))
        ticket.revision += 1
        return web.json_response({"ticket": _shown(ticket)})

    async def _write(self, request: web.Request) -> web.StreamResponse:
        ticket, document = self.ticket(request.match_info["id"]), await document_of(request)
        strict(document, ("body",), ("private", "notify_emails"))
        self.writes(ticket, document["body"], public=document.get("private") is False, author=USER)
        return web.json_response({"conversation": {}}, status=201)

    async def _conversations(self, request: web.Request) -> web.StreamResponse:
        ticket = self.ticket(request.match_info["id"])
        conversations = [
            {
                "id": note.id, "body": note.text, "body_text": note.text.replace("<br>", ""),
                "private": not note.public, "incoming": note.author == ticket.caller,
            }
            for note in ticket.notes
        ]  # fmt: skip
        size = min(100, int(request.query.get("per_page", "30")))
        start = size * (int(request.query.get("page", "1")) - 1)
        return web.json_response({"conversations": conversations[start : start + size]})


def _shown(ticket: Kept) -> dict[str, Any]:
    return {
        "id": ticket.number, "subject": ticket.document["subject"], "status": int(ticket.state),
        "updated_at": ticket.changed, "attachments": [{"name": name} for name in ticket.files],
    }  # fmt: skip
