"""What a database can answer: every class of error of PostgreSQL and SQLite, odd text, and rows that nobody can read."""

from __future__ import annotations

import asyncio
import itertools
import re
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from bot.conversation import Address
from bot.errors import StoreUnavailable
from bot.store import Change, Job, JobKind, LogEntry, Record
from bot.store.connect import open_store
from bot.store.interface import Store
from bot.store.jobs import probe
from bot.store.operation import Operation, Statement
from bot.store.sqlite import unavailable
from dialogs.case_json import to_json
from dialogs.model import Case
from tests.databases import execute, fetch

ADDRESS = Address("https://smba.example/", "a:1", "28:bot", "29:ada", "tenant")
CASE = Case("C1", opened_at="2026-01-01T00:00:00+00:00")
ADA = Record("ada", name="Ada", address=ADDRESS, case=CASE)

# One of each class of SQLSTATE in PostgreSQL's appendix A (but 01 and 02, which are warnings), and more.
UNAVAILABLE = re.findall(
    r"\w+",
    """
    03000 08000 08003 08006 08001 08004 08007 08P01 09000 0A000 0B000 0F000 0L000 0P000 0Z000 20000 24000 25000
    25001 25006 25P01 25P02 25P03 25P04 26000 27000 28000 28P01 2B000 2D000 2F000 34000 38000 39000 3B000 3D000
    3F000 40000 40002 40003 42501 42703 42P01 42P05 44000 53000 53100 53200 53300 53400 54000 54001 55000 55006
    55P03 57000 57014 57P01 57P02 57P03 57P04 57P05 58000 58030 58P01 72000 F0000 HV000 P0000 P0001 P0002 XX000
    XX001 XX002
    """,
)
REFUSED = re.findall(  # what was sent, by a schema, trigger or right that is another one now
    r"\w+",
    """
    21000 22000 22003 22012 22P02 23000 23502 23505 23514 42000 42601 42804 42883 42P02
    """,
)


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    one = await open_store(database)
    yield one
    await one.close()


def raising(state: str) -> Operation[None]:
    yield Statement(f"DO $$ BEGIN RAISE EXCEPTION 'as planned' USING ERRCODE = '{state}'; END $$")


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_every_class_of_errors_is_an_outage_and_the_next_turn_works(store: Store) -> None:
    saved = await store.commit(Change(ADA))
    for state in [*UNAVAILABLE, *REFUSED]:
        with pytest.raises(StoreUnavailable, match=state):
            await store.run(lambda state=state: raising(state))  # type: ignore[misc]
        assert (await store.load("ada"))[0] == saved, state


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_a_transaction_that_always_meets_another_is_an_outage_in_the_end(store: Store, state: str) -> None:
    tries = 0

    def work() -> Operation[None]:
        nonlocal tries
        tries += 1
        return raising(state)

    with pytest.raises(StoreUnavailable):
        await store.run(work)
    assert tries == 4


