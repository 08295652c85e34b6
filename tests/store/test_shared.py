"""One database, several processes: what one forgets stays forgotten, and what fails in one place fails there alone."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from bot.errors import StoreUnavailable
from bot.store import Change, Conflict, LogEntry, PendingCard, Record, people
from bot.store.connect import open_store
from bot.store.interface import Store
from bot.store.postgres import run_on
from bot.store.sqlite import SqliteStore, connected
from dialogs.model import Case

OPENED = "2026-01-01T00:00:00+00:00"
CASE = Case("C1", comment="very private", opened_at=OPENED, outcome="stopped")
ADA = Record("ada", name="Ada the Private", case=CASE)


@pytest.fixture
async def two(database: str) -> AsyncIterator[tuple[Store, Store]]:
    """Two processes."""
    stores = await open_store(database), await open_store(database)
    yield stores
    for one in stores:
        await one.close()


async def test_what_one_erased_does_not_come_back_from_anothers_memory(
    two: tuple[Store, Store],
) -> None:
    here, there = two
    cached = await there.commit(Change(await there.commit(Change(ADA, "a1")), delivered=True))
    await here.erase("ada")
    anew = replace((await here.load("ada"))[0], case=replace(CASE, id="C2"))
    await here.commit(Change(await here.commit(Change(anew)), delivered=True))
    with pytest.raises(Conflict):
        await there.commit(Change(cached, "a2"))
    assert (await here.load("ada"))[0].name == ""


async def test_a_purged_case_does_not_come_back_from_anothers_memory(
    two: tuple[Store, Store],
) -> None:
    here, there = two
    saved = await there.commit(Change(ADA))
    assert (await here.purge("2026-06-01T00:00:00+00:00")).cases == 1
    with pytest.raises(Conflict):
        await there.commit(Change(saved, "a1"))
    assert (await here.load("ada"))[0].case is None


async def test_two_cases_with_one_id_do_not_mix(two: tuple[Store, Store]) -> None:
    here, there = two
    await here.commit(Change(ADA))
    with pytest.raises(Conflict):
        await there.commit(Change(Record("ben", case=replace(CASE, comment="another's"))))
    record, _ = await here.load("ada")
    assert (record.case, (await here.load("ben"))[0].version) == (CASE, 0)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_erasing_waits_for_a_turn_that_is_being_committed(database: str) -> None:
    store = await open_store(database)
    saved = await store.commit(Change(ADA))
    other = await asyncpg.connect(database)
    transaction = other.transaction()
    await transaction.start()
    later = replace(saved, case=replace(CASE, id="C2"))
    await run_on(
        other,
        lambda: people.commit(
            Change(later, "a2", (LogEntry(OPENED, "typed", "words"),), pending_card=PendingCard(1.0, True))
        ),
        set(),
    )
    erasing = asyncio.create_task(store.erase("ada"))
    await asyncio.sleep(0.5)
    assert not erasing.done()
    await transaction.commit()
    assert (await erasing).cases == 2
    left = [await other.fetchval(f"SELECT count(*) FROM {table}") for table in ("people", "cases", "log", "owed")]
    await other.close()
    await store.close()
    assert left == [0, 0, 0, 0]


async def test_nothing_that_was_erased_can_be_read_in_sqlites_files(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path / 'photosync.db'}")
    await store.commit(Change(ADA, "a1", (LogEntry(OPENED, "typed", "my own words"),)))
    await store.erase("ada")
    await store.load("ada")  # the log is emptied after the answer, before anything else is done
    files = _all_bytes(tmp_path)
    await store.close()
    assert [text for text in (b"Ada the Private", b"very private", b"my own words") if text in files] == []


def _all_bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


class _Failing(sqlite3.Connection):
    """A connection of which the disk fails in COMMIT and ROLLBACK while `broken`."""

    broken = False

    def execute(self, text: str, *values: Any) -> sqlite3.Cursor:
        if self.broken and text in ("COMMIT", "ROLLBACK"):
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(text, *values)


async def test_a_disk_that_fails_for_a_while_is_told_and_gone_on_after(
    tmp_path: Path,
) -> None:
    """Also where not even a rollback works: the file is opened again."""
    made: list[_Failing] = []

    def connector(path: Path, mode: str) -> sqlite3.Connection:
        made.append(sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=_Failing))
        connected(path, mode).close()
        return made[-1]

    store = SqliteStore(tmp_path / "photosync.db", connector)
    await store.open()
    made[0].broken = True
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(store.commit(Change(ADA)), 10)
    saved = await asyncio.wait_for(store.commit(Change(ADA)), 10)
    assert len(made) == 2
    assert (await store.load("ada"))[0] == saved
    await store.close()


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path / 'photosync.db'}")
    waiting = [asyncio.create_task(store.load("ada")) for _ in range(3)]
    await asyncio.sleep(0)
    await store.close()
    assert [record.version for record, _ in await asyncio.gather(*waiting)] == [0, 0, 0]
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(store.load("ada"), 5)
