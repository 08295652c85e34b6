"""What is done inside one transaction, written once for both databases.

An operation is a generator. It yields a `Statement`, is sent the rows that it gave, and returns its result; it opens no
connection, awaits nothing and commits nothing. A driver takes it through:

    def owner(case):                                            operation = owner("C1")
        rows = yield Statement(                                 statement = operation.send(None)
            "SELECT person FROM cases WHERE id = ?", (case,))   rows = connection.execute(*statement).fetchall()
        return rows[0][0] if rows else ""                       operation.send(rows)  # StopIteration: its result

SQLite's driver does that in a thread, inside a transaction that many operations share; PostgreSQL's awaits each
statement on a connection of its own. Where they have to, either begins an operation again from the start, so an
operation has no effect but its statements. An exception (`Conflict`, `Lost`) undoes everything the operation did.

One SQL serves both. `?` stands for a value. What only PostgreSQL understands stands in a comment, which its driver
opens: `/*postgresql FOR UPDATE SKIP LOCKED*/`. What has to happen outside the transaction, and only if it is committed,
is yielded as `AfterCommit`.

Leases and fences. A worker claims a job: it becomes due again only when the lease ends, and its `fence` grows. Until
then the worker finishes, postpones or fails the job by number and fence. If the worker is slow or dead, the lease ends,
another worker claims the job under a higher fence, and whatever the first one still says about it is refused with
`Lost`, together with the change it would have committed. So a job's result is committed once. A later `put` of the same
kind and key also raises the fence: the claim on the replaced job ends nothing.

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
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import orjson

from bot.conversation import Address
from bot.store import Change, Claimed, Conflict, DeadLetter, Erased, Job, JobKind, LogEntry, Lost, Record, StoredCase
from bot.store.dedup import digest, was_handled, with_handled
from bot.store.operation import AfterCommit, Operation, Row, Statement
from bot.store.sums import count_of, last_touched
from dialogs.case_json import as_document, from_json, to_json
from dialogs.frozen import replace
from dialogs.model import Case

_logger = logging.getLogger(__name__)

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


_PENDING_AT_MOST = 120.0  # seconds from now until which a card can be pending, by clocks that may differ
INBOX_TIMEOUT = 60.0  # seconds after which an activity in the inbox becomes a job
_LARGEST = 2**62  # of what is counted: what comes near the end of an integer is damaged
PURGE_BATCH = 500  # cases or people in one transaction
_TOMBSTONE = 3600.0  # seconds that an erased person's activities count as handled


class _Work(NamedTuple):
    """A claimed row of `work`."""

    id: int
    fence: int
    attempt: int
    kind: str
    key: str
    person: str
    due_at: float
    payload: str


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
    return isinstance(value, int) and 0 < value < _LARGEST  # SQLite takes anything in any column


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
        except (TypeError, ValueError, AttributeError):
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


def _inbox_to_jobs(now: float) -> Operation[None]:
    """Activities whose turn did not end in time, because its process died or the database was away, become jobs."""
    before, latest = now - INBOX_TIMEOUT, now + _CLOCKS  # later: by a clock that was ahead, or at no time at all
    if not (yield Statement("SELECT 1 FROM inbox WHERE received_at <= ? OR received_at > ? LIMIT 1", (before, latest))):
        return
    yield Statement(
        f"INSERT INTO work {_COLUMNS} SELECT 'turn', person || ' ' || activity, person, "  # noqa: S608 - constants
        "'{\"received_at\": ' || received_at || ', \"document\": ' || document || '}', "
        "CASE WHEN received_at > ? THEN ? ELSE received_at END "
        "FROM inbox WHERE received_at <= ? OR received_at > ? "
        "ON CONFLICT (kind, key) WHERE dead_at IS NULL DO NOTHING",
        (latest, now, before, latest),
    )
    yield Statement("DELETE FROM inbox WHERE received_at <= ? OR received_at > ?", (before, latest))


def _save(record: Record, activity: str, *, from_memory: bool) -> Operation[Record]:
    # A random start: a record cached from before it was erased never has the version of the one after.
    version = record.version + 1 if record.version else secrets.randbelow(1 << 40) + 1
    address = _address(record.address) if record.address else ""
    present = record.case.id if record.case else ""
    known = (record.name, record.locale, record.platform, address, int(record.blocked), present, record.handled)
    values = (version, *known, _today())
    received = (record.person, digest(activity))
    waits = (*received, *received, *received, _FARTHEST)
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


def put(due: Job) -> Operation[None]:
    """A job that no turn brought up."""
    yield Statement(
        f"INSERT INTO work {_COLUMNS} VALUES (?, ?, ?, ?, ?) {_REPLACE}",  # noqa: S608 - constants of this file
        (due.kind.value, due.key, due.person, json.dumps(due.payload), due.at),
    )
    yield AfterCommit.ANNOUNCE


def reserve(due: Job) -> Operation[bool]:
    """A job, unless there is an open one of its kind and key; whether it was put."""
    done = yield Statement(
        f"INSERT INTO work {_COLUMNS} VALUES (?, ?, ?, ?, ?) "  # noqa: S608 - a constant of this file
        "ON CONFLICT (kind, key) WHERE dead_at IS NULL DO NOTHING RETURNING id",
        (due.kind.value, due.key, due.person, json.dumps(due.payload), due.at),
    )
    return bool(done)


def open_keys(kind: JobKind, person: str) -> Operation[tuple[str, ...]]:
    """The keys of a person's open jobs of a kind."""
    rows = yield Statement(
        "SELECT key FROM work WHERE person = ? AND kind = ? AND dead_at IS NULL", (person, kind.value)
    )
    return tuple(str(key) for (key,) in rows)


