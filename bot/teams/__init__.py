"""The Teams edge: the only importer of the Bot Framework SDK. A successor to the SDK replaces this folder alone."""

from __future__ import annotations

import asyncio

from aiohttp import web

from bot.conversation import Address, Channel
from bot.http_client import HttpClient
from bot.metrics import Metrics
from bot.settings import Settings
from bot.teams.adapter import Adapter, UnaskedChannel
from bot.teams.authentication import ChannelAuthentication
from bot.teams.connector import Connector, TokenSource
from bot.teams.handler import Handler, Turn
from bot.teams.keys import Keys


class TeamsEndpoint:
    """Authenticated activities in, messages out."""

    def __init__(self, settings: Settings, http: HttpClient, tokens: TokenSource, metrics: Metrics, turn: Turn) -> None:
        self._keys = Keys(settings.channel_keys_url, http)
        self._bot = settings.app_id
        authentication = ChannelAuthentication(settings, self._keys, Connector(settings, http, tokens, metrics))
        self._adapter = Adapter(authentication)
        self._handler = Handler(settings, authentication, self._adapter, metrics, turn)
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to fetch the channel's keys, and go on until that works; whether it does shows in `ready`."""
        self._keeping = asyncio.create_task(self._keys.keep())

    def close(self) -> None:
        """Take nothing more; what is under way goes on."""
        self._handler.closing = True

    async def stop(self, grace: float = 8.0) -> None:
        """Take nothing more, and give the turns under way that many seconds."""
        self.close()
        await self._handler.drain(grace)
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        await self._keys.close()

    @property
    def ready(self) -> bool:
        """Whether requests can be authenticated."""
        return self._keys.known

    async def messages(self, request: web.Request) -> web.Response:
        """`POST /api/messages`."""
        return await self._handler.messages(request)

    def channel(self, address: Address) -> Channel:
        """An earlier conversation, for messages that nobody waits for."""
        return UnaskedChannel(self._adapter, address, self._bot)


__all__ = ["Edge", "TokenSource", "Turn"]
