"""What is kept of people, their cases and what they did last: operations (see `operation.py`).

Repeats. Teams delivers an activity again whose answer was late or lost. Digests of the last ones are kept with the
person: the id of an activity is only unique within its conversation, and what is repeated is repeated within minutes.

Pending cards. A turn commits that a card is to be shown, and shows it after the commit. The row in `owed` says until
when; once the card is delivered the row goes. What is still there after that time, because the process died or the
channel failed, becomes a job (`show`) at the next claim. As a job from the start it would be in three indexes, and
out of them again, with every turn.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple, TypeVar

import orjson

from bot.conversation import Address
from bot.store import Change, Conflict, Erased, LogEntry, Record, StoredCase
from bot.store.jobs import finish, put
from bot.store.operation import FARTHEST, LARGEST, AfterCommit, Operation, Statement
from bot.store.sums import count_of
from dialogs.case_json import as_document, from_json, last_touched, to_json
from dialogs.frozen import replace
from dialogs.model import Case

_logger = logging.getLogger(__name__)

MOST_HANDLED = 64  # names of one person's activities; a press has two, its id and what was pressed
_WIDTH = 12  # letters of a digest

T = TypeVar("T")


class _Person(NamedTuple):
    """A row of `people` with the document of the present case."""

    version: int
    name: str
    locale: str
    platform: str
    address: str
    blocked: int
    handled: str
    present: str
    document: str | None


PURGE_BATCH = 500  # cases or people in one transaction
_TOMBSTONE = 3600.0  # seconds that an erased person's activities count as handled


def load(person: str, activity: str = "") -> Operation[tuple[Record, bool]]:
    """The person's record, an empty one for a new person; and whether the activity was handled before.

    What cannot be read of it is left out: without a case `Record.lost` is set and the case's row stays for the admin,
    an address comes again with the next message.
    """
    rows = yield Statement(
        "SELECT p.version, p.name, p.locale, p.platform, p.address, p.blocked, p.handled, p.present, c.document "
        "FROM people p LEFT JOIN cases c ON c.id = p.present WHERE p.person = ?",
        (person,),
    )
    if not rows:
        record = Record(person, handled=(yield from _tombstone(person)))
        return record, was_handled(record.handled, activity)
    row = _Person(*rows[0])
    if not _is_version(row.version):
        row = row._replace(version=secrets.randbelow(1 << 40) + 1)
        yield Statement("UPDATE people SET version = ? WHERE person = ?", (row.version, person))
    record = _record(person, row)
    return record, was_handled(record.handled, activity)


def load_for_turn(person: str, activity: str) -> Operation[tuple[Record, bool, tuple[dict[str, Any], ...]]]:
    """`load` and `waiting`."""
    record, handled = yield from load(person, activity)
    return record, handled, (yield from waiting(person, activity))


def _tombstone(person: str) -> Operation[str]:
    rows = yield Statement(
        "SELECT handled FROM tombstones WHERE person = ? AND until > ?", (_digest_of_person(person), time.time())
    )
    return str(rows[0][0]) if rows else ""


def _digest_of_person(person: str) -> str:
    return blake2b(person.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _record(person: str, row: _Person) -> Record:
    case = _read(_case, row.document, "a case") if row.document else None
    if case is not None and case.id != row.present:
        case = None
    address = _read(_address_from, row.address, "a person's address") if row.address else None
    lost = bool(row.document) and case is None
    return Record(
        person,
        row.version,
        str(row.name),
        str(row.locale),
        str(row.platform),
        address,
        bool(row.blocked),
        case,
        lost,
        str(row.handled),
    )


def _is_version(value: object) -> bool:
    return isinstance(value, int) and 0 < value < LARGEST  # SQLite takes anything in any column


def _read(reader: Callable[[str], T], document: str, what: str) -> T | None:
    try:
        return reader(document)
    except Exception as error:  # a damaged document may be anything, and its reader may raise anything
        _logger.error("%s cannot be read and is left out: %s", what, type(error).__name__)
        return None


def _case(document: str) -> Case:
    return from_json(document)


def read_case(document: str) -> Case | None:
    """A stored case; None where it is damaged."""
    return _read(_case, document, "a case")


def _address_from(document: str) -> Address:
    address = Address(**json.loads(document))
    if not all(isinstance(part, str) for part in asdict(address).values()):
        raise ValueError("not text")
    return address


def owner(case: str) -> Operation[str]:
    """Whose case it is; "" if there is none of this id."""
    rows = yield Statement("SELECT person FROM cases WHERE id = ?", (case,))
    return str(rows[0][0]) if rows else ""


def case(number: str) -> Operation[StoredCase | None]:
    """Any case of its number, whether it is its person's present one or not; None if there is none."""
    rows = yield Statement(
        "SELECT c.person, p.name, c.document FROM cases c LEFT JOIN people p ON p.person = c.person WHERE c.id = ?",
        (number,),
    )
    if not rows:
        return None
    person, name, document = rows[0]
    try:
        return StoredCase(person, name or "", from_json(document))
    except ValueError:
        return StoredCase(person, name or "", None)


