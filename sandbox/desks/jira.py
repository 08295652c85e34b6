"""Jira Service Management: requests, comments, files, and a search that lags. Cloud, or Data Center with `cloud` off."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from sandbox.desks.desk import SECRET, USER, Bad, Desk, Handler, Kept, document_of, file_in, strict

_DESK = "/rest/servicedeskapi"
_CATEGORIES = {"Waiting for support": "new", "In Progress": "indeterminate", "Waiting for customer": "indeterminate", "Resolved": "done", "Closed": "done"}  # fmt: skip


class Jira(Desk):
    """One service desk with one request type."""

    STATES: ClassVar[Mapping[str, str]] = {
        "working": "In Progress",
        "waiting": "Waiting for customer",
        "solved": "Resolved",
        "closed": "Closed",
    }
    cloud = True
    required: tuple[str, ...] = ("summary",)

    def environment(self) -> dict[str, str]:
        return {
            "PHOTOSYNC_TICKET_SYSTEM": "jira",
            "PHOTOSYNC_TICKET_URL": self.url,
            "PHOTOSYNC_TICKET_USER": USER,
            "PHOTOSYNC_TICKET_SECRET": SECRET,
            "PHOTOSYNC_TICKET_FIELDS": json.dumps({"serviceDeskId": "1", "requestTypeId": "10"}),
        }

    def routes(self) -> list[tuple[str, str, Handler]]:
        request = _DESK + "/request"
        return [
            ("GET", "/rest/api/2/serverInfo", self._server),
            ("GET", "/rest/api/3/search/jql", self._search),
            ("GET", "/rest/api/3/search", self._gone),
            ("GET", "/rest/api/2/search", self._search),
            ("GET", "/rest/api/3/user/search", self._users),
            ("GET", "/rest/api/2/user/search", self._users),
            ("POST", request, self._create),
            ("GET", request + "/{id}", self._show),
            ("GET", request + "/{id}/comment", self._comments),
            ("POST", request + "/{id}/comment", self._write),
            ("GET", request + "/{id}/attachment", self._files),
            ("POST", request + "/{id}/attachment", self._attach),
            ("POST", _DESK + "/servicedesk/1/attachTemporaryFile", self._upload),
            ("GET", _DESK + "/servicedesk/{desk}/requesttype/{type}/field", self._fields),
        ]

    async def _server(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"deploymentType": "Cloud" if self.cloud else "Server"})

    async def _gone(self, _: web.Request) -> web.StreamResponse:
        raise Bad(410)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        if ("/3/" in request.path) is not self.cloud:
            raise Bad(404)
        jql = request.query["jql"]
        words, keys = re.fullmatch(r'summary ~ "\\"(.+)\\""', jql), re.fullmatch(r"key in \(([A-Z0-9,-]+)\)", jql)
        if words:
            found = [one for one in self.indexed() if words[1] in one.document["requestFieldValues"]["summary"]]
        elif keys:
            wanted = [key.removeprefix("HELP-") for key in keys[1].split(",")]
            found = [one for one in self.tickets if str(one.number) in wanted]
            if len(found) < len(wanted):
                raise Bad(400, {"errorMessages": ["An issue with key does not exist for field 'key'."]})
        else:
            raise Bad(400, {"errorMessages": ["Error in the JQL Query"]})
        return web.json_response({"issues": [_issue(one) for one in found], "isLast": True})

    async def _users(self, request: web.Request) -> web.StreamResponse:
        mail = request.query["query" if self.cloud else "username"]
        name = "accountId" if self.cloud else "name"
        return web.json_response([{name: _account(mail)} for _ in range(self.people[mail])])

    async def _create(self, request: web.Request) -> web.StreamResponse:
        document = await document_of(request)
        optional = ("raiseOnBehalfOf", "requestParticipants")
        strict(document, ("serviceDeskId", "requestTypeId", "requestFieldValues"), optional)
        if (str(document["serviceDeskId"]), str(document["requestTypeId"])) != ("1", "10"):
            raise Bad(404)
        known = ("description", "priority", "labels", *self.required)
        strict(document["requestFieldValues"], self.required, known)
        caller = str(document.get("raiseOnBehalfOf", ""))
        known_people = {_account(mail): mail for mail in self.people}
        if caller and caller not in known_people:
            raise Bad(400, {"errorMessage": "The user does not exist."})
        ticket = self.keep(document, known_people.get(caller, ""), "Waiting for support")
        return web.json_response(self._request(ticket), status=201)

    async def _show(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._request(self._found(request)))

    def _request(self, ticket: Kept) -> dict[str, Any]:
        key = f"HELP-{ticket.number}"
        reporter = {"accountId" if self.cloud else "name": _account(ticket.caller or USER)}
        links = {"web": f"{self.url}/servicedesk/customer/portal/1/{key}"}
        return {"issueId": str(ticket.number), "issueKey": key, "reporter": reporter, "_links": links}

    async def _comments(self, request: web.Request) -> web.StreamResponse:
        notes = self._found(request).notes
        name = "accountId" if self.cloud else "name"
        values = [
            {"id": str(note.id), "body": note.text, "public": note.public, "author": {name: _account(note.author)}}
            for note in notes
        ]
        start = int(request.query.get("start", "0"))
        return web.json_response({"values": values[start : start + 50], "isLastPage": start + 50 >= len(values)})

    async def _write(self, request: web.Request) -> web.StreamResponse:
        ticket, document = self._found(request), await document_of(request)
        strict(document, ("body",), ("public",))
        self.writes(ticket, document["body"], public=document.get("public") is not False, author=USER)
        return web.json_response({}, status=201)

    async def _files(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"values": [{"filename": name} for name in self._found(request).files]})

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("X-Atlassian-Token") != "no-check":
            raise Bad(403, {"errorMessage": "XSRF check failed"})
        name = file_in(await request.read(), "file")
        document = {"temporaryAttachments": [{"temporaryAttachmentId": f"temp-{name}", "fileName": name}]}
        return web.json_response(document, status=201)

    async def _attach(self, request: web.Request) -> web.StreamResponse:
        ticket, document = self._found(request), await document_of(request)
        strict(document, ("temporaryAttachmentIds",), ("public", "additionalComment"))
        ticket.files += [one.removeprefix("temp-") for one in document["temporaryAttachmentIds"]]
        return web.json_response({}, status=201)

    async def _fields(self, request: web.Request) -> web.StreamResponse:
        if (request.match_info["desk"], request.match_info["type"]) != ("1", "10"):
            raise Bad(404)
        fields = [{"fieldId": name, "required": True} for name in self.required]
        fields.append({"fieldId": "description", "required": False})
        return web.json_response({"requestTypeFields": fields, "canRaiseOnBehalfOf": True})

    def _found(self, request: web.Request) -> Kept:
        return self.ticket(request.match_info["id"].removeprefix("HELP-"))


def _account(mail: str) -> str:
    return "acc-" + mail.encode().hex()[:40]


def _issue(ticket: Kept) -> dict[str, Any]:
    status = {"name": ticket.state, "statusCategory": {"key": _CATEGORIES.get(ticket.state, "indeterminate")}}
    summary = ticket.document["requestFieldValues"]["summary"]
    fields = {"summary": summary, "status": status, "updated": ticket.changed}
    return {"key": f"HELP-{ticket.number}", "fields": fields}
