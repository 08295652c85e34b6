"""What is done inside one transaction, written once for both databases.

Each operation is a generator: it yields statements and is sent their rows, and returns its result. A driver runs it
(`sqlite.py` in its writer's thread, `postgres.py` on a connection), so that no operation knows how it is carried out.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import asdict, replace
from typing import Any, NamedTuple, TypeVar

from bot.conversation import Address
from bot.store import Change, Claimed, Conflict, DeadLetter, Due, Entry, Erased, Kind, Lost, Record
from dialogs.record import from_json, to_json

T = TypeVar("T")
Row = Sequence[Any]


class Statement(NamedTuple):
    """One statement with `?` for its values."""

    text: str
    values: tuple[Any, ...] = ()


Operation = Generator[Statement, Sequence[Row], T]


def load(person: str, activity: str) -> Operation[tuple[Record, bool]]:
    """See `Store.load`."""
    handled = False
    if activity:
        handled = bool((yield Statement("SELECT 1 FROM activities WHERE id = ?", (activity,))))
    rows = yield Statement(
        "SELECT p.version, p.name, p.locale, p.platform, p.address, p.blocked, c.document "
        "FROM people p LEFT JOIN cases c ON c.id = p.present WHERE p.person = ?",
        (person,),
    )
    return (_record(person, rows[0]) if rows else Record(person)), handled


def _record(person: str, row: Row) -> Record:
    version, name, locale, platform, address, blocked, document = row
    case = None
    if document:
        try:
            case = from_json(document)
        except ValueError:
            case = None  # a damaged document: the person starts anew, the row stays for the admin
    where = Address(**json.loads(address)) if address else None
    lost = bool(document) and case is None
    return Record(person, version, name, locale, platform, where, bool(blocked), case, lost)


def owner(case: str) -> Operation[str]:
    """See `Store.owner`."""
    rows = yield Statement("SELECT person FROM cases WHERE id = ?", (case,))
    return str(rows[0][0]) if rows else ""


def commit(change: Change, now: float) -> Operation[Record]:
    """See `Store.commit`."""
    if change.finish is not None:
        yield from finish(change.finish)
    if change.activity:
        added = yield Statement(
            "INSERT INTO activities (id, at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING RETURNING id",
            (change.activity, now),
        )
        if not added:
            raise Conflict("the activity was handled meanwhile")
    saved = yield from _save(change.record)
    if saved.case is not None and change.log:
        rows = ", ".join(["(?, ?, ?, ?)"] * len(change.log))
        values = (part for one in change.log for part in (one.at, saved.case.id, one.kind, one.what))
        # Only question marks are put together here.
        yield Statement("INSERT INTO log (at, case_id, kind, what) VALUES " + rows, tuple(values))  # noqa: S608
    for kind, key in change.drop:
        yield Statement("DELETE FROM work WHERE kind = ? AND key = ? AND dead_at IS NULL", (kind.value, key))
    for due in change.put:
        yield from put(due)
    return saved


def _save(record: Record) -> Operation[Record]:
    version = record.version + 1
    address = json.dumps(asdict(record.address)) if record.address else ""
    present = record.case.id if record.case else ""
    values = (version, record.name, record.locale, record.platform, address, int(record.blocked), present)
    if record.version == 0:
        done = yield Statement(
            "INSERT INTO people (version, name, locale, platform, address, blocked, present, person) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (person) DO NOTHING RETURNING person",
            (*values, record.person),
        )
    else:
        done = yield Statement(
            "UPDATE people SET version = ?, name = ?, locale = ?, platform = ?, address = ?, blocked = ?, present = ? "
            "WHERE person = ? AND version = ? RETURNING person",
            (*values, record.person, record.version),
        )
    if not done:
        raise Conflict(f"version {record.version} is not the stored one")
    if record.case is not None:
        times = [check.at for check in record.case.checks] + [trace.at for trace in record.case.traces]
        touched = max(record.case.opened_at, *times[-2:])
        yield Statement(
            "INSERT INTO cases (id, person, document, outcome, touched) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) "
            "DO UPDATE SET document = excluded.document, outcome = excluded.outcome, touched = excluded.touched",
            (record.case.id, record.person, to_json(record.case), record.case.outcome, touched),
        )
    return replace(record, version=version, lost=False)


def put(due: Due) -> Operation[None]:
    """See `Store.put`."""
    # A new fence: whoever is at the earlier piece cannot finish this one.
    yield Statement(
        "INSERT INTO work (kind, key, person, payload, due_at) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (kind, key) WHERE dead_at IS NULL DO UPDATE SET payload = excluded.payload, "
        "due_at = excluded.due_at, attempt = 0, fence = work.fence + 1, error = ''",
        (due.kind.value, due.key, due.person, json.dumps(due.payload), due.at),
    )


_CLAIM = (
    "WITH pick AS MATERIALIZED (SELECT id FROM work WHERE dead_at IS NULL AND due_at <= ? "
    "ORDER BY due_at LIMIT ?{locking}) "
    "UPDATE work SET due_at = ?, fence = fence + 1, attempt = attempt + 1 FROM pick WHERE work.id = pick.id "
    "RETURNING work.id, work.fence, work.attempt, work.kind, work.key, work.person, work.due_at, work.payload"
)


def claim(most: int, lease: float, now: float, *, skip_locked: bool) -> Operation[tuple[Claimed, ...]]:
    """See `Store.claim`. The pick is materialised: PostgreSQL's planner may ignore a LIMIT in a plain sub-select."""
    locking = " FOR UPDATE SKIP LOCKED" if skip_locked else ""
    rows = yield Statement(_CLAIM.replace("{locking}", locking), (now, most, now + lease))
    return tuple(
        Claimed(number, fence, attempt, Due(Kind(kind), key, person, at, json.loads(payload)))
        for number, fence, attempt, kind, key, person, at, payload in rows
    )


