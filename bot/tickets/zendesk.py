"""Zendesk.

Sources: Zendesk's documents of its Ticketing API (developer.zendesk.com): `external_id` of a ticket, by which the list
of tickets is read (no index), `Idempotency-Key`, which lives for about two hours and wants the same body each time,
`tickets/show_many` for up to a hundred, uploads. A requester of a new address is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from bot.errors import NotFound
from bot.http_client import HttpClient
from bot.settings import Settings
from bot.tickets.interface import Abilities, Examination, Reading, Reference, Remark, TicketSystem
from bot.tickets.rest import Rest, basic, identity, member, merged, number, objects, report_dropped, safe_url, segment
from bot.tickets.ticket import EVIDENCE, Ticket
from dialogs.model import TicketState

_TICKETS = "/api/v2/tickets"
_SUBJECT_LENGTH = 150
_AGENTS = ("agent", "admin")


class Zendesk(TicketSystem):
    """Tickets; PHOTOSYNC_TICKET_FIELDS is laid over the `ticket`."""

    abilities = Abilities(batch=100, solve=True)
    usual_states: ClassVar[Mapping[str, TicketState]] = {
        "open": TicketState.WORKING,
        "hold": TicketState.WORKING,
        "pending": TicketState.WAITING,
        "solved": TicketState.SOLVED,
        "closed": TicketState.CLOSED,
    }

    def __init__(self, settings: Settings, http: HttpClient) -> None:
        secret, user = settings.ticket_secret.reveal(), settings.ticket_user
        if user and not user.endswith("/token"):
            user = f"{user}/token"
        headers = basic(user, secret) if user else {"Authorization": f"Bearer {secret}"}
        self._rest = Rest(http, settings.ticket_url, headers)
        self._fields = settings.ticket_fields

    async def find(self, ticket: Ticket) -> Reference | None:
        found = await self._rest.json("GET", f"{_TICKETS}.json", query={"external_id": ticket.key})
        named = [one for one in objects(member(found, "tickets")) if one.get("external_id") == ticket.key]
        return self._reference(min(named, key=lambda one: int(number(one, "id")))) if named else None

    async def create(self, ticket: Ticket) -> Reference:
        document: dict[str, Any] = {
            "subject": ticket.subject[:_SUBJECT_LENGTH],
            "comment": {"body": ticket.text, "public": False},
            "external_id": ticket.key,
            "tags": ["photosync"],
        }
        if ticket.caller:
            document["requester"] = {"name": ticket.name or ticket.caller, "email": ticket.caller}
        made = await self._rest.json(
            "POST",
            f"{_TICKETS}.json",
            document={"ticket": merged(document, self._fields)},
            headers={"Idempotency-Key": ticket.key},
        )
        ticket_made = member(made, "ticket")
        reference = self._reference(ticket_made)
        report_dropped("Zendesk", self._fields, ticket_made, unseen=("comment", "requester"))
        return reference

    async def attach(self, reference: Reference, ticket: Ticket) -> None:
        """In a comment of its own: the body of the ticket has to be the same each time, and a file's token is not."""
        comments, _ = await self._comments(reference)
        files = [one for comment in comments for one in objects(comment.get("attachments", []))]
        if any(one.get("file_name") == EVIDENCE for one in files):
            return
        uploaded = await self._rest.json(
            "POST",
            "/api/v2/uploads.json",
            query={"filename": EVIDENCE},
            body=ticket.evidence,
            headers={"Content-Type": "application/json"},
        )
        token = identity(member(uploaded, "upload"), "token")
        await self._write(reference, {"body": EVIDENCE, "public": False, "uploads": [token]})

    async def comment(self, reference: Reference, ticket: Ticket) -> None:
        await self._write(reference, {"body": ticket.note, "public": False})

    async def _write(self, reference: Reference, comment: Mapping[str, Any]) -> None:
        path = f"{_TICKETS}/{segment(reference.id)}.json"
        await self._rest.json("PUT", path, document={"ticket": {"comment": comment}})

    async def remarks(self, reference: Reference) -> tuple[Remark, ...]:
        comments, roles = await self._comments(reference)
        return tuple(
            Remark(
                number(one, "id"),
                str(one.get("plain_body") or one.get("body") or ""),
                one.get("public") is True and roles.get(str(one.get("author_id"))) in _AGENTS,
            )
            for one in comments
        )

    async def _comments(self, reference: Reference) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The newest hundred, oldest first, and the roles of who wrote them."""
        query = {"include": "users", "sort": "-created_at", "page[size]": "100"}
        found = await self._rest.json("GET", f"{_TICKETS}/{segment(reference.id)}/comments.json", query=query)
        comments = sorted(objects(member(found, "comments")), key=lambda one: int(number(one, "id")))
        roles = {str(one.get("id")): one.get("role") for one in objects(found.get("users", []))}
        return comments, roles

    async def readings(self, ids: Sequence[str]) -> Mapping[str, Reading]:
        found = await self._rest.json("GET", f"{_TICKETS}/show_many.json", query={"ids": ",".join(ids)})
        return {
            number(one, "id"): Reading(str(one.get("status", "")).lower(), str(one.get("updated_at", "")))
            for one in objects(member(found, "tickets"))
        }

    async def solve(self, reference: Reference) -> None:
        path = f"{_TICKETS}/{segment(reference.id)}.json"
        await self._rest.json("PUT", path, document={"ticket": {"status": "solved"}})

    async def examine(self) -> Examination:
        who = member(await self._rest.json("GET", "/api/v2/users/me.json"), "user")
        if not isinstance(who, dict) or who.get("role") not in _AGENTS:
            fix = "Put an agent's mail into PHOTOSYNC_TICKET_USER and an API token into PHOTOSYNC_TICKET_SECRET."
            return Examination(False, "not signed in as an agent", fix)
        group = self._fields.get("group_id")
        if group is not None:
            try:
                await self._rest.json("GET", f"/api/v2/groups/{segment(str(group))}.json")
            except NotFound:
                return Examination(False, f"there is no group {group}", "Correct group_id in PHOTOSYNC_TICKET_FIELDS.")
        return Examination(True, "signed in as an agent")

    def _reference(self, ticket: Any) -> Reference:
        found = number(ticket, "id")
        return Reference(found, found, safe_url(f"{self._rest.base}/hc/requests/{found}"))
