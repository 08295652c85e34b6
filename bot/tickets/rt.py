"""Request Tracker 5 and later, by REST 2.

Source: run against Request Tracker 5.0.3 of Debian (tests/tickets/test_request_tracker.py does so too). The key is a
link of the ticket (`RefersTo`), which RT finds without any set-up; a value for a custom field that the queue does not
have is dropped in silence (201), so it is read back. A queue that is not there answers 403, a wrong login 401. RT makes
the requestor where the address is new, and has no webhooks.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from bot.errors import NotFound, OutsideError
from bot.http_client import HttpClient
from bot.settings import Settings
from bot.tickets.interface import Abilities, Examination, Reading, Reference, Remark, TicketSystem
from bot.tickets.rest import Rest, basic, member, merged, number, objects, plain, safe_url, segment
from bot.tickets.ticket import EVIDENCE, Ticket
from dialogs.model import TicketState

log = logging.getLogger(__name__)

_SUBJECT_LENGTH = 180
_PAGE = 100  # what REST 2 gives at most


class RequestTracker(TicketSystem):
    """Tickets in the queue that PHOTOSYNC_TICKET_FIELDS names."""

    abilities = Abilities(batch=50, solve=True)
    usual_states: ClassVar[Mapping[str, TicketState]] = {
        "open": TicketState.WORKING,
        "stalled": TicketState.WAITING,
        "resolved": TicketState.SOLVED,
        "rejected": TicketState.CLOSED,
        "deleted": TicketState.CLOSED,
    }

    def __init__(self, settings: Settings, http: HttpClient) -> None:
        secret = settings.ticket_secret.reveal()
        token = {"Authorization": f"token {secret}"}
        self._rest = Rest(
            http, settings.ticket_url, basic(settings.ticket_user, secret) if settings.ticket_user else token
        )
        self._fields = settings.ticket_fields

    async def find(self, ticket: Ticket) -> Reference | None:
        query = {"query": f"RefersTo = '{_link(ticket)}'"}
        found = objects(member(await self._rest.json("GET", "/REST/2.0/tickets", query=query), "items"))
        numbers = sorted((number(one, "id") for one in found), key=int)
        return self._reference(numbers[0]) if numbers else None

    async def create(self, ticket: Ticket) -> Reference:
        document: dict[str, Any] = {
            "Subject": ticket.subject[:_SUBJECT_LENGTH],
            "Content": ticket.text,
            "ContentType": "text/plain",
            "RefersTo": [_link(ticket)],
            "Attachments": [
                {
                    "FileName": EVIDENCE,
                    "FileType": "application/json",
                    "FileContent": base64.b64encode(ticket.evidence).decode(),
                }
            ],
        }
        if ticket.caller:
            document["Requestor"] = ticket.caller
        made = await self._rest.json("POST", "/REST/2.0/ticket", document=merged(document, self._fields))
        reference = self._reference(number(made, "id"))
        await self._report_dropped(reference)
        return reference

    async def _report_dropped(self, reference: Reference) -> None:
        """Log which of the installation's custom fields RT has not kept."""
        wanted = self._fields.get("CustomFields")
        if not isinstance(wanted, dict) or not wanted:
            return
        try:
            ticket = await self._rest.json("GET", f"/REST/2.0/ticket/{reference.id}")
        except OutsideError as error:
            log.info("the ticket could not be read back: %s", error)
            return
        there = ticket.get("CustomFields") if isinstance(ticket, dict) else None
        kept = (
            {str(one.get("name")) for one in there if isinstance(one, dict) and one.get("values")} if there else set()
        )
        if lost := sorted(set(wanted) - kept):
            log.error("Request Tracker did not keep the custom fields %s: apply them to the queue", ", ".join(lost))

    async def comment(self, reference: Reference, ticket: Ticket) -> None:
        document = {"Content": ticket.note, "ContentType": "text/plain"}
        await self._rest.json("POST", f"/REST/2.0/ticket/{segment(reference.id)}/comment", document=document)

    async def remarks(self, reference: Reference) -> tuple[Remark, ...]:
        """Correspondence and comments; a correspondence that the requestor wrote is no agent's."""
        base = f"/REST/2.0/ticket/{segment(reference.id)}"
        ticket = await self._rest.json("GET", base)
        people = ticket.get("Requestor") if isinstance(ticket, dict) else None
        requestors = (
            {str(one.get("id")) for one in people if isinstance(one, dict)} if isinstance(people, list) else set()
        )
        history = await self._pages(f"{base}/history", "Type,Creator")
        written = {number(one, "id"): one for one in history if one.get("Type") in ("Comment", "Correspond")}
        found = {}
        for part in await self._pages(f"{base}/attachments", "ContentType,TransactionId,Content,Filename"):
            transaction, kind = str(part.get("TransactionId")), part.get("ContentType")
            if transaction not in written or transaction in found or part.get("Filename") or kind not in _TEXTS:
                continue
            content = part.get("Content")
            text = plain(content) if kind == "text/html" else content if isinstance(content, str) else ""
            one = written[transaction]
            author = str(one["Creator"].get("id")) if isinstance(one.get("Creator"), dict) else ""
            found[transaction] = Remark(transaction, text, one["Type"] == "Correspond" and author not in requestors)
        return tuple(found[one] for one in sorted(found, key=int))

    async def _pages(self, path: str, fields: str) -> list[dict[str, Any]]:
        """The items of a collection; of a very long one the first and the last page."""
        query = {"fields": fields, "per_page": str(_PAGE)}
        first = await self._rest.json("GET", path, query=query)
        items = objects(member(first, "items"))
        pages = first.get("pages")
        if isinstance(pages, int) and pages > 1:
            last = await self._rest.json("GET", path, query={**query, "page": str(pages)})
            items += objects(member(last, "items"))
        return items

    async def readings(self, ids: Sequence[str]) -> Mapping[str, Reading]:
        query = {
            "query": " OR ".join(f"id = {int(one)}" for one in ids),
            "fields": "Status,LastUpdated",
            "per_page": str(_PAGE),
        }
        found = objects(member(await self._rest.json("GET", "/REST/2.0/tickets", query=query), "items"))
        return {
            number(one, "id"): Reading(str(one.get("Status", "")).lower(), str(one.get("LastUpdated", "")))
            for one in found
        }

    async def solve(self, reference: Reference) -> None:
        await self._rest.json("PUT", f"/REST/2.0/ticket/{segment(reference.id)}", document={"Status": "resolved"})

    async def examine(self) -> Examination:
        await self._rest.json("GET", "/REST/2.0/rt")
        queue = str(self._fields.get("Queue"))
        fix = "Put the name of a queue in which the account may create tickets into Queue of PHOTOSYNC_TICKET_FIELDS."
        try:
            found = await self._rest.json("GET", f"/REST/2.0/queue/{segment(queue)}")
        except NotFound:
            return Examination(False, f"there is no queue {queue}, or the account does not see it", fix)
        links = found.get("_hyperlinks") if isinstance(found, dict) else None
        if not any(isinstance(one, dict) and one.get("ref") == "create" for one in links or ()):
            return Examination(False, f"the account may not create tickets in the queue {queue}", fix)
        return Examination(True, f"signed in, and tickets may be created in the queue {queue}")

    def _reference(self, found: str) -> Reference:
        url = f"{self._rest.base}/SelfService/Display.html?id={found}"
        return Reference(found, found, safe_url(url))


_TEXTS = ("text/plain", "text/html")


def _link(ticket: Ticket) -> str:
    """The key as a link, which is what RT keeps with any ticket; it leads nowhere."""
    return f"https://photosync.invalid/cases/{ticket.key}"