def open_payload(kind: JobKind, key: str) -> Operation[dict[str, Any]]:
    """What an open job holds; {} if there is none, or it cannot be read."""
    rows = yield Statement("SELECT payload FROM work WHERE kind = ? AND key = ? AND dead_at IS NULL", (kind.value, key))
    return (_payload(rows[0][0]) or {}) if rows else {}


def due_payloads(kind: JobKind, before: float, most: int) -> Operation[tuple[tuple[str, dict[str, Any]], ...]]:
    """Key and content of open jobs that are due before a time (seconds since 1970), the earliest first; without those
    that cannot be read, which become dead letters when they are claimed."""
    rows = yield Statement(
        "SELECT key, payload FROM work WHERE kind = ? AND dead_at IS NULL AND due_at <= ? ORDER BY due_at LIMIT ?",
        (kind.value, before, most),
    )
    found = [(str(key), _payload(text)) for key, text in rows]
    return tuple((key, payload) for key, payload in found if payload is not None)


def _payload(text: Any) -> dict[str, Any] | None:
    """What a job holds; None where it cannot be read, for a damaged row may be anything."""
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def wake(kind: JobKind, keys: Collection[str]) -> Operation[None]:
    """Open jobs of these keys are due now; one that is worked on is not touched."""
    now = time.time()
    for key in keys:
        yield Statement(
            "UPDATE work SET due_at = ? WHERE kind = ? AND key = ? AND dead_at IS NULL AND due_at > ? AND attempt = 0",
            (now, kind.value, key, now),
        )
    yield AfterCommit.ANNOUNCE


