"""Jira Service Management, Cloud and Data Center.

Sources: Atlassian's documents of the service desk REST interface (developer.atlassian.com, docs.atlassian.com): a
request is created by `POST /rest/servicedeskapi/request` (201). Cloud names people by `accountId` and refuses their
mail, Data Center by user name. In Cloud `/rest/api/3/search` answers 410: the search is `/rest/api/3/search/jql`. A
search reads an index that lags, so a new request counts as findable after some seconds only; its key stands in the
summary, since not every request type has labels.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from bot.errors import NotFound, Refused
from bot.http_client import HttpClient
from bot.settings import Settings
from bot.tickets.interface import (
    MOST_PAGES,
    MOST_REMARKS,
    Abilities,
    Examination,
    Reading,
    Reference,
    Remark,
    TicketSystem,
)
from bot.tickets.rest import Rest, basic, identity, member, merged, multipart, objects, safe_url, segment
from bot.tickets.ticket import EVIDENCE, Ticket
from dialogs.model import TicketState

_DESK = "/rest/servicedeskapi"
_SUBJECT_LENGTH = 240
_FILLED = ("summary", "description")  # fields that we fill in
_PAGE = 100
# Where a state's own name is not known, its category says enough.
_BY_CATEGORY = {"indeterminate": TicketState.WORKING, "done": TicketState.SOLVED}


class Jira(TicketSystem):
    """Requests of the service desk and type that PHOTOSYNC_TICKET_FIELDS names."""

    abilities = Abilities(lag=20.0, batch=50)
    usual_states: ClassVar[Mapping[str, TicketState]] = {
        "in progress": TicketState.WORKING,
        "work in progress": TicketState.WORKING,
        "escalated": TicketState.WORKING,
        "waiting for customer": TicketState.WAITING,
        "resolved": TicketState.SOLVED,
        "done": TicketState.SOLVED,
        "closed": TicketState.CLOSED,
        "canceled": TicketState.CLOSED,
        "cancelled": TicketState.CLOSED,
        **{f"category:{name}": state for name, state in _BY_CATEGORY.items()},
    }

    def __init__(self, settings: Settings, http: HttpClient) -> None:
        secret = settings.ticket_secret.reveal()
        headers = basic(settings.ticket_user, secret) if settings.ticket_user else {"Authorization": f"Bearer {secret}"}
        self._rest = Rest(http, settings.ticket_url, {**headers, "X-ExperimentalApi": "opt-in"})
        self._fields = settings.ticket_fields
        self._cloud: bool | None = None  # None: not asked yet

    async def find(self, ticket: Ticket) -> Reference | None:
        for one in await self._search(f'summary ~ "\\"{ticket.key}\\""', "summary"):
            fields = one.get("fields")
            if isinstance(fields, dict) and f"[{ticket.key}]" in str(fields.get("summary")):
                return await self._request_of(identity(one, "key"))
        return None

    async def _request_of(self, key: str) -> Reference:
        return self._reference(await self._rest.json("GET", f"{_DESK}/request/{segment(key)}"))

    async def create(self, ticket: Ticket) -> Reference:
        document: dict[str, Any] = {
            "requestFieldValues": {"summary": ticket.title(_SUBJECT_LENGTH), "description": ticket.text},
        }
        if caller := await self._caller(ticket.caller):
            document["raiseOnBehalfOf"] = caller
        made = await self._rest.json("POST", f"{_DESK}/request", document=merged(document, self._fields))
        return self._reference(made)

    async def attach(self, reference: Reference, ticket: Ticket) -> None:
        of_request = f"{_DESK}/request/{segment(reference.id)}/attachment"
        there = objects(member(await self._rest.json("GET", of_request), "values"))
        if any(one.get("filename") == EVIDENCE for one in there):
            return
        body, headers = multipart("file", EVIDENCE, ticket.evidence)
        desk = segment(str(self._fields["serviceDeskId"]))
        uploaded = await self._rest.json(
            "POST",
            f"{_DESK}/servicedesk/{desk}/attachTemporaryFile",
            body=body,
            headers={**headers, "X-Atlassian-Token": "no-check"},
        )
        files = [identity(one, "temporaryAttachmentId") for one in objects(member(uploaded, "temporaryAttachments"))]
        await self._rest.json("POST", of_request, document={"temporaryAttachmentIds": files, "public": False})

    async def comment(self, reference: Reference, ticket: Ticket) -> None:
        path = f"{_DESK}/request/{segment(reference.id)}/comment"
        await self._rest.json("POST", path, document={"body": ticket.note, "public": False})

    async def remarks(self, reference: Reference) -> tuple[Remark, ...]:
        base = f"{_DESK}/request/{segment(reference.id)}"
        request = await self._rest.json("GET", base)
        reporter = _person(request.get("reporter") if isinstance(request, dict) else None)
        found: deque[dict[str, Any]] = deque(maxlen=MOST_REMARKS)
        start = 0
        for _ in range(MOST_PAGES):
            query = {"start": str(start), "limit": str(_PAGE)}
            page = await self._rest.json("GET", f"{base}/comment", query=query)
            more = objects(member(page, "values"))
            found += more
            start += len(more)
            if page.get("isLastPage") is not False or not more:
                break
        return tuple(
            Remark(
                identity(one, "id"),
                str(one.get("body") or ""),
                one.get("public") is True and _person(one.get("author")) != reporter,
            )
            for one in found
        )

    async def readings(self, ids: Sequence[str]) -> Mapping[str, Reading]:
        try:
            found = await self._search(f"key in ({','.join(ids)})", "status,updated", len(ids))
        except Refused as error:
            if error.detail != "status 400":
                raise
            if len(ids) == 1:
                return {}
            # One key that is gone makes the whole search fail: half of them, until it is not among them.
            return await self.readings(ids[: len(ids) // 2])
        return {identity(one, "key"): _reading(one) for one in found}

    async def _search(self, jql: str, fields: str, most: int = 10) -> list[dict[str, Any]]:
        path = "/rest/api/3/search/jql" if await self._is_cloud() else "/rest/api/2/search"
        query = {"jql": jql, "fields": fields, "maxResults": str(most)}
        return objects(member(await self._rest.json("GET", path, query=query), "issues"))

    async def examine(self) -> Examination:
        desk, kind = (str(self._fields[name]) for name in ("serviceDeskId", "requestTypeId"))
        fix = "Correct serviceDeskId and requestTypeId in PHOTOSYNC_TICKET_FIELDS."
        path = f"{_DESK}/servicedesk/{segment(desk)}/requesttype/{segment(kind)}/field"
        try:
            found = await self._rest.json("GET", path)
        except NotFound:
            return Examination(False, f"there is no request type {kind} in the service desk {desk}", fix)
        given = self._fields.get("requestFieldValues")
        filled = {*_FILLED, *(given if isinstance(given, dict) else ())}
        wanted = {
            identity(one, "fieldId") for one in objects(member(found, "requestTypeFields")) if one.get("required")
        }
        if lacking := sorted(wanted - filled):
            fix = "Put a value for each into requestFieldValues of PHOTOSYNC_TICKET_FIELDS, or choose another type."
            return Examination(False, f"the request type requires {', '.join(lacking)}", fix)
        if found.get("canRaiseOnBehalfOf") is False:
            fix = "Make the account an agent of the service desk: as a customer it can only ask for itself."
            return Examination(False, "the account may not raise requests on behalf of people", fix)
        where = "Cloud" if await self._is_cloud() else "Data Center"
        return Examination(True, f"signed in ({where}), and the request type takes what is sent")

    async def _is_cloud(self) -> bool:
        if self._cloud is None:
            found = await self._rest.json("GET", "/rest/api/2/serverInfo")
            self._cloud = isinstance(found, dict) and found.get("deploymentType") == "Cloud"
        return self._cloud

    async def _caller(self, address: str) -> str:
        """The one person of that mail: an account id in Cloud, a user name in Data Center; "" for none or several."""
        if not address:
            return ""
        path, name, id_ = (
            ("/rest/api/3/user/search", "query", "accountId")
            if await self._is_cloud()
            else ("/rest/api/2/user/search", "username", "name")
        )
        try:
            found = objects(await self._rest.json("GET", path, query={name: address, "maxResults": "2"}))
        except Refused as error:
            if "401" in error.detail:
                raise
            return ""  # the account may not look people up
        return identity(found[0], id_) if len(found) == 1 else ""

    def _reference(self, found: Any) -> Reference:
        key = identity(found, "issueKey")
        links = found.get("_links")
        return Reference(key, key, safe_url(links.get("web") if isinstance(links, dict) else ""))


def _reading(issue: Mapping[str, Any]) -> Reading:
    fields = issue.get("fields")
    fields = fields if isinstance(fields, dict) else {}
    status = fields.get("status")
    status = status if isinstance(status, dict) else {}
    category = status.get("statusCategory")
    name = str(status.get("name", "")).lower()
    key = category.get("key") if isinstance(category, dict) else ""
    return Reading(f"{name}|category:{key}" if key else name, str(fields.get("updated")))


def _person(found: Any) -> str:
    """A person by what Cloud or Data Center names them by."""
    return str(found.get("accountId") or found.get("name") or "") if isinstance(found, dict) else ""
