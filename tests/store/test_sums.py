"""The sums of what cases came to: what counts as what, and that they are right at any moment, whoever counts meanwhile."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bot.errors import StoreUnavailable
from bot.metrics import InstallationCounters
from bot.store import Change, LogEntry, Record
from bot.store.connect import open_store
from bot.store.interface import Store
from bot.store.numbers import Day, Numbers, counts, numbers
from dialogs.model import Case, Check, Fact, Reason, Trace, Verdict
from tests.databases import execute, fetch

OPENED = datetime(2026, 1, 1, 12, tzinfo=UTC)
DAY = OPENED.date()
TODAY = date(2026, 3, 1)
V = Verdict


def at(seconds: float) -> str:
    return (OPENED + timedelta(seconds=seconds)).isoformat(timespec="seconds")


def case(*found: Verdict | Check, outcome: str = "", **more: object) -> Case:
    """One that looked every hundred seconds."""
    checks = tuple(one if isinstance(one, Check) else Check(at(100 * place), one) for place, one in enumerate(found))
    return replace(Case("C1", opened_at=at(0), checks=checks, outcome=outcome), **more)  # type: ignore[arg-type]


GUEST = Check(at(0), V.UNKNOWN, Reason.GUEST)
DENIED = Check(at(0), V.UNKNOWN, Reason.PERMISSION)
DIRECT = Check(at(100), V.MATCH, facts=(Fact.DIRECT,))
FATES: dict[str, tuple[str, str, Case]] = {
    # what a helpdesk lead would say: the figure, the cause, the case
    "the photos match after they differed": ("proven", "differ", case(V.DIFFER, V.MATCH, outcome="resolved")),
    "the photo arrived by itself": ("proven", "missing", case(V.MISSING, V.UNKNOWN, V.MATCH, outcome="resolved_later")),
    "a photo was added, and pages show it": ("proven", "no_photo", case(V.NO_PHOTO, DIRECT, outcome="resolved")),
    "the person saw two different ones, then they matched": ("proven", "match", case(V.UNSURE, V.MATCH, outcome="resolved", judged="different a b")),
    "the person saw the same one after they differed": ("probable", "differ", case(V.DIFFER, V.UNSURE, outcome="resolved", judged="same a b")),
    "stopped long ago": ("probable", "differ", case(V.DIFFER, outcome="stopped")),
    "stopped this week": ("undecided", "differ", case(V.DIFFER, outcome="stopped", traces=(Trace("resync.tile", "2026-02-27T00:00:00+00:00", "stop"),))),
    "handed over": ("not_deflected", "differ", case(V.DIFFER, outcome="escalated", submissions=1)),
    "handed over, and the photo arrived": ("not_deflected", "differ", case(V.DIFFER, V.MATCH, outcome="escalated", submissions=1)),
    "handed over although they match": ("not_deflected", "match", case(V.MATCH, outcome="escalated", submissions=1)),
    "handed over unseen": ("not_deflected", "permission", case(DENIED, outcome="escalated", submissions=1)),
    "ran out": ("not_deflected", "differ", case(V.DIFFER, outcome="expired")),
    "in the middle": ("unfinished", "differ", case(V.DIFFER)),
    "a guest": ("unfinished", "guest", case(GUEST)),
    "nothing wrong": ("nothing_wrong", "match", case(V.MATCH, outcome="resolved")),
    "nothing wrong, and stopped": ("nothing_wrong", "match", case(DENIED, V.MATCH, outcome="stopped")),
    "could not be read": ("not_known", "permission", case(DENIED, outcome="stopped")),
    "only said hello": ("not_known", "", case()),
}  # fmt: skip


@pytest.mark.parametrize(("figure", "cause", "one"), FATES.values(), ids=FATES)
def test_a_case_counts_under_one_figure(figure: str, cause: str, one: Case) -> None:
    touched = max([at(0), *(trace.at for trace in one.traces)])
    rows = [(DAY.isoformat(), *key, number) for key, number in counts(one, touched, len(one.checks), 0).items()]
    found = numbers(DAY, DAY, rows, TODAY)
    names = ("proven", "probable", "not_deflected", "undecided", "unfinished", "returned", "nothing_wrong", "not_known")
    assert [name for name in names if getattr(found, name)] == [figure]
    assert (found.cases, dict(found.by_cause)) == (1, {cause: 1} if cause else {})
    assert found.days == (replace(Day(DAY, cases=1, wrong=found.wrong), **{figure: 1}),)


def test_the_median_lies_between_the_two_in_the_middle() -> None:
    def median(*seconds: int) -> float | None:
        return numbers(DAY, DAY, [("", "seconds", str(one), 1) for one in seconds], TODAY).median_seconds_to_fix

    assert [median(), median(7), median(1, 4), median(3, 1, 2), median(1, 1, 1, 9)] == [None, 7, 2.5, 2, 1]


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    one = await open_store(database)
    yield one
    await one.close()


async def of(store: Store) -> Numbers:
    return await store.numbers(date(2000, 1, 1), TODAY)


async def test_the_sums_follow_a_case_to_its_end_and_outlive_it(database: str, store: Store) -> None:
    looked = LogEntry(at(0), "looked", "differ")
    record = await store.commit(Change(Record("ada", case=case(V.DIFFER)), log=(looked,)))
    before = await of(store)
    assert (before.unfinished, before.looks, await store.count(1)) == (1, 1, True)
    assert await of(store) == before
    again = LogEntry(at(100), "followed", "match")
    record = await store.commit(Change(replace(record, case=case(V.DIFFER, V.MATCH, outcome="resolved", rating="up")), log=(again,)))  # fmt: skip
    found = await of(store)
    assert (found.cases, found.proven, found.unfinished, found.median_seconds_to_fix) == (1, 1, 0, 100)
    assert (found.looks_per_case, found.follow_ups, found.satisfaction) == (2, 1, 1)
    record = await store.commit(Change(replace(record, case=case(V.DIFFER, V.MATCH, outcome="resolved", rating="down"))))  # fmt: skip
    await store.erase("ada")
    assert await of(store) == replace(found, ratings={"up": 0, "down": 1}, days=(replace(found.days[0], up=0, down=1),))
    assert await fetch(database, "SELECT count(*) FROM sums WHERE number = 0") == [(0,)]
    assert (await store.numbers(DAY + timedelta(1), TODAY)).cases == 0


async def test_cases_of_before_there_were_sums_are_counted_and_damaged_ones_left_out(
    database: str, store: Store
) -> None:
    for number in range(5):
        await store.commit(Change(Record(f"p{number}", case=case(V.DIFFER, id=f"C{number}"))))
    await execute(database, "UPDATE cases SET document = 'x' WHERE id = 'C0'")
    assert ((await of(store)).unfinished, await store.count(1), (await of(store)).unfinished) == (4, True, 4)
    damaged = case(V.DIFFER, Check("soon", V.MATCH), id="C1", outcome="resolved", understood="a few")
    record, _ = await store.load("p1")
    await store.commit(Change(replace(record, case=damaged)))
    assert ((await of(store)).unfinished, await store.count(1)) == (4, True)


@pytest.mark.parametrize("odd", ["x", "fate proven", "{}", "fate many differ"])
async def test_a_case_of_which_nobody_knows_what_it_counted_as_stops_no_count_purge_or_erasure(
    database: str, store: Store, odd: str
) -> None:
    for name in ("ada", "ben", "eve"):
        await store.commit(Change(Record(name, case=case(V.DIFFER, id=name, outcome="stopped"))))
    assert await store.count(1)
    before = await of(store)
    await execute(database, f"UPDATE cases SET counted = '{odd}', uncounted = 1 WHERE id = 'ada'")
    assert await of(store) == before
    await execute(database, f"UPDATE cases SET counted = '{odd}', uncounted = 1 WHERE id = 'ben'")
    assert (await store.erase("ada")).cases == 1
    assert (await store.purge("2030-01-01T00:00:00+00:00")).cases == 2
    assert await of(store) == before


async def test_nobody_is_counted_twice_while_several_count_and_people_come_and_go(
    database: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.sums.COUNT_BATCH", 3)
    other = await open_store(database)

    async def person(number: int) -> None:
        record = Record(f"p{number}")
        for turn in range(4):
            found = case(V.DIFFER, *([V.MATCH] if turn > 1 else []), id=f"C{number}", outcome="resolved" if turn > 1 else "")  # fmt: skip
            record = await (store, other)[number % 2].commit(Change(replace(record, case=found)))
        if number % 3 == 0:
            await other.erase(record.person)

    async def counting(one: Store) -> None:
        for _ in range(8):
            await one.count(2)

    async def reading() -> None:
        for _ in range(5):
            found = await of(other)
            assert found.cases == found.proven + found.unfinished <= 12

    await asyncio.gather(*map(person, range(12)), counting(store), counting(other), reading())
    found = await of(store)
    assert (found.cases, found.proven, found.by_outcome) == (12, 12, {"resolved": 12})
    await store.count(100)
    assert await of(other) == found
    assert await fetch(database, "SELECT count(*) FROM cases WHERE uncounted = 1") == [(0,)]
    await other.close()


async def test_counting_has_a_few_cases_in_memory_however_many_wait(database: str, store: Store) -> None:
    found = case(*[V.DIFFER] * 50)
    for person in range(100):
        record = Record(f"p{person:02}")
        for turn in range(4):
            one = replace(found, id=f"C{person}-{turn}", outcome="stopped")
            record = await store.commit(Change(replace(record, case=one)))

    async def most() -> int:
        tracemalloc.start()
        assert await store.count(60)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    await execute(database, "UPDATE cases SET uncounted = 0 WHERE person >= 'p20'")
    twenty = await most()
    await execute(database, "UPDATE cases SET uncounted = 1")
    assert await most() < 2 * twenty
    assert (await of(store)).cases == 400


async def test_what_metrics_count_is_added_once_where_the_answer_to_its_commit_is_lost(store: Store) -> None:
    async def unanswered(*batch: Any) -> dict[tuple[str, str], int]:
        await store.add_to_counters(*batch)
        raise StoreUnavailable("the connection went while it was committed")

    one, other = InstallationCounters(), InstallationCounters()
    one.add("photosync_cases", "resolved", 2)
    with pytest.raises(StoreUnavailable):
        await one.keep(unanswered)
    one.add("photosync_cases", "resolved", 1)
    for counters in (other, one, one):
        await counters.keep(store.add_to_counters)
    assert await store.add_to_counters({}, "another", 1) == {("photosync_cases", "resolved"): 3}


async def test_what_metrics_count_is_added_once_where_the_process_ends_in_the_middle(store: Store) -> None:
    counters = InstallationCounters()
    counters.add("photosync_cases", "resolved", 2)
    for rounds in range(30):  # of the event loop, after which it is broken off
        counters.add("photosync_cases", "resolved", 1)
        bringing = asyncio.create_task(counters.keep(store.add_to_counters))
        for _ in range(rounds):
            await asyncio.sleep(0)
        bringing.cancel()
        await asyncio.gather(bringing, return_exceptions=True)
    await counters.keep(store.add_to_counters)
    assert await store.add_to_counters({}, "another", 1) == {("photosync_cases", "resolved"): 32}
