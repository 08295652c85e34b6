"""What is kept, on both databases: all of a turn or nothing, work that one does and nobody loses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.conversation import Address
from bot.errors import StoreUnavailable
from bot.store import Change, Conflict, Erased, Job, JobKind, LogEntry, Lost, PendingCard, Purged, Record, jobs, people
from bot.store.connect import open_store
from bot.store.interface import Store
from bot.store.operation import Operation, Statement
from bot.store.people import MOST_HANDLED
from bot.store.schema import NewerSchema, statements
from dialogs.case_json import to_json
from dialogs.model import Case, Check, Trace, Verdict
from tests.databases import execute, fetch

ADDRESS = Address("https://smba.example/", "a:1", "28:bot", "29:ada", "tenant")
CASE = Case("C1", 3, "resync.tile", ("desk.menu",), "sv", opened_at="2026-01-01T00:00:00+00:00", checks=(Check("2026-01-01T00:00:01+00:00", Verdict.DIFFER, "", 0.5),), traces=(Trace("look.differ", "2026-01-01T00:00:02+00:00", "next"),))  # fmt: skip
ADA = Record("ada", 0, "Ada O'Neil عمر", "sv", "Windows", ADDRESS, case=CASE)


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    one = await open_store(database)
    yield one
    await one.close()


@pytest.fixture
async def other(database: str, store: Store) -> AsyncIterator[Store]:
    """A second replica on the same database."""
    del store
    one = await open_store(database)
    yield one
    await one.close()


def due(key: str = "C1", kind: JobKind = JobKind.FOLLOW_UP, at: float = 0.0, **payload: object) -> Job:
    return Job(kind, key, "ada", at, dict(payload))


async def test_a_person_comes_back_as_saved(store: Store, other: Store) -> None:
    assert await store.load("ada", "a1") == (Record("ada"), False)
    saved = await store.commit(Change(ADA, "a1", (LogEntry("2026-01-01T00:00:00+00:00", "typed", "hej"),)))
    assert (saved.version > 0, saved) == (True, replace(ADA, version=saved.version, handled=saved.handled))
    assert await other.load("ada", "a1") == (saved, True)
    assert [entry.what for entry in await other.log("C1")] == ["hej"]


async def test_of_two_who_change_the_same_version_one_is_told(store: Store, other: Store) -> None:
    saved = await store.commit(Change(ADA))
    results = await asyncio.gather(
        *(one.commit(Change(replace(saved, name=f"name {n}"))) for n, one in enumerate([store, other] * 5)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Record) for one in results) == 1
    assert sum(isinstance(one, Conflict) for one in results) == 9


async def test_an_activity_is_handled_once_and_a_refused_change_leaves_nothing(store: Store) -> None:
    saved = await store.commit(Change(ADA, "a1"))
    with pytest.raises(Conflict):
        await store.commit(Change(replace(saved, name="twice"), "a1", (LogEntry("t", "typed", "twice"),), (due(),)))
    record, _ = await store.load("ada")
    assert (record.name, record.version, await store.log("C1"), (await store.pending())[JobKind.FOLLOW_UP]) == (
        ADA.name,
        saved.version,
        (),
        0,
    )


async def test_two_people_may_send_activities_of_the_same_id(store: Store) -> None:
    """It is a time in milliseconds, and only unique within a conversation."""
    for person in (ADA, replace(ADA, person="ben", case=replace(CASE, id="C2"))):
        assert (await store.load(person.person, "1726500000000"))[1] is False
        await store.commit(Change(person, "1726500000000"))
        assert (await store.load(person.person, "1726500000000"))[1] is True


async def test_the_last_activities_of_a_person_are_remembered(store: Store) -> None:
    saved = ADA
    for number in range(MOST_HANDLED + 8):
        saved = await store.commit(Change(saved, f"a{number}"))
    known = [number for number in range(MOST_HANDLED + 8) if (await store.load("ada", f"a{number}"))[1]]
    assert known == list(range(8, MOST_HANDLED + 8))


async def test_many_turns_at_once_are_all_kept(store: Store) -> None:
    people = [replace(ADA, person=f"p{n}", case=replace(CASE, id=f"C{n}")) for n in range(200)]
    saved = await asyncio.gather(*(store.commit(Change(one, f"a{n}")) for n, one in enumerate(people)))
    loaded = await asyncio.gather(*(store.load(one.person, f"a{n}") for n, one in enumerate(people)))
    assert loaded == [(one, True) for one in saved]


async def test_there_is_one_open_piece_of_work_of_a_kind_for_a_case(store: Store) -> None:
    saved = await store.commit(Change(ADA, put=(due(turn=1),)))
    await store.commit(Change(saved, put=(due(turn=2),)))
    (claimed,) = await store.claim(10, 60)
    assert claimed.job.payload == {"turn": 2}


async def test_work_is_done_by_one_of_many(store: Store, other: Store) -> None:
    for number in range(40):
        await store.put(due(f"C{number}"))
    found = await asyncio.gather(*(one.claim(7, 60) for one in [store, other] * 6))
    keys = [claimed.job.key for part in found for claimed in part]
    assert sorted(keys) == sorted({f"C{number}" for number in range(40)})
    assert max(len(part) for part in found) <= 7


async def test_work_that_is_not_due_is_not_given_out(store: Store) -> None:
    await store.put(due(at=time.time() + 3600))
    assert await store.claim(10, 60) == ()
    found = await store.next_due()
    assert found is not None
    assert found > time.time() + 3000


async def test_a_card_that_is_owed_too_long_becomes_work_once(store: Store, other: Store) -> None:
    until = time.time() + 60
    saved = await store.commit(Change(ADA, pending_card=PendingCard(until, in_place=True)))
    assert await store.claim(10, 60) == ()
    assert (await store.pending())[JobKind.SHOW] == 1
    assert await store.next_due() == pytest.approx(until)
    saved = await store.commit(Change(saved, pending_card=PendingCard(time.time() - 1, in_place=True)))
    both = await asyncio.gather(store.claim(10, 60), other.claim(10, 60))
    (claimed,) = [*both[0], *both[1]]
    assert (claimed.job.kind, claimed.job.key, claimed.job.payload) == (JobKind.SHOW, "ada", {"in_place": True})
    assert (await store.pending())[JobKind.SHOW] == 1
    await store.commit(Change(saved, delivered=True))
    assert ((await store.pending())[JobKind.SHOW], await store.next_due()) == (0, None)


async def test_a_newer_card_takes_the_place_of_one_that_is_tried_in_vain(store: Store) -> None:
    saved = await store.commit(Change(ADA, pending_card=PendingCard(0.0, in_place=False)))
    for _ in range(7):
        (claimed,) = await store.claim(10, 60)
        await store.postpone(claimed, 0.0, "Outage")
    (claimed,) = await store.claim(10, 60)
    saved = await store.commit(Change(saved, pending_card=PendingCard(1.0, in_place=True)))
    with pytest.raises(Lost):
        await store.fail(claimed, "Outage")
    (newer,) = await store.claim(10, 60)
    assert (newer.attempt, newer.job.payload) == (1, {"in_place": True})
    await store.confirm_delivered((("ada", 2.0),))
    await store.commit(Change(saved, pending_card=PendingCard(3.0, in_place=True)))
    await store.confirm_delivered((("ada", 3.0),))
    assert (await store.pending())[JobKind.SHOW] == 0


@pytest.mark.parametrize("waited", [False, True])
async def test_a_card_that_was_shown_is_owed_no_more(store: Store, *, waited: bool) -> None:
    """Also when it took so long that it became work; what has been owed since then stays."""
    now = time.time()
    saved = await store.commit(Change(ADA, pending_card=PendingCard(now, in_place=True)))
    await store.commit(
        Change(replace(ADA, person="ben", case=replace(CASE, id="C2")), pending_card=PendingCard(now, in_place=True))
    )
    if waited:
        assert len(await store.claim(10, 0.0)) == 2
    await store.commit(Change(saved, pending_card=PendingCard(now + 60, in_place=False)))
    await store.confirm_delivered((("ada", now + 1), ("ben", now + 1)))
    assert (await store.pending())[JobKind.SHOW] == 1
    found = await store.next_due()
    assert found == pytest.approx(now + 60)


async def test_a_dead_ones_work_is_taken_over_and_it_cannot_finish_any_more(store: Store, other: Store) -> None:
    await store.put(due())
    (first,) = await store.claim(10, 0.05)
    await asyncio.sleep(0.1)
    (second,) = await other.claim(10, 60)
    assert (second.fence > first.fence, second.attempt) == (True, 2)
    for act in (
        store.finish(first),
        store.postpone(first, 0, ""),
        store.fail(first, ""),
        store.commit(Change(ADA, finish=first)),
    ):
        with pytest.raises(Lost):
            await act
    assert (await store.load("ada"))[0].version == 0
    await other.finish(second)
    assert await store.next_due() is None


async def test_new_work_of_the_same_key_is_not_finished_by_the_old_claim(store: Store) -> None:
    await store.put(due())
    (claimed,) = await store.claim(10, 60)
    await store.put(due(turn=5))
    with pytest.raises(Lost):
        await store.finish(claimed)
    assert (await store.pending())[JobKind.FOLLOW_UP] == 1


async def test_what_was_given_up_can_be_seen_and_tried_again(store: Store) -> None:
    await store.put(due())
    (claimed,) = await store.claim(10, 60)
    await store.fail(claimed, "TimedOut")
    assert await store.claim(10, 60) == ()
    (letter,) = await store.dead_letters()
    assert (letter.kind, letter.key, letter.error) == ("follow_up", "C1", "TimedOut")
    assert await store.retry(letter.id)
    assert not await store.retry(letter.id)
    assert [one.job.key for one in await store.claim(10, 60)] == ["C1"]
    assert await store.dead_letters() == ()


async def test_forgetting_takes_everything_and_counts_it(store: Store) -> None:
    await store.commit(
        Change(
            ADA,
            "a1",
            (LogEntry("t", "typed", "one"), LogEntry("t", "typed", "two")),
            (due(),),
            pending_card=PendingCard(0.0, in_place=True),
        )
    )
    await store.commit(Change(replace(ADA, person="ben", case=replace(CASE, id="C2"))))
    assert await store.erase("ada") == Erased(people=1, cases=1, entries=2, work=2)
    forgotten, handled = await store.load("ada", "a1")
    assert (replace(forgotten, handled=""), handled) == (Record("ada"), True)
    assert (await store.load("ben"))[0].version > 0
    assert await store.erase("ada") == Erased()


async def test_only_what_ended_long_ago_is_purged(store: Store) -> None:
    ended = replace(CASE, id="OLD", outcome="resolved")
    for number, case in enumerate((ended, replace(ended, id="NEW", opened_at="2026-06-01T00:00:00+00:00"), CASE)):
        await store.commit(Change(replace(ADA, person=f"p{number}", case=case), log=(LogEntry("t", "typed", "x"),)))
    assert await store.purge("2026-03-01T00:00:00+00:00") == Purged(cases=1)
    assert [(await store.load(f"p{n}"))[0].case is not None for n in range(3)] == [False, True, True]
    assert [len(await store.log(key)) for key in ("OLD", "NEW", "C1")] == [0, 1, 1]


async def test_a_dead_letter_goes_with_the_retention_counted_from_when_it_was_given_up(
    database: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may hold what somebody wrote, somebody who still writes or a group, which never goes."""
    monkeypatch.setattr(jobs, "_PURGE_BATCH", 2)
    await asyncio.gather(
        *(store.put(due(key, JobKind.TURN, text="secret")) for key in ("old", "older", "oldest", "new"))
    )
    for one in await store.claim(4, 60):
        await store.fail(one, "in vain")
    await execute(database, "UPDATE work SET dead_at = 1.0 WHERE key <> 'new'")
    await store.put(due("open", at=1.0))
    assert await store.purge("2026-03-01T00:00:00+00:00") == Purged(dead_letters=3)
    assert {key for (key,) in await fetch(database, "SELECT key FROM work")} == {"new", "open"}


