"""PostgreSQL that is away, full, read-only, replaced or behind a pooler; and addresses that cannot work."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from urllib.parse import urlsplit

import asyncpg
import pytest

from bot.errors import StoreUnavailable, StoreUnusable
from bot.store import Change, Job, JobKind, Record
from bot.store.connect import connect, open_store
from bot.store.inspection import inspect
from bot.store.interface import Store
from bot.store.operation import Operation, Statement
from bot.store.schema import statements
from dialogs.model import Case
from tests.databases import execute, server
from tests.pooler import pooler

ADA = Record("ada", name="Ada", case=Case("C1", opened_at="2026-01-01T00:00:00+00:00"))


@pytest.fixture
async def database(postgres_server: str) -> str:
    name = f"test_{secrets.token_hex(6)}"
    await execute(f"{postgres_server}/postgres", f"CREATE DATABASE {name}")
    return f"{postgres_server}/{name}"


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    one = await open_store(database)
    yield one
    await one.close()


@asynccontextmanager
async def relay(address: str) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """The server at another address, which passes everything on while the event is set, and else says nothing."""
    passing, parts = asyncio.Event(), urlsplit(address)
    passing.set()
    tasks = set[asyncio.Task[None]]()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                await passing.wait()
                writer.write(data)
        writer.close()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(parts.hostname, parts.port)
        tasks.update(map(asyncio.create_task, (copy(reader, back), copy(there, writer))))

    listening = await asyncio.start_server(accepted, "127.0.0.1")
    port = listening.sockets[0].getsockname()[1]
    yield address.replace(f":{parts.port}", f":{port}"), passing
    listening.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_server_that_says_nothing_is_an_outage_before_teams_gives_up_and_then_over(database: str) -> None:
    async with relay(database) as (address, passing):
        store = await open_store(address)
        saved = await store.commit(Change(ADA))
        passing.clear()
        for _ in range(2):  # on a connection that there is, and on a new one
            begun = time.monotonic()
            with pytest.raises(StoreUnavailable):
                await store.load("ada")
            assert time.monotonic() - begun < 14
        assert not await store.ready()
        passing.set()
        assert (await store.load("ada"))[0] == saved
        await store.close()


PASSWORD = "s3cr3t"
WRONG = {
    "/ in the password": (f"postgresql://bot:{PASSWORD}/x@host/name", "percent-encode"),
    "/ and a port in it": (f"postgresql://bot:{PASSWORD}/x@host:5432/name", "percent-encode"),
    "# in the password": (f"postgresql://bot:{PASSWORD}#x@host/name", "percent-encode"),
    "@ in the password": (f"postgresql://bot:{PASSWORD}@x@host/name", "percent-encode"),
    "? in the password": (f"postgresql://bot:{PASSWORD}?x@host/name", "percent-encode"),
    "% in the password": (f"postgresql://bot:{PASSWORD}%x@host/name", "percent-encode"),
    "a blank in the password": (f"postgresql://bot:{PASSWORD} x@host/name", "percent-encode"),
    "a bracket in it": (f"postgresql://bot:{PASSWORD}[/@host/name", "percent-encode"),
    "a word for a port": (f"postgresql://bot:{PASSWORD}@host:{PASSWORD}/name", "the port is not a number"),
    "a port that there is not": (f"postgresql://bot:{PASSWORD}@host,other:99999/name", "the port is not from 1 to 65535"),
    "a parameter of libpq": (f"postgresql://bot:{PASSWORD}@host/name?channel_binding=require", "unknown parameter channel_binding"),
    "of SQLAlchemy": (f"postgresql://bot:{PASSWORD}@host/name?prepared_statement_cache_size=0", "unknown parameter prepared_st"),
    "misspelt": (f"postgresql://bot:{PASSWORD}@host/name?ssl_mode=require&sslmod=x", "unknown parameter ssl_mode, sslmod"),
    "a value that is none": (f"postgresql://bot:{PASSWORD}@host/name?sslmode={PASSWORD}", "cannot be read"),
    "another database": (f"mysql://bot:{PASSWORD}@host/name", "begins with"),
}  # fmt: skip


@pytest.mark.parametrize(("url", "words"), WRONG.values(), ids=WRONG)
async def test_an_address_that_cannot_work_is_named_and_shows_nothing_of_the_password(url: str, words: str) -> None:
    with pytest.raises(StoreUnusable, match=words) as refused:
        await open_store(url)
    assert PASSWORD not in str(refused.value)
    with pytest.raises(StoreUnavailable) as inspected:
        await inspect(url)
    assert PASSWORD not in str(inspected.value)
    assert PASSWORD not in repr(vars(connect("postgresql://bot:s3cr3t@host/name")))


@pytest.mark.parametrize("query", ["application_name=photosync", "statement_timeout=5000", "pgbouncer=true", "statement_cache_size=0", "sslmode=disable", "target_session_attrs=any", "search_path=public"])  # fmt: skip
async def test_parameters_that_mean_something_are_taken(database: str, query: str) -> None:
    store = await open_store(f"{database}?{query}")
    await store.commit(Change(ADA))
    await store.close()
    assert (await inspect(f"{database}?{query}")).kind == "PostgreSQL"


async def test_a_database_that_cannot_hold_every_language_is_refused(postgres_server: str) -> None:
    name = f"latin_{secrets.token_hex(4)}"
    await execute(f"{postgres_server}/postgres", f"CREATE DATABASE {name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")  # fmt: skip
    for act in (open_store, inspect):
        with pytest.raises(StoreUnusable, match="encoding LATIN1: make one with ENCODING 'UTF8'"):
            await act(f"{postgres_server}/{name}")  # type: ignore[operator]


async def recovered(store: Store, within: float = 15.0) -> int:
    """How many commits were refused until one is taken; each as an outage."""
    ends = time.monotonic() + within
    refused = 0
    while True:
        try:
            await store.commit(Change((await store.load("eve"))[0]))
        except StoreUnavailable:
            refused += 1
            assert time.monotonic() < ends, "it never worked again"
            await asyncio.sleep(0.1)
        else:
            return refused


async def test_a_server_that_can_only_be_read_is_an_outage_until_it_can_be_written(database: str, store: Store) -> None:
    await asyncio.gather(*(store.load("x") for _ in range(10)))  # every connection of the pool
    name = database.rpartition("/")[2]
    saved = await store.commit(Change(ADA))
    await execute(database, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await terminated(database)
    results = await asyncio.gather(*(store.commit(Change(replace(saved, name="x"))) for _ in range(20)), return_exceptions=True)  # fmt: skip
    assert {type(one) for one in results} == {StoreUnavailable}
    assert not await store.ready()
    assert (await store.load("ada"))[0] == saved
    await execute(database, "SET default_transaction_read_only = off", f"ALTER DATABASE {name} RESET default_transaction_read_only")  # fmt: skip
    assert await recovered(store) <= 2
    await asyncio.sleep(1.1)
    assert await store.ready()


async def terminated(database: str) -> None:
    await execute(database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")  # fmt: skip
    await asyncio.sleep(0.2)


async def test_connections_that_were_ended_are_replaced(database: str, store: Store) -> None:
    await asyncio.gather(*(store.load("x") for _ in range(10)))
    await terminated(database)
    assert await recovered(store) <= 1


async def test_too_many_connections_are_an_outage_until_there_are_fewer(database: str) -> None:
    await execute(database, "CREATE ROLE crowded LOGIN CONNECTION LIMIT 0", "GRANT ALL ON SCHEMA public TO crowded")
    url = database.replace("photosync@", "crowded@")
    store = connect(url)
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="53300"):
            await store.open()
    await execute(database, "ALTER ROLE crowded CONNECTION LIMIT 5")
    await store.open()
    results = await asyncio.gather(*(store.commit(Change(replace(ADA, person=f"p{n}", case=None))) for n in range(30)), return_exceptions=True)  # fmt: skip
    assert {type(one) for one in results} <= {Record, StoreUnavailable}
    await recovered(store)
    await store.close()


@pytest.mark.parametrize(("how", "words"), [("?statement_timeout=2000", "57014"), ("?lock_timeout=300", "55P03")])
async def test_a_lock_that_is_held_is_an_outage_until_it_is_over(database: str, how: str, words: str) -> None:
    store = await open_store(database + how)
    other = await asyncpg.connect(database)
    await other.execute("BEGIN; LOCK TABLE people")
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match=words):
            await store.load("ada")
    await other.execute("COMMIT")
    assert await recovered(store) == 0
    await other.close()
    await store.close()


async def test_a_schema_step_takes_as_long_as_it_takes_and_the_other_replicas_wait_for_it(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Longer than a statement of a turn may, and than the server allows others."""
    caplog.set_level("INFO")
    await execute(database, "CREATE TABLE meta (version BIGINT NOT NULL)", "INSERT INTO meta (version) VALUES (3)")
    await execute(database, *(text for step in range(3) for text in statements("postgresql", step)))
    busy = await asyncpg.connect(database)
    await busy.execute("BEGIN; LOCK TABLE cases")
    replicas = [connect(f"{database}?statement_timeout=5000") for _ in range(2)]
    opening = [asyncio.create_task(one.open()) for one in replicas]
    await asyncio.wait(opening, timeout=11)
    await busy.execute("COMMIT")
    await asyncio.gather(*opening)
    assert await replicas[1].commit(Change(ADA))
    assert caplog.text.count("changing the schema from 3 to 4") == 1
    for one in (*replicas, busy):
        await one.close()


