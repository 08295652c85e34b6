"""Two server processes on one PostgreSQL: nobody notices, and one takes over from the other."""

from __future__ import annotations

import asyncio
import signal

from sandbox.tenant import Tenant
from tests.chatting import step
from tests.commands.test_serve import ready, serving
from tests.databases import execute


async def empty(server: str, name: str) -> str:
    """A new database."""
    await execute(f"{server}/postgres", f"CREATE DATABASE {name}")
    return f"{server}/{name}"


async def test_turns_alternate_between_two_processes_and_one_inherits_the_others_work(postgres_server: str) -> None:
    changes = {"PHOTOSYNC_DATABASE_URL": await empty(postgres_server, "replicas"), "PHOTOSYNC_FOLLOW_UPS": "3s,60s,70s"}
    async with Tenant.open() as tenant, serving(tenant, **changes) as first:
        one = tenant.channel.bot_url
        async with serving(tenant, **changes):
            two = tenant.channel.bot_url
            await ready(two)
            chat = tenant.channel.chat(tenant.world.people[0].id)
            await chat.say("my photo is wrong")
            for number in range(6):
                tenant.channel.bot_url = (one, two)[number % 2]
                await chat.press("next")
            assert step(chat) == "resync.waiting"
            assert len([shown for shown in chat.messages if not shown.mine]) == 1
            tenant.world.visit_sharepoint(chat.person.id)
            # The one that answered last dies; what it had promised is kept by the other.
            first.send_signal(signal.SIGKILL)
            await first.wait()
            for _ in range(1200):
                if step(chat) == "resync.arrived":
                    break
                await asyncio.sleep(0.05)
            assert step(chat) == "resync.arrived"
            tenant.channel.bot_url = two
            await chat.press("next")
            assert step(chat) == "still_old.where"


async def test_the_same_activity_at_two_processes_at_once_has_one_effect(postgres_server: str) -> None:
    changes = {"PHOTOSYNC_DATABASE_URL": await empty(postgres_server, "twice")}
    async with Tenant.open() as tenant, serving(tenant, **changes):
        one = tenant.channel.bot_url
        async with serving(tenant, **changes):
            two = tenant.channel.bot_url
            chat = tenant.channel.chat(tenant.world.people[0].id)
            activity = {**tenant.channel.activity(chat), "type": "message", "text": "hello"}
            for _ in range(5):
                activity["id"] = f"again-{_}"
                tenant.channel.bot_url = one
                first = asyncio.create_task(chat.deliver(activity))
                await asyncio.sleep(0)
                tenant.channel.bot_url = two
                answers = await asyncio.gather(first, chat.deliver(activity))
                assert {answer.status for answer in answers} <= {200, 201, 202}
            assert len([shown for shown in chat.messages if not shown.mine]) == 5
