# ruff: noqa: ASYNC240 - short looks at files, in tests
"""`photosync store backup` and `copy`: everything is there, in both directions, and nothing else is touched."""

from __future__ import annotations

import asyncio
import os
import secrets
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from bot.conversation import Address
from bot.errors import StoreUnavailable
from bot.store import Change, Job, JobKind, LogEntry, PendingCard, Record
from bot.store.connect import open_store
from bot.store.copying import copy
from bot.store.page import Affected, ScanSummary
from dialogs.model import Case
from tests.command import command
from tests.databases import execute, fetch

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = Address("https://smba.example/", "a:1", "28:bot", "29:ada", "tenant")
CASE = Case("C1", opened_at="2026-01-01T00:00:00+00:00")
ADA = Record("ada", name="Ada O'Neil عمر 照片", address=ADDRESS, case=CASE)
TABLES = ("people", "cases", "log", "work", "owed", "inbox", "tombstones", "sums", "counters", "scans", "affected")


async def photosync(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PHOTOSYNC_DATABASE_URL": url}
    return await asyncio.to_thread(subprocess.run, command("store", *arguments), env=environ, capture_output=True, text=True, timeout=60, check=False)  # fmt: skip


async def filled(url: str, people: int = 3) -> None:
    store = await open_store(url)
    for number in range(people):
        record = replace(ADA, person=f"p{number}", case=replace(CASE, id=f"C{number}"))
        log = (LogEntry("t", "typed", f"words {number}"), LogEntry("t", "shown", "x"))
        job = Job(JobKind.FOLLOW_UP, f"C{number}", record.person, 9e9, {"turn": number})
        await store.commit(Change(record, "a1", log, (job,), pending_card=PendingCard(time.time() + 60, in_place=True)))
    await store.put(Job(JobKind.TICKET, "C0", "p0", 0.0))
    (claimed,) = await store.claim(1, 60)
    await store.fail(claimed, "given up")
    await store.receive("p1", "a2", {"text": "later"})
    await store.commit(Change(Record("gone"), "a1"))
    await store.erase("gone")
    await store.put(Job(JobKind.PURGE, "all", "", 0.0))
    await store.count(1)
    await store.add_affected((Affected("p1", "p1@contoso.com", "differ", ""),))
    await store.end_scan(ScanSummary("2026-01-01T00:00:00+00:00", (("differ", "", 1),), named=True))
    await store.add_to_counters({("photosync_cases", "resolved"): 2}, "p1", 1)
    await store.close()


async def everything(url: str) -> dict[str, list[tuple[object, ...]]]:
    return {table: sorted(await fetch(url, f"SELECT * FROM {table}"), key=str) for table in TABLES}


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'target.db'}"
        return
    address = request.getfixturevalue("postgres_server")
    name = f"target_{secrets.token_hex(4)}"
    asyncio.run(execute(f"{address}/postgres", f"CREATE DATABASE {name}"))
    yield f"{address}/{name}"


async def test_everything_is_copied_and_the_copy_is_a_store(database: str, target: str) -> None:
    await filled(database)
    before = await everything(database)
    done = await photosync(database, "copy", target)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout
        == "copied: 3 people, 3 cases, 6 log, 5 work, 3 owed, 1 inbox, 1 tombstones, 4 sums, 1 counters, 1 scans, 1 affected\n"
    )
    assert await everything(target) == before == await everything(database)
    store = await open_store(target)
    record, handled = await store.load("p1", "a1")
    assert (record.name, handled) == (ADA.name, True)
    await store.commit(Change(record, "a2", (LogEntry("t", "typed", "in the copy"),), (Job(JobKind.TICKET, "C1", "p1", 0.0),)))  # fmt: skip
    assert [entry.what for entry in await store.log("C1")] == ["words 1", "x", "in the copy"]
    await store.close()
    again = await photosync(database, "copy", target)
    assert (again.returncode, again.stdout) == (1, "")
    assert "it has to be empty" in again.stderr


async def test_a_backup_of_a_running_store_is_whole(database: str, tmp_path: Path) -> None:
    await filled(database)
    store = await open_store(database)
    going = True

    async def chatting(number: int) -> int:
        record, turns = Record(f"chat{number}"), 0
        while going:
            record = await store.commit(Change(record, f"a{turns}"))
            turns += 1
            await asyncio.sleep(0)
        return turns

    chats = [asyncio.create_task(chatting(number)) for number in range(4)]
    file = tmp_path / "backup.db"
    done = await photosync(database, "backup", str(file))
    going = False
    assert min(await asyncio.gather(*chats)) > 0
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{file}: ")
    assert sorted(one.name for one in tmp_path.glob("backup*")) == ["backup.db"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    copied = await everything(f"sqlite:///{file}")
    assert [row for row in copied["cases"] if row[0] == "C1"] == [row for row in (await everything(database))["cases"] if row[0] == "C1"]  # fmt: skip
    restored = await open_store(f"sqlite:///{file}")
    assert (await restored.load("p0"))[0].name == ADA.name
    await restored.close()
    await store.close()
    again = await photosync(database, "backup", str(file))
    assert (again.returncode, f"{file} is there already" in again.stderr) == (1, True)


WRONG = {
    "no database": ("sqlite:///{folder}/none.db", ["backup", "{folder}/x"], "there is no database at {folder}/none.db"),
    "no folder": ("sqlite:///{folder}/one.db", ["backup", "{folder}/no/x"], "the folder {folder}/no does not exist"),
    "itself": ("sqlite:///{folder}/one.db", ["copy", "sqlite:///{folder}/one.db"], "it has to be empty"),
    "no address": ("sqlite:///{folder}/one.db", ["copy", "{folder}/x"], "begins with sqlite:/// or postgresql://"),
    "memory": ("sqlite:///{folder}/one.db", ["copy", "sqlite:///:memory:"], "names no file"),
    "no file": ("sqlite:///{folder}/one.db", ["copy", "sqlite:///"], "names no file"),
    "no server": ("sqlite:///{folder}/one.db", ["copy", "postgresql://x:geheim@127.0.0.1:9/n"], "nothing was copied"),
    "a folder": ("sqlite:///{folder}/one.db", ["copy", "sqlite:///{folder}"], "{folder} is a folder"),
}


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_whatever_the_driver_raises_while_copying_is_told_with_its_place(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = f"sqlite:///{tmp_path / 'source.db'}"
    store = await open_store(source)
    await store.commit(Change(ADA))
    await store.close()

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the handler is closed")

    monkeypatch.setattr(asyncpg.Connection, "copy_records_to_table", broken)
    with pytest.raises(StoreUnavailable, match=r"RuntimeError at .*test_copying\.py:\d+"):
        await copy(source, database)


@pytest.mark.parametrize(("url", "arguments", "words"), WRONG.values(), ids=WRONG)
async def test_what_cannot_be_copied_is_named_in_one_line(
    tmp_path: Path, url: str, arguments: list[str], words: str
) -> None:
    await filled(f"sqlite:///{tmp_path}/one.db")
    before = sorted(one.name for one in tmp_path.iterdir())
    done = await photosync(url.format(folder=tmp_path), *(one.format(folder=tmp_path) for one in arguments))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert words.format(folder=tmp_path) in done.stderr
    assert "geheim" not in done.stderr
    assert sorted(one.name for one in tmp_path.iterdir()) == before
