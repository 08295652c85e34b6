"""Several processes on one port: nobody notices which one answers, or that one died."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import aiohttp

from sandbox.tenant import Tenant
from tests.chatting import step
from tests.commands.test_serve import ROOT, free_port, ready


def children(process: int) -> list[int]:
    """The processes that one started."""
    listed = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    return [int(one) for one in listed.split()]


async def counted(url: str, line: str) -> float:
    """One line of `/metrics`, over a connection of its own."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
        found = [one for one in (await answer.text()).splitlines() if one.startswith(line + " ")]
    return float(found[0].rpartition(" ")[2]) if found else 0.0


async def test_a_walk_goes_on_while_workers_die_and_all_end_when_told(tmp_path: Path) -> None:
    port = free_port()
    async with Tenant.open() as tenant:
        environ = {**tenant.environment(), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PHOTOSYNC_PORT": str(port), "PHOTOSYNC_DATABASE_URL": f"sqlite:///{tmp_path}/photosync.db"}  # fmt: skip
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bot", "serve", "--workers", "2", env=environ, stderr=PIPE)  # fmt: skip
        tenant.channel.bot_url = f"http://127.0.0.1:{port}"
        await ready(tenant.channel.bot_url)
        assert len(children(process.pid)) == 2
        chats = [tenant.channel.chat(one.id) for one in tenant.world.crowd(6)]
        assert set(await asyncio.gather(*(chat.say("my photo is wrong") for chat in chats))) <= {200, 202}
        first, _ = children(process.pid)
        os.kill(first, signal.SIGKILL)
        await asyncio.sleep(0.3)
        for _ in range(3):
            assert set(await asyncio.gather(*(chat.press("next") for chat in chats))) <= {200, 202}
        assert {step(chat) for chat in chats} == {"resync.sign_in"}
        for _ in range(100):
            if len(children(process.pid)) == 2:
                break
            await asyncio.sleep(0.1)
        assert first not in children(process.pid)
        # Whichever is asked tells what all have counted, the one that died too.
        told = {await counted(tenant.channel.bot_url, 'photosync_turns_total{kind="pressed"}') for _ in range(8)}
        assert told == {18.0}
        process.send_signal(signal.SIGTERM)
        _, log = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0
    assert b"is started again" in log
    assert b"Traceback" not in log


async def test_what_no_worker_can_do_ends_all_with_its_status(tmp_path: Path) -> None:
    certificate = tmp_path / "none.pem"
    certificate.write_text("no certificate", encoding="utf-8")
    async with Tenant.open() as tenant:
        environ = {**tenant.environment(), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PHOTOSYNC_PORT": str(free_port()), "MicrosoftAppPassword": "", "MicrosoftAppCertificate": str(certificate)}  # fmt: skip
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bot", "serve", "--workers", "2", env=environ, stderr=PIPE)  # fmt: skip
        _, log = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 2
    assert b"MicrosoftAppCertificate must be a PEM file" in log
