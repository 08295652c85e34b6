"""What was answered early is done once, what was erased stays erased, and slots hold for all processes together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from bot.conversation import Address
from bot.store import Change, Conflict, Erased, JobKind, PendingCard, Record
from bot.store.connect import open_store
from bot.store.interface import Store
from dialogs.model import Case
from tests.databases import execute, fetch

ADDRESS = Address("https://smba.example/", "a:1", "28:bot", "29:ada", "tenant")
CASE = Case("C1", opened_at="2026-01-01T00:00:00+00:00")
ADA = Record("ada", name="Ada", address=ADDRESS, case=CASE)
DOCUMENT = {"text": "my photo is wrong? 照片 \" ' \\ é", "value": {"n": [1, None, True]}}


@pytest.fixture
async def two(database: str) -> AsyncIterator[tuple[Store, Store]]:
    """Two processes."""
    stores = await open_store(database), await open_store(database)
    yield stores
    for one in stores:
        await one.close()


async def aged(database: str) -> None:
    await execute(database, "UPDATE inbox SET received_at = received_at - 61")


async def test_what_was_answered_early_and_not_done_becomes_one_job_with_its_document(
    database: str, two: tuple[Store, Store]
) -> None:
    here, there = two
    await here.receive("ada", "a1", DOCUMENT)
    await there.receive("ada", "a1", {"text": "the same again"})
    await here.receive("ben", "a1", {"text": "his"})
    assert (await here.claim(10, 60), (await here.pending())[JobKind.TURN]) == ((), 2)
    await aged(database)
    jobs = [one for part in await asyncio.gather(here.claim(10, 60), there.claim(10, 60)) for one in part]
    assert {one.job.person: one.job.payload["document"] for one in jobs} == {"ada": DOCUMENT, "ben": {"text": "his"}}
    assert [one.job.kind for one in jobs] == [JobKind.TURN] * 2
    assert all(isinstance(one.job.payload["received_at"], float) for one in jobs)
    for one in jobs:
        await there.commit(Change(Record(one.job.person), "a1", finish=one))
    assert ((await here.pending())[JobKind.TURN], await here.next_due()) == (0, None)
    assert (await here.load("ada", "a1"))[1] is True


async def test_what_waits_is_known_in_its_order_in_the_inbox_and_as_a_job(
    database: str, two: tuple[Store, Store]
) -> None:
    here, there = two
    for number in (1, 2):
        await here.receive("ada", f"a{number}", {"text": str(number)})
    await aged(database)
    assert len(await here.claim({JobKind.TURN: 1}, 60)) == 1
    for person, number in (("ada", 3), ("ben", 4), ("ada", 5)):
        await here.receive(person, f"a{number}", {"text": str(number)})

    async def texts(activity: str = "") -> list[str]:
        return [one["text"] for one in (await there.load_for_turn("ada", activity))[2]]

    assert await texts() == ["1", "2", "3", "5"]
    assert (await texts("a3"), await texts("a1"), await texts("new")) == (["1", "2"], [], ["1", "2", "3", "5"])
    for number in (1, 3):
        await here.discard("ada", f"a{number}")
    assert await texts() == ["2", "5"]
    await execute(database, "UPDATE inbox SET document = '[' WHERE person = 'ada'")
    assert await texts() == ["2"]


@pytest.mark.parametrize("at", ["'Infinity'", "1e300", "ahead"])
async def test_a_time_that_never_comes_holds_nothing_back(database: str, two: tuple[Store, Store], at: str) -> None:
    """Nor one of a clock that was ahead, and was set back."""
    here, _ = two
    at = f"{time.time() + 3_000}" if at == "ahead" else at
    await here.commit(Change(ADA, "a0", pending_card=PendingCard(time.time() + 30, in_place=True)))
    await here.receive("ada", "a1", DOCUMENT)
    await execute(database, f"UPDATE inbox SET received_at = {at}")
    await execute(database, f"UPDATE owed SET until = {at}")
    assert {one.job.kind for one in await here.claim(10, 60)} == {JobKind.SHOW, JobKind.TURN}


async def test_what_cannot_be_read_there_keeps_nobodys_next_turn_from_being_done(
    database: str, two: tuple[Store, Store]
) -> None:
    store, _ = two
    for activity in ("a1", "a2"):
        await store.receive("ada", activity, {"text": activity})
    nested = "[" * 50_000 + "]" * 50_000
    await execute(database, f"UPDATE inbox SET document = '{nested}' WHERE document LIKE '%a1%'")
    assert (await store.load_for_turn("ada", "a3"))[2] == ({"text": "a2"},)


@pytest.mark.parametrize("known", [False, True])
async def test_a_turn_that_is_committed_takes_its_activity_out_and_no_other(
    database: str, two: tuple[Store, Store], *, known: bool
) -> None:
    here, there = two
    record = await here.commit(Change(ADA, "a0")) if known else ADA
    await here.receive("ada", "a1", DOCUMENT)
    await here.receive("ada", "a2", DOCUMENT)
    await there.commit(Change(record, "a1"))
    assert (await here.pending())[JobKind.TURN] == 1
    await here.discard("ada", "a2")
    await aged(database)
    assert (await here.claim(10, 60), (await here.pending())[JobKind.TURN]) == ((), 0)


async def test_a_turn_that_ends_after_it_became_a_job_is_not_done_twice(
    database: str, two: tuple[Store, Store]
) -> None:
    here, there = two
    await here.receive("ada", "a1", DOCUMENT)
    await aged(database)
    (claimed,) = await there.claim(10, 60)
    await here.commit(Change(ADA, "a1"))
    assert (await there.load("ada", "a1"))[1] is True
    await there.finish(claimed)
    assert (await here.pending())[JobKind.TURN] == 0


async def test_the_next_job_is_known_from_the_inbox(two: tuple[Store, Store]) -> None:
    here, _ = two
    await here.receive("ada", "a1", DOCUMENT)
    due = await here.next_due()
    assert due is not None
    await here.discard("ada", "a1")
    assert await here.next_due() is None


async def test_a_repeat_after_erasing_brings_nothing_back(database: str, two: tuple[Store, Store]) -> None:
    """Neither of the activity that asked for it, nor of one before, nor what waits in the inbox; for an hour."""
    here, there = two
    await here.commit(Change(ADA, "before"))
    await here.receive("ada", "late", DOCUMENT)
    assert await here.erase("ada", "forget") == Erased(people=1, cases=1, work=1)
    assert await there.claim(10, 60) == ()
    repeated = {one: (await there.load("ada", one))[1] for one in ("before", "forget", "late", "new")}
    assert repeated == {"before": True, "forget": True, "late": True, "new": False}
    back = await there.commit(Change((await there.load("ada"))[0], "new"))
    assert (await here.load("ada", "new")) == (back, True)
    await here.erase("ada", "again")
    assert [(await here.load("ada", one))[1] for one in ("forget", "again")] == [True, True]
    await execute(database, "UPDATE tombstones SET until = 1")
    assert (await here.load("ada", "again"))[1] is False


async def test_a_turn_that_was_under_way_elsewhere_brings_nobody_back(two: tuple[Store, Store]) -> None:
    """Known or new, who was erased meanwhile is not saved by what was said before."""
    here, there = two
    known = await here.commit(Change(ADA, "a0"))
    (new, _) = await here.load("ben")
    await there.erase("ada", "forget")
    await there.erase("ben", "forget")
    for record in (known, new):
        with pytest.raises(Conflict):
            await here.commit(Change(record, "a1"))
    assert [(await there.load(one))[0].version for one in ("ada", "ben")] == [0, 0]


async def test_what_is_decided_from_memory_does_not_overtake_what_waits(two: tuple[Store, Store]) -> None:
    here, there = two
    saved = await here.commit(Change(ADA, "a0"))
    await there.receive("ada", "a1", DOCUMENT)
    await there.receive("ada", "a2", DOCUMENT)
    with pytest.raises(Conflict):
        await here.commit(Change(saved, "a3", from_memory=True))
    saved = await here.commit(Change(saved, "a1", from_memory=True))  # it was first itself
    with pytest.raises(Conflict):
        await here.commit(Change(saved, "a3", from_memory=True))
    await here.discard("ada", "a2")
    await here.commit(Change(saved, "a3", from_memory=True))


async def test_a_person_who_comes_back_keeps_what_was_handled_before(two: tuple[Store, Store]) -> None:
    here, there = two
    await here.commit(Change(ADA, "before"))
    await here.erase("ada", "forget")
    loaded, _ = await here.load("ada", "menu")
    await here.commit(Change(loaded, "menu"))
    assert [(await there.load("ada", one))[1] for one in ("before", "forget", "menu")] == [True] * 3


async def test_a_tombstone_names_nobody(database: str, two: tuple[Store, Store]) -> None:
    here, _ = two
    await here.commit(Change(ADA, "before"))
    await here.erase("ada", "forget")
    ((person, handled, _),) = await fetch(database, "SELECT * FROM tombstones")
    assert not {"ada", "before", "forget"} & {person, *handled.split()}


async def test_slots_hold_for_all_processes_together(two: tuple[Store, Store]) -> None:
    got = await asyncio.gather(
        *(one.lease_slots("photo", f"{number:016}", 4, 60, 0, 1, 1) for number, one in enumerate(two * 8))
    )
    assert sum(number for number, _ in got) == 4
    assert await two[0].lease_slots("other", "f" * 16, 1, 60, 0, 1, 1) == (1, False)


async def test_a_dead_ones_slot_is_free_when_its_lease_ends(two: tuple[Store, Store]) -> None:
    here, there = two
    assert await here.lease_slots("a name", "a" * 16, 1, 0.2, 0, 1, 1) == (1, False)
    assert await there.lease_slots("a name", "b" * 16, 1, 60, 0, 1, 1) == (0, True)
    await asyncio.sleep(0.3)
    assert await there.lease_slots("a name", "b" * 16, 1, 60, 0, 1, 1) == (1, False)
    assert await here.lease_slots("a name", "a" * 16, 1, 60, 1, 1, 1) == (0, True)  # too late: it is another one's
