"""Helpdesk systems: one module each, and its line in `SYSTEMS`; what all of them are is in `interface`.

A channel of Teams (`channel.py`) is apart: it needs the bot's own connector.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.http_client import Bearer, HttpClient, TokenSource
from bot.settings import Settings
from bot.tickets.freshservice import Freshservice
from bot.tickets.interface import TicketSystem
from bot.tickets.jira import Jira
from bot.tickets.mail import Mail
from bot.tickets.rt import RequestTracker
from bot.tickets.servicenow import ServiceNow
from bot.tickets.webhook import Webhook
from bot.tickets.zammad import Zammad
from bot.tickets.zendesk import Zendesk

SYSTEMS: Mapping[str, Callable[[Settings, HttpClient], TicketSystem]] = {
    "webhook": Webhook,
    "servicenow": ServiceNow,
    "jira": Jira,
    "zendesk": Zendesk,
    "freshservice": Freshservice,
    "zammad": Zammad,
    "rt": RequestTracker,
    "mail": Mail,
}
"""By PHOTOSYNC_TICKET_SYSTEM; `teams` is made in `bot.app`, since it needs the bot's own conversations."""


def connected(settings: Settings, http: HttpClient, tokens: TokenSource | None = None) -> TicketSystem | None:
    """The system that the settings name; None where there is none. `tokens` are the bot's own: ServiceNow takes them in
    place of a secret."""
    if settings.ticket_system == "servicenow" and settings.ticket_scope and tokens is not None:
        return ServiceNow(settings, http, Bearer(tokens, settings.ticket_scope))
    make = SYSTEMS.get(settings.ticket_system)
    return make(settings, http) if make else None
