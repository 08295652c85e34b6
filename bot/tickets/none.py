"""No ticket system: the person is shown how to reach the helpdesk, and a summary to copy."""

from __future__ import annotations

from bot.http_client import HttpClient
from bot.settings import Settings
from bot.tickets.ticket import Ticket
from dialogs.model import Submitted


class NoTicketSystem:
    """Keeps nothing: the case itself is what the helpdesk asks for by its number."""

    def __init__(self, settings: Settings, http: HttpClient) -> None:
        del settings, http

    async def submit(self, ticket: Ticket) -> Submitted:
        """Always `contact`."""
        del ticket
        return Submitted("contact")
