"""`photosync serve` as an operator runs it: a process of its own, its log, its end."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import socket
import sqlite3
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp
import pytest

from sandbox.channel import Chat
from sandbox.faults import Fault
from sandbox.tenant import Tenant
from tests.chatting import step, title
from tests.command import command

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@asynccontextmanager
async def serving(tenant: Tenant, **changes: str) -> AsyncIterator[Process]:
    """The bot in a process of its own, ready to work."""
    port = free_port()
    environ = {**tenant.environment(), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PHOTOSYNC_PORT": str(port), "PHOTOSYNC_LOG_LEVEL": "DEBUG", **changes}  # fmt: skip
    process = await asyncio.create_subprocess_exec(*command("serve"), env=environ, stdout=PIPE, stderr=PIPE)  # fmt: skip
    tenant.channel.bot_url = f"http://127.0.0.1:{port}"
    try:
        await ready(tenant.channel.bot_url)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def ready(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(200):
            try:
                async with session.get(f"{url}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    raise AssertionError("the bot did not become ready")


async def ended(process: Process, by: signal.Signals = signal.SIGTERM) -> str:
    """Ask it to stop; returns its log."""
    process.send_signal(by)
    _, log = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    return log.decode()


async def whole_story(chat: Chat, tenant: Tenant) -> None:
    await chat.say("my photo in SharePoint is wrong, canary-text")
    for _ in range(6):
        await chat.press("next")
    tenant.world.visit_sharepoint(chat.person.id)
    await chat.press("next")
    assert step(chat) == "resync.done"


@pytest.mark.parametrize("form", ["json", "text"])
async def test_a_log_of_a_day_with_faults_holds_no_secret_and_nothing_personal(form: str) -> None:
    async with Tenant.open() as tenant, serving(tenant, PHOTOSYNC_LOG_FORMAT=form) as process:
        chat = tenant.channel.chat(tenant.world.people[0].id)
        await whole_story(chat, tenant)
        case = next(one["data"]["case"] for one in chat.card()["actions"] if one["type"] == "Action.Submit")
        tenant.world.faults.plan("graph", [Fault(500)] * 12)
        tenant.world.faults.plan("connector", [Fault(502), Fault(403, code="MessageWritesBlocked"), Fault(kind="drop")])
        await chat.say("look again canary-text")
        await chat.press({"action": "send_ticket", "comment": "canary-comment"})
        token = tenant.channel.token()
        await tenant.channel.post(b'{"canary-body": 1}', token)
        await tenant.channel.post(b"{}", "canary.token.x")
        log = await ended(process)
    if form == "json":
        lines = [json.loads(line) for line in log.splitlines()]
        assert {"at", "level", "where", "what"} <= set(lines[0])
        assert case in {
            line.get("case") for line in lines
        }  # what the line is about, by which `photosync case` finds it
    assert case in log
    assert "request-id" in log
    picture = base64.b64encode(next(iter(tenant.graph.downloads.values()))[:60]).decode()
    personal = {part for one in tenant.world.people for part in (one.id, one.upn, one.upn.split("@")[0], *one.name.split()) if len(part) > 2}  # fmt: skip
    ids = (chat.conversation, f"29:{chat.person.id}", chat.person.id.replace("-", ""))
    for secret in (tenant.secret, tenant.helpdesk.secret, "canary", token[:40], "Bearer", "eyJ", picture, *ids, *personal):  # fmt: skip
        assert secret not in log, secret
    assert "Traceback" not in log


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGHUP])  # which the end of a terminal sends
async def test_a_turn_under_way_is_finished_before_the_end(by: signal.Signals) -> None:
    async with Tenant.open() as tenant, serving(tenant) as process:
        chat = tenant.channel.chat(tenant.world.people[0].id)
        tenant.world.faults.graph_seconds = 0.5
        saying = asyncio.create_task(chat.say("my photo is wrong"))
        await asyncio.sleep(0.5)
        log = await ended(process, by)
        assert await saying in (200, 201, 202)
        assert step(chat) == "look.differ"
        assert "stopping" in log


async def test_a_port_in_use_is_told_in_one_line() -> None:
    async with Tenant.open() as tenant:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            environ = {**tenant.environment(), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PHOTOSYNC_PORT": str(taken.getsockname()[1]), "PHOTOSYNC_LOG_LEVEL": "ERROR"}  # fmt: skip
            process = await asyncio.create_subprocess_exec(*command("serve"), env=environ, stderr=PIPE)
            _, log = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert b"cannot listen on 127.0.0.1 port" in log
    assert b"Traceback" not in log


async def test_operators_have_a_port_of_their_own_and_the_public_one_says_no_more_than_it_must() -> None:
    operators = free_port()
    async with Tenant.open() as tenant, serving(tenant, PHOTOSYNC_OPERATOR_PORT=str(operators)) as process:
        public, private = tenant.channel.bot_url, f"http://127.0.0.1:{operators}"
        chat = tenant.channel.chat(tenant.world.people[0].id)
        assert await chat.say("hello") in (200, 201, 202)
        async with aiohttp.ClientSession() as session:
            for url, path, status, words in (
                (public, "/metrics", 404, ""),
                (public, "/readyz", 200, '{"ready": true}'),
                (public, "/healthz", 200, '{"alive": true}'),
                (private, "/metrics", 200, "photosync_turns_total"),
                (private, "/readyz", 200, '"channel_keys": true'),
                (private, "/healthz", 200, '{"alive": true}'),
            ):
                async with session.get(f"{url}{path}") as answer:
                    assert (answer.status, words in await answer.text()) == (status, True), f"{url}{path}"
        assert f"port {operators}" in await ended(process)


async def test_an_operators_port_in_use_is_named_in_one_line() -> None:
    async with Tenant.open() as tenant:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            number = taken.getsockname()[1]
            environ = {**tenant.environment(), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PHOTOSYNC_PORT": "0", "PHOTOSYNC_OPERATOR_PORT": str(number), "PHOTOSYNC_LOG_LEVEL": "ERROR"}  # fmt: skip
            process = await asyncio.create_subprocess_exec(*command("serve"), env=environ, stderr=PIPE)
            _, log = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert log.decode() == f"photosync: cannot listen on 127.0.0.1 port {number}: Address already in use\n"


async def test_an_installations_own_language_file_is_laid_over_the_packaged_ones(tmp_path: Path) -> None:
    text = (ROOT / "locales/sv.po").read_text(encoding="utf-8")
    (tmp_path / "sv.po").write_text(text.replace("Hur kan jag hjälpa till med ditt foto?", "Hej från Kontoret!"), encoding="utf-8")  # fmt: skip
    async with Tenant.open() as tenant, serving(tenant, PHOTOSYNC_LOCALES_DIR=str(tmp_path)):
        chat = tenant.channel.chat(tenant.world.people[0].id, "sv-SE")
        await chat.say("hej")
        assert title(chat) == "Hej från Kontoret!"


async def test_a_start_without_the_database_waits_says_so_and_goes_on_when_it_is_there(tmp_path: Path) -> None:
    file = tmp_path / "photosync.db"
    async with Tenant.open() as tenant, locked(file) as unlock:
        port = free_port()
        environ = {**tenant.environment(), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PHOTOSYNC_PORT": str(port), "PHOTOSYNC_DATABASE_URL": f"sqlite:///{file}"}  # fmt: skip
        process = await asyncio.create_subprocess_exec(*command("serve"), env=environ, stderr=PIPE)
        tenant.channel.bot_url = f"http://127.0.0.1:{port}"
        chat = tenant.channel.chat(tenant.world.people[0].id)
        assert await told(f"{tenant.channel.bot_url}/healthz") == (200, {"alive": True})
        status, parts = await told(f"{tenant.channel.bot_url}/readyz")
        assert (status, parts["store"]) == (503, False)
        assert await chat.say("hello") == 503  # the channel delivers it again
        await asyncio.sleep(12)  # longer than it waits for the lock
        unlock()
        await ready(tenant.channel.bot_url)
        assert await chat.say("hello") in (200, 201, 202)
        assert step(chat) == "desk.menu"
        assert "waiting for the database" in await ended(process)


@asynccontextmanager
async def locked(file: Path) -> AsyncIterator[Callable[[], None]]:
    """A database that another program holds; what is yielded lets it go."""
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as holder:
        holder.execute("PRAGMA journal_mode = WAL")
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        yield holder.close


async def test_a_database_that_can_never_be_is_refused_in_one_line_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    async with Tenant.open() as tenant:
        for place in ("no/such/folder/photosync.db", "folder"):
            environ = {**tenant.environment(), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PHOTOSYNC_PORT": "0", "PHOTOSYNC_LOG_LEVEL": "ERROR", "PHOTOSYNC_DATABASE_URL": f"sqlite:///{place}"}  # fmt: skip
            process = await asyncio.create_subprocess_exec(*command("serve"), env=environ, stderr=PIPE, cwd=tmp_path)  # fmt: skip
            _, log = await asyncio.wait_for(process.communicate(), 60)
            assert (process.returncode, log.count(b"\n"), str(tmp_path) in log.decode()) == (1, 1, True), log


async def told(url: str) -> tuple[int, dict[str, bool]]:
    """What an address answers, as soon as anybody listens there."""
    async with aiohttp.ClientSession() as session:
        for _ in range(200):
            try:
                async with session.get(url) as answer:
                    return answer.status, await answer.json()
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
    raise AssertionError("nobody listens")


async def test_a_database_of_a_newer_program_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "newer.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE meta (version BIGINT NOT NULL)")
        connection.execute("INSERT INTO meta VALUES (99)")
    async with Tenant.open() as tenant:
        environ = {**tenant.environment(), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PHOTOSYNC_PORT": "0", "PHOTOSYNC_LOG_LEVEL": "ERROR", "PHOTOSYNC_DATABASE_URL": f"sqlite:///{file}"}  # fmt: skip
        process = await asyncio.create_subprocess_exec(*command("serve"), env=environ, stderr=PIPE)
        _, log = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert log.decode().count("\n") == 1
    assert "use a newer program" in log.decode()


async def test_what_was_under_way_at_the_end_is_free_at_once_for_the_next(tmp_path: Path) -> None:
    file = tmp_path / "photosync.db"
    changes = {"PHOTOSYNC_DATABASE_URL": f"sqlite:///{file}", "PHOTOSYNC_FOLLOW_UPS": "1s,60s"}
    async with Tenant.open() as tenant:
        chat = tenant.channel.chat(tenant.world.people[0].id)
        async with serving(tenant, **changes) as process:
            await chat.say("my photo is wrong")
            for _ in range(7):
                await chat.press("next")
            tenant.world.faults.graph_always = Fault(kind="hang")
            asked = len(tenant.graph.requests)
            for _ in range(300):  # looks by itself begin after ten seconds
                if len(tenant.graph.requests) > asked:
                    break
                await asyncio.sleep(0.1)
            begun = time.monotonic()
            await ended(process)
            assert time.monotonic() - begun < 12
        with closing(sqlite3.connect(file)) as connection:
            ((due,),) = connection.execute("SELECT due_at FROM work WHERE kind = 'follow_up'").fetchall()
        assert due <= time.time() + 10  # when the next look is, not at the lease's end
        tenant.world.faults.graph_always = None
        tenant.world.visit_sharepoint(chat.person.id)
        async with serving(tenant, **changes):
            for _ in range(150):
                if step(chat) == "resync.arrived":
                    break
                await asyncio.sleep(0.1)
            assert step(chat) == "resync.arrived"


async def test_a_running_bot_deletes_what_is_older_than_the_retention(tmp_path: Path) -> None:
    file = tmp_path / "photosync.db"
    async with Tenant.open() as tenant:
        changes = {"PHOTOSYNC_DATABASE_URL": f"sqlite:///{file}", "PHOTOSYNC_RETENTION": "30d"}
        chats = [tenant.channel.chat(tenant.world.people[n].id) for n in (4, 0)]
        async with serving(tenant, **changes) as process:
            for chat in chats:
                await chat.say("look at my photos")
            await ended(process)
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("UPDATE cases SET touched = '2020-01-01T00:00:00+00:00'")
            connection.execute("UPDATE work SET due_at = 0 WHERE kind = 'purge'")
        async with serving(tenant, **changes) as process:
            for _ in range(100):
                with closing(sqlite3.connect(file)) as connection:
                    left = connection.execute("SELECT outcome FROM cases").fetchall()
                if len(left) == 1:
                    break
                await asyncio.sleep(0.1)
            await ended(process)
        assert left == [("",)]  # the one that matched is gone, the open one stays