async def test_who_was_not_there_for_longer_than_the_retention_is_forgotten(database: str, store: Store) -> None:
    """With an unfinished case or without one; whoever was saved by an earlier version is counted from today."""
    people = {"walked off": "2026-01-01", "no case": "2026-01-01", "earlier version": "", "here": "2026-05-01"}
    for number, (name, touched) in enumerate(people.items()):
        case = None if name == "no case" else replace(CASE, id=f"C{number}")
        await store.commit(Change(replace(ADA, person=name, case=case), "a1", (LogEntry("t", "typed", "x"),) if case else (), (due(name),)))  # fmt: skip
        await execute(database, f"UPDATE people SET touched = '{touched}' WHERE person = '{name}'")
    await execute(database, "UPDATE work SET person = key")
    purged = await store.purge("2026-03-01T00:00:00+00:00")
    assert purged == Purged(people=2, unfinished=1)
    assert {name for (name,) in await fetch(database, "SELECT person FROM people")} == {"earlier version", "here"}
    assert {name for (name,) in await fetch(database, "SELECT person FROM work")} == {"earlier version", "here"}
    assert await fetch(database, "SELECT count(*) FROM tombstones") == [(0,)]
    assert [touched != "" for (touched,) in await fetch(database, "SELECT touched FROM people")] == [True, True]