def settle(shown: tuple[tuple[str, float], ...]) -> Operation[None]:
    """See `Store.settle`. What was put since then is due later, what a worker is at has its lease: both stay."""
    for person, until in shown:
        yield Statement(
            "DELETE FROM work WHERE kind = ? AND key = ? AND due_at <= ? AND dead_at IS NULL",
            (Kind.SHOW.value, person, until),
        )


def finish(claimed: Claimed) -> Operation[None]:
    """See `Store.finish`."""
    yield from _ours("DELETE FROM work", (), claimed)


def postpone(claimed: Claimed, at: float, error: str) -> Operation[None]:
    """See `Store.postpone`."""
    yield from _ours("UPDATE work SET due_at = ?, error = ?", (at, error), claimed)


def bury(claimed: Claimed, error: str, now: float) -> Operation[None]:
    """See `Store.bury`."""
    yield from _ours("UPDATE work SET dead_at = ?, error = ?", (now, error), claimed)


def _ours(doing: str, values: tuple[Any, ...], claimed: Claimed) -> Operation[None]:
    done = yield Statement(
        doing + " WHERE id = ? AND fence = ? AND dead_at IS NULL RETURNING id", (*values, claimed.id, claimed.fence)
    )
    if not done:
        raise Lost(claimed.due.kind)


def log(case: str) -> Operation[tuple[Entry, ...]]:
    """See `Store.log`."""
    rows = yield Statement("SELECT at, kind, what FROM log WHERE case_id = ? ORDER BY id", (case,))
    return tuple(Entry(*row) for row in rows)


def next_due() -> Operation[float | None]:
    """See `Store.next_due`."""
    rows = yield Statement("SELECT min(due_at) FROM work WHERE dead_at IS NULL")
    return rows[0][0] if rows else None


def pending(kind: Kind) -> Operation[int]:
    """See `Store.pending`."""
    rows = yield Statement("SELECT count(*) FROM work WHERE kind = ? AND dead_at IS NULL", (kind.value,))
    return int(rows[0][0])


def dead_letters() -> Operation[tuple[DeadLetter, ...]]:
    """See `Store.dead_letters`."""
    rows = yield Statement(
        "SELECT id, kind, key, attempt, dead_at, error FROM work WHERE dead_at IS NOT NULL ORDER BY dead_at, id"
    )
    return tuple(DeadLetter(*row) for row in rows)


def retry(number: int, now: float) -> Operation[bool]:
    """See `Store.retry`. Where newer open work has taken its place, the letter just goes."""
    rows = yield Statement(
        "SELECT kind, key, person, payload FROM work WHERE id = ? AND dead_at IS NOT NULL", (number,)
    )
    if not rows:
        return False
    kind, key, person, payload = rows[0]
    yield Statement("DELETE FROM work WHERE id = ?", (number,))
    yield from put(Due(Kind(kind), key, person, now, json.loads(payload)))
    return True


def erase(person: str) -> Operation[Erased]:
    """See `Store.erase`."""
    entries = yield Statement(
        "DELETE FROM log WHERE case_id IN (SELECT id FROM cases WHERE person = ?) RETURNING id", (person,)
    )
    work = yield Statement("DELETE FROM work WHERE person = ? RETURNING id", (person,))
    cases = yield Statement("DELETE FROM cases WHERE person = ? RETURNING id", (person,))
    people = yield Statement("DELETE FROM people WHERE person = ? RETURNING person", (person,))
    return Erased(len(people), len(cases), len(entries), len(work))


def purge(before: str, activities_before: float) -> Operation[int]:
    """See `Store.purge`; also forgets handled activities older than `activities_before`."""
    yield Statement("DELETE FROM activities WHERE at < ?", (activities_before,))
    yield Statement(
        "DELETE FROM log WHERE case_id IN (SELECT id FROM cases WHERE outcome <> '' AND touched < ?)", (before,)
    )
    yield Statement(
        "UPDATE people SET present = '' WHERE present IN (SELECT id FROM cases WHERE outcome <> '' AND touched < ?)",
        (before,),
    )
    gone = yield Statement("DELETE FROM cases WHERE outcome <> '' AND touched < ? RETURNING id", (before,))
    return len(gone)
