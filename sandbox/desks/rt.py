"""Request Tracker's REST 2, written down from the real one (5.0.3)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from sandbox.desks.desk import SECRET, USER, Bad, Desk, Handler, Kept, document_of, strict

QUEUE = "General"
_TICKET = (
    "Queue", "Subject", "Requestor", "Content", "ContentType", "RefersTo", "Attachments", "CustomFields", "Status", "Cc",
    "AdminCc", "Owner", "Priority",
)  # fmt: skip


class RequestTracker(Desk):
    """Tickets of one queue."""

    STATES: ClassVar[Mapping[str, str]] = {
        "working": "open",
        "waiting": "stalled",
        "solved": "resolved",
        "closed": "rejected",
    }

    def environment(self) -> dict[str, str]:
        return {
            "PHOTOSYNC_TICKET_SYSTEM": "rt",
            "PHOTOSYNC_TICKET_URL": self.url,
            "PHOTOSYNC_TICKET_USER": USER,
            "PHOTOSYNC_TICKET_SECRET": SECRET,
            "PHOTOSYNC_TICKET_FIELDS": json.dumps({"Queue": QUEUE}),
        }

    def routes(self) -> list[tuple[str, str, Handler]]:
        return [
            ("GET", "/REST/2.0/rt", self._version),
            ("GET", "/REST/2.0/queue/{name}", self._queue),
            ("GET", "/REST/2.0/tickets", self._search),
            ("POST", "/REST/2.0/ticket", self._create),
            ("GET", "/REST/2.0/ticket/{id}", self._show),
            ("PUT", "/REST/2.0/ticket/{id}", self._change),
            ("POST", "/REST/2.0/ticket/{id}/comment", self._comment),
            ("GET", "/REST/2.0/ticket/{id}/history", self._history),
            ("GET", "/REST/2.0/ticket/{id}/attachments", self._attachments),
        ]

    async def _version(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"Version": "5.0.3", "Plugins": []})

    async def _queue(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["name"] != QUEUE:
            raise Bad(404, {"message": "Not Found"})
        return web.json_response({"id": 1, "Name": QUEUE, "_hyperlinks": [{"ref": "self"}, {"ref": "create"}]})

    async def _search(self, request: web.Request) -> web.StreamResponse:
        query = request.query["query"]
        link = re.fullmatch(r"RefersTo = '([^']+)'", query)
        ids = re.findall(r"id = (\d+)", query)
        if link is None and not ids:
            raise Bad(400, {"message": "bad query"})
        there = [one for one in self.tickets if link and link[1] in one.document.get("RefersTo", ())]
        there += [one for one in self.tickets if str(one.number) in ids]
        return _items([
            {"id": str(one.number), "type": "ticket", "Status": one.state, "LastUpdated": one.changed} for one in there
        ])  # fmt: skip

    async def _create(self, request: web.Request) -> web.StreamResponse:
        document = await document_of(request)
        if document.get("Queue") != QUEUE:
            raise Bad(403, {"message": f"No permission to create tickets in the queue '{document.get('Queue')}'"})
        kept = {name: value for name, value in document.items() if name in _TICKET}
        kept.pop("CustomFields", None)  # the queue has none
        ticket = self.keep(kept, str(kept.get("Requestor", "")), "new")
        ticket.files += [file["FileName"] for file in kept.get("Attachments", ()) if file.get("FileContent")]
        location = {"Location": f"/REST/2.0/ticket/{ticket.number}"}
        return web.json_response({"type": "ticket", "id": str(ticket.number)}, status=201, headers=location)

    async def _show(self, request: web.Request) -> web.StreamResponse:
        ticket = self.ticket(request.match_info["id"])
        people = [{"id": ticket.caller, "type": "user"}] if ticket.caller else []
        return web.json_response({"id": ticket.number, "Status": ticket.state, "Requestor": people, "CustomFields": []})

    async def _change(self, request: web.Request) -> web.StreamResponse:
        ticket, document = self.ticket(request.match_info["id"]), await document_of(request)
        strict(document, ("Status",))
        ticket.state, ticket.revision = document["Status"], ticket.revision + 1
        return web.json_response([f"Ticket {ticket.number}: Status changed"])

    async def _comment(self, request: web.Request) -> web.StreamResponse:
        ticket, document = self.ticket(request.match_info["id"]), await document_of(request)
        strict(document, ("Content", "ContentType"), ("Subject", "Attachments"))
        self.writes(ticket, document["Content"], public=False, author=USER)
        return web.json_response(["Comments added"], status=201)

    async def _history(self, request: web.Request) -> web.StreamResponse:
        ticket = self.ticket(request.match_info["id"])
        return _items([
            {
                "id": str(note.id), "type": "transaction", "Type": "Correspond" if note.public else "Comment",
                "Creator": {"id": note.author, "type": "user"},
            }
            for note in ticket.notes
        ])  # fmt: skip

    async def _attachments(self, request: web.Request) -> web.StreamResponse:
        return _items(_texts(self.ticket(request.match_info["id"])))


def _texts(ticket: Kept) -> list[dict[str, Any]]:
    return [
        {
            "id": str(note.id), "TransactionId": str(note.id), "Filename": "", "ContentType": "text/plain",
            "Content": note.text,
        }
        for note in ticket.notes
    ]  # fmt: skip


def _items(found: list[dict[str, Any]]) -> web.Response:
    count = len(found)
    return web.json_response({"items": found, "count": count, "total": count, "page": 1, "pages": 1, "per_page": 100})