async def test_a_purge_of_many_lets_turns_through(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "PURGE_BATCH", 10)
    ended = [replace(ADA, person=f"p{n}", case=replace(CASE, id=f"C{n}", outcome="resolved")) for n in range(35)]
    await asyncio.gather(*(store.commit(Change(one)) for one in ended))
    purging = asyncio.create_task(store.purge("2026-03-01T00:00:00+00:00"))
    await asyncio.gather(*(store.load("p1") for _ in range(5)))
    assert await purging == Purged(cases=35)


async def test_a_worker_is_woken_by_new_work(store: Store) -> None:
    waiting = asyncio.create_task(store.changed(30))
    await asyncio.sleep(0.3)
    await store.commit(Change(ADA, put=(due(),)))
    await asyncio.wait_for(waiting, 10)


async def test_another_replica_is_woken_on_postgresql(database: str, store: Store, other: Store) -> None:
    """On SQLite a second process finds new work when it next looks."""
    timeout = 30.0 if database.startswith("postgresql") else 0.5
    waiting = asyncio.create_task(other.changed(timeout))
    await asyncio.sleep(0.3)
    await store.commit(Change(ADA, put=(due(),)))
    await asyncio.wait_for(waiting, 10)


async def test_what_is_there_survives_a_restart(database: str, store: Store) -> None:
    saved = await store.commit(Change(ADA, "a1", put=(due(),)))
    await store.close()
    again = await open_store(database)
    assert await again.load("ada", "a1") == (saved, True)
    assert (await again.pending())[JobKind.FOLLOW_UP] == 1
    await again.close()


