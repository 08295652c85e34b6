"""The connector's REST interface for the benchmark: takes each message, has its chat check it, answers at once.

The sandbox's own connector judges every card as Teams would, which costs more than a bare relay's whole turn.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import Any, Protocol
from urllib.parse import unquote

import orjson

from benchmarks.turns.wire import Asked, ServerProtocol
from sandbox.channel import SCOPE
from sandbox.tenant import Tenant

_PREFIX = "/teams/v3/conversations/"


class Wrong(Exception):
    """A bot did not answer as it should: the whole run is worth nothing."""


class Listener(Protocol):
    """Who is answered in a conversation."""

    def replied(self, method: str, activity_id: str, message: dict[str, Any]) -> None:
        """Take a message. Raises `Wrong`."""

    def failed(self, wrong: Wrong) -> None:
        """Wait no longer: what came is wrong."""


class Connector:
    """Hands every message to the listener of its conversation. What was wrong is kept in `wrong`."""

    def __init__(self, tenant: Tenant) -> None:
        self.listeners: dict[str, Listener] = {}
        self.wrong: list[str] = []
        self.url = ""
        self._tenant = tenant
        self._tokens: set[str] = set()  # headers that were verified before
        self._ids = itertools.count(1)
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen, with the tenant's certificate."""
        loop = asyncio.get_running_loop()
        tls = self._tenant.authority.server
        self._server = await loop.create_server(lambda: ServerProtocol(self._answer), "127.0.0.1", 0, ssl=tls)
        self.url = f"https://localhost:{self._server.sockets[0].getsockname()[1]}/teams/"

    def stop(self) -> None:
        """Take no more."""
        if self._server is not None:
            self._server.close()

    def _answer(self, asked: Asked) -> tuple[int, bytes]:
        if not self._known(asked.authorization):
            return 401, b'{"error":{"code":"Unauthorized"}}'
        if not asked.path.startswith(_PREFIX):
            return 404, b'{"error":{"code":"NotFound"}}'
        conversation, _, rest = asked.path.removeprefix(_PREFIX).partition("/")
        message = orjson.loads(asked.body)
        activity_id = unquote(rest.partition("/")[2]) if asked.method == "PUT" else f"sent-{next(self._ids)}"
        if message["type"] == "message":
            self._tell(unquote(conversation), asked.method, activity_id, message)
        return (200 if asked.method == "PUT" else 201), b'{"id":"%b"}' % activity_id.encode()

    def _tell(self, conversation: str, method: str, activity_id: str, message: dict[str, Any]) -> None:
        listener = self.listeners.get(conversation)
        if listener is None:
            self.wrong.append(f"a message to a conversation nobody waits in: {conversation}")
            return
        try:
            listener.replied(method, activity_id, message)
        except (Wrong, LookupError, TypeError) as wrong:
            self.wrong.append(f"{type(wrong).__name__}: {wrong}")
            listener.failed(Wrong(self.wrong[-1]))

    def _known(self, header: str) -> bool:
        """Whether the bot's own token is good; the same one is verified once."""
        if header in self._tokens:
            return True
        claims = self._tenant.login.check(header, SCOPE)
        if claims is None or claims["appid"] != self._tenant.app:
            return False
        self._tokens.add(header)
        return True
