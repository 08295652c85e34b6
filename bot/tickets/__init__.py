"""Helpdesk systems: one module each, and its line in `SYSTEMS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from bot.http_client import HttpClient
from bot.settings import Settings
from bot.tickets import none, webhook
from bot.tickets.ticket import Ticket
from dialogs.model import Submitted


class TicketSystem(Protocol):
    """Where tickets go."""

    async def submit(self, ticket: Ticket) -> Submitted:
        """Hand one over; the same ticket again is still one ticket. Raises `OutsideError` when that failed."""


SYSTEMS: Mapping[str, Callable[[Settings, HttpClient], TicketSystem]] = {
    "none": none.NoTicketSystem,
    "webhook": webhook.Webhook,
}