def commit(change: Change) -> Operation[Record]:
    """All or nothing. Returns the record with its new version. Raises `Conflict` and `Lost`."""
    if change.finish is not None:
        yield from finish(change.finish)
    yield from _check_order(change)
    handled = change.record.handled
    record = replace(change.record, handled=with_handled(handled, change.activity))
    saved = yield from _save(record, change.activity, from_memory=change.from_memory)
    if saved.case is not None:
        yield from _log(saved.case.id, change.log)
    if change.earlier is not None:
        yield from _save_case(saved.person, change.earlier.case)
        yield from _log(change.earlier.case.id, change.earlier.log)
    for kind, key in change.drop:
        yield Statement("DELETE FROM work WHERE kind = ? AND key = ? AND dead_at IS NULL", (kind.value, key))
    if change.delivered or change.pending_card is not None:
        yield Statement(_DROP_SHOW, (saved.person,))  # an earlier card that could not be shown: this one replaces it
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


def _log(case: str, entries: tuple[LogEntry, ...]) -> Operation[None]:
    if entries:
        values = [part for one in entries for part in (one.at, case, one.kind, one.what)]
        yield Statement(_entries(len(entries)), tuple(values))


@lru_cache(maxsize=32)
def _entries(count: int) -> str:
    rows = ", ".join(["(?, ?, ?, ?)"] * count)
    return f"INSERT INTO log (at, case_id, kind, what) VALUES {rows}"  # noqa: S608 - only question marks


def receive(person: str, activity: str, document: dict[str, Any]) -> Operation[None]:
    """Keep an activity that is answered before its turn is committed; a second time changes nothing."""
    yield Statement(
        "INSERT INTO inbox (person, activity, document, received_at) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (person, activity) DO NOTHING",
        (person, digest(activity), json.dumps(document), time.time()),
    )


def discard(person: str, activity: str) -> Operation[None]:
    """Take an activity out of the inbox, or its job if it has become one: its turn ended without a commit."""
    yield from _out_of_inbox(person, activity)
    yield Statement(
        "DELETE FROM work WHERE kind = 'turn' AND key = ? AND dead_at IS NULL", (f"{person} {digest(activity)}",)
    )


def _out_of_inbox(person: str, activity: str) -> Operation[None]:
    yield Statement("DELETE FROM inbox WHERE person = ? AND activity = ?", (person, digest(activity)))


