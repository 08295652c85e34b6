"""Zendesk's Ticketing API: external ids, idempotency keys that want the same body, comments, uploads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from sandbox.desks.desk import AGENT, SECRET, USER, Bad, Desk, Handler, Kept, basic, document_of, strict
from sandbox.world import World

_TICKET = ("subject", "comment", "requester", "external_id", "tags", "priority", "group_id", "custom_fields", "status")
_COMMENT = ("body", "public", "uploads", "author_id")


class Zendesk(Desk):
    """Tickets."""

    STATES: ClassVar[Mapping[str, str]] = {
        "working": "open",
        "waiting": "pending",
        "solved": "solved",
        "closed": "closed",
    }

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._sent: dict[str, tuple[Any, Kept]] = {}  # by idempotency key
        self._files: dict[str, str] = {}  # by token

    def environment(self) -> dict[str, str]:
        return {
            "PHOTOSYNC_TICKET_SYSTEM": "zendesk",
            "PHOTOSYNC_TICKET_URL": self.url,
            "PHOTOSYNC_TICKET_USER": USER,
            "PHOTOSYNC_TICKET_SECRET": SECRET,
        }

    def admitted(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == basic(f"{USER}/token", SECRET)

    def routes(self) -> list[tuple[str, str, Handler]]:
        return [
            ("GET", "/api/v2/tickets.json", self._list),
            ("POST", "/api/v2/tickets.json", self._create),
            ("GET", "/api/v2/tickets/show_many.json", self._many),
            ("PUT", "/api/v2/tickets/{id}.json", self._change),
            ("GET", "/api/v2/tickets/{id}/comments.json", self._comments),
            ("POST", "/api/v2/uploads.json", self._upload),
            ("GET", "/api/v2/users/me.json", self._me),
            ("GET", "/api/v2/groups/{id}.json", self._group),
        ]

    async def _list(self, request: web.Request) -> web.StreamResponse:
        wanted = request.query.get("external_id")
        found = [one for one in self.tickets if wanted in (None, one.document.get("external_id"))]
        return web.json_response({"tickets": [_shown(one) for one in found]})

    async def _create(self, request: web.Request) -> web.StreamResponse:
        document = await document_of(request)
        strict(document, ("ticket",), (), 422)
        asked = {name: value for name, value in document["ticket"].items() if name in ("comment", *_TICKET)}
        strict(asked, ("comment",), _TICKET, 422)  # what a ticket does not have is left out in silence
        strict(asked["comment"], ("body",), _COMMENT, 422)
        requester = asked.get("requester", {"email": USER})
        strict(requester, ("email",), ("name", "locale_id"), 422)
        key = request.headers.get("Idempotency-Key", "")
        if key in self._sent:
            before, ticket = self._sent[key]
            if before != document:
                raise Bad(400, {"error": "IdempotentRequestError"})
            hit = {"x-idempotency-lookup": "hit"}
            return web.json_response({"ticket": _shown(ticket)}, status=201, headers=hit)
        ticket = self.keep(asked, str(requester["email"]), "new")
        self._sent[key] = (document, ticket)
        self._comment(ticket, asked["comment"])
        return web.json_response({"ticket": _shown(ticket)}, status=201, headers={"x-idempotency-lookup": "miss"})

    async def _many(self, request: web.Request) -> web.StreamResponse:
        ids = request.query["ids"].split(",")
        if len(ids) > 100:
            raise Bad(400)
        return web.json_response({"tickets": [_shown(one) for one in self.tickets if str(one.number) in ids]})

    async def _change(self, request: web.Request) -> web.StreamResponse:
        ticket, document = self.ticket(request.match_info["id"]), await document_of(request)
        strict(document, ("ticket",), (), 422)
        strict(document["ticket"], (), _TICKET, 422)
        if ticket.state == "closed":
            raise Bad(422, {"error": "RecordInvalid", "description": "closed prevents ticket update"})
        if "comment" in document["ticket"]:
            strict(document["ticket"]["comment"], ("body",), _COMMENT, 422)
            self._comment(ticket, document["ticket"]["comment"])
        ticket.state = document["ticket"].get("status", ticket.state)
        ticket.revision += 1
        return web.json_response({"ticket": _shown(ticket)})

    def _comment(self, ticket: Kept, comment: dict[str, Any]) -> None:
        note = self.writes(ticket, comment["body"], public=comment.get("public") is not False, author=USER)
        for token in comment.get("uploads", ()):
            if token not in self._files:
                raise Bad(422)
            note.files.append(self._files[token])
            ticket.files.append(self._files[token])

    async def _comments(self, request: web.Request) -> web.StreamResponse:
        ticket = self.ticket(request.match_info["id"])
        comments = [
            {
                "id": note.id, "plain_body": note.text, "body": note.text, "public": note.public,
                "author_id": _account(note.author), "attachments": [{"file_name": name} for name in note.files],
            }
            for note in reversed(ticket.notes)
        ]  # fmt: skip
        people = {note.author: "agent" if note.author in (USER, AGENT) else "end-user" for note in ticket.notes}
        users = [{"id": _account(mail), "role": role} for mail, role in people.items()]
        return web.json_response({"comments": comments, "users": users})

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        if not await request.read():
            raise Bad(422)
        token = f"token{next(self._ids)}"
        self._files[token] = request.query["filename"]
        return web.json_response({"upload": {"token": token}}, status=201)

    async def _me(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"user": {"id": 1, "role": "agent"}})

    async def _group(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["id"] != "7":
            raise Bad(404)
        return web.json_response({"group": {"id": 7}})


def _account(mail: str) -> int:
    return sum(mail.encode())


def _shown(ticket: Kept) -> dict[str, Any]:
    document = ticket.document
    return {
        **{name: value for name, value in document.items() if name not in ("comment", "requester")},
        "id": ticket.number, "status": ticket.state, "updated_at": ticket.changed,
    }  # fmt: skip
