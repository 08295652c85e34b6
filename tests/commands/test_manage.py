"""The commands of an admin at the store."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from bot.store import Job, JobKind
from bot.store.connect import open_store
from sandbox.tenant import Tenant
from tests.chatting import scene

ROOT = Path(__file__).resolve().parents[2]


async def photosync(tenant: Tenant, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    environ = {**tenant.environment(), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COLUMNS": "120", **changes}
    return await asyncio.to_thread(subprocess.run, [sys.executable, "-m", "bot", *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False)  # fmt: skip


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
            assert again.stdout.startswith("deleted: 0 person")


async def test_erase_of_somebody_unknown_deletes_nothing_and_says_so() -> None:
    async with Tenant.open() as tenant:
        done = await photosync(tenant, "erase", "nobody@fabrikam.example")
    assert done.returncode == 1
    assert "nothing was deleted" in done.stderr
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
