"""What has to happen later, and what all processes share the doing of: operations (see `operation.py`).

Leases and fences. A worker claims a job: it becomes due again only when the lease ends, and its `fence` grows. Until
then the worker finishes, postpones or fails the job by number and fence. If the worker is slow or dead, the lease ends,
another worker claims the job under a higher fence, and whatever the first one still says about it is refused with
`Lost`, together with the change it would have committed. So a job's result is committed once. A later `put` of the same
kind and key also raises the fence: the claim on the replaced job ends nothing.
"""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from bot.store import Claimed, DeadLetter, Job, JobKind, Lost
from bot.store.operation import FARTHEST, LARGEST, AfterCommit, Operation, Statement

_logger = logging.getLogger(__name__)

_PENDING_AT_MOST = 120.0  # seconds from now until which a card can be pending, by clocks that may differ
_PURGE_BATCH = 500  # dead letters in one transaction
INBOX_TIMEOUT = 60.0  # seconds after which an activity in the inbox becomes a job


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
        for row in (yield Statement(_CLAIM, (kind.value, now, limit, now + lease, LARGEST, LARGEST))):
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
    if not (0 < row.fence < LARGEST and 0 <= row.attempt < LARGEST):
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
    """Give it up: it becomes a dead letter, with what it holds by now. Raises `Lost`."""
    text = json.dumps(claimed.job.payload)
    yield from _end_claim("UPDATE work SET dead_at = ?, error = ?, payload = ?", (time.time(), error, text), claimed)


def _end_claim(action: str, values: tuple[Any, ...], claimed: Claimed) -> Operation[None]:
    done = yield Statement(
        action + " WHERE id = ? AND fence = ? AND dead_at IS NULL RETURNING id", (*values, claimed.id, claimed.fence)
    )
    if not done:
        raise Lost(claimed.job.kind)


_NEXT_CARD = "SELECT min(until) FROM owed UNION ALL SELECT min(received_at) + ? FROM inbox"


def next_due(kinds: Collection[JobKind] = tuple(JobKind)) -> Operation[float | None]:
    """When the next open job of these kinds is due, or its lease ends; seconds since 1970."""
    of_kind = "SELECT min(due_at) FROM work WHERE dead_at IS NULL AND kind = ?"
    text = " UNION ALL ".join([*[of_kind] * len(kinds), _NEXT_CARD])
    rows = yield Statement(text, (*(kind.value for kind in kinds), INBOX_TIMEOUT))
    found = [at for (at,) in rows if at is not None]
    return min((at for at in found if isinstance(at, int | float)), default=None)


def due_before(kind: JobKind, at: float) -> Operation[int]:
    """How many open jobs of a kind are due before a time, in seconds since 1970; those being done count too."""
    rows = yield Statement(
        "SELECT count(*) FROM work WHERE kind = ? AND due_at < ? AND dead_at IS NULL", (kind.value, at)
    )
    return int(rows[0][0])


def pending() -> Operation[Counter[str]]:
    """How many open jobs of each kind there are; pending cards count as jobs to show, the inbox as turns."""
    rows = yield Statement(
        "SELECT kind, count(*) FROM work WHERE dead_at IS NULL GROUP BY kind "
        "UNION ALL SELECT 'show', count(*) FROM owed UNION ALL SELECT 'turn', count(*) FROM inbox"
    )
    counts: Counter[str] = Counter()
    for kind, count in rows:
        counts[kind] += int(count)
    return +counts


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
        wanted = min(needed, _share(most, process, sorted({process, *waiting, *leased.values()}), now))
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


def _share(most: int, process: str, sharers: Sequence[str], now: float) -> int:
    """Of so many slots among processes; what does not come out even goes round."""
    place = (sharers.index(process) + int(now / _ROTATION)) % len(sharers)
    return most // len(sharers) + (place < most % len(sharers))


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
    return float(value) if isinstance(value, int | float) and 0 <= value < FARTHEST else 0.0


def old_dead_letters(before: float) -> Operation[tuple[int, ...]]:
    """The numbers of up to `_PURGE_BATCH` jobs that were given up before a time (seconds since 1970). No index leads
    there: it reads through all jobs."""
    rows = yield Statement(
        "SELECT id FROM work WHERE dead_at IS NOT NULL AND dead_at < ? LIMIT ?", (before, _PURGE_BATCH)
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
