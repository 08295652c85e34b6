"""What the helpdesk's page keeps and reads, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.store import Change, Record
from bot.store.connect import open_store
from bot.store.interface import Store
from bot.store.page import LISTED, Affected, ScanSummary
from dialogs.model import Case
from tests.databases import execute, fetch


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    one = await open_store(database)
    yield one
    await one.close()


def day(number: int) -> str:
    return f"2026-{number // 28 + 1:02}-{number % 28 + 1:02}T09:00:00+00:00"


async def test_a_session_is_there_until_it_ends_and_what_is_taken_is_taken_once(store: Store) -> None:
    await store.open_session("s", "session", "ada", {"name": "Ada"}, 60)
    await store.open_session("f", "flow", "", {"flow": {"state": "x"}}, 60)
    await store.open_session("old", "session", "ada", {}, -1)
    found = await store.session("s", "session")
    assert found is not None
    assert (found.person, found.document) == ("ada", {"name": "Ada"})
    assert [await store.session(*key) for key in (("s", "flow"), ("old", "session"), ("", "session"))] == [None] * 3
    taken = await asyncio.gather(*(store.take_session("f", "flow") for _ in range(5)))
    assert [one.document for one in taken if one is not None] == [{"flow": {"state": "x"}}]
    assert await store.take_session("old", "session") is None


async def test_what_has_ended_goes_when_something_new_comes(store: Store, database: str) -> None:
    await store.open_session("old", "flow", "", {}, -1)
    await store.open_session("new", "flow", "", {}, 60)
    assert await fetch(database, "SELECT id FROM sessions") == [("new",)]


async def test_cases_are_listed_by_their_state_the_latest_first_page_by_page(store: Store, database: str) -> None:
    for number in range(LISTED + 3):
        outcome = "stopped" if number == 7 else ""
        case = Case(f"C{number}", opened_at=day(number), outcome=outcome)
        await store.commit(Change(Record(f"p{number}", name=f"Person {number}", case=case)))
    await execute(database, "UPDATE cases SET document = 'damaged' WHERE id = 'C51'")
    first = await store.cases_by_state("")
    assert [one.number for one in first[:3]] == ["C52", "C51", "C50"]
    assert (first[0].stored.name, first[1].stored.case) == ("Person 52", None)
    rest = await store.cases_by_state("", first[-1].touched)
    assert [one.number for one in (*first, *rest)] == [f"C{number}" for number in reversed(range(LISTED + 3)) if number != 7]  # fmt: skip
    assert [one.number for one in await store.cases_by_state("stopped")] == ["C7"]
    assert await store.cases_by_state("expired") == ()


async def test_what_is_over_goes_though_nobody_comes_after_it(store: Store, database: str) -> None:
    await store.open_session("s", "session", "ada", {}, 60)
    await store.open_session("old", "session", "ben", {}, -1)
    for person in ("cleo", "dan"):
        await store.erase(person, "a1")
    for process in ("a", "b"):  # the second waits, and dies
        await store.lease_slots("photo", process * 16, 4, 3600.0, 0, 4, 4)
    await execute(
        database,
        "UPDATE tombstones SET until = 1.0 WHERE person = (SELECT min(person) FROM tombstones)",
        "UPDATE slots SET until = 1.0 WHERE name = 'photo waiting'",
    )
    await store.purge(day(1))
    assert await fetch(database, "SELECT person FROM sessions") == [("ada",)]
    assert await fetch(database, "SELECT count(*) FROM tombstones") == [(1,)]
    assert await fetch(database, "SELECT DISTINCT name FROM slots") == [("photo",)]


async def test_a_scan_takes_the_place_of_the_one_before_and_its_people_go_with_the_retention(store: Store) -> None:
    people = tuple(Affected(f"id{number}", f"p{number:03}@contoso.com", "differ", "") for number in range(LISTED + 1))
    for at in (day(1), day(2)):
        await store.begin_scan()
        await store.add_affected(people)
        await store.end_scan(ScanSummary(at, (("differ", "", LISTED + 1), ("match", "direct", 9)), named=True))
    first = await store.affected()
    assert (*first, *await store.affected(first[-1].account)) == people
    await store.purge(day(2))
    assert len(await store.affected()) == LISTED
    await store.purge(day(3))
    assert await store.affected() == ()
    assert await store.last_scan() == ScanSummary(day(2), (("differ", "", LISTED + 1), ("match", "direct", 9)), True)
