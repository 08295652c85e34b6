"""What is known of people, their cases, and work that is due. One interface, two databases behind it.

A turn commits everything in one transaction: the person, the case, its log, that the activity is handled, and due
work. What is due is done by `bot.turns.worker`; docs/decisions/0002-due-work.md says why it is a table here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from bot.conversation import Address
from dialogs.model import Case


class Conflict(Exception):
    """Somebody else saved this person's record since it was loaded: load it again and decide anew."""


class JobKind(StrEnum):
    """What can be due."""

    SHOW = "show"  # a card that was owed for too long
    FOLLOW_UP = "follow_up"  # look again by ourselves
    TICKET = "ticket"  # hand a case to the helpdesk's system
    PURGE = "purge"  # delete what is older than the retention


@dataclass(frozen=True)
class Record:
    """One person as we know them. `version` grows with each save, from a random beginning; 0 was never saved."""

    person: str  # aadObjectId
    version: int = 0
    name: str = field(default="", repr=False)
    locale: str = ""  # one of the loaded languages, "" until a message carried one
    platform: str = ""
    address: Address | None = None
    blocked: bool = False  # the channel refuses our messages until the person writes again
    case: Case | None = None
    lost: bool = False  # there was a case, and it cannot be read
    handled: str = field(default="", repr=False)  # the last activities, for `bot.store.dedup`


@dataclass(frozen=True)
class LogEntry:
    """One line of a case's log: what was shown, pressed, typed or looked at. `at` is UTC, ISO 8601."""

    at: str
    kind: str
    what: str = field(repr=False)


@dataclass(frozen=True)
class Job:
    """Work to do: at most one open piece of a kind with a key, whose later `put` takes the place of the earlier."""

    kind: JobKind
    key: str  # the case or the person it is about
    person: str
    at: float  # seconds since 1970, UTC
    payload: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class PendingCard:
    """A card that was decided on and is about to be shown; after `until` (seconds since 1970) it becomes due work."""

    until: float
    in_place: bool


@dataclass(frozen=True)
class Claimed:
    """Work this process may do until the lease ends. `fence` grows with every claim: an older one cannot finish."""

    id: int
    fence: int
    attempt: int  # 1 on the first try
    job: Job


@dataclass(frozen=True)
class Change:
    """Everything one turn commits, or nothing of it."""

    record: Record
    activity: str = ""
    log: tuple[LogEntry, ...] = ()
    put: tuple[Job, ...] = ()
    drop: tuple[tuple[JobKind, str], ...] = ()  # open work of a kind with a key, claimed by nobody else
    finish: Claimed | None = None  # the work that this change is the result of
    pending_card: PendingCard | None = None
    delivered: bool = False  # the card that was owed is shown


class Lost(Exception):
    """The claim is no longer ours: its lease ended and somebody else took the work."""


@dataclass(frozen=True)
class DeadLetter:
    """Work that was given up."""

    id: int
    kind: str
    key: str
    attempt: int
    at: float
    error: str


@dataclass(frozen=True)
class Erased:
    """How much was deleted."""

    people: int = 0
    cases: int = 0
    entries: int = 0
    work: int = 0


class Store(Protocol):
    """All raise `bot.errors.StoreUnavailable` when the database cannot be reached."""

    async def load(self, person: str, activity: str = "") -> tuple[Record, bool]:
        """The person's record, an empty one for somebody new; and whether the activity is already handled."""

    async def commit(self, change: Change) -> Record:
        """All or nothing. Returns the record with its new version. Raises `Conflict` and `Lost`."""

    async def owner(self, case: str) -> str:
        """Whose case it is; "" if there is none of this id."""

    async def put(self, due: Job) -> None:
        """Work that no turn brought up."""

    async def log(self, case: str) -> tuple[LogEntry, ...]:
        """A case's log, oldest first."""

    async def claim(self, most: int, lease: float) -> tuple[Claimed, ...]:
        """Up to `most` pieces of due work, ours for `lease` seconds."""

    async def finish(self, claimed: Claimed) -> None:
        """Done, and nothing else to save. Raises `Lost`."""

    async def postpone(self, claimed: Claimed, at: float, error: str) -> None:
        """Try again at `at` (seconds since 1970). Raises `Lost`."""

    async def fail(self, claimed: Claimed, error: str) -> None:
        """Give it up: it becomes a dead letter. Raises `Lost`."""

    async def next_due(self) -> float | None:
        """When the next piece of open work is due or free again."""

    async def pending(self, kind: JobKind) -> int:
        """How many pieces of open work of a kind there are; owed cards count as work to show."""

    async def dead_letters(self) -> tuple[DeadLetter, ...]:
        """What was given up, oldest first."""

    async def retry(self, id_: int) -> bool:
        """Make a dead letter due now; False if there is none with this number."""

    async def confirm_delivered(self, shown: tuple[tuple[str, float], ...]) -> None:
        """People's cards that were owed until then (seconds since 1970) are shown."""

    async def erase(self, person: str) -> Erased:
        """Forget everything about a person."""

    async def purge(self, before: str) -> int:
        """Delete cases that ended before a time (UTC, ISO 8601) with their logs; returns how many."""

    async def ready(self) -> bool:
        """Whether it can be reached now."""

    async def changed(self, within: float) -> None:
        """Return when work was put, by any process, or after `within` seconds."""

    async def close(self) -> None:
        """Let go of what it holds."""