_COLUMNS = "(kind, key, person, payload, due_at)"
# A new fence: a claim on the earlier job cannot finish this one.
_REPLACE = (
    "ON CONFLICT (kind, key) WHERE dead_at IS NULL DO UPDATE SET payload = excluded.payload, "
    "due_at = excluded.due_at, attempt = 0, fence = work.fence + 1, error = ''"
)
# The pick is materialised: PostgreSQL's planner may ignore a LIMIT in a plain sub-select.
_CLAIM = (
    "WITH pick AS MATERIALIZED (SELECT id FROM work WHERE dead_at IS NULL AND kind = ? AND due_at <= ? "
    "ORDER BY due_at LIMIT ? /*postgresql FOR UPDATE SKIP LOCKED*/) "
    # What is damaged is not counted further, and laid aside by `claim`.
    "UPDATE work SET due_at = ?, fence = CASE WHEN fence < ? THEN fence + 1 ELSE fence END, "
    "attempt = CASE WHEN attempt < ? THEN attempt + 1 ELSE attempt END "
    "FROM pick WHERE work.id = pick.id "
    "RETURNING work.id, work.fence, work.attempt, work.kind, work.key, work.person, work.due_at, work.payload"
)


# Seconds: what is due later than in a thousand years is damaged; in SQLite a text is more than any number.
_FARTHEST = 1e11  # seconds since 1970 that a date can be made of
_NEVER = 1_000 * 365 * 86_400.0
_KINDS = sorted(JobKind)
# Between the kinds that there are, as ranges of the index: what another program put, or what is damaged.
_UNKNOWN_KIND = " OR ".join(
    [f"kind < '{_KINDS[0]}'", f"kind > '{_KINDS[-1]}'"]
    + [f"(kind > '{one}' AND kind < '{other}')" for one, other in pairwise(_KINDS)]
)

_DUE_NEVER = " UNION ALL ".join(
    f"SELECT id FROM work WHERE dead_at IS NULL AND kind = '{one}' AND due_at > ?"  # noqa: S608 - constants
    for one in _KINDS
)


def claim(most: int | Mapping[JobKind, int], lease: float) -> Operation[tuple[Claimed, ...]]:
    """Due jobs, ours for `lease` seconds: up to `most` of each kind. One that cannot be read becomes a dead letter."""
    now = time.time()
    yield from _cards_to_jobs(now)
    yield from _inbox_to_jobs(now)
    for (unknown,) in (
        yield Statement(
            f"SELECT id FROM work WHERE dead_at IS NULL AND due_at <= ? AND ({_UNKNOWN_KIND}) LIMIT 10",  # noqa: S608
            (now,),
        )
    ):
        yield from _unreadable(unknown, "of an unknown kind", now)
    for (damaged,) in (yield Statement(_DUE_NEVER, (now + _NEVER,) * len(_KINDS))):
        yield from _unreadable(damaged, "that is due at no time", now)
    limits = dict.fromkeys(JobKind, most) if isinstance(most, int) else most
    claimed = []
    for kind, limit in limits.items():
        for row in (yield Statement(_CLAIM, (kind.value, now, limit, now + lease, _LARGEST, _LARGEST))):
            try:
                claimed.append(_claimed(_Work(*row)))
            except Exception as error:  # a damaged row may be anything
                yield from _unreadable(row[0], f"that cannot be read: {type(error).__name__}", now)
    return tuple(claimed)


def _unreadable(job: int, why: str, now: float) -> Operation[None]:
    _logger.error("a job %s; it is a dead letter now: photosync work list", why)
    yield Statement("UPDATE work SET dead_at = ?, error = ? WHERE id = ?", (now, f"a job {why}", job))


def _claimed(row: _Work) -> Claimed:
    payload = json.loads(row.payload)
    if not isinstance(payload, dict):
        raise TypeError("not an object")
    whole, texts = (row.id, row.fence, row.attempt), (row.key, row.person)
    if not (all(isinstance(one, int) for one in whole) and all(isinstance(one, str) for one in texts)):
        raise TypeError("a column of another type")
    if not (0 < row.fence < _LARGEST and 0 <= row.attempt < _LARGEST):
        raise ValueError("counted too far")
    return Claimed(*whole, Job(JobKind(row.kind), row.key, row.person, float(row.due_at), payload))


