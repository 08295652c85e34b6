"""`photosync case`: an agent who was given a number reads what the person saw."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from bot.store import Job, JobKind
from sandbox.tenant import Tenant
from tests.chatting import scene
from tests.commands.test_manage import photosync
from tests.databases import execute, rows


async def test_a_case_is_told_in_words_and_as_json(database: str) -> None:
    settings = {"PHOTOSYNC_TICKET_SYSTEM": "none", "PHOTOSYNC_DATABASE_URL": database}
    async with scene(**settings) as stage:
        chat = stage.chat("old", "en-US")
        await chat.say("my photo is wrong\nplease")
        await chat.press("next")
        await chat.press("next")
        number = chat.card()["actions"][0]["data"]["case"]
        await chat.say("talk to a human")
        await chat.say("purple \x1b[31mmonkey")
        for asked in (number, number.lower(), f"#{number} "):
            done = await photosync(stage.tenant, "case", asked, **settings)
            assert (done.returncode, done.stderr) == (0, "")
            lines = done.stdout.splitlines()
            assert lines[0] == f"Case {number} of {chat.person.name} ({chat.person.id})"
            assert "differ" in done.stdout
            assert "SharePoint has a different photo than Microsoft 365" in done.stdout
            assert any(line.endswith("typed: my photo is wrong please") for line in lines)
            assert any(line.endswith("shown: resync.office") for line in lines)
            assert "no ticket: the person was given this number" in done.stdout
            assert "monkey" in lines[-1]
            assert "\x1b" not in done.stdout
        document = json.loads((await photosync(stage.tenant, "case", number, "--json", **settings)).stdout)
        assert document["case"] == number
        assert [one["verdict"] for one in document["checks"]] == ["differ"]
        assert [one["answer"] for one in document["steps"]] == ["fix", "next", "next", "ticket"]
        assert document["ticket"] == {"number": "", "url": "", "submissions": 0, "state": ""}


async def test_an_earlier_case_is_found_with_its_ticket(database: str) -> None:
    async with scene(PHOTOSYNC_DATABASE_URL=database) as stage:
        chat = stage.chat("forbidden", "en-US")
        await chat.say("my photo is wrong")
        await chat.press("ticket")
        await chat.press("send_ticket", {"comment": "please"})
        (ticket,) = stage.tenant.helpdesk.tickets
        await chat.say("my photo is wrong")
        done = await photosync(stage.tenant, "case", ticket.body["case"], PHOTOSYNC_DATABASE_URL=database)
        assert f"ticket {ticket.number} https://" in done.stdout
        assert "outcome: escalated" in done.stdout


async def test_a_comment_that_waits_is_not_said_to_be_sent(database: str) -> None:
    async with scene(PHOTOSYNC_DATABASE_URL=database) as stage:
        chat = stage.chat("forbidden", "en-US")
        await chat.say("my photo is wrong")
        await chat.press("ticket")
        await chat.press("send_ticket", {"comment": "please"})
        case = stage.tenant.helpdesk.tickets[0].body["case"]
        later = Job(JobKind.TICKET, f"{case}_2", chat.person.id, time.time() + 3_600)
        await stage.bot.store.put(later)
        done = await photosync(stage.tenant, "case", case, "--json", PHOTOSYNC_DATABASE_URL=database)
        assert json.loads(done.stdout)["ticket"]["state"] == "queued"


ODD = ["NOSUCH01", "", "' OR 1=1 --", "x" * 5_000, "\x1b[2J", "😀"]


@pytest.mark.parametrize("number", ODD, ids=["unknown", "empty", "SQL", "long", "for the terminal", "emoji"])
async def test_a_number_that_is_none_is_one_line(tmp_path: Path, number: str) -> None:
    url = f"sqlite:///{tmp_path / 'photosync.db'}"
    async with scene(PHOTOSYNC_DATABASE_URL=url) as stage:
        done = await photosync(stage.tenant, "case", number, PHOTOSYNC_DATABASE_URL=url)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("photosync: there is no case")
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr
    assert len(done.stderr) < 200


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


ABSENT = [
    ("no file", "photosync.db"),
    ("no folder", "gone/photosync.db"),
    ("a folder", "."),
    ("not a database", "text"),
]


@pytest.mark.parametrize("name", [row[1] for row in ABSENT], ids=[row[0] for row in ABSENT])
async def test_a_database_that_is_not_there_is_one_line_and_is_not_made(tmp_path: Path, name: str) -> None:
    (tmp_path / "text").write_text("not a database, but long enough to be taken for one: " * 100)
    before = names(tmp_path)
    async with Tenant.open() as tenant:
        done = await photosync(tenant, "case", "1A2B3C4D", PHOTOSYNC_DATABASE_URL=f"sqlite:///{tmp_path / name}")
    assert (done.returncode, done.stdout) == (2, "")
    assert str(tmp_path) in done.stderr
    assert done.stderr.count("\n") == 1
    assert names(tmp_path) == before


async def test_a_damaged_case_is_said_to_be_so(database: str) -> None:
    async with scene(PHOTOSYNC_DATABASE_URL=database) as stage:
        await stage.chat("old", "en-US").say("my photo is wrong")
        ((number,),) = await rows(database, "SELECT id FROM cases")
        await execute(database, "UPDATE cases SET document = '{broken'")
        done = await photosync(stage.tenant, "case", str(number), PHOTOSYNC_DATABASE_URL=database)
    assert (done.returncode, done.stderr) == (2, f"photosync: case {number} is damaged and cannot be read\n")