async def test_a_newer_schema_is_refused_with_a_clear_line(database: str, store: Store) -> None:
    await store.close()
    await execute(database, "UPDATE meta SET version = 99")
    with pytest.raises(NewerSchema, match="schema 99, this program knows up to"):
        await open_store(database)


async def test_a_damaged_job_is_left_out_where_others_are_read(database: str, store: Store) -> None:
    for key in ("C1", "C2", "C3", "C4"):
        await store.put(due(key, JobKind.TICKET_STATE, ref=key))
    for key, payload in (("C1", "{bad"), ("C2", "[]"), ("C3", "")):
        await execute(database, f"UPDATE work SET payload = '{payload}' WHERE key = '{key}'")
    assert await store.due_payloads(JobKind.TICKET_STATE, 1.0, 10) == (("C4", {"ref": "C4"}),)
    kept = [await store.open_payload(JobKind.TICKET_STATE, key) for key in ("C1", "C2", "C3", "C4", "none")]
    assert kept == [{}, {}, {}, {"ref": "C4"}, {}]


async def test_a_damaged_case_costs_that_person_alone_a_new_start(database: str, store: Store) -> None:
    await store.commit(Change(ADA))
    await store.commit(Change(replace(ADA, person="ben", case=replace(CASE, id="C2"))))
    await execute(database, "UPDATE cases SET document = '{broken' WHERE id = 'C1'")
    damaged, _ = await store.load("ada")
    assert (damaged.case, damaged.lost) == (None, True)
    assert (await store.load("ben"))[0].case == replace(CASE, id="C2")


