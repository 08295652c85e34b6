"""Zammad.

Sources: Zammad's documents of its API (docs.zammad.org: ticket, ticket article, search) and of webhooks
(admin-docs.zammad.org). `guess:` as customer makes the person where the address is new and needs the permission
ticket.agent; `Authorization: Token token=...`. The search reads an index that may lag, so a new ticket counts as
findable after some seconds only; its key stands in the title.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from bot.errors import NotFound
from bot.http_client import HttpClient
from bot.settings import Settings
from bot.tickets.interface import Abilities, Examination, Reading, Reference, Remark, TicketSystem
from bot.tickets.rest import (
    Rest,
    basic,
    identity,
    member,
    merged,
    number,
    objects,
    plain,
    report_dropped,
    safe_url,
    segment,
)
from bot.tickets.ticket import EVIDENCE, Ticket
from dialogs.model import TicketState

_TICKETS = "/api/v1/tickets"
_SUBJECT_LENGTH = 240


class Zammad(TicketSystem):
    """Tickets in the group that PHOTOSYNC_TICKET_FIELDS names."""

    abilities = Abilities(lag=20.0, solve=True)
    usual_states: ClassVar[Mapping[str, TicketState]] = {
        "open": TicketState.WORKING,
        "pending reminder": TicketState.WAITING,
        "pending close": TicketState.SOLVED,
        "closed": TicketState.SOLVED,
        "merged": TicketState.CLOSED,
        "removed": TicketState.CLOSED,
    }

    def __init__(self, settings: Settings, http: HttpClient) -> None:
        secret = settings.ticket_secret.reveal()
        token = {"Authorization": f"Token token={secret}"}
        headers = basic(settings.ticket_user, secret) if settings.ticket_user else token
        self._rest = Rest(http, settings.ticket_url, headers)
        self._fields = settings.ticket_fields

    async def find(self, ticket: Ticket) -> Reference | None:
        query = {"query": f'title:"{ticket.key}"', "limit": "10", "expand": "true"}
        found = await self._rest.json("GET", f"{_TICKETS}/search", query=query)
        named = [one for one in objects(found) if f"[{ticket.key}]" in str(one.get("title"))]
        return self._reference(min(named, key=lambda one: int(number(one, "id")))) if named else None

    async def create(self, ticket: Ticket) -> Reference:
        file = {
            "filename": EVIDENCE,
            "data": base64.b64encode(ticket.evidence).decode(),
            "mime-type": "application/json",
        }
        document: dict[str, Any] = {
            "title": ticket.title(_SUBJECT_LENGTH),
            "customer_id": f"guess:{ticket.caller}" if ticket.caller else await self._ourselves(),
            "article": {
                "subject": ticket.title(_SUBJECT_LENGTH),
                "body": ticket.text,
                "content_type": "text/plain",
                "type": "note",
                "internal": True,
                "attachments": [file],
            },
        }
        sent, query = merged(document, self._fields), {"expand": "true"}
        made = await self._rest.json("POST", _TICKETS, query=query, document=sent)
        reference = self._reference(made)
        report_dropped("Zammad", self._fields, made, unseen=("article", "tags"))
        return reference

    async def comment(self, reference: Reference, ticket: Ticket) -> None:
        document = {
            "ticket_id": int(reference.id),
            "body": ticket.note,
            "content_type": "text/plain",
            "type": "note",
            "internal": True,
        }
        await self._rest.json("POST", "/api/v1/ticket_articles", document=document)

    async def remarks(self, reference: Reference) -> tuple[Remark, ...]:
        found = await self._rest.json("GET", f"/api/v1/ticket_articles/by_ticket/{segment(reference.id)}")
        return tuple(
            Remark(
                number(one, "id"),
                plain(one.get("body")) if one.get("content_type") == "text/html" else str(one.get("body") or ""),
                one.get("sender") == "Agent" and one.get("internal") is False,
            )
            for one in objects(found)
        )

    async def readings(self, ids: Sequence[str]) -> Mapping[str, Reading]:
        found = {}
        for one in ids:
            try:
                ticket = await self._rest.json("GET", f"{_TICKETS}/{segment(one)}", query={"expand": "true"})
            except NotFound:
                continue
            found[one] = Reading(str(member(ticket, "state")).lower(), str(ticket.get("updated_at", "")))
        return found

    async def solve(self, reference: Reference) -> None:
        await self._rest.json("PUT", f"{_TICKETS}/{segment(reference.id)}", document={"state": "closed"})

    async def examine(self) -> Examination:
        await self._rest.json("GET", "/api/v1/users/me")
        group = str(self._fields.get("group"))
        groups = [one.get("name") for one in objects(await self._rest.json("GET", "/api/v1/groups"))]
        if group not in groups:
            fix = "Put the name of a group that the token's account may use into group of PHOTOSYNC_TICKET_FIELDS."
            return Examination(False, f"there is no group {group}", fix)
        return Examination(True, f"signed in, and there is the group {group}")

    async def _ourselves(self) -> int:
        """Zammad wants a customer for each ticket: where the person is not known, the token's own account."""
        return int(number(await self._rest.json("GET", "/api/v1/users/me"), "id"))

    def _reference(self, ticket: Any) -> Reference:
        found = number(ticket, "id")
        return Reference(found, identity(ticket, "number"), safe_url(f"{self._rest.base}/#ticket/zoom/{found}"))
