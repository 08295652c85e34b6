"""The Bot Connector's REST interface, through the one outgoing session.

Creating a message is not idempotent: after an answer that leaves the outcome open it is tried once more at most.
Updating may be repeated freely. 429 and 412 are always safe to repeat.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol
from urllib.parse import quote

from botframework.connector.auth.connector_factory import ConnectorFactory

from bot.errors import Malformed, NotFound, Outage, OutsideError, Refused, Throttled
from bot.graph import error_code
from bot.metrics import Metrics
from bot.outgoing import Answer, Outgoing, Retry
from bot.settings import Settings

_DEADLINE = 10.0  # seconds, all tries of one message together
_SAFE = frozenset({412, 429})
# The outcome of a create is open after 502, 504 and a lost answer: see `_create`.
_CREATE = Retry(_SAFE | {503}, dropped=False, attempts=4)
_UPDATE = Retry(_SAFE | {502, 503, 504}, dropped=True, attempts=4)
_OPEN = frozenset({502, 504})


class TokenSource(Protocol):
    """Bearer tokens by scope: `bot.graph.Tokens`."""

    async def token(self, scope: str) -> str: ...

    def forget(self, scope: str) -> None: ...


class Connector(ConnectorFactory):
    """Sends to any allowed service address; it is its own factory, since it keeps nothing per address."""

    def __init__(self, settings: Settings, outgoing: Outgoing, tokens: TokenSource, metrics: Metrics) -> None:
        self._settings = settings
        self._outgoing = outgoing
        self._tokens = tokens
        self._metrics = metrics
        self._turns: dict[str, tuple[asyncio.Lock, int]] = {}

    async def create(self, service_url: str, audience: str) -> Connector:
        """See `ConnectorFactory`."""
        return self

    async def send(self, service_url: str, conversation: str, activity: dict[str, Any]) -> str:
        """Post a message; returns its id, "" if the service told none. Raises `OutsideError`."""
        path = f"/v3/conversations/{quote(conversation, safe='')}/activities"
        async with self._in_order(conversation):
            answer = await self._counted("sent", self._create(service_url, path, activity))
        try:
            return str(answer.json().get("id") or "")
        except Malformed:
            return ""

    async def update(self, service_url: str, conversation: str, activity_id: str, activity: dict[str, Any]) -> None:
        """Put a message in the place of an earlier one. Raises `OutsideError`."""
        path = f"/v3/conversations/{quote(conversation, safe='')}/activities/{quote(activity_id, safe='')}"
        async with self._in_order(conversation):
            await self._counted("updated", self._authorised("PUT", service_url, path, activity, _UPDATE))

    async def typing(self, service_url: str, conversation: str, activity: dict[str, Any]) -> None:
        """Show that the bot is at work. Raises `OutsideError`."""
        path = f"/v3/conversations/{quote(conversation, safe='')}/activities"
        await self._authorised("POST", service_url, path, activity, Retry(frozenset(), dropped=False, attempts=1))

    async def _create(self, service_url: str, path: str, activity: dict[str, Any]) -> Answer:
        try:
            answer = await self._once("POST", service_url, path, activity, _CREATE)
            if answer.status not in _OPEN:
                return await self._settled(answer, "POST", service_url, path, activity, _CREATE)
        except Outage:
            pass
        # It may have arrived. One more try: a second copy is better than none, a third is not.
        once = Retry(_SAFE | {503}, dropped=False, attempts=2)
        return await self._authorised("POST", service_url, path, activity, once)

    async def _authorised(
        self, method: str, service_url: str, path: str, activity: dict[str, Any], retry: Retry
    ) -> Answer:
        answer = await self._once(method, service_url, path, activity, retry)
        return await self._settled(answer, method, service_url, path, activity, retry)

    async def _settled(
        self, answer: Answer, method: str, service_url: str, path: str, activity: dict[str, Any], retry: Retry
    ) -> Answer:
        if answer.status == 401:
            self._tokens.forget(self._settings.channel_scope)
            answer = await self._once(method, service_url, path, activity, retry)
        if not 200 <= answer.status < 300:
            raise _error(answer)
        return answer

    async def _once(self, method: str, service_url: str, path: str, activity: dict[str, Any], retry: Retry) -> Answer:
        if not any(host.matches(service_url) for host in self._settings.service_hosts):
            raise Refused("teams", "the service address is not on an allowed host")
        headers = {
            "Authorization": f"Bearer {await self._tokens.token(self._settings.channel_scope)}",
            "Content-Type": "application/json; charset=utf-8",
        }
        return await self._outgoing.request(
            method,
            service_url.rstrip("/") + path,
            system="teams",
            deadline=_DEADLINE,
            headers=headers,
            body=json.dumps(activity, ensure_ascii=False).encode("utf-8"),
            retry=retry,
        )

    async def _counted(self, result: str, sending: Any) -> Answer:
        try:
            answer: Answer = await sending
        except OutsideError as error:
            self._metrics.messages_sent.labels(type(error).__name__.lower()).inc()
            raise
        self._metrics.messages_sent.labels(result).inc()
        return answer

    @asynccontextmanager
    async def _in_order(self, conversation: str) -> AsyncIterator[None]:
        lock, waiting = self._turns.get(conversation, (asyncio.Lock(), 0))
        self._turns[conversation] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._turns.pop(conversation)
            if waiting > 1:
                self._turns[conversation] = (lock, waiting - 1)


def _error(answer: Answer) -> OutsideError:
    detail = f"status {answer.status} {error_code(answer.body)}".strip()
    if answer.status in (401, 403):
        return Refused("teams", detail)
    if answer.status in (404, 410):
        return NotFound("teams", detail, error_code(answer.body))
    if answer.status in _SAFE:
        return Throttled("teams", detail, answer.retry_after)
    if answer.status >= 500:
        return Outage("teams", detail)
    return Malformed("teams", detail)