def waiting(person: str, activity: str = "") -> Operation[tuple[dict[str, Any], ...]]:
    """A person's activities that were answered early and whose turn is not committed, as `receive` was given them, the
    oldest first. Where `activity` is one of them: those before it."""
    rows = yield Statement(
        "SELECT activity, received_at, document FROM inbox WHERE person = ? "
        "UNION ALL SELECT key, due_at, payload FROM work WHERE person = ? AND kind = 'turn' AND dead_at IS NULL",
        (person, person),
    )
    if not rows:
        return ()
    found: list[tuple[float, str, Any]] = []
    for key, at, text in rows:
        try:
            document = json.loads(text)
            received_at = float(document.get("received_at", at))
            found.append((received_at, str(key).rpartition(" ")[2], document.get("document", document)))
        except (TypeError, ValueError, AttributeError, RecursionError):
            continue  # a damaged row: it becomes a dead letter when its job is claimed
    found.sort(key=lambda one: one[0])
    names = [name for _, name, _ in found]
    until = names.index(digest(activity)) if activity and digest(activity) in names else len(found)
    return tuple(document for _, _, document in found[:until] if isinstance(document, dict))


def _check_order(change: Change) -> Operation[None]:
    """Raises `Conflict` where what it is based on is over, or not there yet."""
    record = change.record
    if was_handled(record.handled, change.activity):
        raise Conflict("the activity was handled meanwhile")
    if not record.version and not record.handled.endswith((yield from _tombstone(record.person))):
        raise Conflict("the person was erased meanwhile")


def _save(record: Record, activity: str, *, from_memory: bool) -> Operation[Record]:
    # A random start: a record cached from before it was erased never has the version of the one after.
    version = record.version + 1 if record.version else secrets.randbelow(1 << 40) + 1
    address = _address(record.address) if record.address else ""
    present = record.case.id if record.case else ""
    known = (record.name, record.locale, record.platform, address, int(record.blocked), present, record.handled)
    values = (version, *known, _today())
    received = (record.person, digest(activity))
    waits = (*received, *received, *received, FARTHEST)
    if record.version == 0:
        done = yield Statement(_INSERT_PERSON, (*values, record.person, *waits))
    else:
        done = yield Statement(_UPDATE_PERSON, (*values, record.person, record.version, *waits))
    if not done:
        raise Conflict(f"version {record.version} is not the stored one")
    in_inbox, overtakes = done[0]
    if from_memory and overtakes:
        raise Conflict("something that the person said before is not done yet")
    if in_inbox:
        yield from _out_of_inbox(record.person, activity)
    if record.lost:
        # What cannot be read stays for the admin, and goes with what else ended.
        case = record.case.id if record.case is not None else ""
        yield Statement(
            "UPDATE cases SET outcome = 'expired' WHERE person = ? AND outcome = '' AND id <> ?", (record.person, case)
        )
    if record.case is not None:
        yield from _save_case(record.person, record.case)
    return replace(record, version=version, lost=False)


def _save_case(person: str, case: Case) -> Operation[None]:
    done = yield Statement(
        "INSERT INTO cases (id, person, document, outcome, touched, uncounted) VALUES (?, ?, ?, ?, ?, 1) "
        "ON CONFLICT (id) DO UPDATE SET document = excluded.document, outcome = excluded.outcome, "
        "touched = excluded.touched, uncounted = 1 WHERE cases.person = excluded.person RETURNING id",
        (case.id, person, _document(case), case.outcome, last_touched(case)),
    )
    if not done:
        raise Conflict("another person's case has this id")


# RETURNING answers three questions in one round trip: whether the version was right, whether the activity is in the
# inbox, and whether something is there that the person said before it.
_WAITS = """
    RETURNING EXISTS (SELECT 1 FROM inbox WHERE inbox.person = ? AND inbox.activity = ?),
    EXISTS (SELECT 1 FROM inbox WHERE inbox.person = ? AND inbox.activity <> ? AND inbox.received_at < coalesce(
        (SELECT own.received_at FROM inbox AS own WHERE own.person = ? AND own.activity = ?), ?))"""
_INSERT_PERSON = f"""
    INSERT INTO people (version, name, locale, platform, address, blocked, present, handled, touched, person)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (person) DO NOTHING {_WAITS}"""  # noqa: S608 - a constant
