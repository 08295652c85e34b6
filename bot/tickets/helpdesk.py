"""The rule by which every ticket is handed over, once: see `bot.tickets.interface`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.errors import Malformed, NotFound, Outage, OutsideError, Refused, TimedOut, location
from bot.store import Job, JobKind, LogEntry, Record
from bot.tickets.interface import Reference, TicketSystem
from bot.tickets.ticket import Ticket, evidence, found_since, submission_id
from bot.tickets.words import AgentWords
from dialogs.model import Case, Submitted

log = logging.getLogger(__name__)

_TIMEOUT = 9.0  # seconds while the person waits
_JOB_TIMEOUT = 36.0  # seconds for a job, which nobody waits for: less than its lease


@dataclass(frozen=True)
class Helpdesk:
    """The helpdesk's system, None where there is none, and the words that its agents read."""

    system: TicketSystem | None
    words: AgentWords
    poll: tuple[float, ...] = (900.0,)  # seconds after which states are read; the last repeats
    states: Mapping[str, str] = field(default_factory=dict)  # the installation's own meanings of the system's states
    solves: bool = False  # a ticket whose photo has arrived by itself is solved

    def meaning(self, state: str) -> str:
        """Of `TicketState` what a state of the system means, "" if it is no news. `a|b` means b where a has none."""
        usual = self.system.usual_states if self.system is not None else {}
        known = {**usual, **self.states}
        return next((str(known[name]) for name in state.split("|") if name in known), "")

    def ticket(
        self, record: Record, case: Case, upn: str, log_: Sequence[LogEntry], *, arrived: bool = False
    ) -> Ticket:
        """The present submission of a case; `arrived`: the bot itself says what it found since."""
        body = evidence(record, case, upn, log_, comment=found_since(case) if arrived else None)
        subject, text, note = self.words.of(record, case, upn, arrived=arrived)
        return Ticket(submission_id(case), body, subject, text, note, case.ticket_ref)

    def watch(self, person: str, ticket: Ticket, submitted: Submitted) -> tuple[Job, ...]:
        """The job that reads back the state of a new ticket, where that can be read."""
        known = ticket.later or bool(ticket.reference)
        if self.system is None or not self.system.abilities.states or known or not submitted.ref:
            return ()
        payload = {"ref": submitted.ref, "number": submitted.number, "since": time.time(), "polls": 0}
        return (Job(JobKind.TICKET_STATE, ticket.case, person, time.time() + self.poll[0], payload),)

    @property
    def lag(self) -> float:
        """Seconds until what was created can be found."""
        return self.system.abilities.lag if self.system is not None else 0.0

    async def arrived(self, submitted: Submitted) -> None:
        """The photo has arrived by itself, and the ticket says so: solve it, if that is wanted and can be."""
        if self.system is None or not (self.solves and self.system.abilities.solve and submitted.ref):
            return
        try:
            await self.system.solve(Reference(submitted.ref, submitted.number))
        except OutsideError as error:
            log.warning("a ticket whose photo has arrived stays open: %s", error)

    async def submit(self, ticket: Ticket, *, waiting: bool = False) -> Submitted:
        """Hand one over; it may have been handed over before. `waiting`: a person is, so it may not take long.

        Raises `OutsideError` when that failed; what was handed over then is found by the next try.
        """
        if self.system is None:
            return Submitted("contact")
        seconds = _TIMEOUT if waiting else _JOB_TIMEOUT
        try:
            async with asyncio.timeout(seconds):
                reference = await self._handed_over(self.system, ticket)
        except TimeoutError:
            raise TimedOut("tickets", f"no answer within {seconds:g} s") from None
        except OutsideError:
            raise
        except Exception as error:  # tried as long as an outage is, which is then reported to the person
            log.error("tickets: %s at %s", type(error).__name__, location(error))
            raise Outage("tickets", f"failed by {type(error).__name__}") from None
        return Submitted("sent", reference.number, reference.url, ref=reference.id)

    async def _handed_over(self, system: TicketSystem, ticket: Ticket) -> Reference:
        there = Reference(ticket.reference, "") if ticket.reference else await system.find(ticket)
        if ticket.later and (there is not None or not system.abilities.find):
            there = there or Reference("", "")
            if not await _is_there(system, there, ticket.mark):
                await system.comment(there, ticket)
            return there
        if there is None:
            there = await self._created(system, ticket)
        await _attached(system, there, ticket)
        return there

    async def _created(self, system: TicketSystem, ticket: Ticket) -> Reference:
        try:
            return await system.create(ticket)
        except (Outage, Malformed):
            # The outcome is unknown. Where search lags, the next try finds it, after a wait.
            there = None if system.abilities.lag or not system.abilities.find else await system.find(ticket)
            if there is None:
                raise
            return there


async def _is_there(system: TicketSystem, there: Reference, mark: str) -> bool:
    """Whether a comment has arrived already. What may not be read counts as not there: twice is better than never."""
    try:
        return any(f"[{mark}]" in remark.text for remark in await system.remarks(there))
    except (Refused, NotFound) as error:
        log.warning("comments of tickets cannot be read, so one may come twice: %s", error)
        return False


async def _attached(system: TicketSystem, there: Reference, ticket: Ticket) -> None:
    """The evidence on the ticket. A system that wants none has the words all the same."""
    try:
        await system.attach(there, ticket)
    except (Refused, NotFound, Malformed) as error:
        log.error("the evidence could not be attached to a ticket: %s", error)
