"""Messages out: the Bot Connector's REST interface, through the one outgoing session.

Creating a message is not idempotent: after an answer that leaves the outcome unknown there is one more attempt at most.
Updating may be repeated freely. After 412, 429 and 503 nothing was done, so another attempt is always safe. Messages of
one conversation are sent one at a time, in the order they came, and held back to the rates of Teams: waiting here is
cheaper than being refused there, where a refused attempt counts too. Several processes each count for themselves.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import orjson
from yarl import URL

from bot import traces
from bot.conversation import Address, Message
from bot.errors import Malformed, NotFound, Outage, OutsideError, Refused, Throttled
from bot.http_client import Bearer, HttpClient, Response, Retry, TokenSource
from bot.metrics import Metrics
from bot.setting_values import Host
from bot.settings import Settings

log = logging.getLogger(__name__)

CARD = "application/vnd.microsoft.card.adaptive"
CONVERSATION_RATES = ((7, 1.0), (8, 2.0), (60, 30.0), (1_800, 3_600.0))
"""(messages, seconds) that one conversation takes in Teams."""

_NOTHING_DONE = frozenset({412, 429, 503})
_UNKNOWN = frozenset({502, 504})


@dataclass(frozen=True)
class _SendPolicy:
    """How often something is tried, and for how long."""

    result: str  # the label of `photosync_messages_sent_total`
    timeout: float  # seconds, all attempts together
    retry: Retry


_CREATE = _SendPolicy("sent", 10.0, Retry(5, _NOTHING_DONE | _UNKNOWN, _UNKNOWN, unknown_retries=1))
_UPDATE = _SendPolicy("updated", 10.0, Retry(5, _NOTHING_DONE | _UNKNOWN, _UNKNOWN))
_TYPING = _SendPolicy("typing", 3.0, Retry(attempts=1))

_JSON = "application/json; charset=utf-8"
_QUEUE_TIMEOUT = 20.0  # seconds that a message waits until the rates of Teams allow it
_MAX_WAITING = 50  # messages of one conversation
_ROSTER_TIMEOUT = 5.0  # seconds
_MAX_CONVERSATIONS = 10_000  # whose rates are kept


class _BadRequest(Malformed):
    """Status 400."""


@dataclass
class _Queue:
    """The messages of one conversation."""

    messages: int = 0  # under way or waiting
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Connector:
    """Sends to any allowed service address.

    Everything raises `OutsideError` of system `teams`: `Refused` and `NotFound` are final for the conversation,
    `Throttled` and `Outage` are not; after an `Outage` a message that was to be created may have arrived.
    """

    def __init__(self, settings: Settings, http: HttpClient, tokens: TokenSource, metrics: Metrics) -> None:
        self.is_allowed = host_allowlist(settings.service_hosts)
        self._bearer = Bearer(tokens, settings.channel_scope)
        self._http = http
        self._metrics = metrics
        self._queues: dict[str, _Queue] = {}  # of the conversations that have messages under way
        self._rates = Rates(settings.messages_per_second)

    async def send(self, service_url: str, conversation: str, activity: Mapping[str, Any]) -> str:
        """Post a message; returns its id, "" if the answer has none."""
        answer = await self._send_in_order(_CREATE, "POST", service_url, (conversation,), activity, conversation)
        try:
            return str(answer.json().get("id") or "")
        except Malformed:
            return ""

    async def update(self, service_url: str, conversation: str, activity_id: str, activity: Mapping[str, Any]) -> None:
        """Put a message in the place of an earlier one. Raises `NotFound` as well where Teams does not know its id."""
        await self._send_in_order(_UPDATE, "PUT", service_url, (conversation, activity_id), activity)

    async def typing(self, service_url: str, conversation: str, activity: Mapping[str, Any]) -> None:
        """Show that the bot is at work. Raises `Throttled` where that would take the place of a message."""
        if not await self._rates.take(conversation, deadline=time.monotonic()):
            raise Throttled("teams", "no room for a typing sign")
        await self._send_counted(_TYPING, "POST", service_url, (conversation,), activity)

    async def is_member(self, address: Address, conversation: str) -> bool:
        """Whether the user at an address is on the roster of a conversation, of a channel's team. Raises the errors of
        `Connector`."""
        base = self._url(address.service_url, (conversation,))
        answer = await self._http.request(
            "GET",
            base.parent / "members" / address.user,
            system="teams",
            timeout=_ROSTER_TIMEOUT,
            bearer=self._bearer,
        )
        if answer.status in (400, 404):
            return False
        if answer.status != 200:
            raise _error(answer)
        return True

    async def _send_in_order(
        self,
        policy: _SendPolicy,
        method: str,
        service_url: str,
        ids: tuple[str, ...],
        activity: Mapping[str, Any],
        rated: str = "",
    ) -> Response:
        """One message of a conversation at a time, in the order they came. Raises `Throttled` if too many wait."""
        conversation = ids[0]
        queue = self._queues.get(conversation) or self._queues.setdefault(conversation, _Queue())
        if queue.messages > _MAX_WAITING:
            raise Throttled("teams", "too many messages of one conversation wait")
        queue.messages += 1
        try:
            async with queue.lock:
                return await self._send_counted(policy, method, service_url, ids, activity, rated)
        finally:
            queue.messages -= 1
            if not queue.messages:
                del self._queues[conversation]

    async def _send_counted(
        self,
        policy: _SendPolicy,
        method: str,
        service_url: str,
        ids: tuple[str, ...],
        activity: Mapping[str, Any],
        rated: str = "",
    ) -> Response:
        result = "failed"
        try:
            url = self._url(service_url, ids)
            body = to_json(activity)
            answer = await self._request(policy, method, url, body, rated)
            result = policy.result
        except _BadRequest as error:
            # What Teams says of an activity id that it does not know, as often as 404 (msteams-docs#399).
            result = "gone" if policy is _UPDATE else result
            raise (NotFound("teams", error.detail) if policy is _UPDATE else error) from None
        except OutsideError as error:
            result = _RESULTS.get(type(error), result)
            raise
        finally:
            self._metrics.messages_sent.labels(result).inc()
        return answer

    async def _request(self, policy: _SendPolicy, method: str, url: URL, body: bytes, rated: str) -> Response:
        """A 2xx answer. Raises the errors of `Connector`."""

        async def take() -> None:
            if not await self._rates.take(rated, deadline=time.monotonic() + _QUEUE_TIMEOUT):
                raise Throttled("teams", "more messages than Teams takes")

        try:
            with traces.span("send") as span:
                span.note("message", policy.result)
                answer = await self._http.request(
                    method,
                    url,
                    system="teams",
                    timeout=policy.timeout,
                    headers={"Content-Type": _JSON},
                    body=body,
                    retry=policy.retry,
                    bearer=self._bearer,
                    before_attempt=None if policy is _TYPING else take,
                )
                span.note("status", answer.status)
        except OutsideError as error:
            if error.system == "login":
                # Refused by the login service is not refused by the conversation: that would be final.
                raise Outage("teams", f"no token: {error}") from None
            raise
        if not 200 <= answer.status < 300:
            raise _error(answer)
        return answer

    def _url(self, service_url: str, ids: tuple[str, ...]) -> URL:
        if not self.is_allowed(service_url):
            raise Refused("teams", "the service address is not on an allowed host")
        return _address(service_url, ids)


class TeamsChannel:
    """One conversation: see `Channel`."""

    def __init__(self, connector: Connector, address: Address) -> None:
        self._connector = connector
        self._address = address

    async def typing(self) -> None:
        try:
            await self._connector.typing(*self._where, self._envelope("typing"))
        except OutsideError as error:
            log.info("no typing sign: %s", error)

    async def send(self, message: Message) -> str:
        return await self._connector.send(*self._where, self._activity(message))

    async def update(self, activity: str, message: Message) -> None:
        await self._connector.update(*self._where, activity, {**self._activity(message), "id": activity})

    @property
    def _where(self) -> tuple[str, str]:
        return self._address.service_url, self._address.conversation

    def _activity(self, message: Message) -> dict[str, Any]:
        asks = message.asks_rating and self._address.channel == "msteams"
        # A card alone: with a text beside it Teams makes two messages of one, and neither has an id to update.
        return {
            **self._envelope("message"),
            **({"channelData": {"feedbackLoop": {"type": "default"}}} if asks else {}),
            "summary": message.summary,
            "locale": message.locale,
            "attachments": [{"contentType": CARD, "content": card_json(message)}],
        }

    def _envelope(self, kind: str) -> dict[str, Any]:
        address = self._address
        return {
            "type": kind,
            "channelId": address.channel,
            "serviceUrl": address.service_url,
            "from": {"id": address.bot},
            "recipient": {"id": address.user},
            "conversation": {"id": address.conversation, "tenantId": address.tenant},
        }


def card_json(message: Message) -> Any:
    """The card as `to_json` takes it: one that is JSON already is neither read nor written again."""
    return orjson.Fragment(message.rendered) if isinstance(message.rendered, bytes) else message.rendered


def to_json(document: Mapping[str, Any]) -> bytes:
    """A document as it is sent; lone surrogates, which UTF-8 cannot express, become question marks."""
    try:
        return orjson.dumps(document)
    except TypeError:
        return json.dumps(document, ensure_ascii=False, default=_fragment).encode("utf-8", "replace")


def _fragment(part: Any) -> Any:
    if isinstance(part, orjson.Fragment):
        return orjson.loads(part.contents)
    raise TypeError


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


def _error(answer: Response) -> OutsideError:
    code = answer.error_code
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
    return (_BadRequest if answer.status == 400 else Malformed)("teams", detail)


_RESULTS: dict[type[Exception], str] = {Refused: "refused", NotFound: "gone", Throttled: "throttled"}


# Rates


class Rate:
    """When messages were sent, and the sliding windows they have to keep to."""

    def __init__(self, windows: tuple[tuple[int, float], ...]) -> None:
        self._windows = windows
        self._longest = max(seconds for _, seconds in windows)
        self._sent: deque[float] = deque(maxlen=max(most for most, _ in windows))

    def wait(self, now: float) -> float:
        """Seconds until one more fits."""
        waits = [0.0]
        for most, seconds in self._windows:
            if len(self._sent) >= most:
                waits.append(self._sent[-most] + seconds - now)
        return max(waits)

    def count(self, now: float) -> None:
        """One is sent now; what no window reaches any more is forgotten."""
        while self._sent and self._sent[0] <= now - self._longest:
            self._sent.popleft()
        self._sent.append(now)

    def is_over(self, now: float) -> bool:
        """Whether no window reaches anything that was sent."""
        return not self._sent or self._sent[-1] <= now - self._longest


class Rates:
    """The rates of all conversations, and that of the tenant. `per_second` 0: the tenant has none."""

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tenant = Rate(((per_second, 1.0),)) if per_second else None
        self._conversations: OrderedDict[str, Rate] = OrderedDict()

    async def take(self, conversation: str, *, deadline: float) -> bool:
        """Wait for room for a new message; False if there is none before `deadline`, on the clock.

        "" as the conversation: only the tenant's rate counts, as for an update in place.
        """
        if not conversation and self._tenant is None:
            return True
        while True:
            now = self._clock()
            rates = [rate for rate in (self._tenant, self._of(conversation, now)) if rate is not None]
            wait = max([rate.wait(now) for rate in rates], default=0.0)
            if wait <= 0:
                for rate in rates:
                    rate.count(now)
                return True
            if now + wait >= deadline:
                return False
            await asyncio.sleep(wait)

    def _of(self, conversation: str, now: float) -> Rate | None:
        if not conversation:
            return None
        rate = self._conversations.pop(conversation, None) or Rate(CONVERSATION_RATES)
        self._conversations[conversation] = rate
        while (first := next(iter(self._conversations.values()))) is not rate and (
            len(self._conversations) > _MAX_CONVERSATIONS or first.is_over(now)
        ):
            self._conversations.popitem(last=False)
        return rate
