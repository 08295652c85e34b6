"""The Teams edge: the only importer of the Bot Framework SDK. A successor to the SDK replaces this folder alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web
from botbuilder.core import TurnContext

from bot.conversation import Address, Channel, Incoming, Message
from bot.metrics import Metrics
from bot.outgoing import Outgoing
from bot.settings import Settings
from bot.teams.adapter import Adapter, TurnChannel, reference
from bot.teams.authentication import ChannelAuthentication
from bot.teams.connector import Connector, TokenSource
from bot.teams.handler import Handler
from bot.teams.keys import Keys

Turn = Callable[[Incoming, Channel], Awaitable[Message | None]]


class Edge:
    """Authenticated activities in, messages out."""

    def __init__(
        self, settings: Settings, outgoing: Outgoing, tokens: TokenSource, metrics: Metrics, turn: Turn
    ) -> None:
        self._keys = Keys(settings.channel_keys_url, outgoing)
        self._bot = settings.app_id
        authentication = ChannelAuthentication(settings, self._keys, Connector(settings, outgoing, tokens, metrics))
        self._adapter = Adapter(authentication)
        self._handler = Handler(settings, authentication, self._adapter, metrics, turn)
        self._fetching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to fetch the channel's keys; whether that works shows in `ready`."""
        self._fetching = asyncio.create_task(self._keys.refresh())

    async def stop(self) -> None:
        """Take nothing more."""
        self._handler.closing = True
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    @property
    def ready(self) -> bool:
        """Whether requests can be authenticated."""
        return self._keys.known

    async def messages(self, request: web.Request) -> web.Response:
        """`POST /api/messages`."""
        return await self._handler.messages(request)

    async def unasked(self, address: Address, logic: Callable[[Channel], Awaitable[None]]) -> None:
        """Run `logic` with the channel of an earlier conversation. Raises what it raises."""

        async def run(context: TurnContext) -> None:
            await logic(TurnChannel(context))

        await self._adapter.continue_conversation(reference(address), run, self._bot)


__all__ = ["Edge", "TokenSource", "Turn"]
