"""The sums of what cases came to, and the counters that metrics show: operations (see `operation.py`).

Two tables, in neither of which there is a person or a case:

    sums      day, kind, label -> how many: what `bot.store.numbers.counts` says of each case, on the day it was opened
    counters  name, label -> how many, ever: what the metrics of the contract show, whichever process counted it;
              the last batch that each process brought in stands in `slots`, by its number

What a case counts as changes as it goes on. A turn only marks its case (`cases.uncounted`); a job brings marked cases
into the sums a little later, by the difference to what the case counted as before (`cases.counted`). In the turn's own
transaction all turns of a day would wait for the same few rows, on PostgreSQL until the other's commit is durable. Who
reads the sums adds the marked cases himself, in the same snapshot: so the numbers are right at any moment, and it only
takes longer where the job is behind. What is deleted is brought into the sums first, in the same transaction.

Cases are counted by person, all of a person's at once: a case that ended without ticket or proof counts as another one
once the person has opened the next within seven days.
"""

from __future__ import annotations

import time
from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from bot.store.numbers import RETURN_DAYS, Counts, Numbers, counts, numbers
from bot.store.operation import Operation, Statement, T
from dialogs.case_json import from_json, last_touched
from dialogs.frozen import replace
from dialogs.model import Case, Outcome

_BATCH = 50  # rows in one statement
_BATCH_KNOWN = 31 * 86_400.0  # seconds that a process may try to bring in one batch of counters
COUNT_BATCH = 100  # people whose cases are brought into the sums in one transaction
_CASES = 100  # in memory at once, and worked on between two statements, which on PostgreSQL holds the loop


@dataclass(frozen=True)
class _Counted:
    """A case, and what it counted as until now."""

    id: str
    before: Counts
    after: Counts
    day: str

    @property
    def changes(self) -> dict[tuple[str, str, str], int]:
        """What its sums change by."""
        both = {**self.before, **self.after}
        found = {key: self.after.get(key, 0) - self.before.get(key, 0) for key in both}
        return {(self.day, *key): number for key, number in found.items() if number}


def count_changed() -> Operation[int]:
    """Bring the marked cases of up to `COUNT_BATCH` people into the sums; returns of how many people."""
    people = yield from _marked("", COUNT_BATCH)
    yield from count_of(people)
    return len(people)


def count_of(people: Sequence[str], *, expired: bool = False) -> Operation[None]:
    """Bring people's cases into the sums. `expired`: they are about to be deleted, and unfinished ones have run out."""
    total: Counter[tuple[str, str, str]] = Counter()
    for group in (yield from _groups(people)):
        found = yield from _counted(group, expired=expired)
        for batch in _batches(found):
            values = [value for one in batch for value in (one.id, _written(one.after))]
            yield Statement(_set_counted(len(batch)), tuple(values))
        for one in found:
            total.update(one.changes)
    yield from _add(total)


def _marked(after: str, limit: int) -> Operation[tuple[str, ...]]:
    """People with cases that are not in the sums as they are now, in the order of their ids."""
    rows = yield Statement(
        "SELECT DISTINCT person FROM cases WHERE uncounted = 1 AND person > ? ORDER BY person LIMIT ?", (after, limit)
    )
    return tuple(person for (person,) in rows)


def _groups(people: Sequence[str]) -> Operation[Sequence[Sequence[str]]]:
    """People with at most `_CASES` cases together, or one with more; in the database's order of their ids."""
    if not people:
        return ()
    rows = yield Statement(_cases_of(len(people)), tuple(people))
    groups: list[list[str]] = []
    room = 0
    for person, cases in rows:
        if cases > room or not groups:
            groups.append([])
            room = _CASES
        groups[-1].append(person)
        room -= cases
    return groups


@lru_cache(maxsize=32)
def _cases_of(count: int) -> str:
    people = ", ".join("?" * count)
    return f"SELECT person, count(*) FROM cases WHERE person IN ({people}) GROUP BY person ORDER BY person"  # noqa: S608 - question marks


def _counted(people: Sequence[str], *, expired: bool = False, lock: bool = True) -> Operation[list[_Counted]]:
    """The cases of these people that are marked, or count as something else than before. One that cannot be read counts
    as it did."""
    rows = yield Statement(_of_people(len(people), lock), tuple(people))
    found = [(*row, _readable(row[2])) for row in rows]
    looks = yield from _looks([number for number, *_, case in found if case is not None])
    opened: dict[str, list[str]] = {}
    for _, person, *_, case in found:
        if case is not None:
            insort(opened.setdefault(person, []), case.opened_at)
    counted = []
    for number, person, _, written, marked, case in found:
        before = _read(written)
        day = case.opened_at[:10] if case is not None else ""
        if case is None:
            after = before or {}
        else:
            known = before or {}
            returned = ("fate", "returned") in known or _soon_after(last_touched(case), opened[person])
            ended = replace(case, outcome=case.outcome or Outcome.EXPIRED.value) if expired else case
            after = _counts(ended, looks[number, "looked"], looks[number, "followed"], known, returned=returned)
        if before is None:
            before = after  # what it was counted as cannot be read: the sums stay as they are
        elif not marked and after == before:
            continue
        counted.append(_Counted(number, before, after, day))
    return counted


@lru_cache(maxsize=32)
def _of_people(count: int, lock: bool) -> str:
    lines = " /*postgresql FOR UPDATE*/" if lock else ""
    people = ", ".join("?" * count)
    # In this order whoever counts locks them, so that two of them do not wait for each other.
    return f"SELECT id, person, document, counted, uncounted FROM cases WHERE person IN ({people}) ORDER BY person, id{lines}"  # noqa: E501, S608 - question marks