def _cards_to_jobs(now: float) -> Operation[None]:
    """Cards that were not shown in time become jobs."""
    latest = now + _PENDING_AT_MOST
    if not (yield Statement("SELECT 1 FROM owed WHERE until <= ? OR until > ? LIMIT 1", (now, latest))):
        return
    yield Statement(
        f"INSERT INTO work {_COLUMNS} SELECT 'show', person, person, "  # noqa: S608 - constants of this file
        # A card that is pending for too long, by a clock that was ahead, is shown: nothing is lost by that.
        "CASE in_place WHEN 1 THEN '{\"in_place\": true}' ELSE '{\"in_place\": false}' END, "
        "CASE WHEN until > ? THEN ? ELSE until END "
        # Another process may be doing the same at this moment.
        "FROM owed WHERE until <= ? OR until > ? ON CONFLICT (kind, key) WHERE dead_at IS NULL DO NOTHING",
        (latest, now, now, latest),
    )
    yield Statement("DELETE FROM owed WHERE until <= ? OR until > ?", (now, latest))


def confirm_delivered(shown: tuple[tuple[str, float], ...]) -> Operation[None]:
    """People's cards that were pending until then (seconds since 1970) are shown. A card that became pending since is
    due later, and a job that is claimed has its lease: both stay."""
    for person, until in shown:
        yield Statement("DELETE FROM owed WHERE person = ? AND until <= ?", (person, until))
    if not (yield Statement("SELECT 1 FROM work WHERE kind = 'show' AND dead_at IS NULL LIMIT 1")):
        return
    for person, until in shown:
        yield Statement(f"{_DROP_SHOW} AND due_at <= ?", (person, until))


def finish(claimed: Claimed) -> Operation[None]:
    """Done, and nothing else to save. Raises `Lost`."""
    yield from _end_claim("DELETE FROM work", (), claimed)


def postpone(
    claimed: Claimed, at: float, error: str, attempts: int | None = None, payload: Mapping[str, Any] | None = None
) -> Operation[None]:
    """Try again at `at` (seconds since 1970). Raises `Lost`.

    `attempts`: how many tries in vain stand against the job from now on; left out, this was one more. `payload`: what
    it holds from now on; left out, what it held.
    """
    left = claimed.attempt if attempts is None else attempts
    text = json.dumps(claimed.job.payload if payload is None else payload)
    yield from _end_claim(
        "UPDATE work SET due_at = ?, error = ?, attempt = ?, payload = ?", (at, error, left, text), claimed
    )


def fail(claimed: Claimed, error: str) -> Operation[None]:
    """Give it up: it becomes a dead letter. Raises `Lost`."""
    yield from _end_claim("UPDATE work SET dead_at = ?, error = ?", (time.time(), error), claimed)


def _end_claim(action: str, values: tuple[Any, ...], claimed: Claimed) -> Operation[None]:
    done = yield Statement(
        action + " WHERE id = ? AND fence = ? AND dead_at IS NULL RETURNING id", (*values, claimed.id, claimed.fence)
    )
    if not done:
        raise Lost(claimed.job.kind)


def log(case: str) -> Operation[tuple[LogEntry, ...]]:
    """A case's log, oldest first."""
    rows = yield Statement("SELECT at, kind, what FROM log WHERE case_id = ? ORDER BY id", (case,))
    return tuple(LogEntry(*row) for row in rows)


_NEXT_CARD = "SELECT min(until) FROM owed UNION ALL SELECT min(received_at) + ? FROM inbox"


def next_due(kinds: Collection[JobKind] = tuple(JobKind)) -> Operation[float | None]:
    """When the next open job of these kinds is due, or its lease ends; seconds since 1970."""
    of_kind = "SELECT min(due_at) FROM work WHERE dead_at IS NULL AND kind = ?"
    text = " UNION ALL ".join([*[of_kind] * len(kinds), _NEXT_CARD])
    rows = yield Statement(text, (*(kind.value for kind in kinds), INBOX_TIMEOUT))
    found = [at for (at,) in rows if at is not None]
    return min((at for at in found if isinstance(at, int | float)), default=None)


