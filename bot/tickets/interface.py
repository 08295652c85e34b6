"""What every helpdesk system can be asked, and what each of them can do.

A ticket is handed over once. No system guarantees that by itself, so that all of them go through one rule
(`bot.tickets.helpdesk`): find the ticket by its key, create it only if it is not there, and after an unknown outcome
(no answer in time, a connection that broke, a 5xx, a process that was killed) find it again before anything is created.
Comments go the same way: each carries a mark of its own, by which it is found.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from bot.tickets.ticket import Ticket
from dialogs.model import TicketState

MOST_REMARKS = 500
"""Of a ticket that are kept, where all have to be read to find the newest."""
MOST_PAGES = 50
"""Of remarks that are read: a system that ignores the page would be asked for ever."""


@dataclass(frozen=True)
class Abilities:
    """What a system can do; docs/tickets.md has the table."""

    find: bool = True  # a ticket is found by its key
    lag: float = 0.0  # seconds until a new ticket can be found
    states: bool = True  # its states can be read
    batch: int = 1  # tickets whose states one request reads
    solve: bool = False  # a ticket can be solved from here


@dataclass(frozen=True)
class Reference:
    """A ticket in its system."""

    id: str  # by which the system knows it
    number: str  # that people are shown
    url: str = ""  # https, where the person can see it; "" where they cannot


@dataclass(frozen=True)
class Reading:
    """What a ticket's state was when it was read."""

    state: str  # as the system calls it
    changed: str = ""  # another text whenever anything changed; "" where the system does not say


@dataclass(frozen=True)
class Remark:
    """Something written on a ticket."""

    id: str
    text: str = field(repr=False)  # plain, without markup
    to_person: bool = False  # an agent wrote it, and the person may read it


@dataclass(frozen=True)
class Examination:
    """Whether tickets would be taken. `found` and `fix` name settings and the system's own things, no secret."""

    well: bool
    found: str
    fix: str = ""


class TicketSystem(ABC):
    """One helpdesk system. Everything raises `OutsideError` of system `tickets`."""

    abilities = Abilities()
    usual_states: ClassVar[Mapping[str, TicketState]] = {}
    """The system's states as it comes, in lower case; those that are no news are left out."""

    async def find(self, ticket: Ticket) -> Reference | None:
        """The ticket with this one's key."""
        del ticket
        return None

    @abstractmethod
    async def create(self, ticket: Ticket) -> Reference:
        """A new ticket. Whatever is raised but `Refused` and `Throttled`, it may have been created."""

    async def attach(self, reference: Reference, ticket: Ticket) -> None:
        """Put the evidence on it, where `create` did not; nothing if it is there."""
        del reference, ticket

    @abstractmethod
    async def comment(self, reference: Reference, ticket: Ticket) -> None:
        """Add `ticket.note`."""

    async def remarks(self, reference: Reference) -> tuple[Remark, ...]:
        """What is written on a ticket, of a long one the newest, oldest first. A page of a list that begins with the
        oldest is read after the other until the last."""
        del reference
        return ()

    async def readings(self, ids: Sequence[str]) -> Mapping[str, Reading]:
        """The states of at most `abilities.batch` tickets, by id; those that are gone are left out. Of others than the
        first this says nothing: they may be left out too."""
        del ids
        return {}

    async def solve(self, reference: Reference) -> None:
        """Say that it is solved, where `abilities.solve`."""
        del reference

    @abstractmethod
    async def examine(self) -> Examination:
        """Whether tickets would be taken, found out without creating anything."""
