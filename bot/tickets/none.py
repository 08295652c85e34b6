"""No ticket system: the person is told how to reach the helpdesk."""

from __future__ import annotations

from bot.http_client import Outgoing
from bot.settings import Settings
from bot.tickets.ticket import Ticket
from dialogs.model import Handed


class Nowhere:
    """Keeps nothing: the case itself is what the helpdesk asks for by its number."""

    def __init__(self, settings: Settings, outgoing: Outgoing) -> None:
        del settings, outgoing

    async def hand(self, ticket: Ticket) -> Handed:
        """Always `contact`."""
        del ticket
        return Handed("contact")