def _readable(document: str) -> Case | None:
    try:
        case = from_json(document)
        date.fromisoformat(case.opened_at[:10])
    except ValueError:
        return None
    return case


def _looks(cases: Sequence[str]) -> Operation[Mapping[tuple[str, str], int]]:
    """How often was looked for each case, by the kind of the log's entries."""
    found: Counter[tuple[str, str]] = Counter()
    for start in range(0, len(cases), COUNT_BATCH):
        part = cases[start : start + COUNT_BATCH]
        rows = yield Statement(_looks_of(len(part)), tuple(part))
        found.update({(case, kind): int(count) for case, kind, count in rows})
    return found


@lru_cache(maxsize=32)
def _looks_of(count: int) -> str:
    cases = ", ".join("?" * count)
    return f"SELECT case_id, kind, count(*) FROM log WHERE case_id IN ({cases}) AND kind IN ('looked', 'followed') GROUP BY case_id, kind"  # noqa: E501, S608 - question marks


def _counts(case: Case, looked: int, followed: int, before: Counts, *, returned: bool) -> Counts:
    """What it counts as; as before, where its times are damaged."""
    try:
        return counts(case, last_touched(case), looked, followed, returned=returned)
    except (TypeError, ValueError):
        return before


def _soon_after(touched: str, opened: Sequence[str]) -> bool:
    """Whether one of the cases that were opened, in order, was within `RETURN_DAYS` after another one ended."""
    next_ = bisect_right(opened, touched)
    if next_ == len(opened):
        return False
    try:
        return datetime.fromisoformat(opened[next_]) - datetime.fromisoformat(touched) < timedelta(days=RETURN_DAYS)
    except (TypeError, ValueError):
        return False


def _written(found: Counts) -> str:
    return "\n".join(f"{kind} {number} {label}" for (kind, label), number in sorted(found.items()))


def _read(written: str) -> Counts | None:
    """What `_written` wrote; None for anything else, which a damaged row may hold."""
    try:
        parts = (line.split(" ", 2) for line in written.split("\n") if line)
        return {(kind, label): int(number) for kind, number, label in parts}
    except (AttributeError, TypeError, ValueError):
        return None


def _add(changes: Mapping[tuple[str, str, str], int]) -> Operation[None]:
    """In the order of the keys, so that two transactions do not wait for each other."""
    for batch in _batches([(*key, number) for key, number in sorted(changes.items()) if number]):
        rows = yield Statement(_add_to_sums(len(batch)), tuple(value for row in batch for value in row))
        for *key, number in rows:
            if not number:
                yield Statement("DELETE FROM sums WHERE day = ? AND kind = ? AND label = ?", tuple(key))


def _batches(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many as one statement takes at once."""
    return (rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH))


@lru_cache(maxsize=_BATCH)
def _set_counted(count: int) -> str:
    rows = ", ".join(["(?, ?)"] * count)
    return f"WITH now (id, counted) AS (VALUES {rows}) UPDATE cases SET counted = now.counted, uncounted = 0 FROM now WHERE cases.id = now.id"  # noqa: E501, S608 - question marks


@lru_cache(maxsize=_BATCH)
def _add_to_sums(count: int) -> str:
    rows = ", ".join(["(?, ?, ?, ?)"] * count)
    return f"INSERT INTO sums (day, kind, label, number) VALUES {rows} ON CONFLICT (day, kind, label) DO UPDATE SET number = sums.number + excluded.number RETURNING day, kind, label, number"  # noqa: E501, S608 - question marks


def read(since: date, until: date) -> Operation[Numbers]:
    """What became of the cases that were opened on the days from `since` to `until`, both included, UTC; to be run in
    one snapshot."""
    first, last = since.isoformat(), until.isoformat()
    by_day = yield Statement(
        "SELECT day, kind, label, number FROM sums WHERE day >= ? AND day <= ? AND kind IN ('fate', 'rating')",
        (first, last),
    )
    rest = yield Statement(
        "SELECT '', kind, label, sum(number) FROM sums WHERE day >= ? AND day <= ? AND kind NOT IN ('fate', 'rating') "
        "GROUP BY kind, label",
        (first, last),
    )
    rows = [(day, kind, label, int(number)) for day, kind, label, number in (*by_day, *rest)]
    people = yield from _marked("", COUNT_BATCH)
    while people:
        for group in (yield from _groups(people)):
            for one in (yield from _counted(group, lock=False)):
                rows += [(*key, number) for key, number in one.changes.items() if first <= one.day <= last]
        people = yield from _marked(people[-1], COUNT_BATCH)
    return numbers(since, until, rows, datetime.now(UTC).date())


def add_to_counters(
    found: Mapping[tuple[str, str], int], process: str, batch: int
) -> Operation[Mapping[tuple[str, str], int]]:
    """Add to the counters, (name, label) -> how many, what is not in them yet by its number among the process's
    batches; returns what all of them come to now."""
    if found and not (
        yield Statement(
            "INSERT INTO slots (name, number, token, until) VALUES (?, 0, ?, ?) ON CONFLICT (name, number) "
            "DO UPDATE SET token = excluded.token, until = excluded.until WHERE slots.token <> excluded.token "
            "RETURNING number",
            (f"counters {process}", str(batch), time.time() + _BATCH_KNOWN),
        )
    ):
        found = {}
    for key, number in sorted(found.items()):
        yield Statement(
            "INSERT INTO counters (name, label, number) VALUES (?, ?, ?) "
            "ON CONFLICT (name, label) DO UPDATE SET number = counters.number + excluded.number",
            (*key, number),
        )
    rows = yield Statement("SELECT name, label, number FROM counters")
    return {(name, label): int(number) for name, label, number in rows if isinstance(number, int)}  # or damaged
