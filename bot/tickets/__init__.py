"""Helpdesk systems: one module each, and its line in `SYSTEMS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from bot.http_client import Outgoing
from bot.settings import Settings
from bot.tickets import none, webhook
from bot.tickets.ticket import Ticket
from dialogs.model import Handed


class TicketSystem(Protocol):
    """Where tickets go."""

    async def hand(self, ticket: Ticket) -> Handed:
        """Hand one over; the same ticket again is still one ticket. Raises `OutsideError` when that failed."""


SYSTEMS: Mapping[str, Callable[[Settings, Outgoing], TicketSystem]] = {
    "none": none.Nowhere,
    "webhook": webhook.Webhook,
}