_UPDATE_PERSON = f"""
    UPDATE people SET version = ?, name = ?, locale = ?, platform = ?, address = ?, blocked = ?, present = ?,
    handled = ?, touched = ? WHERE person = ? AND version = ? {_WAITS}"""  # noqa: S608 - likewise


def _today() -> str:
    return _date(int(time.time() // 86_400))


@lru_cache(maxsize=1)
def _date(days: int) -> str:
    return datetime.fromtimestamp(days * 86_400, UTC).date().isoformat()


@lru_cache(maxsize=1_000)
def _address(address: Address) -> str:
    return json.dumps(asdict(address))


def _document(case: Case) -> str:
    try:
        return orjson.dumps(as_document(case), option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # half an emoji, which no UTF-8 can say
        return to_json(case)


_DROP_SHOW = "DELETE FROM work WHERE kind = 'show' AND key = ? AND dead_at IS NULL"


def confirm_delivered(shown: tuple[tuple[str, float], ...]) -> Operation[None]:
    """People's cards that were pending until then (seconds since 1970) are shown. A card that became pending since is
    due later, and a job that is claimed has its lease: both stay."""
    for person, until in shown:
        yield Statement("DELETE FROM owed WHERE person = ? AND until <= ?", (person, until))
    if not (yield Statement("SELECT 1 FROM work WHERE kind = 'show' AND dead_at IS NULL LIMIT 1")):
        return
    for person, until in shown:
        yield Statement(f"{_DROP_SHOW} AND due_at <= ?", (person, until))


def log(case: str) -> Operation[tuple[LogEntry, ...]]:
    """A case's log, oldest first."""
    rows = yield Statement("SELECT at, kind, what FROM log WHERE case_id = ? ORDER BY id", (case,))
    return tuple(LogEntry(*row) for row in rows)


def erase(person: str, activity: str = "") -> Operation[Erased]:
    """Delete everything about a person. `activity`, which asked for it, and those before count as handled for an hour:
    a repeat brings nothing back. What the person's cases came to stays in the sums, which name nobody."""
    return (yield from _erase(person, activity, expired=False))


def _erase(person: str, activity: str, *, expired: bool) -> Operation[Erased]:
    now = time.time()
    # The person first: a commit that is under way elsewhere is waited for, and a later one is refused.
    people = yield Statement("DELETE FROM people WHERE person = ? RETURNING handled", (person,))
    inbox = yield Statement("DELETE FROM inbox WHERE person = ? RETURNING activity", (person,))
    jobs = yield Statement(
        "DELETE FROM work WHERE person = ? AND kind = 'turn' AND dead_at IS NULL RETURNING key", (person,)
    )
    waiting = [str(row[0]).rpartition(" ")[2] for row in (*inbox, *jobs)]
    kept = [*waiting, *(str(row[0]) for row in people), (yield from _tombstone(person))]
    handled = with_handled(" ".join(filter(None, kept)), activity)
    yield Statement("DELETE FROM tombstones WHERE until <= ?", (now,))
    if handled:
        yield Statement(
            "INSERT INTO tombstones (person, handled, until) VALUES (?, ?, ?) ON CONFLICT (person) "
            "DO UPDATE SET handled = excluded.handled, until = excluded.until",
            (_digest_of_person(person), handled, now + _TOMBSTONE),
        )
    yield from count_of((person,), expired=expired)
    entries = yield Statement(
        "DELETE FROM log WHERE case_id IN (SELECT id FROM cases WHERE person = ?) RETURNING id", (person,)
    )
    work = yield Statement("DELETE FROM work WHERE person = ? RETURNING id", (person,))
    owed = yield Statement("DELETE FROM owed WHERE person = ? RETURNING person", (person,))
    cases = yield Statement("DELETE FROM cases WHERE person = ? RETURNING id", (person,))
    for table in ("sessions", "affected"):  # of the helpdesk's page
        yield Statement(f"DELETE FROM {table} WHERE person = ?", (person,))  # noqa: S608 - constants
    yield AfterCommit.OVERWRITE
    return Erased(len(people), len(cases), len(entries), len(work) + len(owed) + len(inbox) + len(jobs))


def purge_ended(before: str) -> Operation[int]:
    """Delete up to `PURGE_BATCH` cases that ended before a time, with their logs; returns how many."""
    rows = yield Statement(
        "SELECT id, person FROM cases WHERE outcome <> '' AND touched < ? ORDER BY touched LIMIT ?",
        (before, PURGE_BATCH),
    )
    yield from count_of(sorted({person for _, person in rows}))
    for case, _ in rows:
        # With a new version: where the case is cached, it has to be loaded again.
        yield Statement(
            "UPDATE people SET present = '', version = version + 1 "
            "WHERE person = (SELECT person FROM cases WHERE id = ?) AND present = ?",
            (case, case),
        )
        yield Statement("DELETE FROM log WHERE case_id = ?", (case,))
        yield Statement("DELETE FROM cases WHERE id = ?", (case,))
    if rows:
        yield AfterCommit.OVERWRITE
    return len(rows)


def purge_people(before: str, after: str) -> Operation[tuple[int, int, str]]:
    """Delete who was not saved since a time, with an unfinished case if there is one.

    Looks at `PURGE_BATCH` people that come after `after` in the order of their ids, so that no turn waits long. Returns
    how many people and cases are gone, and after whom to go on; "" at the end.
    """
    rows = yield Statement(
        "SELECT person, touched FROM people WHERE person > ? ORDER BY person LIMIT ?", (after, PURGE_BATCH)
    )
    unknown = [person for person, touched in rows if not touched]  # saved by an earlier version: counted from now
    old = [person for person, touched in rows if touched and touched < before[:10]]
    for person in unknown:
        yield Statement("UPDATE people SET touched = ? WHERE person = ? AND touched = ''", (_today(), person))
    people = cases = 0
    for person in old:
        if (yield from _lock_old(person, before)):
            people += 1
            cases += (yield from _erase(person, "", expired=True)).cases
    return people, cases, rows[-1][0] if len(rows) == PURGE_BATCH else ""


def purge_over() -> Operation[None]:
    """Delete what is over by itself and may have nobody who comes after it: sessions, digests of the activities of who
    was erased, leases of processes that are gone."""
    for table in ("sessions", "tombstones", "slots"):
        yield Statement(f"DELETE FROM {table} WHERE until <= ?", (time.time(),))  # noqa: S608 - constants
    yield AfterCommit.OVERWRITE


def _lock_old(person: str, before: str) -> Operation[bool]:
    """Whether the person was not saved in this very moment. No activity of so long ago is repeated: no tombstone."""
    rows = yield Statement(
        "UPDATE people SET handled = '' WHERE person = ? AND touched < ? RETURNING person", (person, before[:10])
    )
    return bool(rows)


def was_handled(handled: str, activity: str) -> bool:
    """Whether an activity is among those that were handled."""
    return bool(activity) and digest(activity) in handled


def was_last(handled: str, activity: str) -> bool:
    """Whether an activity is the one that was handled last, under either of the two names that it may have."""
    return bool(activity) and digest(activity) in handled.split(maxsplit=2)[:2]


def with_handled(handled: str, activity: str) -> str:
    """The same with one more, without the oldest if there are too many."""
    return f"{digest(activity)} {handled}"[: MOST_HANDLED * (_WIDTH + 1)] if activity else handled


@lru_cache(maxsize=256)  # a turn asks several times
def digest(activity: str) -> str:
    """Short, and the same in every process."""
    return blake2b(activity.encode("utf-8", "surrogatepass"), digest_size=_WIDTH // 2).hexdigest()