GONE = [
    RuntimeError("unable to perform operation on <TCPTransport closed=True reading=False 0x1>; the handler is closed"),
    AttributeError("'NoneType' object has no attribute 'terminate'"),
    AssertionError(),
    KeyError(1),
    asyncpg.InternalClientError("got result for unknown protocol state 3"),
    ConnectionResetError(),
]  # what comes out of the driver and the event loop when a server goes


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_whatever_the_driver_raises_when_its_connection_goes_is_an_outage_and_then_over(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = await store.commit(Change(ADA))
    put = (Job(JobKind.FOLLOW_UP, "C1", "ada", 0.0, {}),)  # it is announced to the other processes
    failing = [
        (asyncpg.Connection, "fetch", "", True),
        (asyncpg.Connection, "execute", "NOTIFY", True),
        (asyncpg.pool.Pool, "_acquire", "", False),
        (asyncpg.pool.Pool, "release", "", False),
        (asyncpg.transaction.Transaction, "start", "", True),
        (asyncpg.transaction.Transaction, "_Transaction__commit", "", True),
    ]
    for error, (where, method, statement, leaves) in itertools.product(GONE, failing):
        real = getattr(where, method)

        async def broken(*given: object, error: Exception = error, real: Any = real, statement: str = statement, method: str = method, **named: object) -> object:  # fmt: skip
            if statement and not str(given[1]).startswith(statement):
                return await real(*given, **named)
            if method == "release":
                await real(*given, **named)
            raise error

        before = await store.run(_process)
        with monkeypatch.context() as patch:
            patch.setattr(where, method, broken)
            with pytest.raises(StoreUnavailable):
                await store.commit(Change(saved, put=put))
        async with asyncio.timeout(30):
            record, _ = await store.load("ada")
        assert replace(record, version=saved.version) == saved, (error, method)
        assert (await store.run(_process) != before) == leaves, (
            error,
            method,
        )  # a connection that failed is not reused
        saved = record


def _process() -> Operation[int]:
    ((found,),) = yield Statement("SELECT pg_backend_pid()")
    return int(found)


@pytest.mark.parametrize("error", [KeyError("ours"), RuntimeError("ours")], ids=lambda one: type(one).__name__)
async def test_what_an_operation_raises_by_itself_stays_what_it_is(store: Store, error: Exception) -> None:
    saved = await store.commit(Change(ADA))

    def work() -> Operation[None]:
        yield Statement("DELETE FROM people")
        raise error

    with pytest.raises(type(error), match="ours"):
        await store.run(work)

    def wrong() -> Operation[None]:
        raise error

    with pytest.raises(type(error), match="ours"):
        await store.run(wrong)
    assert (await store.load("ada"))[0] == saved


SQLITE = {name: code for name in dir(sqlite3) if name.startswith("SQLITE_") and isinstance(code := getattr(sqlite3, name), int)}  # fmt: skip
CODES = ["ERROR", "INTERNAL", "PERM", "ABORT", "BUSY", "LOCKED", "NOMEM", "READONLY", "INTERRUPT", "IOERR", "CORRUPT", "NOTFOUND", "FULL", "CANTOPEN", "PROTOCOL", "EMPTY", "SCHEMA", "TOOBIG", "CONSTRAINT", "MISMATCH", "MISUSE", "NOLFS", "AUTH", "FORMAT", "RANGE", "NOTADB"]  # fmt: skip
SQLITE_MISTAKES = {"MISUSE", "RANGE"}


@pytest.mark.parametrize("name", CODES)
def test_every_code_of_sqlite_is_an_outage_or_a_mistake(name: str) -> None:
    error = sqlite3.OperationalError("as planned")
    error.sqlite_errorcode = SQLITE[f"SQLITE_{name}"]
    assert (unavailable(error, Path("photosync.db")) is None) == (name in SQLITE_MISTAKES)


@pytest.mark.parametrize("table", ["people", "cases", "work", "owed", "inbox", "slots", "tombstones"])
async def test_a_table_that_was_dropped_is_an_outage_until_it_is_back(database: str, store: Store, table: str) -> None:
    await execute(database, f"ALTER TABLE {table} RENAME TO away")
    calls = (store.load("ada"), store.commit(Change(ADA, "a1")), store.claim(1, 60), store.erase("ada"), store.run(probe))  # fmt: skip
    results = await asyncio.gather(*calls, return_exceptions=True)
    failed = [one for one in results if isinstance(one, BaseException)]
    assert failed
    assert all(isinstance(one, StoreUnavailable) for one in failed), failed
    await execute(database, f"ALTER TABLE away RENAME TO {table}")
    await store.commit(Change(replace(ADA, person="eve", case=None), "a2"))


RAISES = """
    CREATE FUNCTION raises() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'as planned' USING ERRCODE = '{}'; END $$;
    CREATE TRIGGER raises BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION raises()
"""
BY_HAND = [  # what somebody does to a database, and how it is undone
    ("postgresql", "ALTER TABLE people ALTER person TYPE uuid USING md5(person)::uuid", "ALTER TABLE people ALTER person TYPE text"),
    ("postgresql", "ALTER TABLE people ALTER version TYPE text", "ALTER TABLE people ALTER version TYPE bigint USING version::bigint"),
    ("postgresql", "ALTER TABLE people ADD more text NOT NULL", "ALTER TABLE people DROP more"),
    ("postgresql", "ALTER TABLE log ADD CONSTRAINT narrow CHECK (kind = 'other')", "ALTER TABLE log DROP CONSTRAINT narrow"),
    ("postgresql", "ALTER TABLE people ALTER name TYPE varchar(2)", "ALTER TABLE people ALTER name TYPE text"),
    ("postgresql", "CREATE RULE swallow AS ON INSERT TO people DO INSTEAD NOTHING", "DROP RULE swallow ON people"),
    ("postgresql", "ALTER TABLE people DROP CONSTRAINT people_pkey", "ALTER TABLE people ADD PRIMARY KEY (person)"),
    *(
        ("postgresql", RAISES.format(state, table), f"DROP TRIGGER raises ON {table}; DROP FUNCTION raises")
        for state, table in (("P0001", "people"), ("23505", "work"), ("22000", "log"), ("42601", "cases"), ("23503", "inbox"))
    ),
    *(
        ("sqlite", f"CREATE TRIGGER raises BEFORE INSERT ON {table} BEGIN SELECT RAISE({how}, 'as planned'); END", "DROP TRIGGER raises")
        for how, table in (("ABORT", "people"), ("FAIL", "cases"), ("ROLLBACK", "log"), ("ABORT", "inbox"))
    ),
    ("sqlite", "CREATE TRIGGER raises AFTER INSERT ON work BEGIN INSERT INTO nowhere VALUES (1); END", "DROP TRIGGER raises"),
]  # fmt: skip


@pytest.mark.parametrize(("database", "done", "undone"), BY_HAND, indirect=["database"])
async def test_a_schema_that_was_changed_by_hand_is_an_outage_that_readiness_shows_until_it_is_undone(
    database: str, store: Store, done: str, undone: str
) -> None:
    async def turn(person: str) -> None:
        found = Record(person, name="Ada O'Neil", address=ADDRESS, case=replace(CASE, id=person))
        entry = LogEntry("2026-01-01T00:00:00+00:00", "typed", "hello")
        await store.receive(person, "a1", {})
        await store.commit(Change(found, "a1", log=(entry,), put=(Job(JobKind.FOLLOW_UP, person, person, 0.0, {}),)))
        assert (await store.load(person))[0].case == found.case

    assert await store._probe()
    await execute(database, done)
    for person in ("ada", "ben"):
        with pytest.raises(StoreUnavailable):
            await turn(person)
    assert not await store._probe()
    await execute(database, undone)
    await turn("eve")
    assert await store._probe()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("table", ["log", "work"])
async def test_numbers_that_are_behind_their_rows_go_on_behind_them(database: str, store: Store, table: str) -> None:
    async def turn(person: str) -> None:
        entry = LogEntry("2026-01-01T00:00:00+00:00", "typed", "hello")
        put = (Job(JobKind.FOLLOW_UP, person, person, 0.0, {}),)
        await store.commit(Change(Record(person, case=replace(CASE, id=person)), log=(entry,), put=put))

    for number in range(5):
        await turn(f"p{number}")
    await execute(database, f"SELECT setval('{table}_id_seq', 1)")  # as after data was restored without sequences
    await asyncio.gather(*(turn(f"p{number}") for number in range(5, 10)))  # none sets another's number back
    assert await fetch(database, f"SELECT count(*), count(DISTINCT id) FROM {table}") == [(10, 10)]


ODD = {
    "a NUL": "my\x00 photo",
    "half an emoji": "my \ud83d photo",
    "the other half, and a NUL": "\udc4d\x00",
    "beyond the plane": "\U0010ffff\ufffe",
    "only NULs": "\x00" * 3,
    "long": "x" * 3_000_000,
    "right to left": "\u202eabc\u2066",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
async def test_whatever_a_person_writes_is_kept(store: Store, text: str) -> None:
    record = replace(ADA, name=text, platform=text, case=replace(CASE, comment=text))
    people = [replace(ADA, person=f"p{n}", case=replace(CASE, id=f"P{n}")) for n in range(3)]
    saved, *_ = await asyncio.gather(
        store.commit(
            Change(
                record,
                text[:99],
                (LogEntry("t", "typed", text),),
                (Job(JobKind.TICKET, "C1", "ada", 0.0, {"text": text}),),
            )
        ),
        *(store.commit(Change(one, "a1")) for one in people),
    )
    loaded, handled = await store.load("ada", text[:99])
    assert (loaded.version, handled, len(await store.log("C1"))) == (saved.version, True, 1)
    assert loaded.name.replace("\ufffd", "") == "".join(one for one in text if one != "\x00" and not "\ud800" <= one <= "\udfff") or loaded.name == text  # fmt: skip
    (job,) = await store.claim(10, 60)
    assert job.job.payload["text"]
    await store.fail(job, text)
    await store.receive("ada", text[:99], {"text": text})
    await store.commit(Change(replace(loaded, name="Ada"), "next"))
    assert (await store.erase("ada")).people == 1


DAMAGED = {
    "a kind of a newer program": ("remind", "{}"),
    "an empty kind": ("", "{}"),
    "half a document": ("ticket", '{"id": "x'),
    "no document": ("ticket", ""),
    "a list": ("follow_up", "[1, 2]"),
    "a number": ("follow_up", "7"),
    "null": ("show", "null"),
    "deep": ("purge", "[" * 100_000),
}


async def test_jobs_that_cannot_be_read_become_dead_letters_and_the_others_are_done(
    database: str, store: Store
) -> None:
    for number, (kind, payload) in enumerate(DAMAGED.values()):
        await execute(database, f"INSERT INTO work (kind, key, person, payload, due_at) VALUES ('{kind}', 'k{number}', 'ada', '{payload}', {number})")  # fmt: skip
    await store.put(Job(JobKind.FOLLOW_UP, "C1", "ada", 100.0))
    found = [one.job.key for _ in range(3) for one in await store.claim(16, 60)]
    letters = await store.dead_letters()
    assert (found, len(letters)) == (["C1"], len(DAMAGED))
    assert all(one.error.startswith("a job ") for one in letters)
    assert await store.retry(letters[0].id)
    assert await store.claim(16, 60) == ()
    assert len(await store.dead_letters()) == len(DAMAGED)


@pytest.mark.parametrize("column", ["fence", "attempt"])
async def test_a_job_that_was_counted_to_the_end_is_laid_aside_and_the_others_are_done(
    database: str, store: Store, column: str
) -> None:
    await execute(database, f"INSERT INTO work (kind, key, person, payload, due_at, {column}) VALUES ('follow_up', 'k', 'ada', '{{}}', 1, 9223372036854775807)")  # fmt: skip
    await store.put(Job(JobKind.FOLLOW_UP, "C1", "ada", 100.0))
    assert [one.job.key for one in await store.claim(16, 60)] == ["C1"]
    assert len(await store.dead_letters()) == 1


async def test_a_letter_whose_place_is_taken_goes_without_touching_the_newer_job(store: Store) -> None:
    await store.put(Job(JobKind.FOLLOW_UP, "C1", "ada", 0.0, {"turn": 1}))
    (claimed,) = await store.claim(1, 60)
    await store.fail(claimed, "Outage")
    await store.put(Job(JobKind.FOLLOW_UP, "C1", "ada", 0.0, {"turn": 2}))
    (letter,) = await store.dead_letters()
    assert await store.retry(letter.id)
    assert [one.job.payload for one in await store.claim(10, 60)] == [{"turn": 2}]
    assert await store.dead_letters() == ()


COLUMNS = {
    "an address cut off": ("people", "address", '{"service_url": "https'),
    "an address of a newer program": ("people", "address", '{"who": "knows"}'),
    "an address that is a list": ("people", "address", "[1]"),
    "an address with a number": ("people", "address", '{"service_url": 1, "conversation": 2, "bot": 3, "user": 4, "tenant": 5}'),
    "a case cut off": ("cases", "document", '{"id": "C1"'),
    "a case that is null": ("cases", "document", "null"),
    "a case that is a list": ("cases", "document", "[]"),
    "a case of numbers": ("cases", "document", '{"id": 1, "rev": "x", "checks": 5, "traces": {}}'),
    "a case so deep": ("cases", "document", "[" * 100_000),
    "another case": ("cases", "document", to_json(replace(CASE, id="C9"))),
    "a version of zero": ("people", "version", 0),
    "a negative version": ("people", "version", -5),
}  # fmt: skip


@pytest.mark.parametrize(("table", "column", "value"), COLUMNS.values(), ids=COLUMNS)
async def test_a_row_that_cannot_be_read_costs_that_person_alone_a_new_start(
    database: str, store: Store, table: str, column: str, value: str | int
) -> None:
    await store.commit(Change(ADA, "a1"))
    await store.commit(Change(replace(ADA, person="ben", case=replace(CASE, id="C2"))))
    spelled = value if isinstance(value, int) else f"'{value}'"
    await execute(database, f"UPDATE {table} SET {column} = {spelled} WHERE {'id' if table == 'cases' else 'person'} = '{'C1' if table == 'cases' else 'ada'}'")  # fmt: skip
    loaded, handled = await store.load("ada", "a1")
    assert (loaded.name, handled, loaded.lost) == ("Ada", True, table == "cases")
    fresh = replace(loaded, address=ADDRESS, case=replace(CASE, id="NEW"))
    saved = await store.commit(Change(fresh, "a2"))
    assert await store.load("ada", "a2") == (saved, True)
    assert (await store.load("ben"))[0].case == replace(CASE, id="C2")
    if table == "cases":
        kept = await fetch(database, "SELECT document FROM cases WHERE id = 'C1'")
        assert kept == [(value,)]


async def test_bytes_that_are_no_text_stop_neither_the_person_nor_the_worker(tmp_path: Path) -> None:
    """SQLite keeps whatever was put in a column."""
    url = f"sqlite:///{tmp_path / 'photosync.db'}"
    store = await open_store(url)
    await store.commit(Change(ADA, "a1", (LogEntry("t", "typed", "x"),), (Job(JobKind.FOLLOW_UP, "C1", "ada", 0.0),)))
    await execute(url, "UPDATE people SET name = CAST(x'ff41' AS TEXT)", "UPDATE work SET error = CAST(x'ff' AS TEXT), key = CAST(x'43ff' AS TEXT)", "UPDATE log SET what = CAST(x'fe' AS TEXT)")  # fmt: skip
    loaded, _ = await store.load("ada")
    assert (loaded.name, (await store.log("C1"))[0].what) == ("\ufffdA", "\ufffd")
    await store.commit(Change(loaded, "a2"))
    (claimed,) = await store.claim(10, 60)
    await store.fail(claimed, "x")
    assert len(await store.dead_letters()) == 1
    await store.close()
