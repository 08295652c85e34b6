"""Tickets to any system that takes a signed JSON post (the Standard Webhooks scheme)."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import standardwebhooks

from bot.errors import Malformed, Outage, Refused, Throttled
from bot.http_client import Answer, HttpClient
from bot.settings import Settings
from bot.tickets.ticket import Ticket
from dialogs.model import Submitted

_DEADLINE = 8.0  # seconds, all tries together: the person is waiting
_LONGEST = 200  # letters of a number that is shown


class Webhook:
    """Posts to one address; the receiver tells repeats apart by `webhook-id`."""

    def __init__(self, settings: Settings, http: HttpClient) -> None:
        self._url = settings.ticket_url
        self._signer = standardwebhooks.Webhook(settings.ticket_secret.reveal())
        self._http = http

    async def submit(self, ticket: Ticket) -> Submitted:
        """One ticket. Raises `OutsideError` when the system did not take it."""
        text = json.dumps(ticket.body, ensure_ascii=False)
        now = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": ticket.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(ticket.id, now, text),
        }
        answer = await self._http.request(
            "POST", self._url, system="tickets", deadline=_DEADLINE, headers=headers, body=text.encode()
        )
        _refuse_failure(answer)
        number, url = _reference(answer)
        return Submitted("sent", number, url)


def _refuse_failure(answer: Answer) -> None:
    if 200 <= answer.status < 300:
        return
    detail = f"status {answer.status}"
    if answer.status == 429:
        raise Throttled("tickets", detail, answer.retry_after)
    if answer.status >= 500:
        raise Outage("tickets", detail)
    raise Refused("tickets", detail)


def _reference(answer: Answer) -> tuple[str, str]:
    """The number and address to show; both are optional, and the address only counts if it is https."""
    try:
        document = answer.json()
    except Malformed:
        return "", ""
    number, url = str(document.get("id") or ""), str(document.get("url") or "")
    return number[:_LONGEST], url if url.startswith("https://") else ""
