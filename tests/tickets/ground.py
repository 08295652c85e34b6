"""A helpdesk system's server and the bot's side of it, without the bot around it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot import resources
from bot.errors import OutsideError
from bot.http_client import HttpClient
from bot.languages import packaged
from bot.settings import Settings, read
from bot.store import Record
from bot.tickets import connected
from bot.tickets.helpdesk import Helpdesk
from bot.tickets.interface import TicketSystem
from bot.tickets.ticket import Ticket
from bot.tickets.words import AgentWords
from dialogs.model import Case, Check, Submitted, Trace, Verdict
from sandbox.desks import DESKS
from sandbox.desks.desk import Desk, Kept
from sandbox.world import World

ADA = "ada.oneil@fabrikam.example"
AT = "2026-03-09T12:00:00+00:00"
BASE = {
    "MicrosoftAppId": "b0000000-0000-4000-8000-000000000000",
    "MicrosoftAppPassword": "p",
    "MicrosoftAppTenantId": "c0000000-0000-4000-8000-000000000000",
}
CASE = Case(
    "1A2B3C4D",
    opened_at=AT,
    checks=(Check(AT, Verdict.DIFFER, similarity=0.4, facts=("older",)),),
    traces=(Trace("resync.private_window", AT, "next"),),
    comment="It is <b>wrong</b> on the intranet.\n=SUM(A1) @everyone {{x}}",
    submissions=1,
)


@dataclass
class TicketFixture:
    """Both sides; `helpdesk` hands over to `desk`."""

    desk: Desk
    helpdesk: Helpdesk
    system: TicketSystem

    @property
    def faults(self) -> Any:
        return self.desk.world.faults

    @property
    def only(self) -> Kept:
        """The one ticket there is."""
        (ticket,) = self.desk.tickets
        return ticket

    def ticket(self, case: Case = CASE, upn: str = ADA) -> Ticket:
        return self.helpdesk.ticket(Record("ada-1", name="Ada O'Neil"), case, upn, ())

    def later(self, number: int, comment: str, reference: str = "") -> Ticket:
        """A comment: the how manieth submission of the case."""
        return self.ticket(replace(CASE, submissions=number, comment=comment, ticket_ref=reference))

    async def hand_over(self, ticket: Ticket | None = None) -> Submitted:
        return await self.helpdesk.submit(ticket or self.ticket())

    async def until_taken(self, ticket: Ticket | None = None) -> Submitted:
        """As a person's turn and then the job do it: again and again until it is through."""
        for _ in range(6):
            try:
                return await self.hand_over(ticket)
            except OutsideError:
                self.desk.lag = 0.0  # the wait that the system's lag asks for
        raise AssertionError("it was never taken")


def settings_of(environment: dict[str, str]) -> Settings:
    return read({**BASE, **environment})


def helpdesk_of(settings: Settings, http: HttpClient, language: str = "en", own: Path | None = None) -> Helpdesk:
    spoken = packaged.languages(own)
    library = packaged.topics(spoken, resources.illustrations())
    words = AgentWords(lambda: spoken.translations, language, lambda: library)
    return Helpdesk(connected(settings, http), words, settings.ticket_poll, settings.ticket_states)


@asynccontextmanager
async def ground(system: str, **changes: str) -> AsyncIterator[TicketFixture]:
    desk = DESKS[system](World())
    await desk.start(None)
    settings = settings_of({**desk.environment(), **changes})
    http = HttpClient.from_settings(settings)
    helpdesk = helpdesk_of(settings, http, settings.ticket_language)
    assert helpdesk.system is not None
    try:
        yield TicketFixture(desk, helpdesk, helpdesk.system)
    finally:
        await http.close()
        await desk.stop()
