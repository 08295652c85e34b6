"""What the helpdesk's page keeps and reads: sessions, cases by their state, and what the last scan found.

Operations as in `operation.py`. A session's `id` is a digest of what the browser holds: whoever reads the database
cannot take one over.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from typing import Any

from bot.store import StoredCase
from bot.store.operation import Operation, Statement
from bot.store.people import read_case

LISTED = 50  # cases or people on one page
_BATCH = 200  # rows of one statement
LATEST = "9999"  # later than any time


@dataclass(frozen=True)
class Session:
    """Who signed in. `person` is the object id; `document` what else is known."""

    person: str = field(repr=False)
    document: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Affected:
    """A person whom a scan found affected. `id` is the object id, `account` the user principal name."""

    id: str = field(repr=False)
    account: str = field(repr=False)
    verdict: str
    cause: str


@dataclass(frozen=True)
class ScanSummary:
    """The last scan: when it ended (UTC, ISO 8601) and how many people each verdict and cause has; `named`: whether
    the people affected are kept too."""

    at: str
    counts: tuple[tuple[str, str, int], ...]  # verdict, cause ("" for none), people
    named: bool

    @property
    def unnamed(self) -> ScanSummary:
        """The counts only."""
        return replace(self, named=False)


@dataclass(frozen=True)
class ListedCase:
    """One of many cases; `touched` is when something last happened (UTC, ISO 8601), which lists go by."""

    number: str
    touched: str
    stored: StoredCase


def open_session(key: str, kind: str, person: str, document: dict[str, Any], seconds: float) -> Operation[None]:
    """Keep something of a browser for so long; what has ended goes."""
    now = time.time()
    yield Statement("DELETE FROM sessions WHERE until <= ?", (now,))
    yield Statement(
        "INSERT INTO sessions (id, kind, person, document, until) VALUES (?, ?, ?, ?, ?)",
        (key, kind, person, json.dumps(document), now + seconds),
    )


def session(key: str, kind: str) -> Operation[Session | None]:
    """One that has not ended."""
    rows = yield Statement(
        "SELECT person, document FROM sessions WHERE id = ? AND kind = ? AND until > ?", (key, kind, time.time())
    )
    return Session(str(rows[0][0]), json.loads(rows[0][1])) if rows else None


def take_session(key: str, kind: str) -> Operation[Session | None]:
    """The same, and end it: of two who ask at once only one gets it."""
    rows = yield Statement(
        "DELETE FROM sessions WHERE id = ? AND kind = ? RETURNING person, document, until", (key, kind)
    )
    return Session(str(rows[0][0]), json.loads(rows[0][1])) if rows and rows[0][2] > time.time() else None


def cases_by_state(outcome: str, before: str = LATEST) -> Operation[tuple[ListedCase, ...]]:
    """Cases of an outcome, "" for open ones, at which something happened before a time: the latest `LISTED` of them."""
    chosen = "c.outcome = ? AND c.outcome <> ''" if outcome else "c.id IN (SELECT id FROM cases WHERE outcome = '')"
    rows = yield Statement(
        "SELECT c.id, c.touched, c.person, p.name, c.document FROM cases c "  # noqa: S608 - constants
        f"LEFT JOIN people p ON p.person = c.person WHERE {chosen} AND c.touched < ? ORDER BY c.touched DESC LIMIT ?",
        (*((outcome,) if outcome else ()), before, LISTED),
    )
    return tuple(
        ListedCase(str(number), str(touched), StoredCase(str(person), name or "", read_case(document)))
        for number, touched, person, name, document in rows
    )


def begin_scan() -> Operation[None]:
    """Forget the scan before."""
    yield Statement("DELETE FROM scans")
    yield Statement("DELETE FROM affected")


def add_affected(people: tuple[Affected, ...]) -> Operation[None]:
    """Keep whom a scan found affected."""
    for begin in range(0, len(people), _BATCH):
        batch = people[begin : begin + _BATCH]
        marks = ", ".join(["(?, ?, ?, ?)"] * len(batch))
        yield Statement(
            f"INSERT INTO affected (person, account, verdict, cause) VALUES {marks} "  # noqa: S608 - question marks
            "ON CONFLICT (person) DO NOTHING",
            tuple(part for one in batch for part in (one.id, one.account, one.verdict, one.cause)),
        )


def end_scan(found: ScanSummary) -> Operation[None]:
    """Keep what a scan found in all."""
    document = json.dumps({"counts": found.counts, "named": found.named})
    yield Statement(
        "INSERT INTO scans (name, at, document) VALUES ('last', ?, ?) ON CONFLICT (name) "
        "DO UPDATE SET at = excluded.at, document = excluded.document",
        (found.at, document),
    )


def last_scan() -> Operation[ScanSummary | None]:
    """What the last scan found, if one was kept."""
    rows = yield Statement("SELECT at, document FROM scans WHERE name = 'last'")
    if not rows:
        return None
    document = json.loads(rows[0][1])
    counts = tuple((str(verdict), str(cause), int(count)) for verdict, cause, count in document["counts"])
    return ScanSummary(str(rows[0][0]), counts, bool(document["named"]))


def affected(after: str = "") -> Operation[tuple[Affected, ...]]:
    """Whom the last scan found affected, by account: `LISTED` of them that come after one."""
    rows = yield Statement(
        "SELECT person, account, verdict, cause FROM affected WHERE account > ? ORDER BY account LIMIT ?",
        (after, LISTED),
    )
    return tuple(Affected(*map(str, row)) for row in rows)


def purge_scan(before: str) -> Operation[None]:
    """Forget whom a scan found affected that ended before a time (UTC, ISO 8601); how many they were stays."""
    yield Statement("DELETE FROM affected WHERE EXISTS (SELECT 1 FROM scans WHERE at < ?)", (before,))