async def test_a_right_that_was_taken_away_is_an_outage_until_it_is_back(database: str) -> None:
    await execute(database, "CREATE ROLE clerk LOGIN", "GRANT ALL ON SCHEMA public TO clerk")
    store = await open_store(database.replace("photosync@", "clerk@"))
    await store.commit(Change(ADA))
    await execute(database, "ALTER TABLE people OWNER TO photosync", "REVOKE ALL ON people FROM clerk")
    with pytest.raises(StoreUnavailable, match="42501"):
        await store.load("ada")
    await execute(database, "GRANT ALL ON people TO clerk")
    assert await recovered(store) == 0
    await store.close()


def sleeping() -> Operation[None]:
    yield Statement("SELECT pg_sleep(60)")


async def test_closing_does_not_wait_for_a_server_that_hangs(database: str) -> None:
    store = await open_store(database)
    hanging = asyncio.create_task(store.run(sleeping))
    await asyncio.sleep(0.3)
    begun = time.monotonic()
    await store.close()
    assert time.monotonic() - begun < 8
    with pytest.raises(StoreUnavailable):
        await hanging


async def test_a_server_that_is_away_is_waited_for_without_haste_and_found_again() -> None:
    with server() as address:
        store = await open_store(f"{address}/postgres")
        assert await asyncio.wait_for(woken(store), 10)
    begun, rounds = time.monotonic(), 0
    while time.monotonic() - begun < 4:
        await store.changed(15)
        rounds += 1
    assert rounds <= 4
    with pytest.raises(StoreUnavailable):
        await store.load("ada")
    assert not await store.ready()
    await asyncio.wait_for(store.close(), 10)


