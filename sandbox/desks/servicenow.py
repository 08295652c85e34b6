"""ServiceNow's Table and Attachment API, as far as tickets need them: fields that the table has, one record a call."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from aiohttp import web

from sandbox.desks.desk import SECRET, USER, Bad, Desk, Handler, Kept, document_of, strict
from sandbox.world import World

GROUP = hashlib.md5(b"group", usedforsecurity=False).hexdigest()
_FIELDS = (
    "short_description", "description", "caller_id", "contact_type", "correlation_id", "correlation_display", "urgency",
    "impact", "assignment_group", "category", "work_notes", "comments",
)  # fmt: skip


class ServiceNow(Desk):
    """Incidents. What the table does not have is dropped in silence, as the real one does."""

    STATES: ClassVar[Mapping[str, str]] = {"working": "2", "waiting": "3", "solved": "6", "closed": "7"}

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.trusts: Callable[[str], bool] | None = None  # an OIDC provider: whether it knows a bearer token

    def admitted(self, request: web.Request) -> bool:
        trusted = self.trusts is not None and self.trusts(request.headers.get("Authorization", ""))
        return trusted or super().admitted(request)

    def environment(self) -> dict[str, str]:
        return {
            "PHOTOSYNC_TICKET_SYSTEM": "servicenow",
            "PHOTOSYNC_TICKET_URL": self.url,
            "PHOTOSYNC_TICKET_USER": USER,
            "PHOTOSYNC_TICKET_SECRET": SECRET,
            "PHOTOSYNC_TICKET_FIELDS": json.dumps({"assignment_group": GROUP}),
        }

    def routes(self) -> list[tuple[str, str, Handler]]:
        return [
            ("GET", "/api/now/table/incident", self._list),
            ("POST", "/api/now/table/incident", self._create),
            ("GET", "/api/now/table/incident/{id}", self._show),
            ("PATCH", "/api/now/table/incident/{id}", self._change),
            ("GET", "/api/now/table/sys_user", self._users),
            ("GET", "/api/now/table/sys_user_group", self._groups),
            ("GET", "/api/now/table/sys_journal_field", self._journal),
            ("GET", "/api/now/attachment", self._attachments),
            ("POST", "/api/now/attachment/file", self._attach),
        ]

    async def _list(self, request: web.Request) -> web.StreamResponse:
        query = request.query.get("sysparm_query", "")
        name, operator, value = _condition(query)
        if name == "correlation_id" and operator == "=":
            found = [one for one in self.tickets if one.document.get("correlation_id") == value]
        elif name == "sys_id" and operator == "IN":
            found = [one for one in self.tickets if _sys_id(one) in value.split(",")]
        elif query:
            found = self.tickets  # a condition that the real one does not understand is left out
        else:
            found = self.tickets
        return _result([_record(one, request) for one in found[: int(request.query.get("sysparm_limit", "10000"))]])

    async def _create(self, request: web.Request) -> web.StreamResponse:
        document = await document_of(request)
        kept = {name: value for name, value in document.items() if name in _FIELDS}
        caller = str(kept.get("caller_id", ""))
        if caller and caller not in map(_account, self.people):
            kept["caller_id"] = ""
        ticket = self.keep(kept, next((one for one in self.people if _account(one) == caller), ""), "1")
        return _result(_record(ticket, request), 201)

    async def _show(self, request: web.Request) -> web.StreamResponse:
        return _result(_record(self._found(request), request))

    async def _change(self, request: web.Request) -> web.StreamResponse:
        ticket, document = self._found(request), await document_of(request)
        strict(document, (), _FIELDS)
        for name in ("work_notes", "comments"):
            if name in document:
                self.writes(ticket, str(document[name]), public=name == "comments", author=USER)
        return _result(_record(ticket, request))

    async def _users(self, request: web.Request) -> web.StreamResponse:
        mail = _condition(request.query["sysparm_query"])[2].partition("^")[0]
        return _result([{"sys_id": _account(mail)} for _ in range(self.people[mail])][:2])

    async def _groups(self, request: web.Request) -> web.StreamResponse:
        _, _, value = _condition(request.query["sysparm_query"])
        return _result([{"sys_id": GROUP}] if value in (GROUP, "Service Desk") else [])

    async def _journal(self, request: web.Request) -> web.StreamResponse:
        value, _, order = _condition(request.query["sysparm_query"])[2].partition("^")
        notes = [note for one in self.tickets if _sys_id(one) == value for note in one.notes]
        if "ORDERBYDESC" in order:
            notes.reverse()
        notes = notes[: int(request.query.get("sysparm_limit", "10000"))]
        return _result([
            {
                "sys_id": str(note.id), "element": "comments" if note.public else "work_notes", "value": note.text,
                "sys_created_by": note.author,
            }
            for note in notes
        ])  # fmt: skip

    async def _attachments(self, request: web.Request) -> web.StreamResponse:
        parts = dict(part.split("=") for part in request.query["sysparm_query"].split("^"))
        files = [name for one in self.tickets if _sys_id(one) == parts["table_sys_id"] for name in one.files]
        return _result([{"sys_id": "f"} for name in files if name == parts["file_name"]])

    async def _attach(self, request: web.Request) -> web.StreamResponse:
        if "Content-Type" not in request.headers or not await request.read():
            raise Bad(400, {"error": {"message": "Content-Type header is required"}})
        found = [one for one in self.tickets if _sys_id(one) == request.query["table_sys_id"]]
        if not found or request.query["table_name"] != "incident":
            raise Bad(404)
        found[0].files.append(request.query["file_name"])
        return _result({"sys_id": "f"}, 201)

    def _found(self, request: web.Request) -> Kept:
        for one in self.tickets:
            if _sys_id(one) == request.match_info["id"]:
                return one
        raise Bad(404, {"error": {"message": "No Record found"}, "status": "failure"})


def _condition(query: str) -> tuple[str, str, str]:
    for operator in ("IN", "="):
        name, there, value = query.partition(operator)
        if there and name.replace("_", "").isalpha() and name.islower():
            return name, operator, value
    return "", "", ""


def _sys_id(ticket: Kept) -> str:
    return hashlib.md5(str(ticket.number).encode(), usedforsecurity=False).hexdigest()


def _account(mail: str) -> str:
    return hashlib.md5(mail.encode(), usedforsecurity=False).hexdigest()


def _record(ticket: Kept, request: web.Request) -> dict[str, Any]:
    whole = {
        **dict.fromkeys(_FIELDS, ""), **ticket.document, "sys_id": _sys_id(ticket), "number": f"INC{ticket.number:07}",
        "state": ticket.state, "sys_updated_on": ticket.changed, "caller_id.user_name": ticket.caller,
    }  # fmt: skip
    wanted = request.query.get("sysparm_fields", "")
    return {name: whole[name] for name in wanted.split(",") if name in whole} if wanted else whole


def _result(found: Any, status: int = 200) -> web.Response:
    return web.json_response({"result": found}, status=status)
