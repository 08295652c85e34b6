"""Tickets to any system that takes a signed JSON post (the Standard Webhooks scheme).

Nothing can be found there: the receiver tells repeats apart by `webhook-id`. No state is read either, since there is
nothing to ask.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import urlsplit

import standardwebhooks

from bot.errors import Malformed
from bot.http_client import NEVER, HttpClient, Response
from bot.settings import Settings
from bot.tickets.interface import Abilities, Examination, Reference, TicketSystem
from bot.tickets.rest import refuse_failure, safe_url
from bot.tickets.ticket import Ticket

_TIMEOUT = 8.0  # seconds, all tries together: the person is waiting
_NO_OTHER_METHOD = 501  # what some servers say to anything but a POST
_LONGEST = 200  # letters of a number that is shown


class Webhook(TicketSystem):
    """Posts to one address; the receiver tells repeats apart by `webhook-id`."""

    abilities = Abilities(find=False, states=False)

    def __init__(self, settings: Settings, http: HttpClient) -> None:
        self._url = settings.ticket_url
        self._signer = standardwebhooks.Webhook(settings.ticket_secret.reveal())
        self._http = http

    async def create(self, ticket: Ticket) -> Reference:
        text = json.dumps(ticket.body, ensure_ascii=False)
        now = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": ticket.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(ticket.id, now, text),
        }
        answer = await self._http.request(
            "POST", self._url, system="tickets", timeout=_TIMEOUT, headers=headers, body=text.encode()
        )
        refuse_failure(answer)
        return _reference(answer)

    async def comment(self, reference: Reference, ticket: Ticket) -> None:
        del reference
        await self.create(ticket)

    async def examine(self) -> Examination:
        """Many servers show by OPTIONS whether they know a path that only takes a POST. Nothing is posted."""
        answer = await self._http.request("OPTIONS", self._url, system="tickets", timeout=_TIMEOUT, retry=NEVER)
        found = f"status {answer.status} to a request that posts nothing"
        if 300 <= answer.status < 400:
            fix = "Put the address that it redirects to into PHOTOSYNC_TICKET_URL: no redirect is followed."
            return Examination(False, found, fix)
        if answer.status == 410:
            fix = "Correct the path of PHOTOSYNC_TICKET_URL: its server says that there is no such thing."
            return Examination(False, found, fix)
        if answer.status == 404:  # many systems know a path for POST only
            return Examination(
                True, f"{found}: the first ticket shows whether the path of PHOTOSYNC_TICKET_URL is right"
            )
        if answer.status >= 500 and answer.status != _NO_OTHER_METHOD:
            return Examination(False, found, "See to the system at PHOTOSYNC_TICKET_URL: it fails.")
        host = urlsplit(self._url).netloc
        return Examination(True, f"{host} answers; PHOTOSYNC_TICKET_SECRET shows with the first ticket")


def _reference(answer: Response) -> Reference:
    """The number and address to show; both are optional, and the address only counts if it is https."""
    try:
        document = answer.json()
    except Malformed:
        return Reference("", "")
    return Reference("", str(document.get("id") or "")[:_LONGEST], safe_url(document.get("url")))
