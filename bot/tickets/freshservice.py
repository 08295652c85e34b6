"""Freshservice.

Sources: Freshservice's documents of its API v2 (api.freshservice.com). Basic authentication with the key as user; texts
are HTML; a ticket needs a requester, who is made where the mail is new; rates are per minute and count refused
requests. There is no key of one's own: it stands in the subject, among the requester's tickets.
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
from bot.tickets.rest import (
    SYSTEM,
    Rest,
    as_html,
    basic,
    member,
    merged,
    multipart,
    number,
    objects,
    plain,
    safe_url,
    segment,
)
from bot.tickets.ticket import EVIDENCE, Ticket
from dialogs.model import TicketState

_TICKETS = "/api/v2/tickets"
_SUBJECT_LENGTH = 240
_OPEN, _LOW, _PORTAL, _RESOLVED = 2, 1, 2, 4
_PAGE = 100


class Freshservice(TicketSystem):
    """Tickets; PHOTOSYNC_TICKET_FIELDS is laid over them, and its `email` is the requester where nobody is known."""

    abilities = Abilities(lag=15.0, solve=True)
    usual_states: ClassVar[Mapping[str, TicketState]] = {
        "3": TicketState.WAITING,
        "4": TicketState.SOLVED,
        "5": TicketState.CLOSED,
    }

    def __init__(self, settings: Settings, http: HttpClient) -> None:
        key = settings.ticket_user or settings.ticket_secret.reveal()
        password = settings.ticket_secret.reveal() if settings.ticket_user else "X"
        self._rest = Rest(http, settings.ticket_url, basic(key, password))
        self._fields = dict(settings.ticket_fields)
        self._nobody = str(self._fields.pop("email", ""))

    async def find(self, ticket: Ticket) -> Reference | None:
        query = {"email": self._requester(ticket), "per_page": str(_PAGE), "order_type": "desc"}
        try:
            found = objects(member(await self._rest.json("GET", _TICKETS, query=query), "tickets"))
        except NotFound:
            return None  # nobody has this mail yet
        named = [one for one in found if f"[{ticket.key}]" in str(one.get("subject"))]
        return self._reference(min(named, key=lambda one: int(number(one, "id")))) if named else None

    async def create(self, ticket: Ticket) -> Reference:
        document: dict[str, Any] = {
            "email": self._requester(ticket),
            "subject": ticket.title(_SUBJECT_LENGTH),
            "description": as_html(ticket.text),
            "status": _OPEN,
            "priority": _LOW,
            "source": _PORTAL,
        }
        made = await self._rest.json("POST", _TICKETS, document=merged(document, self._fields))
        return self._reference(member(made, "ticket"))

    async def attach(self, reference: Reference, ticket: Ticket) -> None:
        path = f"{_TICKETS}/{segment(reference.id)}"
        there = member(await self._rest.json("GET", path), "ticket")
        if any(one.get("name") == EVIDENCE for one in objects(member(there, "attachments"))):
            return
        body, headers = multipart("attachments[]", EVIDENCE, ticket.evidence)
        await self._rest.json("PUT", path, body=body, headers=headers)

    async def comment(self, reference: Reference, ticket: Ticket) -> None:
        document = {"body": as_html(ticket.note), "private": True}
        await self._rest.json("POST", f"{_TICKETS}/{segment(reference.id)}/notes", document=document)

    async def remarks(self, reference: Reference) -> tuple[Remark, ...]:
        path = f"{_TICKETS}/{segment(reference.id)}/conversations"
        found: deque[dict[str, Any]] = deque(maxlen=MOST_REMARKS)
        for page in range(1, MOST_PAGES + 1):
            query = {"per_page": str(_PAGE), "page": str(page)}
            more = objects(member(await self._rest.json("GET", path, query=query), "conversations"))
            found += more
            if len(more) < _PAGE:
                break
        return tuple(
            Remark(
                number(one, "id"),
                str(one.get("body_text") or plain(one.get("body"))),
                one.get("private") is False and one.get("incoming") is False,
            )
            for one in found
        )

    async def readings(self, ids: Sequence[str]) -> Mapping[str, Reading]:
        found = {}
        for one in ids:
            try:
                ticket = member(await self._rest.json("GET", f"{_TICKETS}/{segment(one)}"), "ticket")
            except NotFound:
                continue
            found[one] = Reading(number(ticket, "status"), str(ticket.get("updated_at", "")))
        return found

    async def solve(self, reference: Reference) -> None:
        await self._rest.json("PUT", f"{_TICKETS}/{segment(reference.id)}", document={"status": _RESOLVED})

    async def examine(self) -> Examination:
        await self._rest.json("GET", _TICKETS, query={"per_page": "1"})
        if not self._nobody:
            fix = "Put a mailbox of the helpdesk into email of PHOTOSYNC_TICKET_FIELDS: each ticket needs a requester."
            return Examination(False, "tickets of people whose account cannot be read have no requester", fix)
        return Examination(True, "signed in, and tickets can be listed")

    def _requester(self, ticket: Ticket) -> str:
        requester = ticket.caller or self._nobody
        if not requester:
            raise Refused(SYSTEM, "no requester: put a mailbox into email of PHOTOSYNC_TICKET_FIELDS")
        return requester

    def _reference(self, ticket: Any) -> Reference:
        found = number(ticket, "id")
        return Reference(found, found, safe_url(f"{self._rest.base}/support/tickets/{found}"))
