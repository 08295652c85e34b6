"""What is done inside one transaction, written once for both databases.

Each operation is a generator: it yields statements and is sent their rows, and returns its result. A driver runs it
(`sqlite.py` in its writer's thread, `postgres.py` on a connection), so that no operation knows how it is carried out.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Generator, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import orjson

from bot.conversation import Address
from bot.store import Change, Claimed, Conflict, DeadLetter, Erased, Job, JobKind, LogEntry, Lost, Record
from bot.store.dedup import was_handled, with_handled
from dialogs.case_json import as_document, from_json, to_json
from dialogs.frozen import replace
from dialogs.model import Case

T = TypeVar("T")
Row = Sequence[Any]


class Statement(NamedTuple):
    """One statement with `?` for its values."""

    text: str
    values: tuple[Any, ...] = ()


Operation = Generator[Statement, Sequence[Row], T]


def load(person: str, activity: str) -> Operation[tuple[Record, bool]]:
    """See `Store.load`."""
    rows = yield Statement(
        "SELECT p.version, p.name, p.locale, p.platform, p.address, p.blocked, p.handled, c.document "
        "FROM people p LEFT JOIN cases c ON c.id = p.present WHERE p.person = ?",
        (person,),
    )
    record = _record(person, rows[0]) if rows else Record(person)
    return record, was_handled(record.handled, activity)


def _record(person: str, row: Row) -> Record:
    version, name, locale, platform, address, blocked, handled, document = row
    case = None
    if document:
        try:
            case = from_json(document)
        except ValueError:
            case = None  # a damaged document: the person starts anew, the row stays for the admin
    where = Address(**json.loads(address)) if address else None
    lost = bool(document) and case is None
    return Record(person, version, name, locale, platform, where, bool(blocked), case, lost, handled)


def owner(case: str) -> Operation[str]:
    """See `Store.owner`."""
    rows = yield Statement("SELECT person FROM cases WHERE id = ?", (case,))
    return str(rows[0][0]) if rows else ""


def commit(change: Change) -> Operation[Record]:
    """See `Store.commit`."""
    if change.finish is not None:
        yield from finish(change.finish)
    handled = change.record.handled
    if was_handled(handled, change.activity):
        raise Conflict("the activity was handled meanwhile")
    saved = yield from _save(replace(change.record, handled=with_handled(handled, change.activity)))
    if saved.case is not None and change.log:
        case = saved.case.id
        values = [part for one in change.log for part in (one.at, case, one.kind, one.what)]
        yield Statement(_entries(len(change.log)), tuple(values))
    for kind, key in change.drop:
        yield Statement("DELETE FROM work WHERE kind = ? AND key = ? AND dead_at IS NULL", (kind.value, key))
    if change.delivered or change.pending_card is not None:
        yield Statement(_NOT_TO_SHOW, (saved.person,))  # an earlier card, tried again and again, is of no use any more
    if change.delivered:
        yield Statement("DELETE FROM owed WHERE person = ?", (saved.person,))
    if change.pending_card is not None:
        yield Statement(
            "INSERT INTO owed (person, until, in_place) VALUES (?, ?, ?) ON CONFLICT (person) "
            "DO UPDATE SET until = excluded.until, in_place = excluded.in_place",
            (saved.person, change.pending_card.until, int(change.pending_card.in_place)),
        )
    for due in change.put:
        yield from put(due)
    return saved


@lru_cache(maxsize=32)
def _entries(count: int) -> str:
    rows = ", ".join(["(?, ?, ?, ?)"] * count)
    return f"INSERT INTO log (at, case_id, kind, what) VALUES {rows}"  # noqa: S608 - only question marks


def _save(record: Record) -> Operation[Record]:
    # A random beginning: a record that somebody remembers from before it was erased never fits the one after.
    version = record.version + 1 if record.version else secrets.randbelow(1 << 40) + 1
    address = _address(record.address) if record.address else ""
    present = record.case.id if record.case else ""
    known = (record.name, record.locale, record.platform, address, int(record.blocked), present, record.handled)
    values = (version, *known)
    if record.version == 0:
        done = yield Statement(
            "INSERT INTO people (version, name, locale, platform, address, blocked, present, handled, person) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (person) DO NOTHING RETURNING person",
            (*values, record.person),
        )
    else:
        done = yield Statement(
            "UPDATE people SET version = ?, name = ?, locale = ?, platform = ?, address = ?, blocked = ?, present = ?, "
            "handled = ? WHERE person = ? AND version = ? RETURNING person",
            (*values, record.person, record.version),
        )
    if not done:
        raise Conflict(f"version {record.version} is not the stored one")
    if record.case is not None:
        done = yield Statement(
            "INSERT INTO cases (id, person, document, outcome, touched) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) "
            "DO UPDATE SET document = excluded.document, outcome = excluded.outcome, touched = excluded.touched "
            "WHERE cases.person = excluded.person RETURNING id",
            (record.case.id, record.person, _document(record.case), record.case.outcome, _touched(record.case)),
        )
        if not done:
            raise Conflict("another person's case has this id")
    return replace(record, version=version, lost=False)


@lru_cache(maxsize=1_000)
def _address(address: Address) -> str:
    return json.dumps(asdict(address))


def _document(case: Case) -> str:
    try:
        return orjson.dumps(as_document(case), option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # half an emoji, which no UTF-8 can say
        return to_json(case)


def _touched(case: Case) -> str:
    """When something last happened; UTC, ISO 8601."""
    return max([case.opened_at, *(one.at for one in case.checks[-1:]), *(one.at for one in case.traces[-1:])])


_NOT_TO_SHOW = "DELETE FROM work WHERE kind = 'show' AND key = ? AND dead_at IS NULL"


def put(due: Job) -> Operation[None]:
    """See `Store.put`."""
    yield Statement(
        f"INSERT INTO work {_PIECE} VALUES (?, ?, ?, ?, ?) {_ANEW}",  # noqa: S608 - constants of this file
        (due.kind.value, due.key, due.person, json.dumps(due.payload), due.at),
    )


_PIECE = "(kind, key, person, payload, due_at)"
# A new fence: whoever is at the earlier piece cannot finish this one.
_ANEW = (
    "ON CONFLICT (kind, key) WHERE dead_at IS NULL DO UPDATE SET payload = excluded.payload, "
    "due_at = excluded.due_at, attempt = 0, fence = work.fence + 1, error = ''"
)
_CLAIM = (
    "WITH pick AS MATERIALIZED (SELECT id FROM work WHERE dead_at IS NULL AND due_at <= ? "
    "ORDER BY due_at LIMIT ?{locking}) "
    "UPDATE work SET due_at = ?, fence = fence + 1, attempt = attempt + 1 FROM pick WHERE work.id = pick.id "
    "RETURNING work.id, work.fence, work.attempt, work.kind, work.key, work.person, work.due_at, work.payload"
)


def claim(most: int, lease: float, now: float, *, skip_locked: bool) -> Operation[tuple[Claimed, ...]]:
    """See `Store.claim`. The pick is materialised: PostgreSQL's planner may ignore a LIMIT in a plain sub-select."""
    yield from _pending_too_long(now)
    locking = " FOR UPDATE SKIP LOCKED" if skip_locked else ""
    rows = yield Statement(_CLAIM.replace("{locking}", locking), (now, most, now + lease))
    return tuple(
        Claimed(number, fence, attempt, Job(JobKind(kind), key, person, at, json.loads(payload)))
        for number, fence, attempt, kind, key, person, at, payload in rows
    )


