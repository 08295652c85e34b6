"""The commands of an admin at the store."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from bot.store import Job, JobKind
from bot.store.connect import open_store
from sandbox.tenant import Tenant
from tests.chatting import scene
from tests.command import command

MISSING = "99999999-0000-4000-8000-000000000000"
ROOT = Path(__file__).resolve().parents[2]


async def photosync(tenant: Tenant, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    environ = {**tenant.environment(), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COLUMNS": "120", **changes}
    return await asyncio.to_thread(subprocess.run, command(*arguments), env=environ, capture_output=True, text=True, timeout=60, check=False)  # fmt: skip


async def test_erase_forgets_a_person_by_id_or_name_and_says_what_went() -> None:
    async with scene() as stage:
        for story, name in (("old", "id"), ("missing", "upn")):
            chat = stage.chat(story, "en-US")
            await chat.say("my photo is wrong")
            who = chat.person.id if name == "id" else chat.person.upn
            done = await photosync(stage.tenant, "erase", who)
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout.startswith("deleted: 1 person, 1 cases, 3 lines of log")
            again = await photosync(stage.tenant, "erase", who)
            assert (again.returncode, again.stdout) == (1, "")
            assert again.stderr == "photosync: nothing was deleted: there is nothing about this person\n"


async def test_erase_of_somebody_unknown_deletes_nothing_and_says_so() -> None:
    async with Tenant.open() as tenant:
        await (await open_store(tenant.environment()["PHOTOSYNC_DATABASE_URL"])).close()
        done = await photosync(tenant, "erase", "nobody@fabrikam.example")
    assert done.returncode == 1
    assert done.stderr == (
        "photosync: nothing was deleted: graph: knows nobody of this name; "
        "name by object id who has left or was renamed\n"
    )


@pytest.mark.parametrize("arguments", [("erase",), ("check",), ("doctor", "--user")], ids=lambda one: one[0])
@pytest.mark.parametrize(
    ("who", "wrong"),
    [
        ("ada\udcff", "is not UTF-8"),
        ("", "must be a user principal name or an object id"),
        ("ada @fabrikam.example", "must be a user principal name or an object id"),
        ("ada@fabrikam.example\n", "must be a user principal name or an object id"),
        ("../me", "must be a user principal name or an object id"),
        ("..", "must be a user principal name or an object id"),
    ],
    ids=["no text", "nobody", "a blank", "a line", "a path", "dots"],
)
async def test_what_can_be_no_person_is_wrong_use(arguments: tuple[str, ...], who: str, wrong: str) -> None:
    async with Tenant.open() as tenant:
        done = await photosync(tenant, *arguments, who)
    assert (done.returncode, tenant.graph.requests) == (2, [])
    assert done.stderr.endswith(f": {wrong}\n")
    assert "Traceback" not in done.stderr


async def test_dead_letters_are_listed_and_tried_again() -> None:
    async with Tenant.open() as tenant:
        store = await open_store(tenant.environment()["PHOTOSYNC_DATABASE_URL"])
        await store.put(Job(JobKind.TICKET, "C1", "ada", 0.0))
        (claimed,) = await store.claim(1, 60)
        await store.fail(claimed, "Outage")
        listed = await photosync(tenant, "work", "list")
        assert listed.returncode == 0
        assert "C1" in listed.stdout
        assert "Outage" in listed.stdout
        done = await photosync(tenant, "work", "retry", str(claimed.id))
        assert done.stdout == f"{claimed.id} is due again\n"
        assert [one.job.key for one in await store.claim(1, 60)] == ["C1"]
        wrong = await photosync(tenant, "work", "retry", "999")
        assert (wrong.returncode, "no dead letter 999" in wrong.stderr) == (1, True)
        await store.close()


async def test_a_database_out_of_reach_is_one_line() -> None:
    async with Tenant.open() as tenant:
        done = await photosync(tenant, "work", "list", PHOTOSYNC_DATABASE_URL="postgresql://nobody@127.0.0.1:9/none")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["erase", MISSING], ["erase", "ada.oneil@fabrikam.example"], ["work", "list"], ["work", "retry", "1"]])  # fmt: skip
@pytest.mark.parametrize("place", ["photosync.db", "no/such/folder/photosync.db", "folder"])
async def test_a_database_that_is_not_there_is_refused_with_its_whole_path_and_not_made(
    arguments: list[str], place: str, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    async with Tenant.open() as tenant:
        environ = {**tenant.environment(), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PHOTOSYNC_DATABASE_URL": f"sqlite:///{place}"}  # fmt: skip
        done = await asyncio.to_thread(subprocess.run, command(*arguments), env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
        assert tenant.graph.requests == []
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert str(tmp_path) in done.stderr
    assert os.listdir(tmp_path) == ["folder"]  # noqa: PTH208


async def test_work_list_leaves_an_older_schema_as_it_is(database: str) -> None:
    await write_schema_of(database, 1)
    async with Tenant.open() as tenant:
        done = await photosync(tenant, "work", "list", PHOTOSYNC_DATABASE_URL=database)
    assert (done.returncode, done.stderr.count("\n"), "Traceback" in done.stderr) == (1, 1, False)
    assert await schema_of(database) == 1


async def write_schema_of(database: str, version: int) -> None:
    await (await open_store(database)).close()
    await run_sql(database, f"UPDATE meta SET version = {version}")


async def schema_of(database: str) -> int:
    return int((await run_sql(database, "SELECT version FROM meta"))[0][0])


async def run_sql(database: str, text: str) -> list[Any]:
    if database.startswith("sqlite"):
        with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as file, file:
            return file.execute(text).fetchall()
    connection = await asyncpg.connect(database)
    try:
        return list(await connection.fetch(text))
    finally:
        await connection.close()