def pending(kind: JobKind) -> Operation[int]:
    """How many open jobs of a kind there are; pending cards count as jobs to show, the inbox as turns."""
    rows = yield Statement("SELECT count(*) FROM work WHERE kind = ? AND dead_at IS NULL", (kind.value,))
    before: Sequence[Row] = ()
    if kind in _BECOME_JOBS:
        before = yield Statement(f"SELECT count(*) FROM {_BECOME_JOBS[kind]}")  # noqa: S608 - a constant
    return sum(int(count) for (count,) in (*rows, *before))


def due_before(kind: JobKind, at: float) -> Operation[int]:
    """How many open jobs of a kind are due before a time, in seconds since 1970; those being done count too."""
    rows = yield Statement(
        "SELECT count(*) FROM work WHERE kind = ? AND due_at < ? AND dead_at IS NULL", (kind.value, at)
    )
    return int(rows[0][0])


def pending_by_kind() -> Operation[dict[str, int]]:
    """`pending` of every kind."""
    rows = yield Statement(
        "SELECT kind, count(*) FROM work WHERE dead_at IS NULL GROUP BY kind "
        "UNION ALL SELECT 'show', count(*) FROM owed UNION ALL SELECT 'turn', count(*) FROM inbox"
    )
    counts: dict[str, int] = {}
    for kind, count in rows:
        counts[kind] = counts.get(kind, 0) + int(count)
    return counts


_NEEDED = (  # table, a column that no index has, and what an index answers
    ("people", "blocked", "person = ''"),
    ("cases", "document", "person = ''"),
    ("log", "what", "case_id = ''"),
    ("work", "payload", "kind = '' AND dead_at IS NULL"),
    ("owed", "in_place", "person = ''"),
    ("inbox", "received_at", "person = ''"),
    ("tombstones", "until", "person = ''"),
)


def probe() -> Operation[None]:
    """A write, as a turn's: SQLite writes nothing where nothing changes, so the time does. And a look into every table
    that a turn or a job needs, and into its index: one may be damaged or gone while the others work.
    """
    for table, column, of_index in _NEEDED:
        yield Statement(f"SELECT {column} FROM {table} LIMIT 1")  # noqa: S608 - constants
        yield Statement(f"SELECT {column} FROM {table} WHERE {of_index} LIMIT 1")  # noqa: S608 - constants
    yield Statement(
        "INSERT INTO slots (name, number, token, until) VALUES ('probe', 0, '', ?) "
        "ON CONFLICT (name, number) DO UPDATE SET until = excluded.until",
        (time.time(),),
    )


_BECOME_JOBS = {JobKind.SHOW: "owed", JobKind.TURN: "inbox"}


_WAITS_FOR = 1.0  # seconds that a process counts as waiting for slots after it said so
_CLOCKS = 60.0  # seconds that the clocks of two processes may differ
_ROTATION = 2.0  # seconds until another process gets the slots that cannot be shared evenly