async def woken(store: Store) -> bool:
    waiting = asyncio.create_task(store.changed(30))
    await asyncio.sleep(0.5)
    await store.put(Job(JobKind.FOLLOW_UP, "C1", "ada", 0.0))
    await waiting
    return True


async def test_after_a_switchover_the_other_host_is_used() -> None:
    with server() as first, server() as second:
        for address in (first, second):
            await (await open_store(f"{address}/postgres")).close()
        both = f"{first},{second.rpartition('@')[2]}/postgres"
        store = await open_store(both)
        await asyncio.gather(*(store.load("x") for _ in range(10)))
        await store.commit(Change(replace(ADA, person="at the first")))
        await execute(f"{first}/postgres", "ALTER DATABASE postgres SET default_transaction_read_only = on")
        await terminated(f"{first}/postgres")
        assert await recovered(store) <= 2
        await asyncio.gather(*(store.commit(Change(Record(f"p{n}"))) for n in range(20)))
        assert (await store.load("at the first"))[0].version == 0
        await store.close()


async def test_behind_a_pooler_turns_work_and_new_jobs_are_found(database: str) -> None:
    async with pooler(database) as address:
        assert (await inspect(address)).version == 0
        here, there = await open_store(address), await open_store(address)
        people = [replace(ADA, person=f"p{n}", case=replace(ADA.case or Case(""), id=f"C{n}")) for n in range(60)]
        saved = await asyncio.gather(*((here, there)[n % 2].commit(Change(one, "a")) for n, one in enumerate(people)))
        again = await asyncio.gather(*((there, here)[n % 2].load(one.person, "a") for n, one in enumerate(people)))
        assert again == [(one, True) for one in saved]
        assert await here.ready()
        waiting = asyncio.create_task(there.changed(30))
        await here.put(Job(JobKind.FOLLOW_UP, "C1", "ada", 0.0))
        await asyncio.wait_for(waiting, 5)
        assert len(await there.claim(10, 60)) == 1
        await here.close()
        await there.close()
