"""The Teams edge by itself: a real login, channel and keys around it, and a scripted turn behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.app import new_metrics
from bot.background import Background
from bot.conversation import Address, Channel, Incoming, Message
from bot.graph.tokens import bot_tokens
from bot.http_client import HttpClient
from bot.metrics import Metrics
from bot.settings import Settings, read
from bot.teams import TeamsEndpoint
from bot.teams.connector import Connector, TeamsChannel
from sandbox.channel import Chat, Delivered
from sandbox.tenant import Tenant

Act = Callable[[Incoming, Channel], Awaitable[Message | None]]
CARD = Message({"type": "AdaptiveCard", "version": "1.5", "body": []}, "A summary", "sv")


async def nothing(_: Incoming, __: Channel) -> Message | None:
    """A turn that shows nothing."""
    return None


async def answer(_: Incoming, channel: Channel) -> Message | None:
    """A turn that shows a card."""
    await channel.send(CARD)
    return CARD


@dataclass
class Inbox:
    """What was kept before an early answer, and what of it was taken out again."""

    there: list[Incoming] = field(default_factory=list)
    discarded: list[Incoming] = field(default_factory=list)
    error: Exception | None = None

    async def receive(self, incoming: Incoming) -> None:
        if self.error is not None:
            raise self.error
        self.there.append(incoming)

    async def discard(self, incoming: Incoming) -> None:
        self.discarded.append(incoming)


@dataclass
class Stage:
    """The edge, what surrounds it, and what came through it."""

    tenant: Tenant
    settings: Settings
    edge: TeamsEndpoint
    connector: Connector
    metrics: Metrics
    act: Act = nothing
    turns: list[Incoming] = field(default_factory=list)
    inbox: Inbox = field(default_factory=Inbox)

    def channel(self, address: Address) -> Channel:
        """An earlier conversation, for a message that is no answer."""
        return TeamsChannel(self.connector, address)

    @property
    def chat(self) -> Chat:
        """The first person's chat."""
        return self.tenant.channel.chat(self.tenant.world.people[0].id)

    @property
    def address(self) -> Address:
        """Where an unasked message to the first person goes."""
        channel, person = self.tenant.channel, self.chat.person
        return Address(
            channel.service_url, self.chat.conversation, channel.bot_account, f"29:{person.id}", self.tenant.id
        )

    def activity(self, **changes: Any) -> dict[str, Any]:
        """A typed message; `changes` are its fields, and None takes one away."""
        made = {**self.tenant.channel.activity(self.chat), "type": "message", "text": "hello", **changes}
        return {name: value for name, value in made.items() if value is not None}

    async def deliver(self, token: str | None = None, **changes: Any) -> Delivered:
        """Send such a message."""
        return await self.chat.deliver(self.activity(**changes), token)

    def refused(self, reason: str) -> float:
        """How many requests were refused for a reason."""
        return self.metrics.registry.get_sample_value("photosync_refused_total", {"reason": reason}) or 0.0

    def sent(self, result: str) -> float:
        """How many messages ended in a way."""
        return self.metrics.registry.get_sample_value("photosync_messages_sent_total", {"result": result}) or 0.0

    async def until_ready(self) -> None:
        """Wait for the channel's keys."""
        async with asyncio.timeout(10):
            while not self.edge.ready:  # noqa: ASYNC110 - the edge is looked at as a prober would
                await asyncio.sleep(0.01)


@asynccontextmanager
async def stage(*, ready: bool = True, prepare: Callable[[Tenant], None] | None = None) -> AsyncIterator[Stage]:
    """The edge, listening; `prepare` changes the outside world before it starts."""
    async with Tenant.open(bot_url="http://127.0.0.1:9") as tenant:
        if prepare is not None:
            prepare(tenant)
        settings = read(tenant.environment())
        http, metrics, inbox = HttpClient.from_settings(settings), new_metrics(), Inbox()

        async def turn(incoming: Incoming, channel: Channel) -> Message | None:
            here.turns.append(incoming)
            return await here.act(incoming, channel)

        connector = Connector(settings, http, bot_tokens(settings, http), metrics)
        edge = TeamsEndpoint(settings, http, connector, metrics, turn, inbox)
        here = Stage(tenant, settings, edge, connector, metrics, inbox=inbox)
        site = web.Application()
        site.router.add_post("/api/messages", edge.messages)
        runner = web.AppRunner(site, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        tenant.channel.bot_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        background = Background(lambda _name, _alive: None)
        background.start("channel_keys", edge.keep_keys)
        try:
            if ready:
                await here.until_ready()
            yield here
        finally:
            await background.stop()
            await edge.stop()
            await runner.cleanup()
            await http.close()