def lease_slots(
    name: str, process: str, most: int, lease: float, used: int, needed: int, wanted: int
) -> Operation[tuple[int, bool]]:
    """How many of `most` slots of a name this process may use now, for `lease` seconds, and whether it has to ask again
    soon: for more, or to give back what others wait for.

    `used` are in use and leased until that ends; `needed` it had use for; `wanted` it would like to have while no other
    process waits. A process that gets fewer than it needs counts as waiting for a second.
    """
    now, queue = time.time(), f"{name} waiting"
    # A lease that ends so late was made by a clock that was ahead, and set right since: it holds nobody up.
    latest = now + lease + _CLOCKS
    rows = yield Statement(
        "SELECT name, number, token FROM slots WHERE name IN (?, ?) AND until > ? AND until <= ?",
        (name, queue, now, latest),
    )
    leased = {number: token for at, number, token in rows if at == name}
    waiting = {token for at, _, token in rows if at == queue}
    mine = sorted(number for number, token in leased.items() if token == process)
    if waiting - {process}:
        sharers = sorted({process, *waiting, *leased.values()})
        place = (sharers.index(process) + int(now / _ROTATION)) % len(sharers)
        share = most // len(sharers) + (place < most % len(sharers))
        wanted = min(needed, share)
    allowed, wanted = min(most, wanted), min(most, max(used, wanted))
    if mine[wanted:]:
        marks = ", ".join("?" * len(mine[wanted:]))
        yield Statement(
            f"DELETE FROM slots WHERE name = ? AND token = ? AND number IN ({marks})",  # noqa: S608 - question marks
            (name, process, *mine[wanted:]),
        )
    rows = ()
    if mine[:wanted]:
        rows = yield Statement(
            "UPDATE slots SET until = ? WHERE name = ? AND token = ? RETURNING number", (now + lease, name, process)
        )
    got = len(rows)
    for number in range(most):
        if got >= wanted:
            break
        if number not in leased:
            rows = yield Statement(
                "INSERT INTO slots (name, number, token, until) VALUES (?, ?, ?, ?) ON CONFLICT (name, number) "
                "DO UPDATE SET token = excluded.token, until = excluded.until "
                "WHERE slots.until <= ? OR slots.until > ? RETURNING number",
                (name, number, process, now + lease, now, latest),
            )
            got += len(rows)
    if got < needed:
        yield Statement(
            "INSERT INTO slots (name, number, token, until) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (name, number) DO UPDATE SET until = excluded.until",
            (queue, int(process, 16) >> 1, process, now + _WAITS_FOR),
        )
    elif process in waiting:
        yield Statement("DELETE FROM slots WHERE name = ? AND token = ?", (queue, process))
    return min(got, allowed), got != allowed


def dead_letters() -> Operation[tuple[DeadLetter, ...]]:
    """What was given up, oldest first."""
    rows = yield Statement(
        "SELECT id, kind, key, attempt, dead_at, error FROM work WHERE dead_at IS NOT NULL ORDER BY dead_at, id"
    )
    return tuple(
        DeadLetter(number, kind, key, attempt, _moment(at), error) for number, kind, key, attempt, at, error in rows
    )


def _moment(value: object) -> float:
    """Seconds since 1970; 0 where a row is damaged."""
    return float(value) if isinstance(value, int | float) and 0 <= value < _FARTHEST else 0.0


def retry(number: int) -> Operation[bool]:
    """Make a dead letter due now; False if there is none with this number. Where there is an open job of its kind and
    key by now, the letter just goes."""
    rows = yield Statement(
        "UPDATE work SET dead_at = NULL, due_at = ?, attempt = 0, fence = fence + 1, error = '' "
        "WHERE id = ? AND dead_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM work AS o "
        "WHERE o.kind = work.kind AND o.key = work.key AND o.dead_at IS NULL) RETURNING id",
        (time.time(), number),
    )
    if not rows:
        rows = yield Statement("DELETE FROM work WHERE id = ? AND dead_at IS NOT NULL RETURNING id", (number,))
    if rows:
        yield AfterCommit.ANNOUNCE
    return bool(rows)


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


def old_dead_letters(before: float) -> Operation[tuple[int, ...]]:
    """The numbers of up to `PURGE_BATCH` jobs that were given up before a time (seconds since 1970). No index leads
    there: it reads through all jobs."""
    rows = yield Statement(
        "SELECT id FROM work WHERE dead_at IS NOT NULL AND dead_at < ? LIMIT ?", (before, PURGE_BATCH)
    )
    return tuple(number for (number,) in rows)


def purge_dead_letters(numbers: Collection[int], before: float) -> Operation[int]:
    """Delete these of them that nobody has retried since; returns how many."""
    marks = ", ".join("?" * len(numbers))
    rows = yield Statement(
        f"DELETE FROM work WHERE id IN ({marks}) AND dead_at < ? RETURNING id",  # noqa: S608 - question marks
        (*numbers, before),
    )
    yield AfterCommit.OVERWRITE
    return len(rows)


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