def _pending_too_long(now: float) -> Operation[None]:
    """Whoever was to show these cards did not: from now on they are work."""
    if not (yield Statement("SELECT 1 FROM owed WHERE until <= ? LIMIT 1", (now,))):
        return
    yield Statement(
        f"INSERT INTO work {_PIECE} SELECT 'show', person, person, "  # noqa: S608 - constants of this file
        "CASE in_place WHEN 1 THEN '{\"in_place\": true}' ELSE '{\"in_place\": false}' END, until "
        # Another process may be doing the same, and be at it already.
        "FROM owed WHERE until <= ? ON CONFLICT (kind, key) WHERE dead_at IS NULL DO NOTHING",
        (now,),
    )
    yield Statement("DELETE FROM owed WHERE until <= ?", (now,))


def confirm_delivered(shown: tuple[tuple[str, float], ...]) -> Operation[None]:
    """See `Store.settle`. What is owed since then is due later, what a worker is at has its lease: both stay."""
    for person, until in shown:
        yield Statement("DELETE FROM owed WHERE person = ? AND until <= ?", (person, until))
    if not (yield Statement("SELECT 1 FROM work WHERE kind = 'show' AND dead_at IS NULL LIMIT 1")):
        return
    for person, until in shown:
        yield Statement(f"{_NOT_TO_SHOW} AND due_at <= ?", (person, until))


