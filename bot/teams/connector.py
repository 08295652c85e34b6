"""The Bot Connector's REST interface, through the one outgoing session.

Creating a message is not idempotent: after an answer that leaves the outcome open it is tried once more at most.
Updating may be repeated freely. After 412, 429 and 503 nothing was done, so another try is always safe.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import quote

from botframework.connector.auth.connector_factory import ConnectorFactory
from yarl import URL

from bot.errors import Malformed, NotFound, Outage, OutsideError, Refused, Throttled
from bot.graph.client import error_code
from bot.http_client import Answer, HttpClient, Retry, pause
from bot.keyed_lock import KeyedLock
from bot.metrics import Metrics
from bot.settings import Host, Settings
from bot.teams.rates import Rates
from bot.teams.serialization import as_json

log = logging.getLogger(__name__)

_UNDONE = frozenset({412, 429, 503})
_OPEN = frozenset({502, 504})  # as after a lost answer: it may have been done
# A connection that never came about is tried again below; whatever else broke is judged here.
_CONNECTING = Retry(frozenset(), dropped=False, attempts=3)


@dataclass(frozen=True)
class _SendPolicy:
    """How insistently something is sent."""

    result: str  # the label of `photosync_messages_sent_total`
    deadline: float  # seconds, all tries together
    tries: int
    open_tries: int  # of those, after an outcome that is open


_CREATE = _SendPolicy("sent", deadline=10.0, tries=5, open_tries=1)
_UPDATE = _SendPolicy("updated", deadline=10.0, tries=5, open_tries=4)
_TYPING = _SendPolicy("typing", deadline=3.0, tries=1, open_tries=0)


_JSON = "application/json; charset=utf-8"
_QUEUE_TIMEOUT = 20.0  # seconds that a message waits for its turn under the rates of Teams
_MOST_WAITING = 50  # messages of one conversation


class _NoToken(Outage):
    """Nothing was sent."""


class TokenSource(Protocol):
    """Bearer tokens by scope: `bot.graph.client.Tokens`."""

    async def token(self, scope: str) -> str: ...

    def forget(self, scope: str) -> None: ...


class Connector(ConnectorFactory):
    """Sends to any allowed service address; it is its own factory, since it keeps nothing per address.

    Everything raises `OutsideError` of system `teams`: `Refused` and `NotFound` are final for the conversation,
    `Throttled` and `Outage` are not; after an `Outage` a message that was to be created may have arrived.
    """

    def __init__(self, settings: Settings, http: HttpClient, tokens: TokenSource, metrics: Metrics) -> None:
        self._allowed = host_allowlist(settings.service_hosts)
        self._scope = settings.channel_scope
        self._http = http
        self._tokens = tokens
        self._metrics = metrics
        self._queues = KeyedLock()
        self._rates = Rates(settings.messages_per_second)

    async def create(self, service_url: str, audience: str) -> Connector:
        """See `ConnectorFactory`."""
        return self

    async def send(self, service_url: str, conversation: str, activity: dict[str, Any]) -> str:
        """Post a message; returns its id, "" if the service told none."""
        async with self._turn(conversation):
            answer = await self._counted(_CREATE, "POST", service_url, (conversation,), activity, conversation)
        try:
            return str(answer.json().get("id") or "")
        except Malformed:
            return ""

    async def update(self, service_url: str, conversation: str, activity_id: str, activity: dict[str, Any]) -> None:
        """Put a message in the place of an earlier one."""
        async with self._turn(conversation):
            await self._counted(_UPDATE, "PUT", service_url, (conversation, activity_id), activity)

    async def typing(self, service_url: str, conversation: str, activity: dict[str, Any]) -> None:
        """Show that the bot is at work. Raises `Throttled` where that would take the place of a message."""
        if not await self._rates.take(conversation, ends=time.monotonic()):
            raise Throttled("teams", "no room for a typing sign")
        await self._counted(_TYPING, "POST", service_url, (conversation,), activity)

    async def _counted(
        self,
        policy: _SendPolicy,
        method: str,
        service_url: str,
        ids: tuple[str, ...],
        activity: dict[str, Any],
        rated: str = "",
    ) -> Answer:
        result = "failed"
        try:
            url = self._url(service_url, ids)
            body = as_json(activity)
            if policy is not _TYPING and not await self._rates.take(rated, ends=time.monotonic() + _QUEUE_TIMEOUT):
                raise Throttled("teams", "more messages than Teams takes")
            answer = await self._send_with_retries(policy, method, url, body)
            result = policy.result
        except OutsideError as error:
            result = _RESULTS.get(type(error), result)
            raise
        finally:
            self._metrics.messages_sent.labels(result).inc()
        return answer

    async def _send_with_retries(self, policy: _SendPolicy, method: str, url: URL, body: bytes) -> Answer:
        """A 2xx answer, or an error after as many tries as the manner allows."""
        ends = time.monotonic() + policy.deadline
        open_tries = policy.open_tries
        for attempt in range(1, policy.tries + 1):
            asked: float | None = None
            try:
                answer = await self._authorised(method, url, body, ends)
            except _NoToken:
                raise
            except Outage as error:  # the answer was lost
                failure: OutsideError = error
                open_tries -= 1
            else:
                if 200 <= answer.status < 300:
                    return answer
                failure, asked = _error(answer), answer.retry_after
                if answer.status not in _UNDONE | _OPEN:
                    raise failure
                open_tries -= answer.status in _OPEN
            if open_tries < 0 or attempt == policy.tries or not await pause(attempt, asked, ends):
                raise failure
        raise AssertionError("every try returns or raises")

    async def _authorised(self, method: str, url: URL, body: bytes, ends: float) -> Answer:
        """One answer; a token that is not accepted is replaced once. Raises `Outage` if none is to be had."""
        for last in (False, True):
            answer = await self._http.request(
                method,
                url,
                system="teams",
                deadline=max(0.001, ends - time.monotonic()),
                headers={"Authorization": f"Bearer {await self._token()}", "Content-Type": _JSON},
                body=body,
                retry=_CONNECTING,
            )
            if answer.status != 401 or last:
                break
            self._tokens.forget(self._scope)
        return answer

    async def _token(self) -> str:
        try:
            return await self._tokens.token(self._scope)
        except OutsideError as error:
            # Refused by the login service is not refused by the conversation: that would be final.
            raise _NoToken("teams", f"no token: {error}") from None

    def _turn(self, conversation: str) -> AbstractAsyncContextManager[None]:
        """One message of a conversation at a time, in the order they came. Raises `Throttled` if too many wait."""
        if self._queues.waiting(conversation) > _MOST_WAITING:
            raise Throttled("teams", "too many messages of one conversation wait")
        return self._queues.lock(conversation)

    def _url(self, service_url: str, ids: tuple[str, ...]) -> URL:
        if not self._allowed(service_url):
            raise Refused("teams", "the service address is not on an allowed host")
        return _address(service_url, ids)


def host_allowlist(hosts: tuple[Host, ...]) -> Callable[[str], bool]:
    """Whether a service address may be given the bot's token."""

    @lru_cache(maxsize=256)
    def allowed(service_url: str) -> bool:
        return not any(letter in service_url for letter in "?#") and any(host.matches(service_url) for host in hosts)

    return allowed


@lru_cache(maxsize=1_000)  # one card is updated again and again
def _address(service_url: str, ids: tuple[str, ...]) -> URL:
    if any(one in ("", ".", "..") for one in ids):
        raise NotFound("teams", "not an id")
    conversation, *activity = (quote(one, safe="") for one in ids)
    return URL("/".join((service_url.rstrip("/"), "v3/conversations", conversation, "activities", *activity)))


def _error(answer: Answer) -> OutsideError:
    code = error_code(answer.body)
    detail = f"status {answer.status} {code}".strip()
    if answer.status == 401:
        log.error("the connector does not accept the bot's own token: %s", detail)
        return Outage("teams", detail)
    if answer.status == 403:
        return Refused("teams", detail)
    if answer.status in (404, 410):
        return NotFound("teams", detail, code)
    if answer.status in (412, 429):
        return Throttled("teams", detail, answer.retry_after)
    if answer.status >= 500:
        return Outage("teams", detail)
    return Malformed("teams", detail)


_RESULTS: dict[type[Exception], str] = {Refused: "refused", NotFound: "gone", Throttled: "throttled"}
