"""What is known of people, their cases, and jobs that are due: the types that go in and out of the store.

    interface.py      `Store`: every transaction as a method, over one abstract `run`
    operation.py      what a transaction is written as, one SQL for both databases
    people.py         transactions: people, their cases, what was handled, pending cards
    jobs.py           more of them: jobs, leases, fences, slots
    rehearsal.py      what a turn writes, tried and taken back
    page.py           more of them: what the helpdesk's page keeps and reads
    sqlite.py         a driver: one thread, group commit
    postgres.py       a driver: a pool, LISTEN/NOTIFY
    connect.py        the driver that a URL names
    shared_slots.py   what all processes together may do a few times at once
    numbers.py        what cases came to: what each counts as, and what the sums of many say
    sums.py           the sums, and the counters of the metrics: transactions
    schema.py         the tables, as steps forward
    inspection.py     a database as it is, for `doctor`
    copying.py        everything into another database, and a backup
    text.py           text that every database takes
    postgres_url.py   what may stand in PostgreSQL's address

A turn commits everything in one transaction: the person, the case, its log, that the activity is handled, and jobs.
Jobs are done by `bot.turns.worker`; docs/decisions/0002-jobs.md says why they are a table here.

The inbox. An activity that is answered (202) before its turn is committed has to survive the process:

    await store.receive(person, activity, document)   # before the answer; if it raises, do not answer early
    ...                                               # the turn
    await store.commit(Change(record, activity, ...)) # takes the activity out of the inbox, in the same transaction
    await store.discard(person, activity)             # instead, where a turn ends without a commit

What is still there when the person's next turn is loaded (`load_for_turn`) is done before it, so that nobody's words
overtake each other. What is still there a minute later (`jobs.INBOX_TIMEOUT`) becomes a job of kind
`JobKind.TURN` at the next claim, in this process or another: `job.payload` is
`{"received_at": seconds since 1970, "document": document}`. Its doer runs the turn and ends the job as any other:
`Change.finish`, or `Store.finish` where the activity turns out to be handled already. `erase` takes what is in the
inbox too. In a group, `person` is the conversation's id.

Slots. What all processes together may do a few times at once:

    await store.lease_slots("graph-photo", process, 4, 12.0, used, needed, wanted)   # how many are ours for 12 seconds

A process says again and again what it uses and needs, and gets its share (`shared_slots.py`).

After `erase`, `load` reports the erased person's activities (and the one given to `erase`) as handled for an hour.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bot.conversation import Address
from dialogs.model import Case


class Conflict(Exception):
    """This person's record was saved elsewhere since it was loaded: load it and decide again."""


class JobKind(StrEnum):
    """What a job does."""

    SHOW = "show"  # a card that was pending for too long
    FOLLOW_UP = "follow_up"  # look again by ourselves
    TICKET = "ticket"  # hand a case to the helpdesk's system
    TICKET_STATE = "ticket_state"  # read what the helpdesk did with it
    PURGE = "purge"  # delete what is older than the retention
    COUNT = "count"  # bring what cases came to into the sums
    TURN = "turn"  # an activity that was answered early, and whose turn did not end


@dataclass(frozen=True)
class Record:
    """One person as we know them. `version` grows with each save, from a random start; 0 was never saved."""

    person: str  # aadObjectId
    version: int = 0
    name: str = field(default="", repr=False)
    locale: str = ""  # one of the loaded languages, "" until a message carried one
    platform: str = ""
    address: Address | None = None
    blocked: bool = False  # the channel refuses our messages until the person writes again
    case: Case | None = None
    lost: bool = False  # there was a case, and it cannot be read
    handled: str = field(default="", repr=False)  # the last activities, for `bot.store.people`


@dataclass(frozen=True)
class StoredCase:
    """A case by its number, and whose it is; `case` is None where the stored document is damaged."""

    person: str
    name: str = field(repr=False)
    case: Case | None


@dataclass(frozen=True)
class LogEntry:
    """One line of a case's log: what was shown, pressed, typed or looked at. `at` is UTC, ISO 8601."""

    at: str
    kind: str
    what: str = field(repr=False)


@dataclass(frozen=True)
class Job:
    """Work to do. There is at most one open job of a kind with a key: a later `put` replaces the earlier."""

    kind: JobKind
    key: str  # the case or the person it is about
    person: str
    at: float  # seconds since 1970, UTC
    payload: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class PendingCard:
    """A card that was decided on and is about to be shown; after `until` (seconds since 1970) it becomes a job."""

    until: float
    in_place: bool


@dataclass(frozen=True)
class Claimed:
    """A job this process may do until the lease ends. `fence` grows with every claim: an older one cannot finish."""

    id: int
    fence: int
    attempt: int  # 1 on the first try
    job: Job


@dataclass(frozen=True)
class EarlierCase:
    """A case of the person's that is not the present one, and changed too."""

    case: Case
    log: tuple[LogEntry, ...] = ()


@dataclass(frozen=True)
class Change:
    """Everything one turn commits, or nothing of it."""

    record: Record
    activity: str = ""
    log: tuple[LogEntry, ...] = ()
    put: tuple[Job, ...] = ()
    drop: tuple[tuple[JobKind, str], ...] = ()  # open jobs of a kind with a key
    finish: Claimed | None = None  # the job that this change is the result of
    pending_card: PendingCard | None = None
    delivered: bool = False  # the pending card is shown
    earlier: EarlierCase | None = None
    from_memory: bool = False  # the record was not loaded: refused where the person said something before that waits


class Lost(Exception):
    """The claim is no longer ours: its lease ended and the job was claimed again, replaced or dropped."""


@dataclass(frozen=True)
class DeadLetter:
    """A job that was given up."""

    id: int
    kind: str
    key: str
    attempt: int
    at: float
    error: str


@dataclass(frozen=True)
class Purged:
    """How much was deleted because it was older than the retention."""

    cases: int = 0  # that had ended
    people: int = 0  # who were not there for so long
    unfinished: int = 0  # cases of these people
    dead_letters: int = 0


@dataclass(frozen=True)
class Erased:
    """How much of one person was deleted."""

    people: int = 0
    cases: int = 0
    entries: int = 0
    work: int = 0