def finish(claimed: Claimed) -> Operation[None]:
    """See `Store.finish`."""
    yield from _ours("DELETE FROM work", (), claimed)


def postpone(claimed: Claimed, at: float, error: str) -> Operation[None]:
    """See `Store.postpone`."""
    yield from _ours("UPDATE work SET due_at = ?, error = ?", (at, error), claimed)


def fail(claimed: Claimed, error: str, now: float) -> Operation[None]:
    """See `Store.bury`."""
    yield from _ours("UPDATE work SET dead_at = ?, error = ?", (now, error), claimed)


def _ours(doing: str, values: tuple[Any, ...], claimed: Claimed) -> Operation[None]:
    done = yield Statement(
        doing + " WHERE id = ? AND fence = ? AND dead_at IS NULL RETURNING id", (*values, claimed.id, claimed.fence)
    )
    if not done:
        raise Lost(claimed.job.kind)


def log(case: str) -> Operation[tuple[LogEntry, ...]]:
    """See `Store.log`."""
    rows = yield Statement("SELECT at, kind, what FROM log WHERE case_id = ? ORDER BY id", (case,))
    return tuple(LogEntry(*row) for row in rows)


def next_due() -> Operation[float | None]:
    """See `Store.next_due`."""
    rows = yield Statement("SELECT min(due_at) FROM work WHERE dead_at IS NULL UNION ALL SELECT min(until) FROM owed")
    return min((at for (at,) in rows if at is not None), default=None)


def pending(kind: JobKind) -> Operation[int]:
    """See `Store.pending`."""
    rows = yield Statement("SELECT count(*) FROM work WHERE kind = ? AND dead_at IS NULL", (kind.value,))
    owed = (yield Statement("SELECT count(*) FROM owed")) if kind is JobKind.SHOW else ((0,),)
    return int(rows[0][0]) + int(owed[0][0])


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
    yield from put(Job(JobKind(kind), key, person, now, json.loads(payload)))
    return True


def erase(person: str) -> Operation[Erased]:
    """See `Store.erase`."""
    # The person first: who is saving them now, elsewhere, is waited for, and whoever comes later is refused.
    people = yield Statement("DELETE FROM people WHERE person = ? RETURNING person", (person,))
    entries = yield Statement(
        "DELETE FROM log WHERE case_id IN (SELECT id FROM cases WHERE person = ?) RETURNING id", (person,)
    )
    work = yield Statement("DELETE FROM work WHERE person = ? RETURNING id", (person,))
    owed = yield Statement("DELETE FROM owed WHERE person = ? RETURNING person", (person,))
    cases = yield Statement("DELETE FROM cases WHERE person = ? RETURNING id", (person,))
    return Erased(len(people), len(cases), len(entries), len(work) + len(owed))


def purge(before: str) -> Operation[int]:
    """See `Store.purge`."""
    yield Statement(
        "DELETE FROM log WHERE case_id IN (SELECT id FROM cases WHERE outcome <> '' AND touched < ?)", (before,)
    )
    yield Statement(
        # With a new version: whoever remembers the case has to look again.
        "UPDATE people SET present = '', version = version + 1 "
        "WHERE present IN (SELECT id FROM cases WHERE outcome <> '' AND touched < ?)",
        (before,),
    )
    gone = yield Statement("DELETE FROM cases WHERE outcome <> '' AND touched < ? RETURNING id", (before,))
    return len(gone)