async def test_a_database_of_the_first_schema_is_led_forward(database: str) -> None:
    dialect = database.partition(":")[0]
    await execute(database, "CREATE TABLE meta (version BIGINT NOT NULL)", *statements(dialect, 0))
    await execute(
        database,
        "INSERT INTO meta (version) VALUES (1)",
        "INSERT INTO people VALUES ('ada', 7, 'Ada', 'sv', 'Windows', '', 0, 'C1')",
        f"INSERT INTO cases VALUES ('C1', 'ada', '{to_json(CASE)}', '', '2026-01-01T00:00:02+00:00')",
        "INSERT INTO activities VALUES ('a1', 1.0)",
        "INSERT INTO work (kind, key, person, payload, due_at) VALUES ('show', 'ada', 'ada', '{\"in_place\": true}', 1.0)",
    )
    store = await open_store(database)
    record, _ = await store.load("ada")
    assert (record.version, record.locale, record.case) == (7, "sv", CASE)
    assert [one.job.kind for one in await store.claim(10, 60)] == [JobKind.SHOW]
    assert (await store.commit(Change(record, "a2", pending_card=PendingCard(0.0, in_place=True)))).version == 8
    assert await store.purge("2026-03-01T00:00:00+00:00") == Purged()
    await store.close()


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all.db", "postgresql://nobody@127.0.0.1:9/none"])
async def test_a_database_out_of_reach_is_told_as_that(url: str) -> None:
    with pytest.raises(StoreUnavailable):
        await open_store(url)


async def test_a_full_disk_loses_nothing_and_recovers(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path / 'full.db'}")
    saved = await store.commit(Change(ADA, "a1"))
    await store.run(lambda: limited(1))
    with pytest.raises(StoreUnavailable):
        await store.commit(Change(replace(saved, name="x" * 2_000_000)))
    assert await store.load("ada", "a1") == (saved, True)
    await store.run(lambda: limited(1_000_000))
    assert (await store.commit(Change(replace(saved, name="y")))).version == saved.version + 1
    await store.close()


async def test_one_value_that_no_database_takes_costs_nobody_else_a_turn(store: Store) -> None:
    people = [replace(ADA, person=f"p{n}", case=replace(CASE, id=f"C{n}")) for n in range(8)]
    results = await asyncio.gather(
        *(store.commit(Change(one)) for one in people[:4]),
        store.run(impossible),
        *(store.commit(Change(one)) for one in people[4:]),
        return_exceptions=True,
    )
    assert [isinstance(one, Record) for one in results] == [True] * 4 + [False] + [True] * 4


def impossible() -> Operation[None]:
    """A type that neither knows."""
    yield Statement("UPDATE people SET name = ? WHERE person = 'p0'", (object(),))


def limited(pages: int) -> Operation[None]:
    """SQLite's own way to make a disk full."""
    yield Statement(f"PRAGMA max_page_count = {pages}")


async def test_a_look_whether_it_is_ready_begins_no_turn_again_and_leaves_nothing(database: str, store: Store) -> None:
    asked = begun = 0

    def turn() -> Operation[None]:
        nonlocal begun
        begun += 1
        yield Statement("SELECT 1")

    async def turns() -> None:
        nonlocal asked
        while not looked:
            asked += 1
            await store.run(turn)

    looked = False
    chats = [asyncio.create_task(turns()) for _ in range(8)]  # some before it in the same commit, on SQLite
    await asyncio.sleep(0)
    assert await store.ready()
    looked = True
    await asyncio.gather(*chats)
    assert begun == asked
    for table in ("people", "cases", "log", "work", "owed", "inbox"):
        assert await fetch(database, f"SELECT * FROM {table}") == []
